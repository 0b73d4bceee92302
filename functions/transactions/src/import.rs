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
        queue::{Default, Queue},
    },
};
use uuid::Uuid;

deps! { db: Db, files: Files, tasks: Queue<Default> }

/// Import a bank's file
///
/// Send the file as the body: `text/csv` in UTF-8, or `application/octet-stream` in any encoding; at most 4 MB. Its shape
/// is told from the file alone; a file that stays ambiguous is refused with a preview and the mapping to complete.
/// `import_update` frames tell how it goes on.
#[utoipa::path(
    post,
    path = "/transactions/import",
    tag = "Imports",
    params(
        ("on_duplicate" = Option<String>, Query, description = "`skip` (default), `flag` or `import`: what to do with rows that are there already"),
        ("mapping" = Option<Uuid>, Query, description = "A saved mapping to read the file by"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 printable characters; the same key and file answer the same for 24 hours"),
    ),
    request_body(content = String, content_type = "text/csv", description = "The file"),
    responses(
        (status = 202, description = "Stored; rows follow", body = imports::Started),
        (status = 409, description = "`in_flight`: a request with this key is still running", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let start: imports::Start = call.query()?;
    let (bytes, user_id) = (call.file(imports::BODY_LIMIT)?, call.claims()?.user_id);
    let options =
        auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| imports::options(tx, me, &start).await).await?;
    let mapping = imports::shape_of(bytes, &options)?;
    let id = Uuid::now_v7();
    deps.files.put(&imports::file_key(user_id, id), bytes.to_vec()).await?;
    let reply = idempotency::once(&deps.db, &call, "POST /transactions/import", async |tx: &mut Tx, me: &Me| {
        Reply::json(202, &imports::start(tx, me, id, bytes.len(), &start, &mapping).await?)
    })
    .await?;
    if !reply.is_replay() {
        tasks::queue(&deps.tasks, &Task::new(Work::Import { user_id, import_id: id })).await;
    }
    Ok(reply.located("/v1/transactions/imports"))
}
