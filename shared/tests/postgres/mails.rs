//! Mails about budgets and logins, and how a kind of mail is switched off.

use crate::{
    budgets::put,
    support::{
        Fresh, NOW, call, create,
        post::{deliver, wants},
    },
};
use serde_json::{Value, json};
use shared::{
    domain::{
        auth::Me,
        mails::{self, Kind, Letter},
    },
    platform::{
        db::{Db, Tx},
        fields::Fields,
        http::Reply,
        jwt::sha256,
    },
};
use time::Duration;
use uuid::Uuid;

const CATEGORY: &str = "<script>alert(1)</script>";

/// A user with a budget of 100 in March.
async fn spender(switches: &[&str]) -> (Fresh, Db, Me) {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    wants(&fresh, &me, "UTC", switches).await;
    let budget = json!({"category": CATEGORY, "amount": "100", "start_date": "2026-03-01", "end_date": "2026-03-31", "currency": "USD"});
    put(&db, &me, &budget).await.unwrap();
    (fresh, db, me)
}

async fn spend(db: &Db, me: &Me, amount: &str) -> Uuid {
    let new = json!({"amount": amount, "date": "2026-03-15", "merchant_raw": "x", "category": CATEGORY});
    create(db, me, &new).await.id
}

async fn waiting(fresh: &Fresh) -> Vec<Uuid> {
    let ids = "SELECT id FROM mails ORDER BY id";
    sqlx::query_scalar(ids).fetch_all(&mut fresh.admin().await).await.unwrap()
}

/// Finds what waits as the sweep does, and sends it.
async fn swept(db: &Db) -> Vec<Letter> {
    let found = db.tx(async |tx: &mut Tx| mails::unsent(tx, NOW + Duration::SECOND).await).await.unwrap();
    let mut sent = Vec::new();
    for id in found {
        sent.extend(deliver(db, id, NOW + Duration::SECOND).await.unwrap());
    }
    sent
}

