//! The connections' table. Each connection has two items, one found by its user and one by its id, so that both
//! look-ups can be consistent; an index could lag behind a connection that was just made.

use super::{Holder, Item, Table, away, number, text};
use crate::platform::{
    config::ConfigError,
    function::{Env, Grant, Port},
    problem::Problem,
};
use aws_sdk_dynamodb::{
    operation::update_item::UpdateItemError,
    types::{AttributeValue as Av, Delete, Put, TransactWriteItem, Update},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fmt, sync::Arc};
use uuid::Uuid;

/// The gateway ends a connection after two hours; its row is of no use for long after that.
const ROW_LIFE_S: i64 = 3 * 3600;
/// Items read at a time by who goes through all connections: each connection has two.
const PAGE: i32 = 400;

/// An open connection of a user.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The gateway's id.
    pub id: String,
    /// Who opened it.
    pub holder: Holder,
    /// When, in seconds since the epoch.
    pub opened: i64,
    /// When it was last heard of, as far as the item says: the user's own item does not keep it.
    pub heard: i64,
    /// The types of frames it wants, if not all.
    pub types: Option<BTreeSet<String>>,
}

impl Connection {
    fn read(id: &str, item: &Item) -> Option<Self> {
        let opened = number(item, "opened")?;
        Some(Self {
            id: id.to_owned(),
            holder: Holder::read(item)?,
            opened,
            heard: number(item, "heard").unwrap_or(opened),
            types: text(item, "types").map(|all| all.split_terminator(',').map(ToOwned::to_owned).collect()),
        })
    }

    /// Whether it wants frames of a type.
    #[must_use]
    pub fn wants(&self, kind: &str) -> bool {
        self.types.as_ref().is_none_or(|types| types.contains(kind))
    }
}

/// The connections' table.
pub struct Connections {
    table: Table,
}

fn by_user(user_id: Uuid) -> Av {
    Av::S(format!("user#{user_id}"))
}

const BY_ID: &str = "conn#";
fn by_id(connection_id: &str) -> Av {
    Av::S(format!("{BY_ID}{connection_id}"))
}

