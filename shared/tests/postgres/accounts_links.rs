//! Mailed links: how long, for whom and how often they work, and how the mails with them are sent.

use crate::support::{
    Fresh, NOW, call, later,
    post::{addresses, deliver},
};
use shared::{
    domain::{
        auth::{AN_HOUR, Me, link_of_mail, reset_by_link, verify_by_link},
        mails::{self, Kind, Letter},
    },
    platform::{
        db::{Db, Tx},
        jwt::sha256,
        problem::Problem,
    },
};
use std::pin::pin;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

const HASH: &str = "$2b$04$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuabcdefghijk";

/// Writes a mail down and sends it; the letters that went out.
async fn post(db: &Db, kind: Kind, email: &str, user_id: Option<Uuid>, now: OffsetDateTime) -> Vec<Letter> {
    let id = db.tx(async |tx: &mut Tx| mails::write(tx, kind, email, user_id, now).await).await.unwrap();
    deliver(db, id, now).await.unwrap()
}

fn token(letter: &Letter) -> String {
    let (_, rest) = letter.text.split_once("token=").expect("a link in the mail");
    rest.split_whitespace().next().unwrap().to_owned()
}

async fn address(fresh: &Fresh, me: &Me) -> String {
    sqlx::query_scalar("SELECT email FROM users WHERE id = $1")
        .bind(me.user_id)
        .fetch_one(&mut fresh.admin().await)
        .await
        .unwrap()
}

async fn set(fresh: &Fresh, me: &Me, sql: &'static str) {
    sqlx::query(sql).bind(me.user_id).execute(&mut fresh.admin().await).await.unwrap();
}

async fn reset(db: &Db, me: &Me, token: &str) -> Result<(), Problem> {
    db.tx(async |tx: &mut Tx| reset_by_link(tx, &call(me, "", None), token, HASH).await.map(drop)).await
}

async fn verify(db: &Db, me: &Me, token: &str) -> Result<(), Problem> {
    db.tx(async |tx: &mut Tx| verify_by_link(tx, &call(me, "", None), token).await.map(drop)).await
}

fn code(result: Result<(), Problem>) -> String {
    result.err().map_or_else(|| "accepted".into(), |problem| problem.errors[0].code.to_string())
}

#[tokio::test]
async fn must_hold_09_a_reset_link_works_once_and_for_an_hour() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let email = address(&fresh, &me).await;
    let ask = async || token(&post(&db, Kind::ResetPassword, &email.to_uppercase(), None, NOW).await[0]);
    let first = ask().await;
    assert_eq!(first.len(), 43, "32 random bytes");
    let stored: Vec<Vec<u8>> = sqlx::query_scalar("SELECT token_hash FROM single_use_tokens")
        .fetch_all(&mut fresh.admin().await)
        .await
        .unwrap();
    assert_eq!(stored, [sha256(first.as_bytes())], "its hash is all that is kept");

    assert_eq!(code(reset(&db, &later(&me, 60), &first).await), "invalid_token", "after an hour");
    assert_eq!(code(verify(&db, &me, &first).await), "invalid_token", "and for nothing else");
    let second = ask().await;
    assert_ne!(first, second);
    reset(&db, &later(&me, 59), &first).await.unwrap();
    assert_eq!(code(reset(&db, &me, &first).await), "invalid_token", "twice");
    assert_eq!(code(reset(&db, &me, &second).await), "invalid_token", "another one, after the password was set");
}

#[tokio::test]
async fn must_hold_09_a_link_for_an_address_works_for_a_day() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let email = address(&fresh, &me).await;
    let link = token(&post(&db, Kind::VerifyEmail, &email, Some(me.user_id), NOW).await[0]);
    assert_eq!(code(reset(&db, &me, &link).await), "invalid_token", "it sets no password");
    assert_eq!(code(verify(&db, &later(&me, 24 * 60), &link).await), "invalid_token");
    verify(&db, &later(&me, 24 * 60 - 1), &link).await.unwrap();
    assert_eq!(code(verify(&db, &me, &link).await), "invalid_token");
    assert!(post(&db, Kind::VerifyEmail, &email, Some(me.user_id), NOW).await.is_empty(), "nothing is left to prove");
}

