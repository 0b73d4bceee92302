//! Opening connections, and telling a live one from a dead one.

use crate::platform::{
    clock,
    config::{ConfigError, DbTls},
    function::Env,
    problem::Problem,
    secrets::{FRESH_S, Secret, SecretCell},
};
use serde::Deserialize;
use sqlx::{
    ConnectOptions, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::time::timeout;

/// The gateway gives 30 s in all and a client should hear of an outage within 3.
const CONNECT: Duration = Duration::from_millis(2500);
/// BEGIN on a socket whose other end vanished without a word (a thawed environment) would wait for TCP.
const BEGIN: Duration = Duration::from_millis(400);

/// A statement whose answer a client waits for. A socket may fall silent inside a transaction as well, and with the 0.4 s
/// of BEGIN this is the time that an outage may take to be told.
const AWAITED: Duration = Duration::from_millis(2500);
/// A statement of a worker: longer than the server lets any of the application's run, so that this is only about silence.
const UNHURRIED: Duration = Duration::from_secs(6);

/// A password that was refused is read again when it is older than this.
const REFUSED_S: i64 = 5;

/// A connection outside any transaction.
pub struct Open {
    pub(super) conn: PgConnection,
}

/// What the transactions of a connection have to know.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    /// Whether statements must not outlive their transaction.
    pub pooled: bool,
    /// How long a statement may take.
    pub statement: Duration,
}

/// The credentials as RDS writes them.
#[derive(Clone, Deserialize)]
pub struct Credentials {
    /// Where.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Which database.
    pub dbname: String,
    /// As whom.
    pub username: String,
    /// The role's password.
    pub password: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

impl Credentials {
    /// How to connect, but for what secures it.
    pub(super) fn options(&self) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .host(&self.host)
            .port(self.port)
            .database(&self.dbname)
            .username(&self.username)
            .password(&self.password)
    }
}

impl Secret for Credentials {
    fn check(&self) -> Result<(), String> {
        match () {
            () if self.host.is_empty() || self.dbname.is_empty() || self.username.is_empty() => {
                Err("host, dbname and username must be set".into())
            }
            () if self.password.len() < 16 => Err("the password must have at least 16 characters".into()),
            () => Ok(()),
        }
    }
}

/// Whoever owns the server. RDS keeps these two of it and no more.
#[derive(Deserialize)]
pub struct Admin {
    /// As whom.
    pub username: String,
    /// The password.
    pub password: String,
}

impl Secret for Admin {
    fn check(&self) -> Result<(), String> {
        if self.username.is_empty() || self.password.is_empty() {
            return Err("username and password must be set".into());
        }
        Ok(())
    }
}

/// What secures a connection: sqlx's own default would go on in the clear when the server offers nothing else.
#[must_use]
pub fn secured(options: PgConnectOptions, tls: DbTls, ca_file: &str) -> PgConnectOptions {
    match tls {
        DbTls::Off => options.ssl_mode(PgSslMode::Disable),
        DbTls::VerifyFull => options.ssl_mode(PgSslMode::VerifyFull).ssl_root_cert(ca_file),
    }
}

enum Source {
    Secret { cell: SecretCell<Credentials>, env: Arc<Env> },
    Options(Box<PgConnectOptions>),
}

/// Knows how to connect, and how long to wait for what runs on the connection.
pub struct Connector {
    source: Source,
    statement: Duration,
}

impl Connector {
    pub(super) fn from_secret(env: &Arc<Env>, setting: &str) -> Result<Self, ConfigError> {
        let source = Source::Secret { cell: SecretCell::open(env, setting)?, env: env.clone() };
        Ok(Self { source, statement: if env.awaited { AWAITED } else { UNHURRIED } })
    }

    pub(super) fn from_options(options: PgConnectOptions, awaited: bool) -> Self {
        let source = Source::Options(Box::new(options));
        Self { source, statement: if awaited { AWAITED } else { UNHURRIED } }
    }

    /// What its transactions have to know.
    pub(super) fn terms(&self) -> Terms {
        Terms { pooled: self.pooled(), statement: self.statement }
    }

