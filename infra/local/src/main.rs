//! The local cloud: Postgres, an AWS on this machine, and the real templates deployed to it.
//!
//! `cargo local up` is all a newcomer needs. Anything that needs the domain (migrations, the list
//! of endpoints) is done by the `tools` binary; this crate stays light, so that it builds first.

#![expect(
    clippy::disallowed_methods,
    reason = "the rule is for the service: this tool is configured by the shell it is called from"
)]

mod address;
mod aws;
mod build;
mod chaos;
mod cloud;
mod cost;
mod coverage;
mod demo;
mod deploy;
mod doctor;
mod environment;
mod install;
mod licences;
mod logs;
mod mails;
mod node;
mod paths;
mod plant;
mod postgres;
mod process;
mod progress;
mod random;
mod run;
mod state;
mod template;
mod top;
mod up;

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

/// Runs Tallybook on this machine.
#[derive(Parser)]
#[command(name = "cargo local", bin_name = "cargo local", max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start everything, migrate, deploy, and say where it is
    Up {
        /// Return when it runs, rather than follow the logs and stop with Ctrl-C
        #[arg(long)]
        detach: bool,
    },
    /// Stop everything; data and deployment are kept
    Down,
    /// Print the addresses and names as shell exports: `eval "$(cargo local env)"`
    Env {
        #[arg(long)]
        json: bool,
    },
    /// Build and deploy after a change
    Deploy,
    /// Follow what the functions log
    Logs {
        /// Only functions whose name contains this, such as `auth-login` or `tasks`
        function: Option<String>,
        /// Print what is there and return
        #[arg(long)]
        no_follow: bool,
    },
    /// Watch requests, queues, sockets and the database, as the dashboards on AWS show them
    Top(top::Options),
    /// Open psql on the database, or pass it arguments: `cargo local psql -- -c 'SELECT 1'`
    Psql {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Stop everything and delete this checkout's data, then `up` starts clean
    Reset,
    /// Say what is missing on this machine and how to mend it
    Doctor,
    /// Write the feature templates from the endpoint tables
    Template {
        /// Change nothing; fail with the difference
        #[arg(long)]
        check: bool,
    },
    /// Write the TypeScript types and the Postman collection from the OpenAPI document
    Clients {
        /// Change nothing; fail when they are out of date
        #[arg(long)]
        check: bool,
    },
    /// Check every template with `sam validate --lint` and cfn-lint
    Lint,
    /// Reckon what it costs to run: a million requests, and a month of so many users
    Cost(cost::Options),
    /// Write whose work the deployed program holds, with its licence
    Licences {
        /// Change nothing; fail when the list is out of date
        #[arg(long)]
        check: bool,
    },
    /// Look for secrets in everything that was ever committed
    Leaks,
    /// Show what it does: a new user, budgets, a bank statement, purchases, and the frames they cause
    Demo(demo::Options),
    /// Run every test, or those whose name contains FILTER, against the local cloud
    Test {
        filter: Option<String>,
        /// Further arguments for `cargo nextest run`
        #[arg(last = true)]
        args: Vec<String>,
    },
    /// Write the mails that the local AWS has sent as files, text and HTML
    Mails {
        /// Where to; into this checkout's data otherwise
        folder: Option<PathBuf>,
    },
    /// Say which lines of the domains the tests reach; in a build of its own, which takes a while
    Coverage(coverage::Options),
    /// Feed random edits to what reads files, amounts, tokens, cursors, frames and bodies
    Fuzz {
        /// One target, such as `statements` or `money`; all when none is named
        target: Option<String>,
        /// How long each goes on
        #[arg(long, default_value_t = 60)]
        seconds: u32,
    },
    /// Put each bug of `tests/planted` into a copy of this checkout, and fail unless tests see it
    Plant(plant::Options),
    /// Compare what the running system answers with its OpenAPI document, by made-up requests
    Conform {
        /// Requests to each route, about
        #[arg(long, default_value_t = 50)]
        examples: u32,
        /// Another seed makes up others
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Kill, cut and freeze what runs while users write, on a stack of its own, and see whether anything is lost or doubled
    Chaos(chaos::Options),
    /// Measure; arguments go to `tools bench`
    Bench {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Write what sqlx knows of every query to `.sqlx`, so that a build needs no database
    Prepare {
        /// Change nothing; fail when it is out of date
        #[arg(long)]
        check: bool,
    },
    /// Bring the database to the newest schema, or: `up`, `down N`, `status`
    Migrate {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Load merchants from a CSV
    ImportMerchants { file: PathBuf },
    /// Fill the database with made-up data; arguments go to `tools seed`
    Seed {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Make a new key sign tokens; arguments go to `tools rotate-keys`
    RotateKeys {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Measure whether login and forgot tell known addresses from unknown ones by their time
    Timing {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Close accounts again that a restored backup brought back, by lines with their ids or of the log
    CloseAgain { file: PathBuf },
    /// Make a registered user an administrator
    MakeAdmin { email: String },
    /// Put a registered user into a tier of the rate limits: `default`, `plus` or `internal`
    MakeTier { email: String, tier: String },
}

fn main() -> ExitCode {
    match command() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Without a backtrace: it would bury what to do next.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn command() -> Result<()> {
    let here = paths::Paths::find()?;
    match Cli::parse().command {
        Command::Up { detach } => up::up(&here, detach),
        Command::Down => up::down(&here),
        Command::Env { json } => environment::print(&here, json),
        Command::Deploy => up::redeploy(&here),
        Command::Clients { check } => node::clients(&here, check),
        Command::Logs { function, no_follow } => logs::print(&here, function.as_deref(), !no_follow),
        Command::Top(options) => top::show(&here, &options),
        Command::Mails { folder } => mails::write(&here, folder),
        Command::Psql { args } => postgres::psql(&here, &args),
        Command::Reset => up::reset(&here),
        Command::Doctor => doctor::examine(&here),
        Command::Template { check } => template::write(&here, check),
        Command::Demo(options) => {
            let env = |name: &str| environment::of(&here)?.remove(name).with_context(|| format!("no {name}"));
            demo::run(&env, &options)
        }
        Command::Cost(options) => cost::reckon(&here, &options),
        Command::Licences { check } => licences::write(&here, check),
        Command::Leaks => run::leaks(&here),
        Command::Lint => deploy::lint(&here),
        Command::Test { filter, args } => run::test(&here, filter.as_deref(), &args),
        Command::Coverage(options) => coverage::measure(&here, &options),
        Command::Fuzz { target, seconds } => run::fuzz(&here, target.as_deref(), seconds),
        Command::Plant(options) => plant::plant(&here, &options),
        Command::Conform { examples, seed } => run::conform(&here, examples, seed),
        Command::Chaos(options) => chaos::run(&here, &options),
        Command::Bench { args } => run::tools(&here, "bench", &args),
        Command::Prepare { check } => run::prepare(&here, check),
        Command::Migrate { args } => run::tools(&here, "migrate", &args),
        Command::ImportMerchants { file } => run::tools(&here, "import-merchants", &[file.display().to_string()]),
        Command::Seed { args } => run::tools(&here, "seed", &args),
        Command::RotateKeys { args } => run::rotate_keys(&here, &args),
        Command::Timing { args } => run::tools(&here, "timing", &args),
        Command::CloseAgain { file } => run::tools(&here, "close-again", &[file.display().to_string()]),
        Command::MakeAdmin { email } => run::tools(&here, "make-admin", &[email]),
        Command::MakeTier { email, tier } => run::tools(&here, "make-tier", &[email, tier]),
    }
}
