//! Open connections: who holds which (DynamoDB), posting to them (@connections), and the tickets that open them.

use super::{
    config::ConfigError,
    function::{Env, Grant, Port},
    jwt,
    problem::Problem,
};
use aws_sdk_apigatewaymanagement::{
    Client as Management, operation::post_to_connection::PostToConnectionError, primitives::Blob,
};
use aws_sdk_dynamodb::{
    Client,
    error::{DisplayErrorContext, SdkError},
    types::{AttributeValue as Av, Delete, Put, ReturnValue, TransactWriteItem},
};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::{sync::OnceCell, time::timeout};
use uuid::Uuid;

/// The gateway ends a connection after two hours; its row is of no use for long after that.
const ROW_LIFE_S: i64 = 3 * 3600;
/// A slow socket may not hold the others up.
const POST: Duration = Duration::from_secs(1);

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

/// An open connection of a user.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The gateway's id.
    pub id: String,
    /// Who opened it.
    pub holder: Holder,
    /// When, in seconds since the epoch.
    pub opened: i64,
}

/// The connections' table. Each connection has two items, one found by its user and one by its id, so that both
/// look-ups can be consistent; an index could lag behind a connection that was just made.
pub struct Connections {
    table: Table,
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

fn by_user(user_id: Uuid) -> Av {
    Av::S(format!("user#{user_id}"))
}
fn by_id(connection_id: &str) -> Av {
    Av::S(format!("conn#{connection_id}"))
}
fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}
fn number(item: &Item, name: &str) -> Option<i64> {
    item.get(name)?.as_n().ok()?.parse().ok()
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

impl Port for Connections {
    fn grants() -> Vec<Grant> {
        vec![Grant::Connections]
    }
    fn open(env: &Arc<Env>) -> Result<Self, ConfigError> {
        Table::open(env, "CONNECTIONS_TABLE").map(|table| Self { table })
    }
}

impl Connections {
    /// Records a connection.
    pub async fn add(&self, id: &str, holder: &Holder, now: i64) -> Result<(), Problem> {
        let item = |pk: Av, sk: &str| {
            let mut item = Item::from([("pk".into(), pk), ("sk".into(), Av::S(sk.into()))]);
            holder.write(&mut item);
            item.insert("opened".into(), Av::N(now.to_string()));
            item.insert("ttl".into(), Av::N(now.saturating_add(ROW_LIFE_S).to_string()));
            item
        };
        let put = |item| {
            let put = Put::builder().table_name(&self.table.name).set_item(Some(item)).build();
            put.map(|put| TransactWriteItem::builder().put(put).build()).map_err(Problem::internal)
        };
        let write = self.table.client().await.transact_write_items();
        let write =
            write.transact_items(put(item(by_user(holder.user_id), id))?).transact_items(put(item(by_id(id), "-"))?);
        write.send().await.map(drop).map_err(|error| away(&error))
    }

    /// Who holds a connection.
    pub async fn find(&self, id: &str) -> Result<Option<Holder>, Problem> {
        let get = self.table.client().await.get_item().table_name(&self.table.name).consistent_read(true);
        let answer =
            get.key("pk", by_id(id)).key("sk", Av::S("-".into())).send().await.map_err(|error| away(&error))?;
        Ok(answer.item().and_then(Holder::read))
    }

    /// All connections of a user.
    pub async fn of(&self, user_id: Uuid) -> Result<Vec<Connection>, Problem> {
        let query = self.table.client().await.query().table_name(&self.table.name).consistent_read(true);
        let query = query.key_condition_expression("pk = :pk").expression_attribute_values(":pk", by_user(user_id));
        let mut items = query.into_paginator().items().send();
        let mut connections = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(|error| away(&error))?;
            if let (Some(id), Some(holder), Some(opened)) =
                (text(&item, "sk"), Holder::read(&item), number(&item, "opened"))
            {
                connections.push(Connection { id: id.to_owned(), holder, opened });
            }
        }
        Ok(connections)
    }

    /// Forgets a connection.
    pub async fn remove(&self, id: &str, user_id: Uuid) -> Result<(), Problem> {
        let delete = |pk: Av, sk: &str| {
            let delete =
                Delete::builder().table_name(&self.table.name).key("pk", pk).key("sk", Av::S(sk.into())).build();
            delete.map(|delete| TransactWriteItem::builder().delete(delete).build()).map_err(Problem::internal)
        };
        let write = self.table.client().await.transact_write_items();
        let write = write.transact_items(delete(by_user(user_id), id)?).transact_items(delete(by_id(id), "-")?);
        write.send().await.map(drop).map_err(|error| away(&error))
    }
}

