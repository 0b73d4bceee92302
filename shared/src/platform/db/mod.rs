//! Postgres: every statement runs inside one explicit transaction, and there is no other way to run one.
//!
//! A transaction pooler may give each transaction another backend; sqlx outside BEGIN … COMMIT then reads
//! other clients' rows without an error. So [`Tx`] is made by [`Postgres::tx`] alone.

mod connection;
mod constraints;
pub mod migrations;
pub mod roles;
pub mod scram;
mod tx;

use super::{
    config::ConfigError,
    function::{Env, Grant, Port},
    problem::Problem,
    telemetry,
};
use connection::Connector;
pub use connection::{Admin, Credentials, secured};
use futures_util::future::BoxFuture;
use std::{marker::PhantomData, sync::Arc};
use tokio::sync::{Mutex, MutexGuard};
pub use tx::Tx;

/// A role of the database: what a transaction may do.
pub trait Role: 'static {
    /// The permission it takes.
    const GRANT: Grant;
    /// The setting that names its secret.
    const SECRET: &'static str;
    /// Whether its transactions may write.
    const WRITES: bool;
    /// How its transactions begin.
    const BEGIN: &'static str;
}

/// Reading and writing.
pub struct Write;
/// Reading alone.
pub struct Read;

impl Role for Write {
    const GRANT: Grant = Grant::DbWrite;
    const SECRET: &'static str = "DB_WRITE_SECRET";
    const WRITES: bool = true;
    const BEGIN: &'static str = "BEGIN";
}
impl Role for Read {
    const GRANT: Grant = Grant::DbRead;
    const SECRET: &'static str = "DB_READ_SECRET";
    const WRITES: bool = false;
    const BEGIN: &'static str = "BEGIN READ ONLY";
}

/// Postgres under the role `tallybook_write`.
pub type Db = Postgres<Write>;
/// Postgres under the role `tallybook_read`, in READ ONLY transactions.
pub type ReadDb = Postgres<Read>;

/// One connection to Postgres, opened in the background and again whenever it is found dead.
pub struct Postgres<R> {
    shared: Arc<Shared>,
    role: PhantomData<R>,
}

struct Shared {
    connector: Connector,
    idle: Mutex<Option<connection::Open>>,
}

impl<R: Role> Port for Postgres<R> {
    fn grants() -> Vec<Grant> {
        vec![R::GRANT]
    }

    /// Starts connecting without waiting for it: the first request finds the connection under way.
    fn open(env: &Arc<Env>) -> Result<Self, ConfigError> {
        let db = Self::over(Connector::from_secret(env, R::SECRET)?);
        let shared = db.shared.clone();
        tokio::spawn(async move {
            let mut idle = shared.idle.lock().await;
            if idle.is_none() {
                *idle = shared.connector.open().await.ok();
            }
        });
        Ok(db)
    }
}

impl<R: Role> Postgres<R> {
    fn over(connector: Connector) -> Self {
        Self { shared: Arc::new(Shared { connector, idle: Mutex::new(None) }), role: PhantomData }
    }

    /// Connects by a URL rather than by a secret: for tests and for commands run by an operator.
    #[must_use]
    pub fn from_options(options: sqlx::postgres::PgConnectOptions) -> Self {
        Self::over(Connector::from_options(options, false))
    }

    /// The same with the patience of a route, whose client waits.
    #[must_use]
    pub fn awaited_from_options(options: sqlx::postgres::PgConnectOptions) -> Self {
        Self::over(Connector::from_options(options, true))
    }

    /// Runs `work` inside a transaction and awaits COMMIT or ROLLBACK on every path. Nothing but Postgres may be awaited
    /// in `work`. A panic in it ends the process, and with it the connection and the transaction.
    ///
    /// A transaction that is merely dropped stays open on the server until the socket closes, and keeps its locks; so
    /// the connection goes back to the next request only after the server has said the transaction is over.
    pub async fn tx<T, E: From<Problem>>(&self, work: impl AsyncFnOnce(&mut Tx) -> Result<T, E>) -> Result<T, E> {
        let mut begun = self.shared.begin(R::BEGIN).await?;
        let done = Box::pin(work(&mut begun.tx)).await;
        let ended = begun.end(done.is_ok()).await;
        let value = done?;
        ended?;
        Ok(value)
    }
}

/// A transaction, and the place to which its connection goes back.
struct Begun<'a> {
    idle: MutexGuard<'a, Option<connection::Open>>,
    tx: Tx,
}

// Behind pointers, so that `tx`, which is compiled for each piece of work there is, holds no more than calls of them.
impl Shared {
    fn begin(&self, begin: &'static str) -> BoxFuture<'_, Result<Begun<'_>, Problem>> {
        Box::pin(async move {
            let mut idle = self.idle.lock().await;
            let open = self.connector.begin(idle.take(), begin).await;
            let open = open.inspect_err(|_| telemetry::count("DatabaseAway", 1))?;
            Ok(Begun { idle, tx: Tx::new(open, self.connector.terms()) })
        })
    }
}

impl<'a> Begun<'a> {
    fn end(self, well: bool) -> BoxFuture<'a, Result<(), Problem>> {
        let Self { mut idle, tx } = self;
        Box::pin(async move {
            *idle = if well { tx.commit().await? } else { tx.rollback().await };
            Ok(())
        })
    }
}
