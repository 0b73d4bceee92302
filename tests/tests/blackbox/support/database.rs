//! Looks into the database, and the few changes that no client could make: to move time, to lock, to delete softly.

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Postgres, Row};
use std::cell::RefCell;
use tokio::runtime::{Builder, Runtime};

thread_local! {
    static SHARED: RefCell<Option<Database>> = const { RefCell::new(None) };
}

/// A connection of its own, for a transaction that the test keeps open.
pub struct Database {
    runtime: Runtime,
    connection: PgConnection,
}

impl Database {
    pub fn connect() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let url = super::setting("DATABASE_URL");
        let connection = runtime.block_on(PgConnection::connect(&url)).expect("the database of DATABASE_URL answers");
        Self { runtime, connection }
    }

    /// Runs a statement, or several; returns how many rows it touched.
    pub fn run(&mut self, sql: &str) -> u64 {
        let done = self.runtime.block_on(self.connection.execute(AssertSqlSafe(sql)));
        done.unwrap_or_else(|error| panic!("{error} in {sql}")).rows_affected()
    }

    /// The first column of every row.
    pub fn column<T>(&mut self, sql: &str) -> Vec<T>
    where
        T: for<'r> sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres>,
    {
        let rows = self.runtime.block_on(self.connection.fetch_all(AssertSqlSafe(sql)));
        rows.unwrap_or_else(|error| panic!("{error} in {sql}")).iter().map(|row| row.get(0)).collect()
    }
}

fn shared<T>(work: impl FnOnce(&mut Database) -> T) -> T {
    SHARED.with_borrow_mut(|shared| work(shared.get_or_insert_with(Database::connect)))
}

/// Runs a statement; returns how many rows it touched.
pub fn run(sql: &str) -> u64 {
    shared(|database| database.run(sql))
}

/// The first column of every row.
pub fn column<T>(sql: &str) -> Vec<T>
where
    T: for<'r> sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres>,
{
    shared(|database| database.column(sql))
}

/// The only value that a query returns.
pub fn one<T>(sql: &str) -> T
where
    T: for<'r> sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres>,
{
    let mut rows = column(sql);
    assert_eq!(rows.len(), 1, "one row was expected of {sql}");
    rows.remove(0)
}
