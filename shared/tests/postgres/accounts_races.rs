//! Sixteen at the same moment, a hundred times: one wins.

use crate::support::{Fresh, ROUNDS, at_once, body, call, keys};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;
use shared::{
    domain::auth::{Me, Registration, create_account, next_pair, reset_by_link, tokens::RefreshClaims},
    platform::{db::Tx, jwt::sha256},
};
use time::Duration;
use uuid::Uuid;

const HASH: &str = "$2b$04$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuabcdefghijk";

#[tokio::test]
async fn must_hold_13_of_sixteen_registrations_of_an_address_one_wins() {
    let fresh = Fresh::new().await;
    let (all, keys, nobody) = (fresh.warm::<16>().await, keys(), fresh.user().await);
    for round in 0..ROUNDS {
        let results = at_once(&all, async |db| {
            // In as many spellings as there are: case does not count.
            let email = if Uuid::now_v7().as_u128().is_multiple_of(2) { "Ada" } else { "aDA" };
            let new = json!({"email": format!("{email}{round}@example.com"), "password": "a long password", "full_name": "Ada"});
            let new = body::<Registration>(&new).hashed(HASH.into());
            db.tx(async |tx: &mut Tx| create_account(tx, &keys, &call(&nobody, "", None), &new).await).await
        })
        .await;
        let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
        assert_eq!(won.len(), 1, "round {round}");
        assert!(lost.iter().all(|lost| lost.as_ref().err().unwrap().code == "email_taken"), "round {round}");
    }
}

#[tokio::test]
async fn must_hold_09_of_sixteen_uses_of_a_reset_link_one_wins() {
    let fresh = Fresh::new().await;
    let (all, me) = (fresh.warm::<16>().await, fresh.user().await);
    let mut conn = fresh.admin().await;
    for round in 0..ROUNDS {
        let token = format!("token {round}");
        sqlx::query(
            "INSERT INTO single_use_tokens (user_id, id, purpose, token_hash, email, created_at, expires_at)
             SELECT id, gen_random_uuid(), 'reset_password', $2, email, $3, $4 FROM users WHERE id = $1",
        )
        .bind(me.user_id)
        .bind(sha256(token.as_bytes()).as_slice())
        .bind(me.now)
        .bind(me.now + Duration::HOUR)
        .execute(&mut conn)
        .await
        .unwrap();
        let results = at_once(&all, async |db| {
            db.tx(async |tx: &mut Tx| reset_by_link(tx, &call(&me, "", None), &token, HASH).await).await
        })
        .await;
        let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
        assert_eq!(won.len(), 1, "round {round}");
        assert!(
            lost.iter().all(|lost| lost.as_ref().err().unwrap().errors[0].code == "invalid_token"),
            "round {round}"
        );
    }
    let done: i64 = sqlx::query_scalar("SELECT count(*) FROM audit_log WHERE action = 'auth.password_reset'")
        .fetch_one(&mut conn)
        .await
        .unwrap();
    assert_eq!(usize::try_from(done).unwrap(), ROUNDS);
}

/// What a refresh token says, and its secret.
fn id(token: &str) -> (RefreshClaims, String) {
    let part = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let said: serde_json::Value = serde_json::from_slice(&part).unwrap();
    (serde_json::from_slice(&part).unwrap(), said["jti"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn must_hold_04_of_sixteen_refreshes_of_a_token_one_rotates_and_all_get_its_successor() {
    let fresh = Fresh::new().await;
    let (all, keys, me) = (fresh.warm::<16>().await, keys(), fresh.user().await);
    let new = json!({"email": "ada@example.com", "password": "a long password", "full_name": "Ada"});
    let new = body::<Registration>(&new).hashed(HASH.into());
    let db = fresh.db();
    let made = db.tx(async |tx: &mut Tx| create_account(tx, &keys, &call(&me, "", None), &new).await).await.unwrap();
    let (mut token, mut seen) = (id(&made.tokens.refresh_token), Vec::new());
    for round in 0..ROUNDS {
        let results = at_once(&all, async |db| {
            db.tx(async |tx: &mut Tx| next_pair(tx, &keys, &call(&me, "", None), &token.0).await).await
        })
        .await;
        let next: Vec<_> =
            results.into_iter().map(|pair| id(&pair.unwrap().expect("not taken for theft").refresh_token)).collect();
        assert!(next.iter().all(|one| one.1 == next[0].1), "round {round}: more than one successor");
        seen.push(std::mem::replace(&mut token, next[0].clone()).1);
        assert!(!seen.contains(&token.1), "round {round}: nobody rotated");
    }
    let standing: i64 = sqlx::query_scalar("SELECT count(*) FROM sessions WHERE revoked_at IS NULL")
        .fetch_one(&mut fresh.admin().await)
        .await
        .unwrap();
    assert_eq!(standing, 2, "the session and another user's: nobody was logged out");
}

#[tokio::test]
async fn must_hold_03_04_a_refresh_token_used_again_after_ten_seconds_ends_its_session_and_that_is_on_record() {
    let fresh = Fresh::new().await;
    let (db, keys, me) = (fresh.db(), keys(), fresh.user().await);
    for (seconds, goes_on) in [(10, true), (11, false)] {
        let new = json!({"email": format!("{seconds}@example.com"), "password": "a long password", "full_name": "Ada"});
        let new = body::<Registration>(&new).hashed(HASH.into());
        let made =
            db.tx(async |tx: &mut Tx| create_account(tx, &keys, &call(&me, "", None), &new).await).await.unwrap();
        let first = id(&made.tokens.refresh_token).0;
        let next = async |claims: &RefreshClaims, after: i64| {
            let me = Me { now: me.now + Duration::seconds(after), ..me.clone() };
            db.tx(async |tx: &mut Tx| next_pair(tx, &keys, &call(&me, "", None), claims).await).await
        };
        let second = next(&first, 0).await.unwrap().unwrap();
        // At the very end of the time for which an answer may have been lost, and a second later.
        let again = next(&first, seconds).await.unwrap();
        assert_eq!(again.map(|pair| pair.refresh_token), goes_on.then(|| second.refresh_token.clone()), "{seconds}");
        assert_eq!(next(&id(&second.refresh_token).0, seconds).await.is_ok_and(|pair| pair.is_some()), goes_on);
        let on_record: i64 = sqlx::query_scalar("SELECT count(*) FROM audit_log WHERE action = 'auth.refresh_reused'")
            .fetch_one(&mut fresh.admin().await)
            .await
            .unwrap();
        assert_eq!(on_record, i64::from(!goes_on), "{seconds}");
    }
}
