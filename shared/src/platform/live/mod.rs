//! Open connections: who holds which (DynamoDB), posting to them (@connections), and the tickets that open them.

mod connections;
mod sockets;
mod tickets;

use super::{config::ConfigError, function::Env, problem::Problem};
use aws_sdk_dynamodb::{
    Client,
    error::{DisplayErrorContext, SdkError},
    types::AttributeValue as Av,
};
pub use connections::{AllConnections, Connection, Connections, Place};
pub use sockets::{Posted, Sockets};
use std::{collections::HashMap, sync::Arc};
pub use tickets::{TICKET_S, Tickets};
use tokio::sync::OnceCell;
use uuid::Uuid;

/// Who opened a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The user.
    pub user_id: Uuid,
    /// The session whose end closes the connection.
    pub session_id: Uuid,
    /// When the authority it was opened with ends, in seconds since the epoch.
    pub expires: i64,
}

impl Holder {
    fn write(&self, item: &mut Item) {
        item.insert("usr".into(), Av::S(self.user_id.to_string()));
        item.insert("sid".into(), Av::S(self.session_id.to_string()));
        item.insert("expires".into(), Av::N(self.expires.to_string()));
    }
    fn read(item: &Item) -> Option<Self> {
        Some(Self {
            user_id: text(item, "usr")?.parse().ok()?,
            session_id: text(item, "sid")?.parse().ok()?,
            expires: number(item, "expires")?,
        })
    }
}

struct Table {
    env: Arc<Env>,
    name: String,
    client: OnceCell<Client>,
}

impl Table {
    fn open(env: &Arc<Env>, setting: &str) -> Result<Self, ConfigError> {
        Ok(Self { env: env.clone(), name: env.config.require(setting)?, client: OnceCell::new() })
    }
    async fn client(&self) -> &Client {
        self.client.get_or_init(async || Client::new(self.env.aws())).await
    }
}

type Item = HashMap<String, Av>;

fn away<E: std::error::Error + 'static, R: std::fmt::Debug + 'static>(error: &SdkError<E, R>) -> Problem {
    Problem::unavailable(DisplayErrorContext(error))
}

fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}
fn number(item: &Item, name: &str) -> Option<i64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}
