//! Configuration from the environment: read here alone, and refused loudly when it is wrong.

use std::{fmt, str::FromStr};

/// What could not be read, and what to set.
#[derive(Debug)]
pub struct ConfigError(String);

impl ConfigError {
    /// For a setting that a port reads itself.
    pub(crate) fn of(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl std::error::Error for ConfigError {}

/// How the connection to Postgres is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DbTls {
    /// Encrypted, with the server's certificate and host name checked.
    VerifyFull,
    /// In the clear; accepted on the local stage only.
    Off,
}

/// What one function was told by its template. Names that a function was not given stay unset:
/// [`Config::require`] says which is missing when a port that needs it is opened.
#[derive(Clone, Debug)]
pub struct Config {
    /// `local`, `dev`, `staging` or `prod`.
    pub stage: String,
    /// The handler of this function, such as `transactions.create`.
    pub handler: String,
    /// Whether Postgres is reached through a transaction pooler (RDS Proxy).
    pub db_pooled: bool,
    /// Transport security towards Postgres.
    pub db_tls: DbTls,
    /// Whom to ask instead of the server that the secret names: a proxy in front of it.
    pub db_host: Option<String>,
    /// The certificate authorities that Postgres's certificate is checked against.
    pub db_ca_file: String,
    /// How often clients are asked to ping, in seconds.
    pub heartbeat_s: u32,
    /// How long a task that failed waits before its first retry, in seconds.
    pub retry_base_s: u16,
    lookup: fn(&str) -> Option<String>,
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The least severe level that is logged, from `RUST_LOG`; `info` unless it names another.
#[must_use]
pub fn log_level() -> tracing::Level {
    env("RUST_LOG").and_then(|level| level.parse().ok()).unwrap_or(tracing::Level::INFO)
}

/// The stage, which stands on every metric: one account may hold several.
#[must_use]
pub fn stage() -> String {
    env("STAGE").unwrap_or_default()
}

/// The memory that Lambda gives the function, in MB.
#[must_use]
pub fn memory_mb() -> Option<u64> {
    env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").and_then(|mb| mb.parse().ok())
}

impl Config {
    /// Reads the process's environment.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::read(env)
    }

    /// Reads the environment of a command that an operator runs, which is no function.
    pub fn of_command() -> Result<Self, ConfigError> {
        Self::read(|name| env(name).or_else(|| (name == "_HANDLER").then(|| "command".into())))
    }

    /// From wherever settings come from.
    pub fn read(lookup: fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let stage = lookup("STAGE").ok_or_else(|| missing("STAGE"))?;
        if !["local", "dev", "staging", "prod"].contains(&stage.as_str()) {
            return Err(ConfigError(format!("STAGE is {stage:?}: set it to local, dev, staging or prod")));
        }
        let db_tls = match lookup("DB_TLS").as_deref() {
            None | Some("verify-full") => DbTls::VerifyFull,
            Some("off") if stage == "local" => DbTls::Off,
            Some(other) => {
                return Err(ConfigError(format!(
                    "DB_TLS is {other:?} on stage {stage}: only verify-full is accepted outside local"
                )));
            }
        };
        Ok(Self {
            handler: lookup("_HANDLER").ok_or_else(|| missing("_HANDLER"))?,
            db_pooled: parsed(lookup, "DB_POOLED", false)?,
            db_tls,
            db_host: lookup("DB_HOST"),
            db_ca_file: lookup("DB_CA_FILE").unwrap_or_else(|| "/etc/pki/tls/certs/ca-bundle.crt".into()),
            heartbeat_s: parsed(lookup, "HEARTBEAT_S", 300)?,
            retry_base_s: parsed(lookup, "RETRY_BASE_S", 5)?,
            stage,
            lookup,
        })
    }

    /// A setting that a port cannot work without.
    pub fn require(&self, name: &str) -> Result<String, ConfigError> {
        (self.lookup)(name).ok_or_else(|| missing(name))
    }

    /// A setting that may be left out.
    #[must_use]
    pub fn optional(&self, name: &str) -> Option<String> {
        (self.lookup)(name)
    }

    /// Whether this is the local stage, where the emulator's differences are allowed for.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.stage == "local"
    }
}

/// A handler may depend on the configuration itself.
impl super::function::Port for Config {
    fn grants() -> Vec<super::function::Grant> {
        Vec::new()
    }
    fn open(env: &std::sync::Arc<super::function::Env>) -> Result<Self, ConfigError> {
        Ok(env.config.clone())
    }
}

fn missing(name: &str) -> ConfigError {
    ConfigError(format!("{name} is not set: the function's template must pass it"))
}

fn parsed<T: FromStr>(lookup: fn(&str) -> Option<String>, name: &str, default: T) -> Result<T, ConfigError> {
    match lookup(name) {
        None => Ok(default),
        Some(text) => {
            text.parse().map_err(|_| ConfigError(format!("{name} is {text:?}: not a value of the expected kind")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prod_without_tls(name: &str) -> Option<String> {
        match name {
            "STAGE" => Some("prod".into()),
            "_HANDLER" => Some("system.health".into()),
            "DB_TLS" => Some("off".into()),
            _ => None,
        }
    }

    #[test]
    fn must_hold_46_start_up_refuses_wrong_configuration() {
        assert!(Config::read(|_| None).unwrap_err().to_string().contains("STAGE is not set"));
        let error = Config::read(prod_without_tls).unwrap_err().to_string();
        assert!(error.contains("only verify-full"), "{error}");
        // Nor on any other stage that is not on this machine.
        for stage in [
            |name: &str| if name == "STAGE" { Some("staging".into()) } else { prod_without_tls(name) },
            |name: &str| if name == "STAGE" { Some("dev".into()) } else { prod_without_tls(name) },
        ] {
            assert!(Config::read(stage).is_err());
        }
        let config = Config::read(|name| if name == "DB_TLS" { None } else { prod_without_tls(name) }).unwrap();
        assert_eq!(config.db_tls, DbTls::VerifyFull);
        assert!(config.require("KEYS_SECRET").unwrap_err().to_string().contains("KEYS_SECRET is not set"));
    }
}
