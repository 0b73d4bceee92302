//! A transaction under way, and what its errors mean to a client.

use super::{
    connection::{Open, Terms, silent, simple_within},
    constraints,
};
use crate::platform::problem::Problem;
use futures_util::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use sqlx::{
    Either, Execute, Executor, Postgres, SqlStr,
    error::BoxDynError,
    postgres::{PgArguments, PgQueryResult, PgRow, PgStatement, PgTypeInfo},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    time::Duration,
};
use tokio::time::{sleep, timeout};

/// ROLLBACK is quick or not answered.
const ROLLBACK: Duration = Duration::from_secs(1);

/// What went wrong in a transaction.
#[derive(Default)]
struct Trouble {
    /// A statement failed.
    failed: AtomicBool,
    /// The server did not answer one in time: what is on the wire now is anybody's guess, so that nothing more may be sent.
    silent: AtomicBool,
}

/// A transaction: what statements run on.
pub struct Tx {
    open: Open,
    terms: Terms,
    trouble: Arc<Trouble>,
    statements: u32,
}

impl std::fmt::Debug for Tx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tx").field("statements", &self.statements).finish_non_exhaustive()
    }
}

impl Tx {
    pub(super) fn new(open: Open, terms: Terms) -> Self {
        Self { open, terms, trouble: Arc::default(), statements: 0 }
    }

    /// How many statements have run, so that tests can hold a route to its number.
    #[must_use]
    pub fn statements(&self) -> u32 {
        self.statements
    }

    /// Has the statements of this transaction planned by the indexes.
    pub async fn by_index(&mut self) -> Result<(), sqlx::Error> {
        sqlx::raw_sql("SET LOCAL enable_seqscan = off").execute(self).await.map(drop)
    }

    /// Has all statements, and what the foreign keys do for each row, planned anew. A connection keeps plans, and one made
    /// while a table was small goes on reading all of it, or by the wrong index, once it has grown.
    pub async fn plan_anew(&mut self) -> Result<(), sqlx::Error> {
        sqlx::raw_sql("DISCARD PLANS").execute(self).await.map(drop)
    }

    /// Commits. Postgres answers COMMIT of a failed transaction with ROLLBACK and no error, so a statement whose error
    /// was passed over is refused here rather than lost in silence.
    pub(super) async fn commit(mut self) -> Result<Option<Open>, Problem> {
        if self.trouble.failed.load(Ordering::Relaxed) {
            self.rollback().await;
            return Err(Problem::internal("commit after a failed statement"));
        }
        match simple_within(&mut self.open, "COMMIT", self.terms.statement).await {
            Ok(()) => Ok(Some(self.open)),
            Err(error) => {
                let problem = Problem::from(error);
                // Over for sure only when the server said so; else the socket is closed with it.
                let open = if problem.status < 500 { self.rollback().await } else { None };
                drop(open);
                Err(problem)
            }
        }
    }

    /// Rolls back; a connection that cannot say it did is given up.
    pub(super) async fn rollback(mut self) -> Option<Open> {
        if self.trouble.silent.load(Ordering::Relaxed) {
            return None;
        }
        simple_within(&mut self.open, "ROLLBACK", ROLLBACK).await.ok().map(|()| self.open)
    }
}

/// A query whose statement is not kept after its transaction: behind a pooler the next one may meet another backend.
struct Unkept<E>(E);

impl<'q, E: Execute<'q, Postgres>> Execute<'q, Postgres> for Unkept<E> {
    fn sql(self) -> SqlStr {
        self.0.sql()
    }
    fn statement(&self) -> Option<&PgStatement> {
        self.0.statement()
    }
    fn take_arguments(&mut self) -> Result<Option<PgArguments>, BoxDynError> {
        self.0.take_arguments()
    }
    fn persistent(&self) -> bool {
        false
    }
}

impl<'c> Executor<'c> for &'c mut Tx {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Either<PgQueryResult, PgRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        self.statements = self.statements.saturating_add(1);
        let trouble = self.trouble.clone();
        let mut rows =
            if self.terms.pooled { self.open.conn.fetch_many(Unkept(query)) } else { self.open.conn.fetch_many(query) };
        let mut patience = Box::pin(sleep(self.terms.statement));
        let rows = stream::poll_fn(move |cx| match rows.poll_next_unpin(cx) {
            Poll::Pending => patience.poll_unpin(cx).map(|()| Some(Err(silent()))),
            ready @ Poll::Ready(_) => ready,
        });
        rows.inspect(move |row| trouble.note(row.as_ref().err())).boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        self.statements = self.statements.saturating_add(1);
        let (trouble, most) = (self.trouble.clone(), self.terms.statement);
        let row = if self.terms.pooled {
            self.open.conn.fetch_optional(Unkept(query))
        } else {
            self.open.conn.fetch_optional(query)
        };
        let row = timeout(most, row).map(|row| row.unwrap_or_else(|_| Err(silent())));
        row.inspect(move |row| trouble.note(row.as_ref().err())).boxed()
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, sqlx::Error>>
    where
        'c: 'e,
    {
        self.open.conn.prepare_with(sql, parameters)
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<sqlx::Describe<Postgres>, sqlx::Error>>
    where
        'c: 'e,
    {
        self.open.conn.describe(sql)
    }
}

impl Trouble {
    fn note(&self, error: Option<&sqlx::Error>) {
        match error {
            // RowNotFound is an answer, not a failure of the transaction.
            None | Some(sqlx::Error::RowNotFound) => {}
            Some(error) => {
                self.failed.store(true, Ordering::Relaxed);
                let timed_out = |error: &std::io::Error| error.kind() == std::io::ErrorKind::TimedOut;
                if matches!(error, sqlx::Error::Io(error) if timed_out(error)) {
                    self.silent.store(true, Ordering::Relaxed);
                }
            }
        }
    }
}

/// An error in words that are safe to log: Postgres's own messages may quote values.
pub(super) fn describe(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(db) => {
            format!("sqlstate {} constraint {}", db.code().unwrap_or_default(), db.constraint().unwrap_or("-"))
        }
        sqlx::Error::Io(io) => format!("io {:?}", io.kind()),
        sqlx::Error::ColumnDecode { index, .. } => format!("decode of column {index}"),
        sqlx::Error::RowNotFound => "row not found".into(),
        sqlx::Error::Tls(_) => "tls".into(),
        sqlx::Error::Protocol(_) => "protocol".into(),
        sqlx::Error::Configuration(_) => "configuration".into(),
        _ => "other".into(),
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        let cause = describe(&error);
        match &error {
            sqlx::Error::Database(db) => {
                let code = db.code().unwrap_or_default();
                if let Some(problem) = db.constraint().and_then(constraints::problem) {
                    return problem.because(cause);
                }
                match code.as_ref() {
                    // Text that Postgres cannot hold is the client's to mend, not a fault of ours.
                    "22021" | "22P05" => {
                        Self::malformed("The text holds a character that cannot be stored, such as NUL.")
                    }
                    // Connection trouble, shutdown, too many connections, a timeout or deadlock: passing conditions.
                    "53300" | "55P03" | "57014" | "57P01" | "57P02" | "57P03" | "40001" | "40P01" | "25P03" => {
                        Self::unavailable(cause)
                    }
                    code if code.starts_with("08") => Self::unavailable(cause),
                    _ => Self::internal(cause),
                }
            }
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) => Self::unavailable(cause),
            _ => Self::internal(cause),
        }
    }
}
