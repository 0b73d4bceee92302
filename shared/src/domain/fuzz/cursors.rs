//! Cursors: ours to make, and nobody's to change.

use super::{feed, feed_with, keys, recipe::Recipe};
use crate::{
    domain::pages::{PageQuery, Place, bad_cursor, seal, unseal},
    platform::fields::{Fields, Read},
};
use proptest::{collection::vec, prelude::any};
use time::macros::date;
use uuid::Uuid;

struct Query(PageQuery);

impl Read for Query {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self(PageQuery::read(fields)))
    }
}

fn place(cursor: &str, user_id: Uuid, filters: &str) -> Option<Place> {
    let query: String = form_urlencoded::Serializer::new(String::new())
        .append_pair("cursor", cursor)
        .append_pair("limit", "7")
        .finish();
    let query: Query = Fields::from_query(&query).and_then(Fields::read).ok()?;
    query
        .0
        .place(&keys(false), user_id, filters)
        .inspect_err(|problem| assert_eq!(problem.status, bad_cursor().status))
        .ok()?
}

#[test]
fn must_hold_16_a_cursor_opens_for_its_list_and_user_unchanged_or_not_at_all() {
    let (user, other) = (Uuid::from_u128(7), Uuid::from_u128(8));
    let was = Place { date: date!(2026 - 02 - 28), id: Uuid::from_u128(9) };
    let cursor = was.seal(&keys(false), user, "category=Travel");
    assert_eq!(place(&cursor, user, "category=Travel"), Some(was));
    feed(|bytes| {
        let mut recipe = Recipe(bytes);
        let (user_id, filters) = (recipe.of(&[user, other]), recipe.of(&["category=Travel", "", "category=Trave"]));
        let seeds = [cursor.clone().into_bytes(), was.seal(&keys(true), user, "category=Travel").into_bytes()];
        let sent = recipe.edited(&seeds, &[b"A", b"=", b"-", b"_", b"+", b"/", b"%00", b" "]);
        let sent = String::from_utf8_lossy(&sent);
        let ours = sent == cursor && user_id == user && filters == "category=Travel";
        assert_eq!(place(&sent, user_id, filters), ours.then_some(was), "{sent:?} {user_id} {filters}");
    });
}

#[test]
fn what_is_sealed_opens_with_the_same_words_alone() {
    let keys = keys(false);
    let plain = vec(any::<u8>(), 0..60);
    feed_with(&(plain, ".{0,20}", ".{0,20}", any::<u128>(), 0..4), |(plain, kind, filters, user, change)| {
        let user_id = Uuid::from_u128(user);
        let sealed = seal(&keys, &kind, user_id, &filters, &plain);
        assert_eq!(unseal(&keys, &kind, user_id, &filters, &sealed), Some(plain));
        let (kind, filters, user_id) = match change {
            0 => (format!("{kind}x"), filters, user_id),
            1 => (kind, format!("x{filters}"), user_id),
            2 => (kind, filters, Uuid::from_u128(user ^ 1)),
            // The same letters, cut elsewhere.
            _ => (format!("{kind}{filters}x"), String::new(), user_id),
        };
        assert_eq!(unseal(&keys, &kind, user_id, &filters, &sealed), None, "{kind} {filters}");
    });
}
