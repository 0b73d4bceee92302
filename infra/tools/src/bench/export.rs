//! Everything that the user with the longest history has, as a file.

use super::{
    Bench,
    cases::{Case, everything},
    figures::{mb, ms, verdict},
    process::Process,
};
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::time::Duration;

/// What the gateway lets a request take, less a little for itself.
const MOST: Duration = Duration::from_secs(29);

#[derive(Deserialize)]
struct Link {
    rows: i64,
}

impl Bench<'_> {
    pub(super) fn export(&self) -> Result<()> {
        let Some(user) = self.data.others.last() else { return Ok(()) };
        let launch = self.launch();
        println!();
        for format in ["csv", "json"] {
            let case: Case = everything(format);
            let mut process = Process::start(&launch, case.handler, launch.postgres)?;
            let (before, stored) = (process.cpu()?, self.cloud.stored());
            let answered = process.invoke(&case.event(&self.token(user, 0)?, 0)?)?;
            let cpu = process.cpu()?.saturating_sub(before);
            let link: Link = serde_json::from_str(&answered.body).context("no link to a large file")?;
            ensure!(link.rows == user.live_rows, "{} rows of {}", link.rows, user.live_rows);
            let size = self.cloud.stored() - stored;
            println!(
                "export of {} rows as {format} ({} MB) in {} ms, {} ms of CPU, {} MB resident   ≤ {} ms  {}",
                link.rows,
                mb(size),
                ms(answered.took),
                ms(cpu),
                mb(process.resident()?.saturating_mul(1024)),
                ms(MOST),
                verdict(answered.took <= MOST)
            );
        }
        Ok(())
    }
}
