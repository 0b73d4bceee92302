//! Whom to tell what goes wrong, and what is looked at from outside.

use super::{
    clock,
    config::ConfigError,
    function::{Env, Grant, Port},
    outside::Outside,
    problem::Problem,
    secrets::{Secret, SecretCell},
};
use serde::Deserialize;
use std::sync::Arc;

/// A new webhook counts after this many seconds.
const FRESH_S: i64 = 10;

/// A webhook as Secrets Manager holds it; empty when there is none.
#[derive(Deserialize)]
pub struct Webhook {
    url: String,
}

impl Secret for Webhook {
    /// A wrong address must not keep the workers from working: telling fails, and says so.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

/// Alert targets, and addresses that are watched.
pub struct Lookout {
    /// Where mails of alerts go.
    pub mail: Option<String>,
    webhook: SecretCell<Webhook>,
    /// Our own API as clients reach it.
    pub api: String,
    /// Whether there is a way to it: in a network without NAT there is none.
    pub internet: bool,
    /// A gateway of IPFS.
    pub gateway: Option<String>,
    /// `local`, `dev`, `staging` or `prod`.
    pub stage: String,
    /// What asks them.
    pub outside: Outside,
}

impl Port for Lookout {
    fn grants() -> Vec<Grant> {
        vec![Grant::Lookout]
    }
    fn open(env: &Arc<Env>) -> Result<Self, ConfigError> {
        Ok(Self {
            mail: env.config.optional("ALERT_MAIL"),
            webhook: SecretCell::open(env, "ALERT_WEBHOOK_SECRET")?,
            api: env.config.require("API_URL")?,
            internet: env.config.optional("INTERNET").as_deref() != Some("false"),
            gateway: env.config.optional("IPFS_GATEWAY").map(|url| url.trim_end_matches('/').to_owned()),
            stage: env.config.stage.clone(),
            outside: Outside::new(env.config.is_local()),
        })
    }
}

impl Lookout {
    /// The webhook's address, if there is one.
    pub async fn webhook(&self) -> Result<Option<String>, Problem> {
        let now = clock::epoch();
        let mut secret = self.webhook.get_since(now.saturating_sub(FRESH_S)).await?;
        // That there is none must not be said from memory: another process may have written news for it meanwhile, which
        // would be taken for told.
        if secret.url.is_empty() {
            secret = self.webhook.get_since(now).await?;
        }
        Ok(Some(secret.url.clone()).filter(|url| !url.is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::config::Config;

    fn settings(name: &str) -> Option<String> {
        let value = match name {
            "STAGE" => "prod",
            "_HANDLER" => "tasks.scheduled",
            "ALERT_WEBHOOK_SECRET" => "webhook",
            "API_URL" => "https://api.example.com/v1",
            _ => return None,
        };
        Some(value.to_owned())
    }

    #[test]
    fn there_is_a_way_out_unless_the_template_says_that_there_is_none() {
        let internet = |lookup| Lookout::open(&Env::new(Config::read(lookup).unwrap())).unwrap().internet;
        assert!(internet(settings));
        assert!(internet(|name| if name == "INTERNET" { Some("true".into()) } else { settings(name) }));
        assert!(!internet(|name| if name == "INTERNET" { Some("false".into()) } else { settings(name) }));
    }
}
