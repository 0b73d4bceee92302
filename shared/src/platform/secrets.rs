//! Secrets from Secrets Manager: fetched in the background at start, cached, refreshed, never logged.

use super::{clock, config::ConfigError, function::Env, problem::Problem};
use serde::de::DeserializeOwned;
use std::sync::Arc;
use tokio::sync::Mutex;

/// Refresh after this long, so that a rotation is seen without a restart.
pub const FRESH_S: i64 = 300;

/// What a secret must be able to say of itself.
pub trait Secret: DeserializeOwned + 'static {
    /// Why it must not be used: too short, a default, malformed. Never quotes the secret.
    fn check(&self) -> Result<(), String>;
}

/// A cached secret.
pub struct SecretCell<T> {
    env: Arc<Env>,
    name: String,
    cached: Mutex<Option<(Arc<T>, i64)>>,
}

impl<T: Secret> SecretCell<T> {
    /// Takes the secret's id from the setting `setting`.
    pub fn open(env: &Arc<Env>, setting: &str) -> Result<Self, ConfigError> {
        Ok(Self { env: env.clone(), name: env.config.require(setting)?, cached: Mutex::new(None) })
    }

    /// The secret, at most five minutes old.
    pub async fn get(&self) -> Result<Arc<T>, Problem> {
        self.get_since(clock::epoch().saturating_sub(FRESH_S)).await
    }

    /// The secret as it was at `since` or later; a stale copy serves when Secrets Manager is away.
    pub async fn get_since(&self, since: i64) -> Result<Arc<T>, Problem> {
        let mut cached = self.cached.lock().await;
        if let Some((secret, at)) = &*cached
            && *at >= since
        {
            return Ok(secret.clone());
        }
        match Box::pin(self.fetch()).await {
            Ok(secret) => {
                let secret = Arc::new(secret);
                *cached = Some((secret.clone(), clock::epoch()));
                Ok(secret)
            }
            Err(problem) => match &*cached {
                Some((secret, _)) => Ok(secret.clone()),
                None => Err(problem),
            },
        }
    }

    async fn fetch(&self) -> Result<T, Problem> {
        let client = aws_sdk_secretsmanager::Client::new(self.env.aws());
        let answer = client.get_secret_value().secret_id(&self.name).send().await;
        let answer = answer.map_err(|error| {
            Problem::unavailable(format!(
                "secret {}: {}",
                self.name,
                aws_sdk_secretsmanager::error::DisplayErrorContext(&error)
            ))
        })?;
        let secret = answer.secret_string().ok_or("it has no string").and_then(|text| {
            // serde's message would quote the secret
            serde_json::from_str::<T>(text).map_err(|_| "it is not of the expected shape")
        });
        let checked = secret.map_err(String::from).and_then(|secret: T| secret.check().map(|()| secret));
        checked.map_err(|why| {
            // A wrong secret does not mend itself: end the environment, loudly, rather than serve with it.
            tracing::error!(secret = self.name, why, "unusable secret: set a new value and restart");
            std::process::exit(1)
        })
    }
}
