//! Finds charges that recur, user by user, where something changed.

use super::{Charge, Evidence, PriceChange, cadence::Cadence, sql::series as sql};
use crate::{
    domain::{
        events::Turn,
        reviews::{self, Changed},
    },
    platform::{
        db::{Db, Tx},
        problem::Problem,
        queue::Ran,
    },
};
use rust_decimal::{Decimal, RoundingStrategy};
use std::{collections::HashSet, time::Instant};
use time::{Date, Duration, OffsetDateTime};
use uuid::Uuid;

/// How far it has looked is noted under this name.
const JOB: &str = "subscriptions";
/// Three years and a month: three charges of what is due once a year.
const WINDOW: Duration = Duration::days(3 * 365 + 31);
/// Users of whose charges one stayed away, looked for at a time.
const USERS: i64 = 500;
/// Charges that the expected amount is the mean of.
const LAST: usize = 6;

/// Looks through everybody who changed since the last time, and ends what stayed away. Twice, late or killed in the middle
/// ends in the same.
pub async fn detect(db: &Db, now: OffsetDateTime, deadline: Instant) -> Result<Ran, Problem> {
    let review = async |changed: &Changed| db.tx(async |tx: &mut Tx| review(tx, changed, now).await).await;
    if reviews::run(db, JOB, deadline, review).await? == Ran::More {
        return Ok(Ran::More);
    }
    let mut after = Uuid::nil();
    loop {
        let late = db.tx(async |tx: &mut Tx| Ok::<_, Problem>(sql::lapsed(tx, after, now, USERS).await?)).await?;
        let Some(last) = late.last() else { return Ok(Ran::Done) };
        after = last.user_id;
        for user in late {
            if deadline <= Instant::now() {
                return Ok(Ran::More);
            }
            db.tx(async |tx: &mut Tx| {
                let turn = Turn::take(tx, user.user_id, now).await?;
                sql::end(tx, user.user_id, user.today, turn.changed_seq, now).await?;
                turn.finish(tx).await
            })
            .await?;
        }
    }
}

/// A series of charges as Postgres found it.
pub(super) struct Series {
    pub merchant_key: i64,
    pub currency: String,
    pub price: Decimal,
    pub cadence: String,
    pub merchant_id: Option<Uuid>,
    pub name: String,
    pub category: String,
    pub charges: i64,
    pub first_date: Date,
    pub last_date: Date,
    pub period_days: i32,
    pub usual_day: i32,
    pub amount_mean: Decimal,
    pub prices: i64,
    pub regularity: f64,
    pub steadiness: f64,
    pub confidence: f64,
    /// The last charges, the newest first.
    pub recent_ids: Vec<Uuid>,
    pub recent_dates: Vec<Date>,
    pub recent_amounts: Vec<Decimal>,
}

/// What is stored of a series.
#[derive(PartialEq)]
pub(super) struct Found {
    pub id: Uuid,
    pub merchant_key: i64,
    pub currency: String,
    pub price: Decimal,
    pub cadence: String,
    pub merchant_id: Option<Uuid>,
    pub name: String,
    pub category: String,
    pub period_days: i32,
    pub amount: Decimal,
    pub amount_mean: Decimal,
    pub next_expected_date: Date,
    pub lapses_on: Date,
    pub is_active: bool,
    pub confidence: f64,
    pub evidence: serde_json::Value,
}

/// Looks for a user's series, and writes down what is not as it was.
async fn review(tx: &mut Tx, changed: &Changed, now: OffsetDateTime) -> Result<(), Problem> {
    let changed = changed.refreshed(tx).await?;
    let user_id = changed.user_id;
    let Some(today) = sql::today(tx, user_id, now).await? else { return Ok(()) };
    let since = today.saturating_sub(WINDOW);
    let series = sql::series(tx, user_id, since, today).await?;
    let found = series.into_iter().map(|series| series.told(today)).collect::<Result<Vec<_>, _>>()?;
    // A statement that came in between is looked at by the next run.
    if !changed.is_still_so(tx).await? {
        return Ok(());
    }
    let kept = sql::kept(tx, user_id).await?;
    let mut stays = HashSet::new();
    let mut writes = Vec::new();
    for mut series in found {
        // A merge gives the same series another key.
        let same = |row: &&Found| !stays.contains(&row.id) && is_same(row, &series);
        let moved = |row: &&Found| !stays.contains(&row.id) && is_moved(row, &series);
        let row = kept.iter().find(same).or_else(|| kept.iter().find(moved));
        if let Some(row) = row {
            series.id = row.id;
        }
        stays.insert(series.id);
        if row != Some(&series) {
            writes.push(series);
        }
    }
    let gone: Vec<Uuid> = kept.iter().map(|row| row.id).filter(|id| !stays.contains(id)).collect();
    if writes.is_empty() && gone.is_empty() {
        return reviews::seen(tx, JOB, &changed, None).await;
    }
    let turn = Turn::take(tx, user_id, now).await?;
    sql::delete(tx, user_id, &gone).await?;
    for series in &writes {
        sql::put(tx, user_id, series, turn.changed_seq, now).await?;
    }
    reviews::seen(tx, JOB, &changed, Some(&turn)).await?;
    turn.finish(tx).await
}

fn is_same(row: &Found, series: &Found) -> bool {
    (row.merchant_key, &row.currency, row.price) == (series.merchant_key, &series.currency, series.price)
}

