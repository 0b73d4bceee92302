//! Tickets: what opens a connection.

use super::{Holder, Item, Table, away, number};
use crate::platform::{
    config::ConfigError,
    function::{Env, Grant, Port},
    jwt,
    problem::Problem,
};
use aws_sdk_dynamodb::types::{AttributeValue as Av, ReturnValue};
use std::sync::Arc;

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
