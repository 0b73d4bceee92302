//! What every test stands on: a database of its own, users in it, and calls of theirs.

pub mod database;
pub mod post;
mod random;

pub use database::{Fresh, migrator, setting};
use futures_util::future::join_all;
pub use random::Random;
use serde_json::Value;
use shared::{
    domain::{
        auth::Me,
        transactions::{self, NewTransaction, Transaction},
    },
    platform::{
        db::{Db, Tx},
        fields::{Fields, Read},
        http::Call,
        jwt::KeySet,
        problem::Problem,
        rates::Tier,
        serve::Claims,
    },
};
use sqlx::PgConnection;
use std::time::Duration;
use time::{Date, OffsetDateTime, macros::date, macros::datetime};
use uuid::Uuid;

/// When every test takes place, unless it moves the clock.
pub const NOW: OffsetDateTime = datetime!(2026-03-15 12:00 UTC);
/// The date of [`NOW`] where users live, unless a test moves them.
pub const TODAY: Date = date!(2026 - 03 - 15);

/// A body, read as the endpoints read it.
pub fn body<T: Read>(json: &Value) -> T {
    Fields::from_json(json.to_string().as_bytes()).and_then(Fields::read).unwrap()
}

/// A query string, read as the endpoints read it.
pub fn query<T: Read>(text: &str) -> T {
    Fields::from_query(text).and_then(Fields::read).unwrap()
}

/// Keys to sign cursors with.
pub fn keys() -> KeySet {
    let (jwt, app) = ("0123456789abcdef".repeat(4), "fedcba9876543210".repeat(4));
    serde_json::from_str(&format!(r#"{{"jwt": [{{"kid": "a", "secret": "{jwt}"}}], "app": "{app}"}}"#)).unwrap()
}

/// A call of a user's as it comes from the gateway, its token checked.
pub fn call(me: &Me, content: &str, key: Option<&str>) -> Call {
    let mut event = lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest::default();
    event.raw_path = Some("/v1/things".into());
    event.request_context.stage = Some("v1".into());
    event.request_context.http.source_ip = Some("192.0.2.1".into());
    event.body = Some(content.into());
    if let Some(key) = key {
        event.headers.insert("idempotency-key", key.parse().unwrap());
    }
    let mut call = Call::from_event(event, "request".into(), me.now).unwrap();
    call.claims = Some(Claims {
        user_id: me.user_id,
        session_id: me.session_id,
        exp: i64::MAX,
        kind: "access".into(),
        tier: Tier::Default,
    });
    call
}

/// A call that goes ahead only if what it changes has this ETag.
pub fn matching(me: &Me, etag: &str) -> Call {
    let mut event = lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest::default();
    event.headers.insert("if-match", etag.parse().unwrap());
    Call::from_event(event, "request".into(), me.now).unwrap()
}

/// A merchant that answers to these names.
pub async fn merchant(conn: &mut PgConnection, name: &str, category: &str, keys: &[&str]) -> Uuid {
    let id = Uuid::now_v7();
    sqlx::query("INSERT INTO merchant_master (id, canonical_name, category) VALUES ($1, $2, $3)")
        .bind(id)
        .bind(name)
        .bind(category)
        .execute(&mut *conn)
        .await
        .unwrap();
    for key in keys {
        sqlx::query("INSERT INTO merchant_aliases (alias_key, merchant_id) VALUES ($1, $2)")
            .bind(key)
            .bind(id)
            .execute(&mut *conn)
            .await
            .unwrap();
    }
    id
}

/// The frames of a user's, oldest first.
pub async fn frames(fresh: &Fresh, me: &Me) -> Vec<(String, Value)> {
    sqlx::query_as("SELECT type, data FROM events WHERE user_id = $1 ORDER BY seq")
        .bind(me.user_id)
        .fetch_all(&mut fresh.admin().await)
        .await
        .unwrap()
}

/// Runs again what was told to come again, as a client does: on a busy machine a turn may take longer than its lock
/// may wait.
pub async fn patiently<T>(mut work: impl AsyncFnMut() -> Result<T, Problem>) -> T {
    for _ in 0..40 {
        match work().await {
            Err(problem) if problem.status == 503 => tokio::time::sleep(Duration::from_millis(50)).await,
            other => return other.unwrap(),
        }
    }
    panic!("503 all the time");
}

/// How often a race is run.
pub const ROUNDS: usize = 100;

/// The outcome of each. What waits longer than a lock may is told to come again, and does.
pub async fn at_once<T>(all: &[Db; 16], work: impl AsyncFn(&Db) -> Result<T, Problem>) -> Vec<Result<T, Problem>> {
    let one = async |db: &Db| {
        patiently(async || match work(db).await {
            Err(problem) if problem.status == 503 => Err(problem),
            other => Ok(other),
        })
        .await
    };
    join_all(all.iter().map(one)).await
}

/// Stores a transaction as `POST /transactions` does.
pub async fn create(db: &Db, me: &Me, json: &Value) -> Transaction {
    let new: NewTransaction = body(json);
    patiently(async || db.tx(async |tx: &mut Tx| transactions::create(tx, me, &new).await).await).await
}

/// The same user, later.
pub fn later(me: &Me, minutes: i64) -> Me {
    Me { now: me.now + time::Duration::minutes(minutes), ..me.clone() }
}

/// An amount on the wire in cents.
pub fn cents(amount: &Value) -> i64 {
    let text = amount.as_str().unwrap();
    let (whole, decimals) = text.split_once('.').unwrap();
    assert_eq!(decimals.len(), 2, "{text}");
    let digits: i64 = format!("{}{decimals}", whole.trim_start_matches('-')).parse().unwrap();
    if whole.starts_with('-') { -digits } else { digits }
}

/// Cents as an amount on the wire.
pub fn amount(cents: i64) -> String {
    format!("{}{}.{:02}", if cents < 0 { "-" } else { "" }, cents.abs() / 100, cents.abs() % 100)
}
