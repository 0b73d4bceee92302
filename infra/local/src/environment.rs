//! What a test, a script or a person needs to know to talk to the running system.

use std::{collections::BTreeMap, process::Command};

use anyhow::{Context, Result};

use crate::{
    aws::{self, Aws},
    deploy,
    node::Node,
    paths::Paths,
    postgres,
    progress::say,
    state::{Credentials, State},
};

pub type Environment = BTreeMap<String, String>;

/// The database alone, as far as it is known; enough to migrate before anything is deployed.
pub fn of_database(state: &State, credentials: &Credentials) -> Result<Environment> {
    let database = postgres::address(state, credentials)?.context("nothing runs; `cargo local up` first")?;
    Ok([
        ("DATABASE_URL", database.url(None)),
        ("DATABASE_MIGRATE_URL", database.url(Some(("tallybook_migrate", &credentials.migrate)))),
        ("DATABASE_WRITE_URL", database.url(Some(("tallybook_write", &credentials.write)))),
        ("DATABASE_READ_URL", database.url(Some(("tallybook_read", &credentials.read)))),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into())
}

/// Everything.
pub fn of(paths: &Paths) -> Result<Environment> {
    let state = State::load(paths);
    let credentials = Credentials::load(paths)?;
    let cloud = state.cloud.as_ref().context("nothing runs; `cargo local up` first")?;
    let deployed = state.deployed.as_ref().context("nothing is deployed; `cargo local up` first")?;
    let gateway = Aws::at(cloud.port);
    let mut all = of_database(&state, &credentials)?;
    all.extend(Node::install(paths)?.environment());
    // Named as the functions see them: `RelayQueueUrl` is their RELAY_QUEUE_URL.
    all.extend(deployed.outputs.iter().map(|(name, value)| (screaming(name), value.clone())));
    let socket = deployed.outputs.get("WsEndpoint").map(|url| url.replacen("http", "ws", 1)).unwrap_or_default();
    all.extend(
        [
            ("WS_URL", socket),
            ("MAIL_URL", gateway.url("/_ministack/ses/messages")),
            ("AWS_ENDPOINT_URL", gateway.url("")),
            ("AWS_REGION", aws::REGION.to_owned()),
            ("AWS_DEFAULT_REGION", aws::REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", aws::ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", aws::SECRET_KEY.to_owned()),
            ("MAIL_FROM", deploy::MAIL_FROM.to_owned()),
            ("ALERT_MAIL", deploy::ALERT_MAIL.to_owned()),
            ("STAGE", "local".to_owned()),
            ("LAMBDA_LOG", paths.log("functions").display().to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    Ok(all)
}

pub fn print(paths: &Paths, json: bool) -> Result<()> {
    let all = of(paths)?;
    if json {
        say(serde_json::to_string_pretty(&all)?);
    } else {
        for (name, value) in all {
            say(format_args!("export {name}='{}'", value.replace('\'', r"'\''")));
        }
    }
    Ok(())
}

/// A child that gets these and, of the AWS ones, no others.
pub fn give<'a>(command: &'a mut Command, environment: &Environment) -> &'a mut Command {
    for other in ["AWS_PROFILE", "AWS_SESSION_TOKEN"] {
        command.env_remove(other);
    }
    command.envs(environment)
}

/// `DbReadSecret` → `DB_READ_SECRET`
fn screaming(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(letter.to_ascii_uppercase());
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_output_is_named_like_the_variable_of_the_functions() {
        assert_eq!(super::screaming("RelayQueueUrl"), "RELAY_QUEUE_URL");
    }
}