#[tokio::test]
async fn must_hold_09_links_are_void_after_a_change_of_address() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let (email, user) = (address(&fresh, &me).await, Some(me.user_id));
    let forgotten = token(&post(&db, Kind::ResetPassword, &email, None, NOW).await[0]);
    let own = token(&post(&db, Kind::VerifyEmail, &email, user, NOW).await[0]);
    set(&fresh, &me, "UPDATE users SET pending_email = 'first@example.com' WHERE id = $1").await;
    let given_up = token(&post(&db, Kind::ChangeEmail, "first@example.com", user, NOW).await[0]);
    set(&fresh, &me, "UPDATE users SET pending_email = 'next@example.com' WHERE id = $1").await;
    assert!(post(&db, Kind::ChangeEmail, "first@example.com", user, NOW).await.is_empty(), "that change was given up");
    let next = post(&db, Kind::ChangeEmail, "next@example.com", user, NOW).await;
    assert_eq!(next[0].to, "next@example.com");

    assert_eq!(code(verify(&db, &me, &given_up).await), "invalid_token", "another change took its place");
    verify(&db, &me, &token(&next[0])).await.unwrap();
    assert_eq!(address(&fresh, &me).await, "next@example.com");
    assert_eq!(code(reset(&db, &me, &forgotten).await), "invalid_token", "sent to the old address");
    assert_eq!(code(verify(&db, &me, &own).await), "invalid_token", "sent to the old address");
    let told: Vec<String> = sqlx::query_scalar("SELECT email FROM mails WHERE kind = 'email_changed'")
        .fetch_all(&mut fresh.admin().await)
        .await
        .unwrap();
    assert_eq!(told, [email], "the old address is told");
}

#[tokio::test]
async fn must_hold_09_a_link_opens_nothing_once_the_address_it_was_sent_to_is_another() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let email = address(&fresh, &me).await;
    let forgotten = token(&post(&db, Kind::ResetPassword, &email, None, NOW).await[0]);
    let own = token(&post(&db, Kind::VerifyEmail, &email, Some(me.user_id), NOW).await[0]);
    // By hand: nobody made the links void.
    set(&fresh, &me, "UPDATE users SET email = 'mended@example.com' WHERE id = $1").await;
    assert_eq!(code(reset(&db, &me, &forgotten).await), "invalid_token");
    assert_eq!(code(verify(&db, &me, &own).await), "invalid_token");
    set(&fresh, &me, "UPDATE users SET email = id || '@example.com' WHERE id = $1").await;
    reset(&db, &me, &forgotten).await.unwrap();
}

#[tokio::test]
async fn must_hold_09_links_are_void_after_a_change_of_password() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let email = address(&fresh, &me).await;
    set(&fresh, &me, "UPDATE users SET pending_email = 'thief@example.com' WHERE id = $1").await;
    let thiefs = token(&post(&db, Kind::ChangeEmail, "thief@example.com", Some(me.user_id), NOW).await[0]);
    let forgotten = token(&post(&db, Kind::ResetPassword, &email, None, NOW).await[0]);
    reset(&db, &me, &forgotten).await.unwrap();
    assert_eq!(code(verify(&db, &me, &thiefs).await), "invalid_token", "whoever knew the old password asked for it");
    let pending: Option<String> = sqlx::query_scalar("SELECT pending_email FROM users WHERE id = $1")
        .bind(me.user_id)
        .fetch_one(&mut fresh.admin().await)
        .await
        .unwrap();
    assert_eq!(pending, None);
}

#[tokio::test]
async fn must_hold_12_an_account_is_sent_a_few_links_an_hour_however_many_are_asked_for() {
    let fresh = Fresh::new().await;
    let (db, me, other) = (fresh.db(), fresh.user().await, fresh.user().await);
    let email = address(&fresh, &me).await;
    let ask = async |email: &str, now| post(&db, Kind::ResetPassword, email, None, now).await.len();
    for _ in 0..AN_HOUR {
        assert_eq!(ask(&email, NOW).await, 1);
    }
    assert_eq!(ask(&email, NOW).await, 0);
    assert_eq!(ask(&email, NOW + Duration::minutes(59)).await, 0);
    assert_eq!(ask(&address(&fresh, &other).await, NOW).await, 1, "others get theirs");
    let first: i64 =
        sqlx::query_scalar("SELECT count(*) FROM single_use_tokens WHERE user_id = $1 AND used_at IS NULL")
            .bind(me.user_id)
            .fetch_one(&mut fresh.admin().await)
            .await
            .unwrap();
    assert_eq!(first, AN_HOUR, "and those that were sent still work: nobody is locked out");
    assert_eq!(ask(&email, NOW + Duration::minutes(61)).await, 1);
}

