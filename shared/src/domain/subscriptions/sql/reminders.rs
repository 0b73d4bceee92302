//! Statements on reminders.

use crate::{domain::subscriptions::remind::AHEAD, platform::db::Tx};
use rust_decimal::Decimal;
use sqlx::Error;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

/// A user, and which day it is there.
pub struct User {
    pub user_id: Uuid,
    pub today: Date,
}

/// Users after an id with a charge within three days of which they were not reminded, and who want to be.
pub async fn due(tx: &mut Tx, after: Uuid, now: OffsetDateTime, limit: i64) -> Result<Vec<User>, Error> {
    sqlx::query_as!(
        User,
        r#"SELECT r.user_id, ($2::timestamptz AT TIME ZONE u.timezone)::date AS "today!"
           FROM recurrences r JOIN users u ON u.id = r.user_id AND u.is_active
               AND coalesce((u.preferences -> 'notifications' ->> 'reminders')::boolean, true)
           WHERE r.is_active AND r.reminded_for IS DISTINCT FROM r.next_expected_date AND r.user_id > $1
             AND r.next_expected_date BETWEEN (($2::timestamptz - interval '12 hours') AT TIME ZONE 'UTC')::date
                 AND (($2::timestamptz + interval '14 hours') AT TIME ZONE 'UTC')::date + $4::integer
             AND r.next_expected_date BETWEEN ($2::timestamptz AT TIME ZONE u.timezone)::date
                 AND ($2::timestamptz AT TIME ZONE u.timezone)::date + $4::integer
           GROUP BY 1, 2 ORDER BY 1 LIMIT $3"#,
        after,
        now,
        limit,
        AHEAD,
    )
    .fetch_all(tx)
    .await
}

/// A charge that the user is reminded of.
pub struct Due {
    pub id: Uuid,
    pub name: String,
    pub merchant_id: Option<Uuid>,
    pub category: String,
    pub cadence: String,
    pub amount: Decimal,
    pub currency: String,
    pub next_expected_date: Date,
}

/// Notes that a user is reminded of what is due within three days.
pub async fn reminded(
    tx: &mut Tx,
    user_id: Uuid,
    today: Date,
    changed_seq: i64,
    now: OffsetDateTime,
) -> Result<Vec<Due>, Error> {
    let mut due = sqlx::query_as!(
        Due,
        "UPDATE recurrences SET reminded_for = next_expected_date, changed_seq = $3, updated_at = $4
         WHERE user_id = $1 AND is_active AND reminded_for IS DISTINCT FROM next_expected_date
           AND next_expected_date BETWEEN $2 AND $2 + $5::integer
         RETURNING id, name, merchant_id, category, cadence, amount, currency, next_expected_date",
        user_id,
        today,
        changed_seq,
        now,
        AHEAD,
    )
    .fetch_all(tx)
    .await?;
    due.sort_by_key(|one| (one.next_expected_date, one.id));
    Ok(due)
}
