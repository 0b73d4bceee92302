//! A bank's file from the task to its last row.

use super::{
    Bench,
    figures::{mb, ms, verdict},
    process::Process,
};
use anyhow::{Context, Result, ensure};
use serde_json::json;
use sqlx::{ConnectOptions, Connection};
use std::fmt::Write;
use uuid::Uuid;

const ROWS: u32 = 50_000;
/// Rows a second, at least.
const RATE: u128 = 10_000;
const MEMORY: u64 = 128_000_000;

impl Bench<'_> {
    /// Has the worker import a file into the account with 100,000 transactions, and takes it out again.
    pub(super) async fn import(&self) -> Result<()> {
        let mut conn = self.data.admin().connect().await?;
        let names: Vec<String> =
            sqlx::query_scalar("SELECT upper(canonical_name) FROM merchant_master ORDER BY id LIMIT 5000")
                .fetch_all(&mut conn)
                .await?;
        let file = statement(&names)?;
        let (user_id, id) = (self.data.user.id, Uuid::now_v7());
        sqlx::query(
            "INSERT INTO imports (user_id, id, file_key, size_bytes, currency, changed_seq) VALUES ($1, $2, 'file', $3, 'USD', 1)",
        )
        .bind(user_id)
        .bind(id)
        .bind(i64::try_from(file.len())?)
        .execute(&mut conn)
        .await?;
        let size = u64::try_from(file.len())?;
        self.cloud.file.set(file.into_bytes()).ok().context("one import a run")?;
        let launch = self.launch();
        let mut process = Process::start(&launch, "tasks.high", launch.postgres)?;
        let task = json!({"v": 1, "kind": "import", "user_id": user_id, "import_id": id}).to_string();
        let record = json!({"messageId": "bench", "body": task, "attributes": {"ApproximateReceiveCount": "1"}});
        let before = process.cpu()?;
        let answered = process.event(json!({"Records": [record]}).to_string().as_bytes())?;
        ensure!(answered.body.contains("\"batchItemFailures\":[]"), "the import failed: {}", answered.body);
        let (cpu, resident) = (process.cpu()?.saturating_sub(before), process.resident()?.saturating_mul(1024));
        let sql = "SELECT status::text, rows_imported FROM imports WHERE id = $1";
        let (status, rows): (String, i32) = sqlx::query_as(sql).bind(id).fetch_one(&mut conn).await?;
        ensure!(status == "completed" && i64::from(rows) == i64::from(ROWS), "{status} with {rows} rows");
        for sql in [
            "DELETE FROM transactions WHERE user_id = $1 AND import_id = $2",
            "DELETE FROM imports WHERE user_id = $1 AND id = $2",
        ] {
            sqlx::query(sql).bind(user_id).bind(id).execute(&mut conn).await?;
        }
        conn.close().await?;
        let rate = u128::from(ROWS).saturating_mul(1000) / answered.took.as_millis().max(1);
        println!(
            "\nimport of {ROWS} rows ({} MB) in {} ms: {rate} rows/s, {} ms of CPU   ≥ {RATE} rows/s  {}",
            mb(size),
            ms(answered.took),
            ms(cpu),
            verdict(rate >= RATE)
        );
        println!("  its resident memory          {:>8} MB   ≤ 128 MB    {}", mb(resident), verdict(resident <= MEMORY));
        Ok(())
    }
}

/// A statement of two years.
fn statement(names: &[String]) -> Result<String> {
    let first = shared::platform::clock::now().date().saturating_sub(time::Duration::days(730));
    let mut file = String::from("Date,Description,Amount,Balance\n");
    let mut balance = 10_000_000_u32;
    for n in 0..ROWS {
        let name =
            names.get(usize::try_from(n.wrapping_mul(2_654_435_761) >> 7)? % names.len()).context("no merchants")?;
        let (day, cents) = (first.saturating_add(time::Duration::days(i64::from(n / 69))), n % 19_000 / 100 + 105);
        balance -= cents;
        writeln!(
            file,
            "{day},{name} {},-{}.{:02},{}.{:02}",
            n % 9973,
            cents / 100,
            cents % 100,
            balance / 100,
            balance % 100
        )?;
    }
    Ok(file)
}
