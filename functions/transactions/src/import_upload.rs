//! `POST /transactions/imports/upload-url`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        imports::{self, NewUpload},
    },
    platform::{
        db::{ReadDb, Tx},
        files::Files,
        http::{Call, Reply},
        problem::Problem,
    },
};

deps! { db: ReadDb, files: Files }

/// An address for a file of more than 4 MB
///
/// Send the file there with `PUT` and the headers given, then `POST /transactions/import?upload=` with the id and no body.
#[utoipa::path(
    post,
    path = "/transactions/imports/upload-url",
    tag = "Imports",
    request_body = imports::NewUploadBody,
    responses((status = 200, description = "Where and how to send it", body = imports::Upload), shared::platform::problem::Problems)
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let new: NewUpload = call.json()?;
    let user_id = auth::with_user(&deps.db, &call, async |_: &mut Tx, me: &Me| Ok(me.user_id)).await?;
    Reply::ok(&imports::upload(&deps.files, user_id, &new).await?)
}
