//! Where a release goes.

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow};
use serde_json::Value;
use ship::{
    aws::{Aws, between},
    smoke::Events,
};

use crate::{local, sign::Identity};

/// A stage: which stack, in which account, spoken to as whom.
pub struct Stage {
    pub name: String,
    pub stack: String,
    pub aws: Aws,
    pub root: PathBuf,
    pub events: Events,
    /// Account and region, for a person to see.
    pub place: String,
}

pub const STAGES: [&str; 4] = ["local", "dev", "staging", "prod"];

impl Stage {
    pub fn open(name: &str) -> Result<Self> {
        let root = local::root()?;
        let (aws, place) = if name == "local" { emulator()? } else { account()? };
        let events = Events::read(&root)?;
        Ok(Self { name: name.to_owned(), stack: format!("tallybook-{name}"), aws, root, events, place })
    }

    pub fn is_local(&self) -> bool {
        self.name == "local"
    }

    /// The function that migrates.
    pub fn migrate(&self) -> String {
        format!("{}-tasks-migrate", self.stack)
    }
}

fn emulator() -> Result<(Aws, String)> {
    let said = local::output(&["env", "--json"]).context("the local stage is not up: `cargo local up --detach`")?;
    let said: Value = serde_json::from_str(&said)?;
    let endpoint = said.get("AWS_ENDPOINT_URL").and_then(Value::as_str).context("no AWS_ENDPOINT_URL")?;
    Ok((Aws::local(endpoint), format!("the local cloud at {endpoint}")))
}

fn account() -> Result<(Aws, String)> {
    // The one provider of the house.
    rustls::crypto::aws_lc_rs::default_provider().install_default().map_err(|_| anyhow!("another TLS is there"))?;
    let identity = Identity::find()?;
    let region = identity.region.clone();
    let aws = Aws::signed(&region, Box::new(identity));
    let body = aws
        .form("sts", "2011-06-15", "GetCallerIdentity", &[])?
        .ok()
        .context("AWS does not take the credentials")?
        .body;
    let account = between(&body, "Account").next().context("AWS does not say whose credentials these are")?;
    Ok((aws, format!("account {account}, {region}")))
}
