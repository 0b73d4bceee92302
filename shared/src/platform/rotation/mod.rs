//! Giving a secret its next value, as Secrets Manager asks for it: make it, bring it to whoever must know it, try it, and
//! let it count. Each step may come twice and does its work once.

mod keys;
mod users;

use super::{function::Env, problem::Problem};
use aws_sdk_secretsmanager::{Client, error::DisplayErrorContext};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

pub use keys::{Rotated, SigningKeys};
pub use users::DatabaseUsers;

const CURRENT: &str = "AWSCURRENT";
const PENDING: &str = "AWSPENDING";

/// What Secrets Manager asks.
#[derive(Debug, Deserialize)]
pub struct Asked {
    /// What is to be done.
    #[serde(rename = "Step")]
    pub step: Step,
    /// With which secret.
    #[serde(rename = "SecretId")]
    pub secret: String,
    /// What the next version is called.
    #[serde(rename = "ClientRequestToken")]
    pub version: String,
}

impl Asked {
    /// Reads an event.
    pub fn read(event: Value) -> Result<Self, Problem> {
        serde_json::from_value(event).map_err(Problem::internal)
    }
}

/// The steps of a rotation, in their order.
#[derive(Clone, Copy, Debug, Deserialize)]
pub enum Step {
    /// Make the next value.
    #[serde(rename = "createSecret")]
    Create,
    /// Bring it to whoever must know it.
    #[serde(rename = "setSecret")]
    Set,
    /// Try it.
    #[serde(rename = "testSecret")]
    Test,
    /// Let it count.
    #[serde(rename = "finishSecret")]
    Finish,
}

impl Step {
    const ALL: [Self; 4] = [Self::Create, Self::Set, Self::Test, Self::Finish];
}

/// What is rotated.
trait Rotates {
    /// The value after this one.
    fn next(&self, current: Value) -> Result<Value, Problem>;
    /// Brings it to whoever must know it before it counts.
    fn set(&self, next: &Value) -> impl Future<Output = Result<(), Problem>>;
    /// Uses it as functions will.
    fn test(&self, next: &Value) -> impl Future<Output = Result<(), Problem>>;
}

/// Rotates a secret at once, all steps of it, and returns the value that counts now.
async fn through(env: &Env, what: &impl Rotates, secret: &str) -> Result<Value, Problem> {
    let version = uuid::Uuid::now_v7().to_string();
    for at in Step::ALL {
        step(env, what, &Asked { step: at, secret: secret.to_owned(), version: version.clone() }).await?;
    }
    let vault = Vault { client: Client::new(env.aws()) };
    vault.value(secret, CURRENT, None).await?.ok_or_else(malformed)
}

/// Does a step.
async fn step(env: &Env, what: &impl Rotates, asked: &Asked) -> Result<(), Problem> {
    let vault = Vault { client: Client::new(env.aws()) };
    match asked.step {
        Step::Create => vault.create(what, asked).await,
        Step::Set => what.set(&vault.pending(asked).await?).await,
        Step::Test => what.test(&vault.pending(asked).await?).await,
        Step::Finish => vault.finish(asked).await,
    }
}

/// Secrets Manager, for whoever may write.
struct Vault {
    client: Client,
}

impl Vault {
    async fn create(&self, what: &impl Rotates, asked: &Asked) -> Result<(), Problem> {
        if self.value(&asked.secret, PENDING, Some(&asked.version)).await?.is_some() {
            return Ok(());
        }
        let current = self.value(&asked.secret, CURRENT, None).await?;
        let next = what.next(current.ok_or_else(|| Problem::internal("the secret has no value"))?)?;
        self.put(asked, &next, PENDING).await
    }

    async fn pending(&self, asked: &Asked) -> Result<Value, Problem> {
        let pending = self.value(&asked.secret, PENDING, Some(&asked.version)).await?;
        pending.ok_or_else(|| Problem::internal("the next value was not made yet: createSecret comes first"))
    }

    /// A stage's value, or none while no version, or not this one, is at it.
    async fn value(&self, secret: &str, stage: &str, version: Option<&str>) -> Result<Option<Value>, Problem> {
        let get = self.client.get_secret_value().secret_id(secret).version_stage(stage);
        match get.set_version_id(version.map(Into::into)).send().await {
            Ok(answer) => Ok(Some(parsed(answer.secret_string().unwrap_or_default())?)),
            Err(error)
                if error.as_service_error().is_some_and(|error| {
                    error.is_resource_not_found_exception() || error.is_invalid_request_exception()
                }) =>
            {
                Ok(None)
            }
            Err(error) => Err(Problem::unavailable(DisplayErrorContext(&error))),
        }
    }

    async fn put(&self, asked: &Asked, value: &Value, stage: &str) -> Result<(), Problem> {
        let put = self.client.put_secret_value().secret_id(&asked.secret).client_request_token(&asked.version);
        let put = put.secret_string(value.to_string()).version_stages(stage).send().await;
        put.map(drop).map_err(|error| Problem::unavailable(DisplayErrorContext(&error)))
    }

    async fn finish(&self, asked: &Asked) -> Result<(), Problem> {
        let described = self.client.describe_secret().secret_id(&asked.secret).send().await;
        let described = described.map_err(|error| Problem::unavailable(DisplayErrorContext(&error)))?;
        let mut versions = described.version_ids_to_stages().into_iter().flatten();
        let current =
            versions.find(|(_, stages)| stages.iter().any(|stage| stage == CURRENT)).map(|(id, _)| id.as_str());
        if current == Some(asked.version.as_str()) {
            return Ok(());
        }
        let update = self.client.update_secret_version_stage().secret_id(&asked.secret).version_stage(CURRENT);
        let update = update.move_to_version_id(&asked.version).set_remove_from_version_id(current.map(Into::into));
        update.send().await.map(drop).map_err(|error| Problem::unavailable(DisplayErrorContext(&error)))
    }
}

/// A secret's parts. serde's message would quote them.
fn parsed<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    serde_json::from_str(text).map_err(|_| malformed())
}

fn malformed() -> Problem {
    Problem::internal("the secret is not of the expected shape")
}