/// Posting to open connections.
pub struct Sockets {
    env: Arc<Env>,
    endpoint: String,
    client: OnceCell<Management>,
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Posted {
    /// Handed to the gateway.
    Sent,
    /// The connection is gone.
    Gone,
    /// The gateway did not take it in time; the client will see the gap.
    Failed,
}

impl Port for Sockets {
    fn grants() -> Vec<Grant> {
        vec![Grant::Sockets]
    }
    fn open(env: &Arc<Env>) -> Result<Self, ConfigError> {
        Ok(Self { env: env.clone(), endpoint: env.config.require("WS_ENDPOINT")?, client: OnceCell::new() })
    }
}

impl Sockets {
    async fn client(&self) -> &Management {
        let make = async || {
            let config = aws_sdk_apigatewaymanagement::config::Builder::from(self.env.aws());
            Management::from_conf(config.endpoint_url(&self.endpoint).build())
        };
        self.client.get_or_init(make).await
    }

    /// Posts one frame.
    pub async fn post(&self, id: &str, frame: &str) -> Posted {
        let post = self.client().await.post_to_connection().connection_id(id).data(Blob::new(frame)).send();
        match timeout(POST, post).await {
            Ok(Ok(_)) => Posted::Sent,
            Ok(Err(error)) if error.as_service_error().is_some_and(PostToConnectionError::is_gone_exception) => {
                Posted::Gone
            }
            Ok(Err(error)) => {
                tracing::warn!(connection_id = id, error = %DisplayErrorContext(&error), "frame not delivered");
                Posted::Failed
            }
            Err(_) => {
                tracing::warn!(connection_id = id, "frame not delivered: timed out");
                Posted::Failed
            }
        }
    }

    /// Closes a connection; one that is gone already is as good.
    pub async fn close(&self, id: &str) {
        let _ = timeout(POST, self.client().await.delete_connection().connection_id(id).send()).await;
    }
}

/// Tickets: let a browser open a socket without putting its access token into a URL.
pub struct Tickets {
    table: Table,
}

/// How long a ticket lives, in seconds.
pub const TICKET_S: i64 = 60;

impl Port for Tickets {
    fn grants() -> Vec<Grant> {
        vec![Grant::Tickets]
    }
    fn open(env: &Arc<Env>) -> Result<Self, ConfigError> {
        Table::open(env, "TICKETS_TABLE").map(|table| Self { table })
    }
}

fn hashed(ticket: &str) -> Av {
    Av::S(jwt::hex(&jwt::sha256(ticket.as_bytes())))
}

impl Tickets {
    /// Issues a ticket; only its hash is kept.
    pub async fn issue(&self, holder: &Holder, now: i64) -> Result<String, Problem> {
        use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
        let ticket = URL_SAFE_NO_PAD.encode(jwt::random::<32>()?);
        let expires = now.saturating_add(TICKET_S);
        let mut item = Item::from([("pk".into(), hashed(&ticket)), ("ttl".into(), Av::N(expires.to_string()))]);
        holder.write(&mut item);
        let put = self.table.client().await.put_item().table_name(&self.table.name).set_item(Some(item));
        put.send().await.map_err(|error| away(&error))?;
        Ok(ticket)
    }

    /// Takes a ticket, once: deleting it and learning whose it was is one step.
    pub async fn take(&self, ticket: &str, now: i64) -> Result<Option<Holder>, Problem> {
        let delete = self.table.client().await.delete_item().table_name(&self.table.name).key("pk", hashed(ticket));
        let answer = delete.return_values(ReturnValue::AllOld).send().await.map_err(|error| away(&error))?;
        // DynamoDB removes expired items late, so the time is compared here.
        Ok(answer.attributes().filter(|item| number(item, "ttl").is_some_and(|ttl| now < ttl)).and_then(Holder::read))
    }
}
