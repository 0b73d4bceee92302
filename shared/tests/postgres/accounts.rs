//! Whose call it is: sessions, and the user's own day.

use crate::support::{Fresh, call, later};
use shared::{
    domain::auth::{Me, logout, profile, session_stands, with_user},
    platform::{
        db::{Role, Tx},
        problem::Problem,
    },
};
use time::{OffsetDateTime, macros::date, macros::datetime};

async fn who<R: Role>(db: &shared::platform::db::Postgres<R>, me: &Me) -> Result<Me, Problem> {
    with_user(db, &call(me, "", None), async |_: &mut Tx, me: &Me| Ok(me.clone())).await
}

async fn set(fresh: &Fresh, sql: &'static str, me: &Me) {
    sqlx::query(sql).bind(me.user_id).execute(&mut fresh.admin().await).await.unwrap();
}

#[tokio::test]
async fn must_hold_17_a_disabled_account_is_refused_at_once() {
    let fresh = Fresh::new().await;
    let (read, me) = (fresh.read_db(), fresh.user().await);
    assert_eq!(who(&read, &me).await.unwrap().user_id, me.user_id);
    set(&fresh, "UPDATE users SET is_active = false WHERE id = $1", &me).await;
    for refused in [who(&read, &me).await, who(&fresh.db(), &me).await] {
        let refused = refused.unwrap_err();
        assert_eq!((refused.status, refused.code), (401, "session_ended"));
    }
    assert!(!session_stands(&read, me.user_id, me.session_id, me.now).await.unwrap());
    set(&fresh, "UPDATE users SET is_active = true WHERE id = $1", &me).await;
    assert!(who(&read, &me).await.is_ok());
}

#[tokio::test]
async fn must_hold_05_a_session_ends_however_much_it_is_used() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    const DAY: i64 = 24 * 60;
    for day in 0..30 {
        assert!(who(&db, &later(&me, day * DAY)).await.is_ok(), "day {day}");
    }
    assert_eq!(who(&db, &later(&me, 30 * DAY)).await.unwrap_err().code, "session_ended");
}

#[tokio::test]
async fn must_hold_06_logging_out_ends_one_session_or_all_at_once() {
    let fresh = Fresh::new().await;
    let (db, read, me, other) = (fresh.db(), fresh.read_db(), fresh.user().await, fresh.user().await);
    let second = Me { session_id: uuid::Uuid::now_v7(), ..me.clone() };
    let third = Me { session_id: uuid::Uuid::now_v7(), ..me.clone() };
    for session in [&second, &third] {
        sqlx::query("INSERT INTO sessions (user_id, id, token_hash, last_active, created_at, expires_at)
                     SELECT user_id, $2, uuid_send($2), last_active, created_at, expires_at FROM sessions WHERE user_id = $1 AND id = $3")
            .bind(me.user_id)
            .bind(session.session_id)
            .bind(me.session_id)
            .execute(&mut fresh.admin().await)
            .await
            .unwrap();
    }
    let leave = async |who: &Me, all: bool| {
        let call = call(who, "", None);
        with_user(&db, &call, async |tx: &mut Tx, me: &Me| logout(tx, &call, me, all).await).await.unwrap();
    };
    leave(&second, false).await;
    let stand = async || {
        let mut all = Vec::new();
        for one in [&me, &second, &third, &other] {
            assert_eq!(
                who(&read, one).await.is_ok(),
                session_stands(&read, one.user_id, one.session_id, one.now).await.unwrap()
            );
            all.push(who(&read, one).await.is_ok());
        }
        all
    };
    assert_eq!(stand().await, [true, false, true, true]);
    leave(&me, true).await;
    assert_eq!(stand().await, [false, false, false, true]);
    let log: Vec<(String, bool)> = sqlx::query_as(
        "SELECT action, target IS NULL FROM audit_log WHERE actor_id = $1 AND request_id = 'request' ORDER BY id",
    )
    .bind(me.user_id)
    .fetch_all(&mut fresh.admin().await)
    .await
    .unwrap();
    assert_eq!(log, [("auth.logout".into(), false), ("auth.logout".into(), true)]);
}

#[tokio::test]
async fn must_hold_16_a_session_serves_its_own_user_alone() {
    let fresh = Fresh::new().await;
    let (read, me, other) = (fresh.read_db(), fresh.user().await, fresh.user().await);
    let mixed = Me { session_id: other.session_id, ..me.clone() };
    assert_eq!(who(&read, &mixed).await.unwrap_err().status, 401);
    let mine =
        with_user(&read, &call(&me, "", None), async |tx: &mut Tx, me: &Me| profile(tx, me).await).await.unwrap();
    assert_eq!(mine.id, me.user_id);
}

#[tokio::test]
async fn today_is_the_users_own() {
    let fresh = Fresh::new().await;
    let (read, me) = (fresh.read_db(), fresh.user().await);
    let today = async |zone: &str, now: OffsetDateTime| {
        let sql =
            "UPDATE users SET preferences = jsonb_build_object('timezone', $2::text, 'currency', 'EUR') WHERE id = $1";
        sqlx::query(sql).bind(me.user_id).bind(zone).execute(&mut fresh.admin().await).await.unwrap();
        let found = who(&read, &Me { now, ..me.clone() }).await.unwrap();
        assert_eq!(found.currency, "EUR");
        found.today
    };
    let now = datetime!(2026-03-15 11:30 UTC);
    assert_eq!(today("UTC", now).await, date!(2026 - 03 - 15));
    assert_eq!(today("Pacific/Kiritimati", now).await, date!(2026 - 03 - 16));
    assert_eq!(today("Pacific/Niue", datetime!(2026-03-15 10:30 UTC)).await, date!(2026 - 03 - 14));
    // Where clocks go forward that night.
    assert_eq!(today("Europe/Berlin", datetime!(2026-03-28 22:59 UTC)).await, date!(2026 - 03 - 28));
    assert_eq!(today("Europe/Berlin", datetime!(2026-03-28 23:00 UTC)).await, date!(2026 - 03 - 29));
}

/// Writing it with every request would be a write for every read.
#[tokio::test]
async fn last_active_is_written_every_five_minutes_at_most() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let statements = async |minutes: i64| {
        with_user(&db, &call(&later(&me, minutes), "", None), async |tx: &mut Tx, _: &Me| Ok(tx.statements()))
            .await
            .unwrap()
    };
    assert_eq!(statements(5).await, 1);
    assert_eq!(statements(6).await, 2);
    assert_eq!(statements(7).await, 1);
    assert_eq!(statements(12).await, 2);
}
