//! Commands that need the application's own code: describing it, migrating, loading data. `cargo local` calls them.
#![expect(clippy::print_stdout, reason = "a command line prints")]

mod bench;
mod closed;
mod describe;
mod merchants;
mod migrate;
mod scale;
mod seed;
mod timing;

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};
use shared::platform::{
    config::Config,
    function::{Env, Port},
    rates::Tier,
    rotation::SigningKeys,
};
use sqlx::{Connection, PgConnection};
use std::path::PathBuf;

#[derive(Parser)]
#[command(about = "Tallybook's maintenance commands")]
struct Cli {
    /// Postgres, as an administrator
    #[arg(long, env = "DATABASE_URL", global = true, hide_env_values = true)]
    database_url: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print every function as JSON
    Describe,
    /// Print the `OpenAPI` document
    Openapi,
    /// Bring the database to the newest form
    Migrate {
        #[command(subcommand)]
        step: Option<migrate::Step>,
    },
    /// Load merchants from a CSV file
    ImportMerchants {
        /// `canonical_name,category,aliases,country,tags`
        file: PathBuf,
        /// Where rows that were not imported are listed
        #[arg(long, default_value = "import_errors.log")]
        log: PathBuf,
    },
    /// Close accounts again that a restored backup brought back; see docs/runbooks/erasure.md
    CloseAgain {
        /// Lines with the users' ids, or of the log
        file: PathBuf,
    },
    /// Make a user an administrator
    MakeAdmin {
        /// The user's address
        email: String,
    },
    /// Have the next key sign tokens, with no token refused on the way, and add the one after it. Works on the secret that
    /// `KEYS_SECRET` names, with the region, credentials and perhaps `AWS_ENDPOINT_URL` of the shell. Run one at a time
    RotateKeys {
        /// Take all keys out of use that there are, and every token with them: somebody else may know them
        #[arg(long)]
        revoke: bool,
    },
    /// Measure whether login and forgot answer in the same time for known and unknown addresses
    Timing(timing::Options),
    /// Put a user into a tier of the rate limits
    MakeTier {
        /// The user's address
        email: String,
        /// `default`, `plus` or `internal`
        #[arg(value_parser = tier)]
        tier: Tier,
    },
    /// Fill the database with made-up data
    Seed(seed::Options),
    /// Measure the release bootstrap against the SQL it runs
    Bench(bench::Options),
}

impl Cli {
    fn url(&self) -> Result<&str> {
        self.database_url
            .as_deref()
            .context("DATABASE_URL is not set: run this as a subcommand of `cargo local`, or set it")
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let cli = Cli::parse();
    match &cli.command {
        Command::Describe => println!("{}", describe::functions()?),
        Command::Openapi => println!("{}", describe::openapi()?),
        Command::Migrate { step } => migrate::run(cli.url()?, step.as_ref()).await?,
        Command::ImportMerchants { file, log } => merchants::import(cli.url()?, file, log).await?,
        Command::CloseAgain { file } => closed::close_again(cli.url()?, file).await?,
        Command::MakeAdmin { email } => make_admin(cli.url()?, email).await?,
        Command::RotateKeys { revoke } => rotate_keys(*revoke).await?,
        Command::Timing(options) => timing::run(options)?,
        Command::MakeTier { email, tier } => make_tier(cli.url()?, email, *tier).await?,
        Command::Seed(options) => seed::run(cli.url()?, options).await?,
        Command::Bench(options) => bench::run(cli.url()?, options).await?,
    }
    Ok(())
}

async fn rotate_keys(revoke: bool) -> Result<()> {
    let keys = SigningKeys::open(&Env::new(Config::of_command()?))?;
    if revoke {
        let rotated = keys.revoke().await?;
        println!(
            "{} signs. Whoever has a session logs in again; functions forget the old keys within five minutes",
            rotated.signs
        );
    } else {
        let rotated = keys.rotate().await?;
        println!("{} signs; {} verify, and the last of them signs next", rotated.signs, rotated.verify.join(", "));
    }
    Ok(())
}

async fn make_admin(url: &str, email: &str) -> Result<()> {
    let mut conn = PgConnection::connect(url).await.context("cannot connect to DATABASE_URL")?;
    let sql =
        "WITH u AS (UPDATE users SET is_admin = true, updated_at = now() WHERE lower(email) = lower($1) RETURNING id)
               INSERT INTO audit_log (actor_id, action, target) SELECT id, 'admin.made', id::text FROM u";
    let made = sqlx::query(sql).bind(email).execute(&mut conn).await?.rows_affected();
    ensure!(made == 1, "no user has the address {email}: register first");
    println!("{email} is an administrator now");
    Ok(())
}

fn tier(name: &str) -> Result<Tier, String> {
    Tier::named(name).ok_or_else(|| format!("there are {}", Tier::ALL.map(Tier::name).join(", ")))
}

async fn make_tier(url: &str, email: &str, tier: Tier) -> Result<()> {
    let mut conn = PgConnection::connect(url).await.context("cannot connect to DATABASE_URL")?;
    let sql = "WITH u AS (UPDATE users SET tier = $2, updated_at = now() WHERE lower(email) = lower($1) RETURNING id)
               INSERT INTO audit_log (actor_id, action, target, detail)
               SELECT id, 'tier.changed', id::text, jsonb_build_object('tier', $2::text) FROM u";
    let made = sqlx::query(sql).bind(email).bind(tier.name()).execute(&mut conn).await?.rows_affected();
    ensure!(made == 1, "no user has the address {email}: register first");
    println!("{email} is in the tier {} from the next access token on, within the hour", tier.name());
    Ok(())
}
