//! `seed`: the database of a busy installation, to try things at its size.

use crate::scale;
use anyhow::{Context, Result, anyhow};
use clap::Args;
use shared::{
    domain::auth::Password,
    platform::{fields::Field, jwt::random},
};
use sqlx::{Connection, PgConnection};

#[derive(Args)]
#[group(required = true)]
pub struct Options {
    /// Two million transactions: users of 4,500, 100,000 and 1,000,000, and a thousand more; 100,000 merchants
    #[arg(long)]
    scale: bool,
    /// Merchants until there are so many, with three names each beside their own
    #[arg(long)]
    merchants: Option<i64>,
}

/// Fills the database. What is there already stays, but for the passwords of made-up users: they are printed once.
pub async fn run(url: &str, options: &Options) -> Result<()> {
    let mut conn = PgConnection::connect(url).await.context("cannot connect to DATABASE_URL")?;
    let merchants = options.merchants.unwrap_or(scale::MERCHANTS);
    eprintln!("merchants: {merchants}, of those that are missing");
    scale::merchants(&mut conn, merchants).await?;
    if !options.scale {
        return Ok(());
    }
    let drawn = random::<8>().map_err(|problem| anyhow!("{problem}"))?;
    let password = format!("scale-{:016x}", u64::from_be_bytes(drawn));
    let hash = Password::from_text(&password).map_err(|fault| anyhow!("{}", fault.detail))?.hash();
    let hash = hash.map_err(|problem| anyhow!("{problem}"))?;
    if !scale::ledgers(&mut conn, scale::FULL, &hash).await? {
        sqlx::query("UPDATE users SET hashed_password = $1 WHERE email LIKE 'scale-%@example.com'")
            .bind(&hash)
            .execute(&mut conn)
            .await?;
        eprintln!("the users are there already: they have a new password now");
    }
    let ones = scale::FULL.iter().filter(|(count, _)| *count == 1);
    let addresses: Vec<_> = ones.map(|(_, rows)| scale::email(*rows)).collect();
    println!("log in as {} with the password {password}:", addresses.join(", "));
    let body = serde_json::json!({"email": addresses.last(), "password": password});
    println!("  curl -s \"$API_URL/auth/login\" -H 'content-type: application/json' -d '{body}'");
    Ok(())
}
