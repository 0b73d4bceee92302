//! Migrations, up and down.

use anyhow::{Context, Result};
use clap::Subcommand;
use shared::platform::db::migrations::MIGRATOR;
use sqlx::{Connection, PgConnection, migrate::Migrate};

#[derive(Subcommand)]
pub enum Step {
    /// Apply what is missing
    Up,
    /// Take back everything above a version
    Down {
        /// The version to go back to; 0 takes back all
        version: i64,
    },
    /// List what is applied
    Status,
}

pub async fn run(url: &str, step: Option<&Step>) -> Result<()> {
    let mut conn = PgConnection::connect(url).await.context("cannot connect to DATABASE_URL")?;
    match step {
        None | Some(Step::Up) => {
            MIGRATOR.run(&mut conn).await?;
            println!(
                "database is at version {}",
                MIGRATOR.iter().map(|migration| migration.version).max().unwrap_or(0)
            );
        }
        Some(Step::Down { version }) => {
            MIGRATOR.undo(&mut conn, *version).await?;
            println!("database is back at version {version}");
        }
        Some(Step::Status) => {
            conn.ensure_migrations_table(&MIGRATOR.table_name).await?;
            let applied = conn.list_applied_migrations(&MIGRATOR.table_name).await?;
            for migration in MIGRATOR.iter().filter(|migration| migration.migration_type.is_up_migration()) {
                let done = applied.iter().any(|one| one.version == migration.version);
                println!(
                    "{:04} {} {}",
                    migration.version,
                    if done { "applied" } else { "pending" },
                    migration.description
                );
            }
        }
    }
    Ok(())
}