fn is_moved(row: &Found, series: &Found) -> bool {
    row.merchant_id.is_some()
        && (row.merchant_id, &row.currency, row.price) == (series.merchant_id, &series.currency, series.price)
}

impl Series {
    /// What there is to say of it on a day.
    fn told(self, today: Date) -> Result<Found, Problem> {
        let cadence = Cadence::of(&self.cadence).ok_or_else(|| Problem::internal("a cadence without a name"))?;
        let usual_day = u8::try_from(self.usual_day).unwrap_or(1);
        let next = cadence.next(self.last_date, usual_day);
        let (next, lapses_on) = next
            .and_then(|next| Some((next, cadence.lapses_on(next)?)))
            .ok_or_else(|| Problem::internal("the calendar ends"))?;
        // Prices that move in steps have few values.
        let in_steps = self.prices.saturating_mul(3) <= self.charges.max(3);
        let evidence = Evidence {
            charges: self.charges,
            first_date: self.first_date.to_string(),
            last_date: self.last_date.to_string(),
            regularity: self.regularity,
            steadiness: self.steadiness,
            price_change: self.price_change().filter(|_| in_steps),
            recent: self.recent(),
        };
        Ok(Found {
            id: Uuid::now_v7(),
            amount: if in_steps { self.recent_amounts.first().copied().unwrap_or_default() } else { self.lately() },
            merchant_key: self.merchant_key,
            currency: self.currency,
            price: self.price,
            cadence: self.cadence,
            merchant_id: self.merchant_id,
            name: self.name,
            category: self.category,
            period_days: self.period_days,
            amount_mean: self.amount_mean,
            next_expected_date: next,
            lapses_on,
            is_active: lapses_on >= today,
            confidence: self.confidence,
            evidence: serde_json::to_value(evidence).map_err(Problem::internal)?,
        })
    }

    fn recent(&self) -> Vec<Charge> {
        let charges = self.recent_ids.iter().zip(&self.recent_dates).zip(&self.recent_amounts);
        charges
            .map(|((id, date), amount)| Charge {
                transaction_id: *id,
                date: date.to_string(),
                amount: format!("{amount:.2}"),
            })
            .collect()
    }

    /// The mean of the last charges.
    fn lately(&self) -> Decimal {
        let last: Vec<Decimal> = self.recent_amounts.iter().take(LAST).copied().collect();
        let sum = last.iter().copied().fold(Decimal::ZERO, Decimal::saturating_add);
        let mean = sum.checked_div(Decimal::from(last.len())).unwrap_or_default();
        mean.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
    }

    /// Where the last charges' price changed last.
    fn price_change(&self) -> Option<PriceChange> {
        let pairs = self.recent_amounts.iter().zip(self.recent_amounts.iter().skip(1)).zip(&self.recent_dates);
        let ((to, from), date) = pairs.into_iter().find(|((new, old), _)| new != old)?;
        Some(PriceChange { date: date.to_string(), from: format!("{from:.2}"), to: format!("{to:.2}") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    fn series(amounts: &[i64]) -> Series {
        let dates = (0..amounts.len()).map(|n| date!(2026 - 06 - 15) - Duration::days(30 * i64::try_from(n).unwrap()));
        let mut prices = amounts.to_vec();
        prices.sort_unstable();
        prices.dedup();
        Series {
            merchant_key: 1,
            currency: "EUR".into(),
            price: Decimal::ZERO,
            cadence: "monthly".into(),
            merchant_id: None,
            name: "Netflix".into(),
            category: "Entertainment".into(),
            charges: i64::try_from(amounts.len()).unwrap(),
            first_date: date!(2026 - 01 - 15),
            last_date: date!(2026 - 06 - 15),
            period_days: 30,
            usual_day: 15,
            amount_mean: Decimal::ONE,
            prices: i64::try_from(prices.len()).unwrap(),
            regularity: 1.0,
            steadiness: 1.0,
            confidence: 0.857,
            recent_ids: amounts.iter().map(|_| Uuid::nil()).collect(),
            recent_dates: dates.collect(),
            recent_amounts: amounts.iter().map(|cents| Decimal::new(*cents, 2)).collect(),
        }
    }

    #[test]
    fn a_price_that_went_up_is_expected_at_once_and_told() {
        let found = series(&[1599, 1299, 1299, 1299, 1299, 1299]).told(date!(2026 - 06 - 20)).unwrap();
        assert_eq!(found.amount, Decimal::new(1599, 2));
        assert_eq!(found.next_expected_date, date!(2026 - 07 - 15));
        let evidence: Evidence = serde_json::from_value(found.evidence).unwrap();
        let change = PriceChange { date: "2026-06-15".into(), from: "12.99".into(), to: "15.99".into() };
        assert_eq!(evidence.price_change, Some(change));
        assert!(found.is_active);
    }

    #[test]
    fn of_amounts_that_are_never_the_same_the_last_six_count() {
        let found = series(&[600, 500, 400, 300, 200, 100, 9900]).told(date!(2026 - 06 - 20)).unwrap();
        assert_eq!(found.amount, Decimal::new(350, 2));
        let evidence: Evidence = serde_json::from_value(found.evidence).unwrap();
        assert_eq!((evidence.price_change, evidence.recent.len()), (None, 7));
    }

    #[test]
    fn what_is_a_month_late_has_ended() {
        let is_active = |today| series(&[100, 100, 100]).told(today).unwrap().is_active;
        assert!(is_active(date!(2026 - 08 - 14)));
        assert!(!is_active(date!(2026 - 08 - 15)));
    }
}
