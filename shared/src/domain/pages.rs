//! Pages of lists: by cursor to any depth, or by offset.

use crate::platform::{
    fields::{Bounded, Fault, Field, Fields},
    jwt::{KeySet, same},
    problem::Problem,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;
use time::{Date, OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339, macros::format_description};
use uuid::Uuid;

/// A count that says so when it stopped counting here.
pub const COUNTED: i64 = 10_000;

/// Bytes of a cursor that are its signature.
const MAC: usize = 16;

/// A plain date such as `2026-01-31`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(pub Date);

impl Field for Day {
    fn from_text(text: &str) -> Result<Self, Fault> {
        let shape = format_description!("[year]-[month]-[day]");
        let day = (text.len() == 10).then(|| Date::parse(text, shape).ok()).flatten();
        day.filter(|day| (1900..=2200).contains(&day.year()))
            .map(Self)
            .ok_or_else(|| Fault::new("not_a_date", "Send a date such as \"2026-01-31\"."))
    }
}

/// An instant such as `2026-01-31T12:00:00Z`, as finely as Postgres keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(pub OffsetDateTime);

impl Field for Instant {
    fn from_text(text: &str) -> Result<Self, Fault> {
        let instant = OffsetDateTime::parse(text, &Rfc3339).ok().and_then(|at| at.checked_to_offset(UtcOffset::UTC));
        instant
            .filter(|at| (1900..=2200).contains(&at.year()))
            .and_then(|at| at.replace_microsecond(at.microsecond()).ok())
            .map(Self)
            .ok_or_else(|| Fault::new("not_an_instant", "Send an instant such as \"2026-01-31T12:00:00Z\"."))
    }
}

/// Takes `since` and `until`, in this order.
pub fn range(fields: &mut Fields) -> (Option<Day>, Option<Day>) {
    let (since, until) = (fields.optional("since"), fields.optional("until"));
    if since.zip(until).is_some_and(|(since, until): (Day, Day)| since > until) {
        fields.refuse("until", Fault::new("until_before_since", "Send an until that is not before since."));
    }
    (since, until)
}

/// A date as it is written in answers.
pub mod iso {
    use serde::Serializer;
    use time::Date;

    /// Writes `YYYY-MM-DD`.
    pub fn serialize<S: Serializer>(date: &Date, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(date)
    }
}

/// A list that is never long.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct All<T> {
    /// All of them.
    pub data: Vec<T>,
}

/// Which page.
#[derive(Clone, Debug)]
pub struct PageQuery {
    /// At most so many.
    pub limit: i64,
    /// After so many.
    pub offset: i64,
    cursor: Option<String>,
}

impl PageQuery {
    /// Takes `limit`, `offset` and `cursor`.
    pub fn read(fields: &mut Fields) -> Self {
        let limit = fields.optional::<Bounded<1, 100>>("limit");
        let offset = fields.optional::<Bounded<0, 100_000>>("offset");
        let cursor = fields.optional::<Cursor>("cursor");
        if cursor.is_some() && offset.is_some_and(|offset| offset.0 > 0) {
            fields.refuse("cursor", Fault::new("cursor_with_offset", "Send a cursor or an offset, not both."));
        }
        Self { limit: limit.map_or(50, |n| n.0), offset: offset.map_or(0, |n| n.0), cursor: cursor.map(|c| c.0) }
    }

    /// How many rows to read: one more than are asked for tells whether there are more.
    #[must_use]
    pub fn wanted(&self) -> i64 {
        self.limit.saturating_add(1)
    }

    /// How many rows there are in all. Counted only where the rows that [`PageQuery::wanted`] brought do not say it: of a
    /// list that ends with them its beginning is known, too, unless a cursor stands for it.
    pub async fn total<T, E>(&self, data: &[T], count: impl Future<Output = Result<i64, E>>) -> Result<i64, E> {
        let found = i64::try_from(data.len()).unwrap_or(i64::MAX);
        let ends_here = found <= self.limit && (found > 0 || self.offset == 0);
        if self.cursor.is_none() && ends_here { Ok(self.offset.saturating_add(found)) } else { count.await }
    }

