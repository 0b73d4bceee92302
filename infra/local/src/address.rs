//! How to reach a database, and to ask it something through psql.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

/// How to reach the database as somebody.
#[derive(Clone)]
pub struct Address {
    pub host: String,
    pub port: u16,
    pub database: String,
    pub user: String,
    pub password: String,
}

impl Address {
    /// Of a `DATABASE_URL`; its parameters are dropped.
    pub fn parse(url: &str) -> Result<Self> {
        let rest =
            url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://")).context("not postgres://")?;
        let rest = rest.split('?').next().unwrap_or(rest);
        let (login, place) = rest.rsplit_once('@').context("no user")?;
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        let (host, database) = place.split_once('/').context("no database")?;
        let (host, port) = host.rsplit_once(':').unwrap_or((host, "5432"));
        if host.is_empty() || database.is_empty() {
            bail!("no host or database");
        }
        Ok(Self {
            host: host.to_owned(),
            port: port.parse()?,
            database: database.to_owned(),
            user: user.to_owned(),
            password: password.to_owned(),
        })
    }

    /// As one of our roles; the passwords are hex digits and need no escaping.
    pub fn url(&self, role: Option<(&str, &str)>) -> String {
        let (user, password) = role.unwrap_or((&self.user, &self.password));
        let login = if password.is_empty() { user.to_owned() } else { format!("{user}:{password}") };
        // Neither cluster has TLS set up; asking first would cost a round trip a connection.
        format!("postgres://{login}@{}:{}/{}?sslmode=disable", self.host, self.port, self.database)
    }

    /// psql, without the password in the list of processes.
    pub fn psql(&self, bin: &Path) -> Command {
        let mut psql = Command::new(bin.join("psql"));
        psql.env("PGHOST", &self.host)
            .env("PGPORT", self.port.to_string())
            .env("PGUSER", unescape(&self.user))
            .env("PGPASSWORD", unescape(&self.password))
            .env("PGDATABASE", &self.database);
        psql
    }

    /// What it answers, unaligned and without a header.
    pub fn query(&self, bin: &Path, sql: &str) -> Result<String> {
        let mut child = self
            .psql(bin)
            .args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-f", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(sql.as_bytes())?;
        }
        let out = child.wait_with_output()?;
        if !out.status.success() {
            bail!("{}", String::from_utf8_lossy(&out.stderr).trim().to_owned());
        }
        Ok(String::from_utf8_lossy(&out.stdout).trim().to_owned())
    }
}

fn unescape(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        match part.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend(part.bytes().skip(2));
            }
            None => bytes.extend([b'%'].iter().chain(part.as_bytes())),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_with_and_without_port_and_password() {
        let full = Address::parse("postgres://me:p%40ss@db.example:6000/money?sslmode=require").unwrap();
        assert_eq!((full.host.as_str(), full.port, full.database.as_str()), ("db.example", 6000, "money"));
        assert_eq!(unescape(&full.password), "p@ss");
        let bare = Address::parse("postgresql://me@localhost/money").unwrap();
        assert_eq!((bare.port, bare.password.as_str()), (5432, ""));
    }

    #[test]
    fn what_is_no_url_is_refused() {
        for odd in ["", "localhost/money", "mysql://me@localhost/money", "postgres://me@localhost", "postgres://me@/x"]
        {
            assert!(Address::parse(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn a_stray_percent_sign_is_kept() {
        assert_eq!(unescape("100%"), "100%");
        assert_eq!(unescape("a%zzb"), "a%zzb");
    }
}
