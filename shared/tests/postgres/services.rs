//! Tokens of other teams' programs, and the corrections that are handed over to them.

use crate::support::{Fresh, body, call, create, keys, later};
use serde_json::{Value, json};
use shared::{
    domain::{
        auth::Me,
        services::{self, NewToken, Token},
        transactions::{self, Corrections},
    },
    platform::{
        db::{Db, Tx},
        fields::Fields,
        http::Call,
        jwt::sha256,
        problem::Problem,
    },
};
use uuid::Uuid;

async fn issue(db: &Db, me: &Me, scopes: &[&str], expires_at: Option<&str>) -> Result<(Token, String), Problem> {
    let new: NewToken = body(&json!({"name": "training", "scopes": scopes, "expires_at": expires_at}));
    let call = call(me, "", None);
    db.tx(async |tx: &mut Tx| services::issue(tx, me, &call, &new).await).await
}

async fn revoke(db: &Db, me: &Me, id: Uuid) -> Result<(), Problem> {
    let call = call(me, "", None);
    db.tx(async |tx: &mut Tx| services::revoke(tx, me, &call, id).await).await
}

/// A program's call as the gate lets it through.
fn asking(me: &Me, token: &str, scope: &'static str) -> Call {
    let mut call = call(me, "", None);
    call.claims = None;
    (call.scope, call.service) = (Some(scope), Some(sha256(token.as_bytes())));
    call
}

async fn status(db: &Db, me: &Me, token: &str, scope: &'static str) -> u16 {
    let done = services::with_service(db, &asking(me, token, scope), async |_: &mut Tx| Ok(())).await;
    done.err().map_or(200, |problem| problem.status)
}

#[tokio::test]
async fn a_program_may_do_what_its_token_was_made_for_and_nothing_else() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    for scope in services::SCOPES {
        let (_, token) = issue(&db, &me, &[scope], None).await.unwrap();
        for asked in services::SCOPES {
            let expected = if asked == scope { 200 } else { 403 };
            assert_eq!(status(&db, &me, &token, asked).await, expected, "{scope} for {asked}");
        }
    }
    let (both, token) = issue(&db, &me, &["anchors:write", "corrections:read", "anchors:write"], None).await.unwrap();
    assert_eq!(both.scopes, ["anchors:write", "corrections:read"]);
    assert_eq!(status(&db, &me, &token, "corrections:read").await, 200);
    for bad in [json!([]), json!(["corrections"]), json!("corrections:read"), json!([1]), json!(["admin"])] {
        let body = json!({"name": "x", "scopes": bad}).to_string();
        assert!(Fields::from_json(body.as_bytes()).and_then(Fields::read::<NewToken>).is_err(), "{body}");
    }
}

#[tokio::test]
async fn a_token_opens_nothing_once_it_was_revoked_or_has_ended() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let scope = "anchors:write";
    let (kept, token) = issue(&db, &me, &[scope], Some("2026-03-15T13:00:00Z")).await.unwrap();
    assert_eq!(status(&db, &later(&me, 59), &token, scope).await, 200);
    assert_eq!(status(&db, &later(&me, 60), &token, scope).await, 401);
    assert_eq!(issue(&db, &me, &[scope], Some("2026-03-15T12:00:00Z")).await.unwrap_err().status, 422);
    revoke(&db, &me, kept.id).await.unwrap();
    assert_eq!(status(&db, &me, &token, scope).await, 401);
    revoke(&db, &later(&me, 5), kept.id).await.unwrap();
    assert_eq!(revoke(&db, &me, Uuid::now_v7()).await.unwrap_err().status, 404);
    for other in ["tbs_", &token[..token.len() - 1], &format!("{token}A")] {
        assert_eq!(status(&db, &me, other, scope).await, 401, "{other}");
    }
    let audited: Vec<String> = sqlx::query_scalar("SELECT action FROM audit_log WHERE target = $1 ORDER BY id")
        .bind(kept.id.to_string())
        .fetch_all(&mut fresh.admin().await)
        .await
        .unwrap();
    assert_eq!(audited, ["service_token.created", "service_token.revoked"], "revoked once, whoever asks again");
}

#[tokio::test]
async fn only_the_hash_is_kept_and_no_two_tokens_are_alike() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let (_, token) = issue(&db, &me, &["anchors:write"], None).await.unwrap();
    let (_, other) = issue(&db, &me, &["anchors:write"], None).await.unwrap();
    assert_ne!(token, other);
    assert!(token.starts_with("tbs_") && token.len() == 4 + 43, "256 bits in base64: {token}");
    let rows: Vec<String> = sqlx::query_scalar("SELECT row_to_json(t)::text FROM service_tokens t")
        .fetch_all(&mut fresh.admin().await)
        .await
        .unwrap();
    assert!(rows.iter().all(|row| !row.contains(&token[4..])));
}