#[tokio::test]
async fn a_budget_that_is_used_up_is_mailed_of_once_by_period_and_level() {
    let (fresh, db, me) = spender(&["budget_mails"]).await;
    spend(&db, &me, "99.99").await;
    assert!(waiting(&fresh).await.is_empty(), "nearly is not mailed of");
    spend(&db, &me, "0.01").await;
    let sent = swept(&db).await;
    assert_eq!(sent.len(), 1, "the next sweep finds it");
    assert_eq!(sent[0].subject, format!("Your budget for {CATEGORY} is used up"));
    assert!(
        sent[0].text.contains("100.00 of 100.00 USD (100 % · 0.00 USD left · until Tue 31 March)"),
        "{}",
        sent[0].text
    );
    assert!(!sent[0].html.contains("<script") && sent[0].html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    spend(&db, &me, "5.00").await;
    assert!(waiting(&fresh).await.is_empty(), "the same level");
    // A refund re-arms the alert and not the mail.
    spend(&db, &me, "-50.00").await;
    spend(&db, &me, "50.00").await;
    assert!(waiting(&fresh).await.is_empty(), "the same level again");
    spend(&db, &me, "5.00").await;
    let sent = swept(&db).await;
    assert_eq!(sent.len(), 1, "the next level");
    assert_eq!(sent[0].subject, format!("Your budget for {CATEGORY} is exceeded"));
    assert!(sent[0].text.starts_with("You spent 10.00 USD more on"), "{}", sent[0].text);
    spend(&db, &me, "500.00").await;
    assert!(waiting(&fresh).await.is_empty());
    let told = "SELECT count(*) FROM events WHERE type = 'budget_alert'";
    let told: i64 = sqlx::query_scalar(told).fetch_one(&mut fresh.admin().await).await.unwrap();
    assert!(told > 2, "frames go on by their own rule: {told}");
}

#[tokio::test]
async fn must_hold_28_a_jump_to_150_percent_writes_one_mail_also_of_sixteen_at_once() {
    let (fresh, _, me) = spender(&["budget_mails"]).await;
    let all = fresh.warm::<16>().await;
    let (fresh, me) = (&fresh, &me);
    futures_util::future::join_all(all.iter().map(async |db| spend(db, me, "150.00").await)).await;
    assert_eq!(waiting(fresh).await.len(), 1);
}

#[tokio::test]
async fn a_budget_is_mailed_of_to_who_wants_that_at_a_proven_address() {
    let (fresh, db, me) = spender(&["weekly_summary"]).await;
    spend(&db, &me, "150.00").await;
    assert!(waiting(&fresh).await.is_empty(), "off unless switched on");
    let (fresh, db, me) = spender(&["budget_mails"]).await;
    let unproven = "UPDATE users SET is_verified = false WHERE id = $1";
    sqlx::query(unproven).bind(me.user_id).execute(&mut fresh.admin().await).await.unwrap();
    spend(&db, &me, "150.00").await;
    assert!(waiting(&fresh).await.is_empty());
}

#[tokio::test]
async fn a_budget_that_was_mended_before_the_mail_went_out_is_not_mailed_of() {
    let (fresh, db, me) = spender(&["budget_mails"]).await;
    spend(&db, &me, "150.00").await;
    spend(&db, &me, "-60.00").await;
    assert_eq!(waiting(&fresh).await.len(), 1);
    assert!(swept(&db).await.is_empty());
    assert!(waiting(&fresh).await.is_empty());
}

/// A budget's mail, and the token of its link.
async fn link() -> (Fresh, Db, Me, String) {
    let (fresh, db, me) = spender(&["budget_mails", "weekly_summary"]).await;
    spend(&db, &me, "150.00").await;
    let sent = swept(&db).await;
    let link = sent[0].unsubscribe.clone().unwrap();
    let token = link.strip_prefix("https://api.example.com/v1/mail/unsubscribe?token=").unwrap().to_owned();
    assert!(sent[0].text.contains(&link) && sent[0].html.contains(&link), "both parts have it");
    (fresh, db, me, token)
}

fn asked(token: &str) -> mails::Link {
    Fields::from_query(&format!("token={token}")).and_then(Fields::read).unwrap()
}

async fn off(db: &Db, me: &Me, token: &str) -> Reply {
    mails::unsubscribe(db, &call(me, "List-Unsubscribe=One-Click", None), &asked(token)).await.unwrap()
}

async fn preferences(fresh: &Fresh, me: &Me) -> (Value, i64) {
    let asked = sqlx::query_as("SELECT preferences -> 'notifications', revision FROM users WHERE id = $1");
    asked.bind(me.user_id).fetch_one(&mut fresh.admin().await).await.unwrap()
}

#[tokio::test]
async fn one_click_switches_one_kind_off_and_again_does_nothing() {
    let (fresh, db, me, token) = link().await;
    let stored: Vec<Vec<u8>> = sqlx::query_scalar("SELECT token_hash FROM unsubscribe_tokens")
        .fetch_all(&mut fresh.admin().await)
        .await
        .unwrap();
    assert_eq!((token.len(), stored), (43, vec![sha256(token.as_bytes()).to_vec()]), "its hash is all that is kept");
    for _ in 0..3 {
        let reply = off(&db, &me, &token).await;
        assert_eq!(reply.status, 200);
        assert!(reply.body.contains("No more mails about budgets"), "{}", reply.body);
    }
    assert_eq!(preferences(&fresh, &me).await, (json!({"weekly_summary": true}), 2), "changed once");
    let audited: Vec<(String, String)> =
        sqlx::query_as("SELECT action, target FROM audit_log").fetch_all(&mut fresh.admin().await).await.unwrap();
    assert_eq!(audited, [("mail.unsubscribed".to_owned(), "budget_mails".to_owned())]);
    // On again by its owner, the same link works once more.
    wants(&fresh, &me, "UTC", &["budget_mails"]).await;
    assert_eq!(off(&db, &me, &token).await.status, 200);
    assert_eq!(preferences(&fresh, &me).await.0, json!({}));
}

#[tokio::test]
async fn following_the_link_alone_switches_nothing_off() {
    let (fresh, _, me, token) = link().await;
    let before = preferences(&fresh, &me).await;
    let page = mails::ask(&fresh.read_db(), &asked(&token)).await.unwrap();
    assert_eq!(page.status, 200);
    assert!(
        page.body.contains(r#"<form method="post">"#) && page.body.contains("mails about budgets"),
        "{}",
        page.body
    );
    assert_eq!(preferences(&fresh, &me).await, before);
}

#[tokio::test]
async fn a_link_that_nobody_knows_or_of_a_closed_account_does_nothing() {
    let (fresh, db, me, token) = link().await;
    for wrong in ["x", &token[1..], &format!("{token}x")] {
        assert_eq!(off(&db, &me, wrong).await.status, 404, "{wrong}");
        assert_eq!(mails::ask(&fresh.read_db(), &asked(wrong)).await.unwrap().status, 404, "{wrong}");
    }
    let closed = "UPDATE users SET is_active = false WHERE id = $1";
    sqlx::query(closed).bind(me.user_id).execute(&mut fresh.admin().await).await.unwrap();
    assert_eq!(off(&db, &me, &token).await.status, 404);
    assert_eq!(preferences(&fresh, &me).await.1, 1);
}

#[tokio::test]
async fn mails_about_the_account_cannot_be_switched_off() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let email = format!("{}@example.com", me.user_id);
    for kind in [Kind::VerifyEmail, Kind::ResetPassword, Kind::PasswordChanged, Kind::ManyFailures, Kind::ManySignIns] {
        let id = db.tx(async |tx: &mut Tx| mails::write(tx, kind, &email, Some(me.user_id), NOW).await).await.unwrap();
        let sent = deliver(&db, id, NOW).await.unwrap();
        assert_eq!(sent[0].unsubscribe, None, "{kind:?}");
        assert!(!sent[0].text.contains("unsubscribe") && !sent[0].html.contains("unsubscribe"), "{kind:?}");
    }
}

#[tokio::test]
async fn what_may_come_once_in_an_hour_does_also_of_sixteen_at_once() {
    let fresh = Fresh::new().await;
    let (all, me) = (fresh.warm::<16>().await, fresh.user().await);
    let written = async |minutes: i64| {
        let now = NOW + Duration::minutes(minutes);
        let one = async |db: &Db| {
            let write = async |tx: &mut Tx| {
                mails::write_hourly(tx, Kind::ManySignIns, "ada@example.com", me.user_id, now).await
            };
            db.tx(write).await.unwrap()
        };
        futures_util::future::join_all(all.iter().map(one)).await.into_iter().flatten().count()
    };
    assert_eq!(written(0).await, 1);
    assert_eq!(written(59).await, 0);
    assert_eq!(written(60).await, 1);
}