/// The keys of a connection's items.
fn keys(id: &str, user_id: Uuid) -> [(Av, Av); 2] {
    [(by_user(user_id), Av::S(id.into())), (by_id(id), Av::S("-".into()))]
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
    /// Writes to both items of a connection, or to none.
    async fn write_both(
        &self,
        (id, user_id): (&str, Uuid),
        write: impl Fn((Av, Av)) -> Result<TransactWriteItem, Problem>,
    ) -> Result<(), Problem> {
        let [by_user, by_id] = keys(id, user_id);
        let both = self.table.client().await.transact_write_items();
        let both = both.transact_items(write(by_user)?).transact_items(write(by_id)?);
        both.send().await.map(drop).map_err(|error| away(&error))
    }

    /// Records a connection.
    pub async fn add(&self, id: &str, holder: &Holder, now: i64) -> Result<(), Problem> {
        let put = |(pk, sk)| {
            let mut item = Item::from([("pk".into(), pk), ("sk".into(), sk)]);
            holder.write(&mut item);
            item.insert("opened".into(), Av::N(now.to_string()));
            item.insert("ttl".into(), Av::N(now.saturating_add(ROW_LIFE_S).to_string()));
            let put = Put::builder().table_name(&self.table.name).set_item(Some(item)).build();
            put.map(|put| TransactWriteItem::builder().put(put).build()).map_err(Problem::internal)
        };
        self.write_both((id, holder.user_id), put).await
    }

    /// Forgets a connection.
    pub async fn remove(&self, id: &str, user_id: Uuid) -> Result<(), Problem> {
        let delete = |(pk, sk)| {
            let delete = Delete::builder().table_name(&self.table.name).key("pk", pk).key("sk", sk).build();
            delete.map(|delete| TransactWriteItem::builder().delete(delete).build()).map_err(Problem::internal)
        };
        self.write_both((id, user_id), delete).await
    }

    /// Notes which frames a connection wants from now on.
    pub async fn want(&self, id: &str, user_id: Uuid, types: &BTreeSet<String>) -> Result<(), Problem> {
        let list = types.iter().map(String::as_str).collect::<Vec<_>>().join(",");
        let update = |(pk, sk)| {
            let update = Update::builder().table_name(&self.table.name).key("pk", pk).key("sk", sk);
            let update = update.update_expression("SET types = :types").condition_expression("attribute_exists(pk)");
            let update = update.expression_attribute_values(":types", Av::S(list.clone())).build();
            update.map(|update| TransactWriteItem::builder().update(update).build()).map_err(Problem::internal)
        };
        self.write_both((id, user_id), update).await
    }

    /// Notes that a connection was heard of. One that is not there any more stays so.
    pub async fn hear(&self, id: &str, now: i64) -> Result<(), Problem> {
        let update = self.table.client().await.update_item().table_name(&self.table.name);
        let update = update.key("pk", by_id(id)).key("sk", Av::S("-".into()));
        let update = update.update_expression("SET heard = :now").condition_expression("attribute_exists(pk)");
        match update.expression_attribute_values(":now", Av::N(now.to_string())).send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
            {
                Ok(())
            }
            Err(error) => Err(away(&error)),
        }
    }

    /// A connection, if it is open as far as is known.
    pub async fn find(&self, id: &str) -> Result<Option<Connection>, Problem> {
        let get = self.table.client().await.get_item().table_name(&self.table.name).consistent_read(true);
        let answer =
            get.key("pk", by_id(id)).key("sk", Av::S("-".into())).send().await.map_err(|error| away(&error))?;
        Ok(answer.item().and_then(|item| Connection::read(id, item)))
    }

    /// All connections of a user.
    pub async fn of(&self, user_id: Uuid) -> Result<Vec<Connection>, Problem> {
        let query = self.table.client().await.query().table_name(&self.table.name).consistent_read(true);
        let query = query.key_condition_expression("pk = :pk").expression_attribute_values(":pk", by_user(user_id));
        let mut items = query.into_paginator().items().send();
        let mut connections = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(|error| away(&error))?;
            connections.extend(text(&item, "sk").and_then(|id| Connection::read(id, &item)));
        }
        Ok(connections)
    }
}

/// Where somebody who goes through all connections has got to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    pk: String,
    sk: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.pk, self.sk)
    }
}

/// Going through everybody's connections, page by page.
pub struct AllConnections {
    table: Table,
}

impl Port for AllConnections {
    fn grants() -> Vec<Grant> {
        vec![Grant::AllConnections]
    }
    fn open(env: &Arc<Env>) -> Result<Self, ConfigError> {
        Table::open(env, "CONNECTIONS_TABLE").map(|table| Self { table })
    }
}

impl AllConnections {
    /// A page of connections, and where the next one begins. A connection that was opened meanwhile may be missing.
    pub async fn after(&self, place: Option<&Place>) -> Result<(Vec<Connection>, Option<Place>), Problem> {
        let start = place
            .map(|Place { pk, sk }| Item::from([("pk".into(), Av::S(pk.clone())), ("sk".into(), Av::S(sk.clone()))]));
        let scan = self.table.client().await.scan().table_name(&self.table.name).limit(PAGE);
        let answer = scan.set_exclusive_start_key(start).send().await.map_err(|error| away(&error))?;
        let connection = |item: &Item| text(item, "pk")?.strip_prefix(BY_ID).and_then(|id| Connection::read(id, item));
        let next = answer
            .last_evaluated_key()
            .and_then(|key| Some(Place { pk: text(key, "pk")?.to_owned(), sk: text(key, "sk")?.to_owned() }));
        Ok((answer.items().iter().filter_map(connection).collect(), next))
    }
}
