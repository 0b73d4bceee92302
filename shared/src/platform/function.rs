//! What a function is: its trigger, its size, and the grants that its dependencies ask for.

use super::config::{Config, ConfigError};
use aws_config::{BehaviorVersion, Region, SdkConfig, environment::EnvironmentVariableCredentialsProvider};
use aws_credential_types::provider::SharedCredentialsProvider;
use serde::Serialize;
use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, OnceLock},
};

/// A permission. Policies and environment variables in the templates are written from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Grant {
    /// Postgres as `tallybook_read`, in READ ONLY transactions.
    #[serde(rename = "db:read")]
    DbRead,
    /// Postgres as `tallybook_write`.
    #[serde(rename = "db:write")]
    DbWrite,
    /// Postgres as `tallybook_migrate`, and as the administrator who makes database and roles.
    #[serde(rename = "db:migrate")]
    DbMigrate,
    /// The signing keys.
    #[serde(rename = "secret:keys")]
    Keys,
    /// Changing the signing keys.
    #[serde(rename = "rotate:keys")]
    RotateKeys,
    /// Changing the passwords that functions connect with.
    #[serde(rename = "db:rotate")]
    RotateDatabase,
    /// The rate limits' table.
    #[serde(rename = "table:limits")]
    Limits,
    /// The table of open connections.
    #[serde(rename = "table:connections")]
    Connections,
    /// Going through the table of open connections, everybody's.
    #[serde(rename = "connections")]
    AllConnections,
    /// The table of WebSocket tickets.
    #[serde(rename = "table:tickets")]
    Tickets,
    /// Sending to the relay's FIFO queue.
    #[serde(rename = "queue:relay")]
    Relay,
    /// Sending to the deliverer's FIFO queue.
    #[serde(rename = "queue:deliver")]
    Deliver,
    /// Sending to the queue of tasks that a user waits for.
    #[serde(rename = "queue:high")]
    HighQueue,
    /// Sending to the default task queue.
    #[serde(rename = "queue:default")]
    DefaultQueue,
    /// Sending to the queue of long tasks.
    #[serde(rename = "queue:low")]
    LowQueue,
    /// Sending to the queue of scheduled tasks.
    #[serde(rename = "queue:scheduled")]
    ScheduledQueue,
    /// Putting off and burying messages of the queue of tasks that a user waits for.
    #[serde(rename = "inbox:high")]
    HighInbox,
    /// Putting off and burying messages of the default task queue.
    #[serde(rename = "inbox:default")]
    DefaultInbox,
    /// Putting off and burying messages of the queue of long tasks.
    #[serde(rename = "inbox:low")]
    LowInbox,
    /// Putting off and burying messages of the queue of scheduled tasks.
    #[serde(rename = "inbox:scheduled")]
    ScheduledInbox,
    /// How full all queues are.
    #[serde(rename = "queues")]
    Queues,
    /// Taking dead letters of all queues and sending them back.
    #[serde(rename = "dead-letters")]
    DeadLetters,
    /// Uploaded files.
    #[serde(rename = "bucket:uploads")]
    Uploads,
    /// Posting to open sockets.
    #[serde(rename = "sockets")]
    Sockets,
    /// Sending mail.
    #[serde(rename = "mail")]
    Mail,
    /// Knowing the alert targets, and what is looked at from outside.
    #[serde(rename = "lookout")]
    Lookout,
}

/// What a port is opened from. Cheap to make: nothing is fetched before it is needed.
#[derive(Debug)]
pub struct Env {
    /// The function's configuration.
    pub config: Config,
    /// Whether a client waits for what is done. A worker of a queue may take its time.
    pub awaited: bool,
    aws: OnceLock<SdkConfig>,
}

impl Env {
    /// Wraps the configuration of what no client waits for.
    #[must_use]
    pub fn new(config: Config) -> Arc<Self> {
        Arc::new(Self { config, awaited: false, aws: OnceLock::new() })
    }

