//! `GET /transactions/export`

use shared::{
    deps,
    domain::transactions::{self, ExportQuery, Exported, ExportedJson, FilterQuery},
    platform::{
        db::ReadDb,
        files::Files,
        http::{Call, Reply},
        problem::Problem,
    },
};

deps! { db: ReadDb, files: Files }

/// Export transactions
///
/// Newest first, narrowed by the list's filters. The CSV is safe to open in a spreadsheet, and `POST /transactions/import`
/// takes it as it is; the JSON is `{"data": […]}` with whole transactions. A file over 5 MB is answered by a link to it,
/// as JSON. What changes while it is written may be in it as it was before or after.
#[utoipa::path(
    get,
    path = "/transactions/export",
    tag = "Transactions",
    params(ExportQuery, FilterQuery),
    responses(
        (status = 200, description = "The file, or the link to a large one", content(
            (String = "text/csv", example = "date,description,amount (spending positive),currency,category,note\r\n2026-01-31,NETFLIX.COM 866-579-7172,12.50,EUR,Subscriptions,\r\n"),
            (ExportedJson = "application/json"),
        )),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let asked = call.query()?;
    match transactions::export(&deps.db, &deps.files, &call, &asked).await? {
        Exported::File { content_type, name, body } => {
            let disposition = format!("attachment; filename=\"{name}\"");
            Ok(Reply::document(content_type, body).with("content-disposition", disposition))
        }
        Exported::Link(link) => Reply::ok(&link),
    }
}
