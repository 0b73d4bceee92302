//! Loading merchants.

use anyhow::{Context, Result, anyhow};
use shared::{domain::merchants::import_csv, platform::db::Db};
use std::{fs, path::Path};

pub async fn import(url: &str, file: &Path, log: &Path) -> Result<()> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {} as UTF-8", file.display()))?;
    let db = Db::from_options(url.parse().context("DATABASE_URL is no Postgres URL")?);
    let report = import_csv(&db, &text, |done| eprintln!("{done} merchants looked at")).await;
    let report = report.map_err(|problem| anyhow!("the import stopped: {problem}"))?;
    println!("{} imported, {} skipped, {} refused", report.imported, report.skipped, report.refused);
    if !report.rows.is_empty() {
        let lines: Vec<_> = report.rows.iter().map(ToString::to_string).collect();
        fs::write(log, lines.join("\n") + "\n").with_context(|| format!("cannot write {}", log.display()))?;
        println!("what was not imported, and why: {}", log.display());
    }
    Ok(())
}