#[tokio::test]
async fn must_hold_08_an_address_without_an_account_leaves_nothing_behind() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    assert!(post(&db, Kind::ResetPassword, "nobody@example.com", None, NOW).await.is_empty());
    assert!(post(&db, Kind::ManyFailures, "nobody@example.com", None, NOW).await.is_empty());
    let email = address(&fresh, &me).await;
    set(&fresh, &me, "UPDATE users SET is_active = false WHERE id = $1").await;
    assert!(post(&db, Kind::ResetPassword, &email, None, NOW).await.is_empty(), "nor does a disabled one");
    let left: i64 =
        sqlx::query_scalar("SELECT (SELECT count(*) FROM mails) + (SELECT count(*) FROM single_use_tokens)")
            .fetch_one(&mut fresh.admin().await)
            .await
            .unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn must_hold_33_a_mail_is_sent_once_and_again_when_sending_failed() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let user = Some(me.user_id);
    let write = async || {
        let email = address(&fresh, &me).await;
        db.tx(async |tx: &mut Tx| mails::write(tx, Kind::PasswordChanged, &email, user, NOW).await).await.unwrap()
    };
    let id = write().await;
    assert_eq!(deliver(&db, id, NOW).await.unwrap().len(), 1);
    assert!(deliver(&db, id, NOW).await.unwrap().is_empty(), "a message that comes twice");

    let (id, other) = (write().await, fresh.db());
    let both = futures_util::future::join(deliver(&db, id, NOW), deliver(&other, id, NOW)).await;
    assert_eq!(both.0.unwrap().len() + both.1.unwrap().len(), 1, "twice at once");

    let id = write().await;
    let refuse = async |_: &Letter| Err(Problem::unavailable("away"));
    assert_eq!(mails::send_by(&db, &addresses(), link_of_mail, refuse, id, NOW).await.unwrap_err().status, 503);
    let found = async |minutes| {
        let now = NOW + Duration::minutes(minutes);
        db.tx(async |tx: &mut Tx| mails::unsent(tx, now).await).await.unwrap()
    };
    assert!(found(1).await.is_empty(), "its task tries again");
    assert_eq!(found(2).await, [id], "if that is lost, the sweeper finds it");
    assert_eq!(deliver(&db, id, NOW).await.unwrap().len(), 1, "the next try need not wait");
    assert!(found(99).await.is_empty());

    let id = write().await;
    let to = addresses();
    let killed = async |_: &Letter| futures_util::future::pending().await;
    let sending = pin!(mails::send_by(&db, &to, link_of_mail, killed, id, NOW));
    assert!(tokio::time::timeout(std::time::Duration::from_secs(1), sending).await.is_err());
    assert!(deliver(&db, id, NOW).await.unwrap().is_empty(), "whoever tries it has a while");
    assert!(found(5).await.is_empty());
    assert_eq!(found(7).await, [id], "then the sweeper finds it");
    assert_eq!(deliver(&db, id, NOW + Duration::minutes(7)).await.unwrap().len(), 1);

    let id = write().await;
    assert!(found(0).await.is_empty(), "its own task is on the way");
    assert_eq!(found(2).await, [id]);
    for _ in 0..3 {
        assert_eq!(mails::send_by(&db, &addresses(), link_of_mail, refuse, id, NOW).await.unwrap_err().status, 503);
    }
    assert!(found(999).await.is_empty(), "its task is among the dead letters");
    assert_eq!(deliver(&db, id, NOW).await.unwrap().len(), 1, "and was sent back by hand");
}

#[tokio::test]
async fn a_mail_of_a_kind_that_is_not_known_yet_waits_for_who_knows_it() {
    let fresh = Fresh::new().await;
    let (db, mut conn) = (fresh.db(), fresh.admin().await);
    let id = Uuid::now_v7();
    sqlx::query(
        "INSERT INTO mails (id, kind, email, due_at, created_at) VALUES ($1, 'newer', 'ada@example.com', $2, $2)",
    )
    .bind(id)
    .bind(NOW)
    .execute(&mut conn)
    .await
    .unwrap();
    assert_eq!(deliver(&db, id, NOW).await.unwrap_err().status, 500);
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM mails").fetch_one(&mut conn).await.unwrap();
    assert_eq!(left, 1);
}