    /// The page of the rows that [`PageQuery::wanted`] brought.
    pub fn page<T>(
        &self,
        keys: &KeySet,
        user_id: Uuid,
        filters: &str,
        total: i64,
        mut data: Vec<T>,
        place: impl Fn(&T) -> Place,
    ) -> Page<T> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let has_more = data.len() > limit;
        data.truncate(limit);
        let last = data.last().filter(|_| has_more).map(place);
        let next_cursor = last.map(|last| last.seal(keys, user_id, filters));
        Page { data, total, total_capped: false, limit: self.limit, offset: self.offset, has_more, next_cursor }
    }

    /// Where the page begins, if a cursor says so.
    pub fn place(&self, keys: &KeySet, user_id: Uuid, filters: &str) -> Result<Option<Place>, Problem> {
        let Some(cursor) = &self.cursor else { return Ok(None) };
        Place::open(cursor, keys, user_id, filters).map(Some).ok_or_else(bad_cursor)
    }
}

/// A cursor as it was sent.
pub(super) struct Cursor(pub String);

impl Field for Cursor {
    fn from_text(text: &str) -> Result<Self, Fault> {
        if text.is_empty() || text.len() > 200 {
            return Err(Fault::new("bad_cursor", "Send the next_cursor of a page, unchanged."));
        }
        Ok(Self(text.to_owned()))
    }
}

pub(super) fn bad_cursor() -> Problem {
    Problem::field("?cursor", "bad_cursor", "Send the next_cursor of a page with the same filters, unchanged.")
}

/// What a cursor tells us and nobody else may change: signed together with its kind, the user and the filters.
pub(super) fn seal(keys: &KeySet, kind: &str, user_id: Uuid, filters: &str, plain: &[u8]) -> String {
    let mac = keys.mac(kind, &[user_id.as_bytes(), filters.as_bytes(), plain]);
    URL_SAFE_NO_PAD.encode(plain.iter().chain(mac.iter().take(MAC)).copied().collect::<Vec<_>>())
}

/// What was sealed; nothing if it was changed, or belongs to another list.
pub(super) fn unseal(keys: &KeySet, kind: &str, user_id: Uuid, filters: &str, cursor: &str) -> Option<Vec<u8>> {
    let mut plain = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let mac = plain.split_off(plain.len().checked_sub(MAC)?);
    let expected = keys.mac(kind, &[user_id.as_bytes(), filters.as_bytes(), &plain]);
    same(expected.get(..MAC)?, &mac).then_some(plain)
}

/// A row's place in a list ordered by date and id, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its date.
    pub date: Date,
    /// Its id.
    pub id: Uuid,
}

impl Place {
    pub(super) fn bytes(self) -> [u8; 20] {
        let mut bytes = [0; 20];
        let date = self.date.to_julian_day().to_be_bytes();
        bytes.iter_mut().zip(date.iter().chain(self.id.as_bytes())).for_each(|(to, from)| *to = *from);
        bytes
    }

    /// The opaque cursor after this row.
    #[must_use]
    pub fn seal(self, keys: &KeySet, user_id: Uuid, filters: &str) -> String {
        seal(keys, "cursor", user_id, filters, &self.bytes())
    }

    fn open(cursor: &str, keys: &KeySet, user_id: Uuid, filters: &str) -> Option<Self> {
        Self::from_bytes(&unseal(keys, "cursor", user_id, filters, cursor)?)
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (date, id) = bytes.split_at_checked(4)?;
        let date = Date::from_julian_day(i32::from_be_bytes(date.try_into().ok()?)).ok()?;
        Some(Self { date, id: Uuid::from_slice(id).ok()? })
    }
}

