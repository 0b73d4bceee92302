//! Changing a database password, without any connection being refused on the way.
//!
//! Functions that read, and those that write, each have two roles that may do the same. The secret names one of them; a
//! rotation gives the other one a new password and names that. Who still has the secret's value of before goes on with it
//! until the next rotation.

use super::{Asked, Rotates, malformed, parsed};
use crate::platform::{
    config::ConfigError,
    db::{Admin, Credentials, roles::Server, scram},
    function::{Env, Grant, Port},
    jwt::{hex, random},
    problem::Problem,
    secrets::SecretCell,
};
use serde_json::Value;
use std::sync::Arc;

/// The other role of a pair is named like the first, with this at its end.
const OTHER: &str = "_b";

/// The roles that functions connect as, for whoever may give them passwords.
pub struct DatabaseUsers {
    env: Arc<Env>,
    admin: SecretCell<Admin>,
    /// Where the server itself is, and not a proxy, which knows a password when it counts and no earlier.
    direct: SecretCell<Credentials>,
}

impl Port for DatabaseUsers {
    fn grants() -> Vec<Grant> {
        vec![Grant::RotateDatabase]
    }
    fn open(env: &Arc<Env>) -> Result<Self, ConfigError> {
        Ok(Self {
            env: env.clone(),
            admin: SecretCell::open(env, "DB_ADMIN_SECRET")?,
            direct: SecretCell::open(env, "DB_MIGRATE_SECRET")?,
        })
    }
}

impl DatabaseUsers {
    /// Does a step that Secrets Manager asks for.
    pub async fn step(&self, asked: &Asked) -> Result<(), Problem> {
        super::step(&self.env, self, asked).await
    }

    async fn server(&self, username: &str, password: &str) -> Result<Server, Problem> {
        let at = Credentials {
            username: username.to_owned(),
            password: password.to_owned(),
            ..(*self.direct.get().await?).clone()
        };
        Server::connect(&at, &self.env.config).await
    }
}

impl Rotates for DatabaseUsers {
    fn next(&self, mut current: Value) -> Result<Value, Problem> {
        let (role, password) = (other(&parsed::<Credentials>(&current.to_string())?.username), hex(&random::<20>()?));
        for (part, value) in [("username", role), ("password", password)] {
            *current.get_mut(part).ok_or_else(malformed)? = value.into();
        }
        Ok(current)
    }

    async fn set(&self, next: &Value) -> Result<(), Problem> {
        let next: Credentials = parsed(&next.to_string())?;
        let admin = self.admin.get().await?;
        let mut server = self.server(&admin.username, &admin.password).await?;
        server.like(&next.username, next.username.strip_suffix(OTHER).unwrap_or(&next.username)).await?;
        server.password(&next.username, &scram::verifier(&next.password)?).await
    }

    async fn test(&self, next: &Value) -> Result<(), Problem> {
        let next: Credentials = parsed(&next.to_string())?;
        self.server(&next.username, &next.password).await?.answers().await
    }
}

/// The other role of a pair.
fn other(role: &str) -> String {
    role.strip_suffix(OTHER).map_or_else(|| format!("{role}{OTHER}"), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::other;

    #[test]
    fn the_roles_of_a_pair_take_turns() {
        assert_eq!(other("tallybook_write"), "tallybook_write_b");
        assert_eq!(other(&other("tallybook_write")), "tallybook_write");
    }
}
