//! Corrections as they are handed over to whoever trains the recognition: all users', oldest first, without who they are.

use super::sql;
use crate::{
    domain::pages::{Cursor, bad_cursor, seal, unseal},
    platform::{
        db::Tx,
        fields::{Bounded, Fields, Read},
        http::Call,
        jwt::KeySet,
        problem::Problem,
    },
};
use serde::Serialize;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// A correction is dated by when its request came, and no function lives for longer than this: what is older has been
/// committed or never will be, so that nothing can appear behind a cursor.
const SETTLED: Duration = Duration::minutes(1);
/// What a cursor is sealed for. Not for one token: its successor reads on where it stopped.
const KIND: &str = "corrections cursor";

/// What `GET /ingest/corrections` takes.
pub struct Handover {
    limit: i64,
    cursor: Option<String>,
}

impl Read for Handover {
    fn read(fields: &mut Fields) -> Option<Self> {
        let limit = fields.optional::<Bounded<1, 500>>("limit");
        let cursor = fields.optional::<Cursor>("cursor").map(|cursor| cursor.0);
        Some(Self { limit: limit.map_or(100, |n| n.0), cursor })
    }
}

/// The form of [`Handover`], for the OpenAPI document.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct HandoverQuery {
    /// Corrections a page, 1 to 500.
    #[param(default = 100)]
    limit: Option<i64>,
    /// The `next_cursor` of the page before; from the beginning when left out.
    cursor: Option<String>,
}

/// A user's correction.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct HandedOver {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub user_id: Uuid,
    /// The transaction that was moved.
    pub transaction_id: Uuid,
    /// The merchant's text as the bank has it.
    #[schema(example = "NETFLIX.COM 866-579-7172")]
    pub merchant_raw: String,
    /// Equal for texts that mean the same merchant; a string, because it has more digits than a JSON number keeps.
    #[schema(example = "-5808556873153909248")]
    pub merchant_key: String,
    /// The merchant, if it was recognised.
    pub merchant_id: Option<Uuid>,
    /// The category before.
    #[schema(example = "Shopping")]
    pub old_category: String,
    /// The category that the user chose.
    #[schema(example = "Subscriptions")]
    pub new_category: String,
    /// Why, if the user said so.
    pub reason: Option<String>,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// What `GET /ingest/corrections` answers.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Corrections {
    /// The oldest first.
    pub data: Vec<HandedOver>,
    /// Whether more follow at once.
    pub has_more: bool,
    /// Send it as `cursor` for what follows, now or later; null only while there is nothing at all.
    #[schema(example = "AZmqEHw-ex2fUjxuDUuKEQ")]
    pub next_cursor: Option<String>,
}

/// A correction's place among all.
struct After {
    at: OffsetDateTime,
    id: Uuid,
}

impl After {
    fn seal(&self, keys: &KeySet) -> String {
        let micros = self.at.unix_timestamp_nanos().div_euclid(1000);
        let plain = [micros.to_be_bytes(), *self.id.as_bytes()].concat();
        seal(keys, KIND, Uuid::nil(), "", &plain)
    }

    fn open(keys: &KeySet, cursor: &str) -> Option<Self> {
        let plain = unseal(keys, KIND, Uuid::nil(), "", cursor)?;
        let (micros, id) = plain.split_at_checked(16)?;
        let nanos = i128::from_be_bytes(micros.try_into().ok()?).checked_mul(1000)?;
        Some(Self { at: OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?, id: Uuid::from_slice(id).ok()? })
    }
}

/// A page of all users' corrections.
pub async fn corrections(tx: &mut Tx, keys: &KeySet, call: &Call, asked: &Handover) -> Result<Corrections, Problem> {
    let after = match &asked.cursor {
        None => None,
        Some(cursor) => Some(After::open(keys, cursor).ok_or_else(bad_cursor)?),
    };
    let (at, id) = after.as_ref().map_or((OffsetDateTime::UNIX_EPOCH, Uuid::nil()), |after| (after.at, after.id));
    let until = call.now.saturating_sub(SETTLED);
    let mut data = sql::corrections::handed_over(tx, at, id, until, asked.limit.saturating_add(1)).await?;
    let limit = usize::try_from(asked.limit).unwrap_or(usize::MAX);
    let has_more = data.len() > limit;
    data.truncate(limit);
    let last = data.last().map(|last| After { at: last.created_at, id: last.id });
    Ok(Corrections { has_more, next_cursor: last.or(after).map(|last| last.seal(keys)), data })
}