/// The form of [`PageQuery`], for the OpenAPI document.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct PageParams {
    /// Rows a page, 1 to 100.
    #[param(default = 50)]
    limit: Option<i64>,
    /// Rows to pass over, 0 to 100,000.
    #[param(default = 0)]
    offset: Option<i64>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// The form of a page that is reached by a cursor alone, for the OpenAPI document.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct CursorParams {
    /// Rows a page, 1 to 100.
    #[param(default = 50)]
    limit: Option<i64>,
    /// The `next_cursor` of the page before, with the same filters.
    cursor: Option<String>,
}

/// A page.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Page<T> {
    /// The rows.
    pub data: Vec<T>,
    /// How many there are in all, exact unless `total_capped`.
    pub total: i64,
    /// Whether counting stopped at `total`.
    pub total_capped: bool,
    /// At most so many a page.
    #[schema(example = 50)]
    pub limit: i64,
    /// Rows passed over.
    #[schema(example = 0)]
    pub offset: i64,
    /// Whether more follow.
    pub has_more: bool,
    /// Send it as `cursor` for the next page, with the same filters.
    pub next_cursor: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    fn keys(app: &str) -> KeySet {
        let secret = "0123456789abcdef".repeat(4);
        serde_json::from_str(&format!(r#"{{"jwt": [{{"kid": "a", "secret": "{secret}"}}], "app": "{app}"}}"#)).unwrap()
    }

    #[tokio::test]
    async fn rows_are_counted_where_what_was_read_does_not_say_how_many_there_are() {
        let total = async |found: usize, limit, offset, cursor: Option<&str>| {
            let page = PageQuery { limit, offset, cursor: cursor.map(ToOwned::to_owned) };
            page.total(&vec![(); found], async { Ok::<_, ()>(77) }).await.unwrap()
        };
        assert_eq!(total(0, 50, 0, None).await, 0);
        assert_eq!(total(50, 50, 0, None).await, 50);
        assert_eq!(total(51, 50, 0, None).await, 77, "there are more");
        assert_eq!(total(3, 50, 100, None).await, 103);
        assert_eq!(total(0, 50, 100, None).await, 77, "beyond the end");
        assert_eq!(total(3, 50, 0, Some("a")).await, 77, "behind a cursor");
    }

    #[test]
    fn a_cursor_is_bound_to_its_list_and_cannot_be_changed() {
        let (keys, user) = (keys(&"fedcba9876543210".repeat(4)), Uuid::now_v7());
        let place = Place { date: date!(2026 - 02 - 28), id: Uuid::now_v7() };
        let cursor = place.seal(&keys, user, "category=Travel");
        assert_eq!(Place::open(&cursor, &keys, user, "category=Travel"), Some(place));
        assert_eq!(Place::open(&cursor, &keys, user, ""), None);
        assert_eq!(Place::open(&cursor, &keys, Uuid::now_v7(), "category=Travel"), None);
        let flipped = cursor
            .char_indices()
            .map(|(i, c)| if i == 7 { if c == 'A' { 'B' } else { 'A' } } else { c })
            .collect::<String>();
        assert_eq!(Place::open(&flipped, &keys, user, "category=Travel"), None);
        assert_eq!(Place::open("", &keys, user, ""), None);
    }

    #[test]
    fn days_are_iso_and_nothing_else() {
        assert_eq!(Day::from_text("2024-02-29").unwrap().0, date!(2024 - 02 - 29));
        for bad in ["2023-02-29", "2024-2-9", "29.02.2024", "2024-02-29T00:00", "0001-01-01", "-024-01-01", ""] {
            assert!(Day::from_text(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn instants_are_rfc_3339_in_utc_and_to_the_microsecond() {
        let at = Instant::from_text("2026-01-31T13:00:00.123456789+01:00").unwrap();
        assert_eq!(at.0, time::macros::datetime!(2026-01-31 12:00:00.123456 UTC));
        for bad in ["2026-01-31", "2026-02-30T00:00:00Z", "2026-01-31T12:00:00", "1899-12-31T23:59:59Z", "now", ""] {
            assert!(Instant::from_text(bad).is_err(), "{bad}");
        }
        // Another year in UTC, at the end of what there is.
        assert!(Instant::from_text("9999-12-31T23:59:59-12:00").is_err());
    }
}