    /// Whether a transaction pooler stands in between: statements must not outlive their transaction then.
    fn pooled(&self) -> bool {
        matches!(&self.source, Source::Secret { env, .. } if env.config.db_pooled)
    }

    /// With a password that is no older than `since`.
    async fn options(&self, since: i64) -> Result<PgConnectOptions, Problem> {
        let (cell, config) = match &self.source {
            Source::Options(options) => return Ok((**options).clone()),
            Source::Secret { cell, env } => (cell, &env.config),
        };
        let mut secret = (*cell.get_since(since).await?).clone();
        if let Some(proxy) = &config.db_host {
            secret.host.clone_from(proxy);
        }
        let options = secret
            .options()
            .application_name(&config.handler)
            .statement_cache_capacity(if config.db_pooled { 0 } else { 100 });
        Ok(secured(options, config.db_tls, &config.db_ca_file))
    }

    pub(super) async fn open(&self) -> Result<Open, Problem> {
        let connect = async {
            let now = clock::epoch();
            let mut conn = self.options(now.saturating_sub(FRESH_S)).await?.connect().await;
            // Another password than a moment ago, perhaps: a proxy knows the latest alone. Not asked for at every refusal.
            if conn.as_ref().is_err_and(is_refusal) {
                conn = self.options(now.saturating_sub(REFUSED_S)).await?.connect().await;
            }
            conn.map_err(|error| Problem::unavailable(format!("connect: {}", super::tx::describe(&error))))
        };
        match timeout(CONNECT, connect).await {
            Ok(conn) => conn.map(|conn| Open { conn }),
            Err(_) => Err(Problem::unavailable("connect: timed out")),
        }
    }

    /// Begins a transaction: on the idle connection if it still answers, else on a new one. Nothing has run before
    /// BEGIN, so trying again is safe here and nowhere later.
    pub(super) async fn begin(&self, idle: Option<Open>, begin: &'static str) -> Result<Open, Problem> {
        if let Some(mut open) = idle {
            let started = Instant::now();
            match timeout(BEGIN, simple(&mut open, begin)).await {
                Ok(Ok(())) => return Ok(open),
                Ok(Err(error)) => tracing::warn!(error = super::tx::describe(&error), "connection lost: reopening"),
                Err(_) => tracing::warn!(waited = ?started.elapsed(), "connection silent: reopening"),
            }
        }
        let mut open = self.open().await?;
        match timeout(CONNECT, simple(&mut open, begin)).await {
            Ok(Ok(())) => Ok(open),
            Ok(Err(error)) => Err(Problem::unavailable(super::tx::describe(&error))),
            Err(_) => Err(Problem::unavailable("begin: timed out")),
        }
    }
}

/// Whether the server, or the proxy before it, does not know the name or the password: SQLSTATE's class 28.
fn is_refusal(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).is_some_and(|code| code.starts_with("28"))
}

/// Runs a statement without parameters by the simple protocol.
pub(super) async fn simple(open: &mut Open, sql: &'static str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(sql).execute(&mut open.conn).await.map(|_| ())
}

/// The same, for not longer than this.
pub(super) async fn simple_within(open: &mut Open, sql: &'static str, most: Duration) -> Result<(), sqlx::Error> {
    timeout(most, simple(open, sql)).await.unwrap_or_else(|_| Err(silent()))
}

/// The error of a server that says nothing any more.
pub(super) fn silent() -> sqlx::Error {
    sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn must_hold_46_credentials_that_are_short_or_incomplete_are_refused() {
        let check = |host: &str, password: &str| {
            let secret =
                serde_json::json!({"host": host, "port": 5432, "dbname": "d", "username": "u", "password": password});
            serde_json::from_value::<Credentials>(secret).unwrap().check()
        };
        assert_eq!(check("h", "0123456789abcdef"), Ok(()));
        assert!(check("", "0123456789abcdef").is_err());
        let said = check("h", "postgres").unwrap_err();
        assert!(!said.contains("postgres"), "{said}");
    }
}
