//! Statements on budgets. Every sum leaves deleted transactions out.

pub(super) mod alerts;
pub(super) mod overview;
pub(super) mod periods;

use super::{Budget, Percent, suggest};
use crate::{domain::money::Money, platform::db::Tx};
use sqlx::Error;
use time::Date;
use uuid::Uuid;

/// Which periods of which budgets.
#[derive(Clone, Copy, Default)]
pub(super) struct Which {
    /// Of this budget.
    pub id: Option<Uuid>,
    /// Those that hold this date.
    pub on: Option<Date>,
    /// The one that begins on this date.
    pub start: Option<Date>,
    /// The one that holds today; else the latest.
    pub shown: bool,
}

/// Budgets with what was spent, from the totals by month and the edges of the period.
pub(super) async fn list(tx: &mut Tx, user_id: Uuid, which: Which, today: Date) -> Result<Vec<Budget>, Error> {
    let rows = sqlx::query!(
        r#"SELECT b.id, b.category, b.currency, p.amount, s.spent AS "spent!", p.start_date, p.end_date, b.auto_renew,
                  b.changed_seq, b.created_at, greatest(b.updated_at, p.updated_at) AS "updated_at!",
                  round(m.mean, 6) AS mean
           FROM budgets b
           JOIN budget_periods p ON p.user_id = b.user_id AND p.budget_id = b.id
           CROSS JOIN LATERAL budget_spent($1, b.category, b.currency, p.start_date, p.end_date) AS s
           LEFT JOIN budget_means($1, $2) AS m ON m.category = b.category AND m.currency = b.currency
           WHERE b.user_id = $1 AND NOT b.is_deleted
             AND ($3::uuid IS NULL OR b.id = $3)
             AND ($4::date IS NULL OR $4 BETWEEN p.start_date AND p.end_date)
             AND ($5::date IS NULL OR p.start_date = $5)
             AND (NOT $6::boolean OR p.start_date = (
                 SELECT q.start_date FROM budget_periods q WHERE q.user_id = $1 AND q.budget_id = b.id
                 ORDER BY $2 BETWEEN q.start_date AND q.end_date DESC, q.start_date DESC LIMIT 1
             ))
           ORDER BY b.category, b.currency, p.start_date DESC"#,
        user_id,
        today,
        which.id,
        which.on,
        which.start,
        which.shown,
    )
    .fetch_all(tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let (amount, spent) = (Money::of(row.amount), Money::of(row.spent));
            Budget {
                id: row.id,
                category: row.category,
                currency: row.currency,
                amount,
                spent,
                remaining: Money::of(amount.amount().saturating_sub(spent.amount())),
                percentage: Percent::of(spent, amount),
                suggested_amount: row.mean.and_then(suggest),
                start_date: row.start_date,
                end_date: row.end_date,
                auto_renew: row.auto_renew,
                created_at: row.created_at,
                updated_at: row.updated_at,
                changed_seq: row.changed_seq,
            }
        })
        .collect())
}
