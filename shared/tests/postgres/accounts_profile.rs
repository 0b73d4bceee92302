//! The profile, and the sessions that are open.

use crate::support::{Fresh, call};
use shared::{
    domain::auth::{Me, end_session, sessions, with_user},
    platform::db::{Db, Tx},
};
use uuid::Uuid;

/// Whatever name is accepted, "today" can be told with it.
#[tokio::test]
async fn every_time_zone_that_can_be_chosen_has_a_today() {
    let fresh = Fresh::new().await;
    let mut conn = fresh.admin().await;
    let (all, told): (i64, i64) = sqlx::query_as(
        "SELECT count(*), count(now() AT TIME ZONE name) FROM pg_timezone_names WHERE name NOT LIKE 'posix/%'",
    )
    .fetch_one(&mut conn)
    .await
    .unwrap();
    assert!(all > 400 && all == told, "{all} names, {told} of use");
    let long: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_timezone_names WHERE length(name) > 64")
        .fetch_one(&mut conn)
        .await
        .unwrap();
    assert_eq!(long, 0, "none is longer than its column");
}

async fn open(db: &Db, me: &Me) -> Vec<(Uuid, bool)> {
    let call = call(me, "", None);
    let all = with_user(db, &call, async |tx: &mut Tx, me: &Me| sessions(tx, me).await).await.unwrap();
    all.data.iter().map(|one| (one.id, one.current)).collect()
}

#[tokio::test]
async fn must_hold_14_sessions_are_listed_and_ended_by_their_own_user_alone() {
    let fresh = Fresh::new().await;
    let (db, me, other) = (fresh.db(), fresh.user().await, fresh.user().await);
    let second = Me { session_id: Uuid::now_v7(), ..me.clone() };
    sqlx::query(
        "INSERT INTO sessions (user_id, id, token_hash, last_active, created_at, expires_at)
         SELECT user_id, $2, uuid_send($2), last_active, created_at, expires_at FROM sessions WHERE user_id = $1",
    )
    .bind(me.user_id)
    .bind(second.session_id)
    .execute(&mut fresh.admin().await)
    .await
    .unwrap();
    assert_eq!(open(&db, &me).await, [(second.session_id, false), (me.session_id, true)]);
    assert_eq!(open(&db, &other).await, [(other.session_id, true)]);
    let end = async |who: &Me, id: Uuid| {
        let call = call(who, "", None);
        let ended = with_user(&db, &call, async |tx: &mut Tx, me: &Me| end_session(tx, &call, me, id).await).await;
        ended.map_or_else(|problem| problem.status, |()| 204)
    };
    assert_eq!(end(&other, me.session_id).await, 404, "somebody else's");
    assert_eq!(end(&me, second.session_id).await, 204);
    assert_eq!(end(&me, second.session_id).await, 404, "over already");
    assert_eq!(end(&me, Uuid::now_v7()).await, 404);
    assert_eq!(open(&db, &me).await, [(me.session_id, true)]);
    let again = with_user(&db, &call(&second, "", None), async |_: &mut Tx, _: &Me| Ok(())).await;
    assert_eq!(again.unwrap_err().code, "session_ended");
}
