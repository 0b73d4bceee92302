//! Sending mails to where tests look.

use super::Fresh;
use shared::{
    domain::{
        auth::{Me, link_of_mail},
        mails::{self, Addresses, Letter, Summary},
    },
    platform::{db::Db, problem::Problem, queue::Ran},
};
use std::{
    cell::RefCell,
    time::{Duration, Instant},
};
use time::OffsetDateTime;
use uuid::Uuid;

pub fn addresses() -> Addresses {
    Addresses { app: "https://app.example.com".into(), api: "https://api.example.com/v1".into() }
}

/// Sends a mail; the letters that went out.
pub async fn deliver(db: &Db, id: Uuid, now: OffsetDateTime) -> Result<Vec<Letter>, Problem> {
    let sent = RefCell::new(Vec::new());
    let post = async |letter: &Letter| {
        sent.borrow_mut().push(letter.clone());
        Ok(())
    };
    mails::send_by(db, &addresses(), link_of_mail, post, id, now).await?;
    Ok(sent.into_inner())
}

/// Writes down the summaries that are due; their mails.
pub async fn write_due(db: &Db, summary: Summary, now: OffsetDateTime) -> Vec<Uuid> {
    let told = RefCell::new(Vec::new());
    let deadline = Instant::now() + Duration::from_mins(2);
    let tell = async |mails: Vec<Uuid>| told.borrow_mut().extend(mails);
    assert_eq!(mails::write_due(db, summary, tell, now, deadline).await.unwrap(), Ran::Done);
    told.into_inner()
}

/// Has a user live in that zone, with a proven address and these switches.
pub async fn wants(fresh: &Fresh, me: &Me, zone: &str, switches: &[&str]) {
    let switches: serde_json::Map<_, _> = switches.iter().map(|name| ((*name).to_owned(), true.into())).collect();
    let preferences = serde_json::json!({"timezone": zone, "currency": "EUR", "notifications": switches});
    sqlx::query("UPDATE users SET is_verified = true, preferences = $2 WHERE id = $1")
        .bind(me.user_id)
        .bind(preferences)
        .execute(&mut fresh.admin().await)
        .await
        .unwrap();
}
