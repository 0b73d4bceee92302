//! Roles of the database's server, for whoever administers it.

use super::{Credentials, connection::secured, tx::describe};
use crate::platform::{config::Config, problem::Problem};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};

/// A connection to the server itself.
pub struct Server {
    conn: PgConnection,
}

fn failed(error: &sqlx::Error) -> Problem {
    Problem::unavailable(describe(error))
}

/// A role's name as it stands in a statement, which takes no parameter there.
fn name(role: &str) -> Result<&str, Problem> {
    let plain = !role.is_empty() && role.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if plain { Ok(role) } else { Err(Problem::internal("a role's name is of lower-case letters and underscores")) }
}

impl Server {
    /// Connects as somebody.
    pub async fn connect(at: &Credentials, config: &Config) -> Result<Self, Problem> {
        let options = secured(at.options().application_name(&config.handler), config.db_tls, &config.db_ca_file);
        options.connect().await.map(|conn| Self { conn }).map_err(|error| failed(&error))
    }

    /// Makes a role that may do what another one may, with the same settings, which a member of a role does not inherit.
    pub async fn like(&mut self, role: &str, model: &str) -> Result<(), Problem> {
        let (role, model) = (name(role)?, name(model)?);
        if role == model {
            return Ok(());
        }
        let mut tx = self.conn.begin().await.map_err(|error| failed(&error))?;
        let there = sqlx::query_scalar::<_, bool>("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)").bind(role);
        if !there.fetch_one(&mut *tx).await.map_err(|error| failed(&error))? {
            let create = format!("CREATE ROLE {role} LOGIN IN ROLE {model}");
            sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut *tx).await.map_err(|error| failed(&error))?;
        }
        // A list stands there as it is written in a statement, quotes and all.
        let settings = "SELECT format('ALTER ROLE %I SET %I = ', $1, name)
                 || CASE WHEN name IN ('search_path', 'temp_tablespaces', 'session_preload_libraries', 'local_preload_libraries')
                         THEN value ELSE quote_literal(value) END
               FROM pg_db_role_setting, unnest(setconfig) AS line,
                    LATERAL (SELECT split_part(line, '=', 1) AS name, substr(line, strpos(line, '=') + 1) AS value) AS parts
               WHERE setdatabase = 0 AND setrole = to_regrole($2)";
        let settings = sqlx::query_scalar::<_, String>(settings).bind(role).bind(model);
        for set in settings.fetch_all(&mut *tx).await.map_err(|error| failed(&error))? {
            sqlx::raw_sql(AssertSqlSafe(set)).execute(&mut *tx).await.map_err(|error| failed(&error))?;
        }
        tx.commit().await.map_err(|error| failed(&error))
    }

    /// Gives a role a password, as what Postgres keeps of it.
    pub async fn password(&mut self, role: &str, verifier: &str) -> Result<(), Problem> {
        let sql = format!("ALTER ROLE {} PASSWORD '{verifier}'", name(role)?);
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut self.conn).await.map(drop).map_err(|error| failed(&error))
    }

    /// Whether who connected may ask what functions ask first.
    pub async fn answers(&mut self) -> Result<(), Problem> {
        let sql = "SELECT EXISTS (SELECT FROM sessions)";
        sqlx::query_scalar::<_, bool>(sql).fetch_one(&mut self.conn).await.map(drop).map_err(|error| failed(&error))
    }
}
