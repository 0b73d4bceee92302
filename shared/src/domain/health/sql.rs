//! A statement that shows the database answers.

use crate::platform::db::Tx;
use sqlx::Error;

pub(super) async fn size(tx: &mut Tx) -> Result<i64, Error> {
    sqlx::query_scalar!(r#"SELECT pg_database_size(current_database()) AS "size!""#).fetch_one(tx).await
}
