//! Setting a budget.

use super::{Budget, alerts::check, of_period, sql::periods as sql};
use crate::{
    domain::{
        auth::Me,
        categories::Category,
        events::Turn,
        money::{Currency, PositiveMoney},
        pages::Day,
    },
    platform::{
        db::Tx,
        fields::{Fault, Fields, Read},
        problem::Problem,
    },
};

/// What `POST /budgets` takes.
pub struct NewBudget {
    category: Category,
    amount: PositiveMoney,
    start_date: Day,
    end_date: Day,
    auto_renew: Option<bool>,
    currency: Option<Currency>,
}

impl Read for NewBudget {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (category, amount) = (fields.required("category"), fields.required("amount"));
        let (start, end) = (fields.required::<Day>("start_date"), fields.required::<Day>("end_date"));
        let (auto_renew, currency) = (fields.optional("auto_renew"), fields.optional("currency"));
        if start.zip(end).is_some_and(|(start, end)| end <= start) {
            fields.refuse("end_date", Fault::new("end_before_start", "Send an end_date after start_date."));
        }
        Some(Self { category: category?, amount: amount?, start_date: start?, end_date: end?, auto_renew, currency })
    }
}

/// The form of [`NewBudget`], for the OpenAPI document.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct NewBudgetBody {
    /// 1 to 100 characters.
    #[schema(example = "Groceries")]
    category: String,
    /// Above zero; a string or a number with at most two decimals.
    #[schema(example = "400.00")]
    amount: String,
    /// The period's first day.
    #[schema(format = Date, example = "2026-01-01")]
    start_date: String,
    /// The period's last day.
    #[schema(format = Date, example = "2026-01-31")]
    end_date: String,
    /// Whether the next period begins by itself.
    auto_renew: Option<bool>,
    /// ISO 4217 with at most two minor digits; the user's own when left out.
    #[schema(example = "EUR")]
    currency: Option<String>,
}

/// Sets the budget of a category and currency for a period. A period it has already, or one that overlaps, takes the
/// new dates and amount; else a period is added and the old ones stay as history.
pub async fn put(tx: &mut Tx, me: &Me, new: &NewBudget) -> Result<Budget, Problem> {
    let mut turn = Turn::take(tx, me.user_id, me.now).await?;
    let currency = new.currency.as_ref().map_or(me.currency.as_str(), Currency::as_str);
    let category = new.category.as_str();
    let budget =
        sql::Upsert { category, currency, auto_renew: new.auto_renew, changed_seq: turn.changed_seq, now: me.now };
    let id = sql::upsert(tx, me.user_id, &budget).await?;
    let (start, end) = (new.start_date.0, new.end_date.0);
    let period = sql::Period { start, end, amount: new.amount.0.amount(), anchor: None };
    match sql::overlapping(tx, me.user_id, id, start, end).await?.as_slice() {
        [] => sql::insert_period(tx, me.user_id, id, &period, me.now).await?,
        [old] => sql::change_period(tx, me.user_id, id, *old, &period, me.now).await?,
        _ => {
            return Err(Problem::conflict(
                "periods_overlap",
                "These dates overlap several periods of this budget: send dates that touch one at most.",
            ));
        }
    }
    // Spending that was there before may be over the new limit already.
    let spent = [(category.to_owned(), currency.to_owned())];
    for alert in check(tx, me.user_id, me.today, me.now, &spent).await? {
        turn.push("budget_alert", &alert)?;
    }
    turn.finish(tx).await?;
    of_period(tx, me, id, start).await
}
