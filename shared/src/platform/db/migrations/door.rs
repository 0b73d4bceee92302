//! Who may migrate, and what stands before the first migration of all: database, roles, passwords.

use super::{super::tx::describe, MIGRATOR, Progress, apply, others};
use crate::platform::{
    config::{ConfigError, DbTls},
    db::{Admin, Credentials, scram, secured},
    function::{Env, Grant, Port},
    problem::Problem,
    secrets::SecretCell,
};
use sqlx::{
    AssertSqlSafe, ConnectOptions, PgConnection,
    migrate::{Migrate, Migrator},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::time::timeout;

const CONNECT: Duration = Duration::from_secs(10);
/// The role that owns everything.
const OWNER: &str = "tallybook_migrate";
/// The roles of functions. A secret that rotates may name another one, which its rotation makes.
const ROLES: [&str; 3] = [OWNER, "tallybook_write", "tallybook_read"];
/// No such database, no such role, not its password.
const UNKNOWN: [&str; 3] = ["3D000", "28000", "28P01"];

/// The dependency of the function that migrates.
pub struct Migrations {
    env: Arc<Env>,
    admin: SecretCell<Admin>,
    migrate: SecretCell<Credentials>,
    write: SecretCell<Credentials>,
    read: SecretCell<Credentials>,
}

impl Port for Migrations {
    fn grants() -> Vec<Grant> {
        vec![Grant::DbMigrate]
    }

    fn open(env: &Arc<Env>) -> Result<Self, ConfigError> {
        Ok(Self {
            env: env.clone(),
            admin: SecretCell::open(env, "DB_ADMIN_SECRET")?,
            migrate: SecretCell::open(env, "DB_MIGRATE_SECRET")?,
            write: SecretCell::open(env, "DB_WRITE_SECRET")?,
            read: SecretCell::open(env, "DB_READ_SECRET")?,
        })
    }
}

impl Migrations {
    /// Brings the database to this release, as far as it gets in this time.
    pub async fn bring(&self, time: Duration) -> Result<Progress, Problem> {
        let migrate = self.migrate.get().await?;
        let (write, read) = (self.write.get().await?, self.read.get().await?);
        let access = Access {
            migrate: (*migrate).clone(),
            write: (*write).clone(),
            read: (*read).clone(),
            tls: self.env.config.db_tls,
            ca_file: self.env.config.db_ca_file.clone(),
        };
        let now = Instant::now();
        let until = now.checked_add(time).unwrap_or(now);
        if !access.is_ready().await? {
            // Fetched when it is needed, which is at the first deployment of all and hardly ever after.
            let admin = self.admin.get().await?;
            access.prepare(&admin.username, &admin.password, &MIGRATOR, until).await?;
        }
        access.bring(&MIGRATOR, until).await
    }
}

/// How each role gets in.
pub struct Access {
    /// The owner of the schema.
    pub migrate: Credentials,
    /// Functions that write.
    pub write: Credentials,
    /// Functions that only read.
    pub read: Credentials,
    /// What secures connections.
    pub tls: DbTls,
    /// The authorities that the server's certificate is checked against.
    pub ca_file: String,
}

impl Access {
    /// Applies what is missing until this moment.
    pub async fn bring(&self, migrator: &Migrator, until: Instant) -> Result<Progress, Problem> {
        let conn = self.connect(&self.migrate).await.map_err(|error| unreachable(&error))?;
        apply(conn, migrator, until).await
    }

    /// Whether all three roles get in, and the owner owns the list of migrations.
    pub async fn is_ready(&self) -> Result<bool, Problem> {
        for credentials in [&self.write, &self.read, &self.migrate] {
            if !ROLES.contains(&credentials.username.as_str()) {
                continue;
            }
            let mut conn = match self.connect(credentials).await {
                Ok(conn) => conn,
                Err(error) if is_unknown(&error) => return Ok(false),
                Err(error) => return Err(unreachable(&error)),
            };
            if credentials.username == OWNER {
                let sql = "SELECT pg_get_userbyid(relowner) = current_user FROM pg_class WHERE oid = to_regclass('_sqlx_migrations')";
                let owns: Option<bool> = sqlx::query_scalar(sql).fetch_optional(&mut conn).await?;
                return Ok(owns == Some(true));
            }
        }
        Ok(true)
    }

    /// Makes, as the server's administrator, what is not there: the database, as it is made everywhere; the first
    /// migration, which makes roles and extensions; the roles' passwords. Twice does no harm.
    pub async fn prepare(
        &self,
        username: &str,
        password: &str,
        migrator: &Migrator,
        until: Instant,
    ) -> Result<(), Problem> {
        let admin = |dbname: &str| Credentials {
            dbname: dbname.to_owned(),
            username: username.to_owned(),
            password: password.to_owned(),
            ..self.migrate.clone()
        };
        let database = &self.migrate.dbname;
        let mut server = self.connect(&admin("postgres")).await.map_err(|error| unreachable(&error))?;
        let sql = "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)";
        if !sqlx::query_scalar::<_, bool>(sql).bind(database).fetch_one(&mut server).await? {
            run(&mut server, format!(
                r#"CREATE DATABASE "{}" ENCODING 'UTF8' LOCALE 'C' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' TEMPLATE template0"#,
                database.replace('"', "\"\"")
            ))
            .await?;
        }
        let mut inside = self.connect(&admin(database)).await.map_err(|error| unreachable(&error))?;
        if let Some(other) = others(&mut inside, until).await? {
            return Err(Problem::unavailable(other));
        }
        let table = migrator.table_name.as_ref();
        let failed = |error| super::failed(None, &error);
        inside.ensure_migrations_table(table).await.map_err(failed)?;
        let none = inside.list_applied_migrations(table).await.map_err(failed)?.is_empty();
        if none && let Some(first) = migrator.iter().find(|one| one.migration_type.is_up_migration()) {
            inside.apply(table, first).await.map_err(|error| super::failed(Some(first), &error))?;
        }
        run(&mut inside, format!("ALTER TABLE {table} OWNER TO {OWNER}")).await?;
        for credentials in [&self.migrate, &self.write, &self.read] {
            let role = &credentials.username;
            if ROLES.contains(&role.as_str()) {
                let verifier = scram::verifier(&credentials.password)?;
                run(&mut inside, format!("ALTER ROLE {role} LOGIN PASSWORD '{verifier}'")).await?;
            }
        }
        Ok(())
    }

    async fn connect(&self, credentials: &Credentials) -> Result<PgConnection, sqlx::Error> {
        let options = credentials.options().application_name("migrate");
        let options = secured(options, self.tls, &self.ca_file);
        timeout(CONNECT, options.connect()).await.unwrap_or_else(|_| Err(super::super::connection::silent()))
    }
}

fn is_unknown(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| UNKNOWN.contains(&code.as_ref()))
}

fn unreachable(error: &sqlx::Error) -> Problem {
    Problem::unavailable(format!("connect: {}", describe(error)))
}

async fn run(conn: &mut PgConnection, sql: String) -> Result<(), Problem> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await.map(drop).map_err(Problem::from)
}