    /// Wraps the configuration of a function that something like this makes run.
    #[must_use]
    pub fn of(config: Config, trigger: Trigger) -> Arc<Self> {
        let awaited = !matches!(trigger, Trigger::Queue { .. } | Trigger::Invoke);
        Arc::new(Self { config, awaited, aws: OnceLock::new() })
    }

    /// The AWS configuration. Lambda says region and credentials in the environment and nowhere else: the default chain
    /// would link clients for half a dozen other places.
    pub fn aws(&self) -> &SdkConfig {
        self.aws.get_or_init(|| {
            let mut config = SdkConfig::builder()
                .behavior_version(BehaviorVersion::latest())
                .credentials_provider(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()))
                .http_client(super::roots::https_client());
            config.set_region(self.config.optional("AWS_REGION").map(Region::new));
            config.set_endpoint_url(self.config.optional("AWS_ENDPOINT_URL"));
            config.build()
        })
    }
}

/// Something a handler depends on.
pub trait Port: Sized {
    /// The permissions it takes.
    fn grants() -> Vec<Grant>;
    /// Makes it, without waiting for the network.
    fn open(env: &Arc<Env>) -> Result<Self, ConfigError>;
}

/// Declares a handler's dependencies. The struct is its list of permissions: what is not named here cannot be reached.
#[macro_export]
macro_rules! deps {
    ($($(#[$meta:meta])* $name:ident: $port:ty),* $(,)?) => {
        /// What this handler may touch.
        pub struct Deps { $($(#[$meta])* pub $name: $port,)* }
        impl $crate::platform::function::Port for Deps {
            fn grants() -> Vec<$crate::platform::function::Grant> {
                #[allow(unused_mut, clippy::allow_attributes, reason = "a handler may depend on nothing")]
                let mut grants = Vec::new();
                $(grants.extend(<$port as $crate::platform::function::Port>::grants());)*
                grants.sort_unstable();
                grants.dedup();
                grants
            }
            fn open(
                #[allow(unused_variables, clippy::allow_attributes, reason = "a handler may depend on nothing")]
                env: &std::sync::Arc<$crate::platform::function::Env>,
            ) -> Result<Self, $crate::platform::config::ConfigError> {
                Ok(Self { $($name: <$port as $crate::platform::function::Port>::open(env)?,)* })
            }
        }
    };
}

/// What makes a function run.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Trigger {
    /// A route of the HTTP API.
    Http {
        /// The method.
        method: &'static str,
        /// The path below the stage, with `{parameters}`.
        path: &'static str,
    },
    /// Whatever no other route takes.
    Default,
    /// A route of the WebSocket API.
    Socket {
        /// `$connect`, `$disconnect` or `$default`.
        route: &'static str,
    },
    /// Messages of a queue.
    Queue {
        /// The queue's name.
        queue: &'static str,
        /// Invocations at one time at most.
        max_concurrency: u16,
    },
    /// Whoever deploys, by hand or by `cargo ship`.
    Invoke,
}

/// Who may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Anybody; the route is listed in `public-endpoints.txt`.
    Public,
    /// A user with a live session.
    User,
    /// A user with a live session who is an administrator at that moment.
    Admin,
    /// Another team's program, with a service token that has this scope.
    Service(&'static str),
}

/// A boxed future that stays on its thread: every function runs on one.
pub type Local<T> = Pin<Box<dyn Future<Output = T>>>;

/// One Lambda function.
pub struct Function {
    /// `feature.endpoint`: what `_HANDLER` says.
    pub handler: &'static str,
    /// What makes it run.
    pub trigger: Trigger,
    /// Who may call it.
    pub access: Access,
    /// Memory in MB; CPU comes in proportion.
    pub memory: u16,
    /// Seconds after which it is ended.
    pub timeout: u16,
    /// The permissions of its dependencies.
    pub grants: fn() -> Vec<Grant>,
    /// Serves its events until the environment ends.
    pub run: fn(Arc<Env>) -> Local<Result<(), lambda_runtime::Error>>,
}

/// A feature: one crate, one nested stack.
pub struct Feature {
    /// The crate's name.
    pub name: &'static str,
    /// Its functions.
    pub functions: &'static [Function],
}
