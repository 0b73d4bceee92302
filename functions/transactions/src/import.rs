//! `POST /transactions/import`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        idempotency, imports,
        tasks::{self, Task, Work},
    },
    platform::{
        db::{Db, Tx},
        files::Files,
        http::{Call, Reply},
        problem::Problem,
        queue::{High, Queue},
    },
};
use uuid::Uuid;

deps! { db: Db, files: Files, tasks: Queue<High> }

/// Import a bank's file
///
/// Send the file as the body: `text/csv` in UTF-8, or `application/octet-stream` in any encoding; at most 4 MB. A larger
/// one goes to the address that `POST /transactions/imports/upload-url` gives, and is named as `upload`. OFX, QFX and
/// QIF are read as well. A file's shape is told from the file alone; one that stays ambiguous is refused with a preview
/// and the mapping to complete.
/// `import_update` frames tell how it goes on.
#[utoipa::path(
    post,
    path = "/transactions/import",
    tag = "Imports",
    params(
        ("on_duplicate" = Option<String>, Query, description = "`skip` (default), `flag` or `import`: what to do with rows that are there already"),
        ("mapping" = Option<Uuid>, Query, description = "A saved mapping to read the file by"),
        ("upload" = Option<Uuid>, Query, description = "An upload's id, in place of a body"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 printable characters; the same key and file answer the same for 24 hours"),
    ),
    request_body(content = String, content_type = "text/csv", description = "The file"),
    responses(
        (status = 202, description = "Stored; rows follow", body = imports::Started, headers(("Location" = String, description = "Where it is now"))),
        (status = 409, description = "`in_flight`: a request with this key is still running", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let start: imports::Start = call.query()?;
    let user_id = call.claims()?.user_id;
    let bytes = match start.upload {
        Some(upload) if call.bytes(0).is_ok() => imports::uploaded(&deps.files, user_id, upload).await?,
        Some(_) => {
            return Err(Problem::field("?upload", "file_twice", "Send the file as the body, or the upload's id."));
        }
        None => call.file(imports::BODY_LIMIT)?.to_vec(),
    };
    let options =
        auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| imports::options(tx, me, &start).await).await?;
    let (mapping, size, id) = (imports::shape_of(&bytes, &options)?, bytes.len(), Uuid::now_v7());
    deps.files.put(&imports::file_key(user_id, id), bytes).await?;
    let reply = idempotency::once(&deps.db, &call, "POST /transactions/import", async |tx: &mut Tx, me: &Me| {
        Reply::json(202, &imports::start(tx, me, id, size, &start, &mapping).await?)
    })
    .await?;
    if !reply.is_replay() {
        tasks::queue(&deps.tasks, &Task::new(Work::Import { user_id, import_id: id })).await;
    }
    Ok(reply.located("/v1/transactions/imports"))
}