#[tokio::test]
async fn its_use_is_noted_every_five_minutes_at_most() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let (kept, token) = issue(&db, &me, &["anchors:write"], None).await.unwrap();
    let mut conn = fresh.admin().await;
    let mut noted = Vec::new();
    for minutes in [0, 1, 5, 6, 30] {
        assert_eq!(status(&db, &later(&me, minutes), &token, "anchors:write").await, 200);
        let ago: i32 = sqlx::query_scalar(
            "SELECT (extract(epoch FROM last_used_at - created_at) / 60)::int FROM service_tokens WHERE id = $1",
        )
        .bind(kept.id)
        .fetch_one(&mut conn)
        .await
        .unwrap();
        noted.push(ago);
    }
    assert_eq!(noted, [0, 0, 0, 6, 30]);
}

async fn corrections(db: &Db, me: &Me, token: &str, asked: &str) -> Result<Corrections, Problem> {
    let asked = Fields::from_query(asked).and_then(Fields::read).unwrap();
    let call = asking(me, token, "corrections:read");
    services::with_service(db, &call, async |tx: &mut Tx| transactions::corrections(tx, &keys(), &call, &asked).await)
        .await
}

async fn correct(db: &Db, me: &Me, minutes: i64, category: &str) -> Uuid {
    let spent = json!({"amount": "1.00", "date": "2026-03-15", "merchant_raw": format!("SHOP {category}")});
    let transaction = create(db, me, &spent).await;
    let correction = body(&json!({"transaction_id": transaction.id, "new_category": category, "reason": "I know it"}));
    let (me, call) = (later(me, minutes), call(me, "", None));
    db.tx(async |tx: &mut Tx| transactions::correct(tx, &me, &call, &correction).await).await.unwrap();
    transaction.id
}

fn categories(page: &Corrections) -> Vec<&str> {
    page.data.iter().map(|one| one.new_category.as_str()).collect()
}

#[tokio::test]
async fn corrections_of_all_users_are_handed_over_once_each_the_oldest_first() {
    let fresh = Fresh::new().await;
    let (db, one, two) = (fresh.db(), fresh.user().await, fresh.user().await);
    let (_, token) = issue(&db, &one, &["corrections:read"], None).await.unwrap();
    let reader = later(&one, 60);
    let nothing = corrections(&db, &reader, &token, "").await.unwrap();
    assert!(nothing.data.is_empty() && nothing.next_cursor.is_none() && !nothing.has_more);
    let first = correct(&db, &one, 1, "a").await;
    for (user, minutes, category) in [(&two, 2, "b"), (&one, 2, "c"), (&two, 5, "d"), (&one, 30, "e")] {
        correct(&db, user, minutes, category).await;
    }
    let page = corrections(&db, &reader, &token, "limit=2").await.unwrap();
    assert_eq!((categories(&page), page.has_more), (vec!["a", "b"], true));
    let shown = json!(page.data[0]);
    let names: Vec<_> = shown.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "created_at",
            "id",
            "merchant_id",
            "merchant_key",
            "merchant_raw",
            "new_category",
            "old_category",
            "reason",
            "transaction_id",
            "user_id"
        ],
        "nobody's name and no amount"
    );
    assert_eq!((&shown["transaction_id"], &shown["user_id"]), (&json!(first), &json!(one.user_id)));
    assert_eq!((&shown["merchant_raw"], &shown["reason"]), (&json!("SHOP a"), &json!("I know it")));
    assert!(shown["merchant_key"].is_string());
    let next = format!("limit=500&cursor={}", page.next_cursor.unwrap());
    let page = corrections(&db, &reader, &token, &next).await.unwrap();
    assert_eq!((categories(&page), page.has_more), (vec!["c", "d", "e"], false));
    // Read to its end, the cursor stays good for what follows.
    let end = format!("cursor={}", page.next_cursor.clone().unwrap());
    let again = corrections(&db, &reader, &token, &end).await.unwrap();
    assert_eq!((again.data.len(), again.next_cursor), (0, page.next_cursor));
    correct(&db, &two, 40, "f").await;
    assert_eq!(categories(&corrections(&db, &reader, &token, &end).await.unwrap()), ["f"]);
    for bad in ["cursor=x", &next.replace("cursor=A", "cursor=B")] {
        assert_eq!(corrections(&db, &reader, &token, bad).await.unwrap_err().status, 422, "{bad}");
    }
}

#[tokio::test]
async fn must_hold_42_no_correction_appears_behind_a_cursor() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let (_, token) = issue(&db, &me, &["corrections:read"], None).await.unwrap();
    correct(&db, &me, 0, "early").await;
    // It came at the same moment and is committed only after the reader has looked.
    let read = async |minutes: i64, asked: &str| corrections(&db, &later(&me, minutes), &token, asked).await.unwrap();
    let at_once = read(0, "").await;
    assert!(at_once.data.is_empty(), "what others may still commit before is not handed over yet: {at_once:?}");
    correct(&db, &me, 0, "late").await;
    let mut all: Vec<Value> = Vec::new();
    let mut asked = "limit=1".to_owned();
    loop {
        let page = read(2, &asked).await;
        all.extend(page.data.iter().map(|one| json!(one.new_category)));
        if !page.has_more {
            break;
        }
        asked = format!("limit=1&cursor={}", page.next_cursor.unwrap());
    }
    assert_eq!(all, ["early", "late"]);
}
