//! Lists of transactions against a model that keeps them in memory.

use crate::support::{Fresh, Random, call, create, keys, query};
use rust_decimal::Decimal;
use serde_json::json;
use shared::{
    domain::{
        auth::{Me, with_user},
        pages::Page,
        transactions::{self, List, Transaction},
    },
    platform::{
        db::{ReadDb, Tx},
        problem::Problem,
    },
};
use sqlx::PgConnection;
use std::cmp::Reverse;
use time::{Date, Duration, macros::date};
use uuid::Uuid;

const CATEGORIES: [&str; 5] = ["Groceries", "Travel", "groceries", "My %_own", "Ärzte"];
const CURRENCIES: [&str; 3] = ["EUR", "USD", "GBP"];
const SOURCES: [&str; 4] = ["ocr", "sms", "csv", "manual"];
const WORDS: [&str; 8] = ["coffee", "rent", "train", "book", "milk", "2024", "zürich", "łódź"];
const FIRST: Date = date!(2026 - 01 - 01);
const DAYS: i64 = 40;

#[derive(Clone)]
struct Row {
    id: Uuid,
    date: Date,
    amount: Decimal,
    currency: &'static str,
    category: &'static str,
    source: &'static str,
    merchant: Option<Uuid>,
    raw: String,
    note: Option<String>,
    deleted: bool,
}

impl Row {
    fn any(random: &mut Random, merchants: &[Uuid]) -> Self {
        let mut words = |most: i64| {
            let count = random.within(1, most + 1);
            (0..count).map(|_| random.of(&WORDS)).collect::<Vec<_>>().join(" ")
        };
        let (raw, note) = (words(2), words(3));
        let cents = match random.within(-50_000, 50_000) {
            0 => 1,
            cents => cents,
        };
        Self {
            id: Uuid::now_v7(),
            date: FIRST + Duration::days(random.within(0, DAYS)),
            amount: Decimal::new(cents, 2),
            currency: random.of(&CURRENCIES),
            category: random.of(&CATEGORIES),
            source: random.of(&SOURCES),
            merchant: random.once_in(2).then(|| random.of(merchants)),
            // Written in capitals now and then: a search does not mind.
            raw: if random.once_in(3) { raw.to_uppercase() } else { raw },
            note: random.once_in(2).then_some(note),
            deleted: random.once_in(8),
        }
    }

    fn words(&self) -> Vec<String> {
        let text = format!("{} {}", self.raw, self.note.as_deref().unwrap_or_default()).to_lowercase();
        text.split_whitespace().map(ToOwned::to_owned).collect()
    }
}

async fn store(conn: &mut PgConnection, me: &Me, rows: &[Row]) {
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    sqlx::query(
        "INSERT INTO transactions (user_id, id, date, amount, currency, category, source, merchant_id, merchant_raw, note,
             is_deleted, deleted_at, merchant_key, changed_seq)
         SELECT $1, r.id, r.date, r.amount, r.currency, r.category, r.source::transaction_source, r.merchant_id, r.raw, r.note,
             r.is_deleted, CASE WHEN r.is_deleted THEN now() END, 1, 1
         FROM unnest($2::uuid[], $3::date[], $4::numeric[], $5::text[], $6::text[], $7::text[], $8::uuid[], $9::text[],
             $10::text[], $11::bool[]) AS r(id, date, amount, currency, category, source, merchant_id, raw, note, is_deleted)",
    )
    .bind(me.user_id)
    .bind(ids)
    .bind(rows.iter().map(|row| row.date).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.amount).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.currency).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.category).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.source).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.merchant).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.raw.clone()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.note.clone()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.deleted).collect::<Vec<_>>())
    .execute(conn)
    .await
    .unwrap();
}

async fn merchants(conn: &mut PgConnection) -> Vec<Uuid> {
    sqlx::query_scalar(
        "INSERT INTO merchant_master (id, canonical_name, category)
         SELECT gen_random_uuid(), 'Merchant ' || n, 'Travel' FROM generate_series(1, 3) AS n RETURNING id",
    )
    .fetch_all(conn)
    .await
    .unwrap()
}

async fn list(db: &ReadDb, me: &Me, asked: &[(&str, String)]) -> Result<Page<Transaction>, Problem> {
    let asked: List = query(&form_urlencoded::Serializer::new(String::new()).extend_pairs(asked).finish());
    let (keys, call) = (keys(), call(me, "", None));
    with_user(db, &call, async |tx: &mut Tx, me: &Me| {
        let page = transactions::list(tx, &keys, me, &asked).await?;
        assert!(tx.statements() <= 2, "{} statements", tx.statements());
        Ok(page)
    })
    .await
}

/// A filter as it is asked for, and what it means.
type Filter = (&'static str, String, Meaning);
type Meaning = Box<dyn Fn(&Row) -> bool>;

fn words(random: &mut Random) -> Filter {
    let (a, b) = (random.of(&WORDS), random.of(&WORDS));
    let has = |row: &Row, word: &str| row.words().iter().any(|known| known == word);
    let capital = if random.once_in(2) { a.to_uppercase() } else { a.to_owned() };
    let (q, means): (String, Meaning) = match random.within(0, 5) {
        0 => (capital, Box::new(move |row| has(row, a))),
        1 => (format!("{capital} {b}"), Box::new(move |row| has(row, a) && has(row, b))),
        2 => (format!("{capital} or {b}"), Box::new(move |row| has(row, a) || has(row, b))),
        3 => (format!("{capital} -{b}"), Box::new(move |row| has(row, a) && !has(row, b))),
        _ => (format!("\"{capital} {b}\""), Box::new(move |row| row.words().windows(2).any(|pair| pair == [a, b]))),
    };
    ("q", q, means)
}

fn filters(random: &mut Random, merchants: &[Uuid]) -> Vec<Filter> {
    let mut filters: Vec<Filter> = Vec::new();
    let day = |random: &mut Random| FIRST + Duration::days(random.within(-3, DAYS + 3));
    let (mut since, mut until) = (day(random), day(random));
    if since > until {
        (since, until) = (until, since);
    }
    let (a, b) = (random.within(-50_000, 50_000), random.within(-50_000, 50_000));
    let (min, max) = (Decimal::new(a.min(b), 2), Decimal::new(a.max(b), 2));
    if random.once_in(4) {
        filters.push(("since", since.to_string(), Box::new(move |row| row.date >= since)));
    }
    if random.once_in(4) {
        filters.push(("until", until.to_string(), Box::new(move |row| row.date <= until)));
    }
    if random.once_in(4) {
        filters.push(("min_amount", min.to_string(), Box::new(move |row| row.amount >= min)));
    }
    if random.once_in(4) {
        filters.push(("max_amount", max.to_string(), Box::new(move |row| row.amount <= max)));
    }
    if random.once_in(4) {
        let category = random.of(&CATEGORIES);
        filters.push(("category", category.into(), Box::new(move |row| row.category == category)));
    }
    if random.once_in(4) {
        let source = random.of(&SOURCES);
        filters.push(("source", source.into(), Box::new(move |row| row.source == source)));
    }
    if random.once_in(4) {
        let currency = random.of(&CURRENCIES);
        filters.push(("currency", currency.into(), Box::new(move |row| row.currency == currency)));
    }
    if random.once_in(5) {
        let merchant = random.of(merchants);
        filters.push(("merchant_id", merchant.to_string(), Box::new(move |row| row.merchant == Some(merchant))));
    }
    if random.once_in(3) {
        filters.push(words(random));
    }
    filters
}

/// What the list must be: newest first, by date and then by id.
fn model(rows: &[Row], filters: &[Filter], deleted: bool) -> Vec<Uuid> {
    let mut found: Vec<_> =
        rows.iter().filter(|row| (deleted || !row.deleted) && filters.iter().all(|(_, _, means)| means(row))).collect();
    found.sort_by_key(|row| Reverse((row.date, row.id)));
    found.iter().map(|row| row.id).collect()
}

fn ids(page: &Page<Transaction>) -> Vec<Uuid> {
    page.data.iter().map(|transaction| transaction.id).collect()
}

#[tokio::test]
async fn every_filter_and_page_is_what_the_model_says() {
    let fresh = Fresh::new().await;
    let (read, me, other) = (fresh.read_db(), fresh.user().await, fresh.user().await);
    let mut conn = fresh.admin().await;
    let (merchants, mut random) = (merchants(&mut conn).await, Random::new(1));
    let rows: Vec<_> = (0..500).map(|_| Row::any(&mut random, &merchants)).collect();
    let theirs: Vec<_> = (0..100).map(|_| Row::any(&mut random, &merchants)).collect();
    store(&mut conn, &me, &rows).await;
    store(&mut conn, &other, &theirs).await;
    let mut matched = 0;
    for round in 0..250 {
        let filters = filters(&mut random, &merchants);
        let deleted = random.once_in(3);
        let expected = model(&rows, &filters, deleted);
        matched += usize::from(!expected.is_empty());
        let mut asked: Vec<_> = filters.iter().map(|(name, value, _)| (*name, value.clone())).collect();
        if deleted {
            asked.push(("include", "deleted".into()));
        }
        let limit = usize::try_from(random.within(1, 101)).unwrap();
        let offset = if random.once_in(2) { 0 } else { usize::try_from(random.within(0, 120)).unwrap() };
        asked.extend([("limit", limit.to_string()), ("offset", offset.to_string())]);
        let page = list(&read, &me, &asked).await.unwrap();
        let wanted: Vec<_> = expected.iter().skip(offset).take(limit).copied().collect();
        assert_eq!(ids(&page), wanted, "{round} {asked:?}");
        assert_eq!(page.total, i64::try_from(expected.len()).unwrap(), "{round} {asked:?}");
        assert_eq!(
            (page.has_more, page.next_cursor.is_some(), page.total_capped),
            (expected.len() > offset + limit, expected.len() > offset + limit, false)
        );
    }
    assert!(matched > 100, "{matched} of the lists had rows");
}

#[tokio::test]
async fn a_walk_by_cursor_or_offset_visits_every_row_once_in_order() {
    let fresh = Fresh::new().await;
    let (db, read, me) = (fresh.db(), fresh.read_db(), fresh.user().await);
    let mut conn = fresh.admin().await;
    let (merchants, mut random) = (merchants(&mut conn).await, Random::new(2));
    let rows: Vec<_> = (0..300).map(|_| Row::any(&mut random, &merchants)).collect();
    store(&mut conn, &me, &rows).await;
    for (filter, deleted, limit) in
        [(None, false, 7), (None, true, 64), (Some(("category", "Travel")), false, 5), (Some(("q", "coffee")), true, 3)]
    {
        let means: Vec<Filter> = filter
            .into_iter()
            .map(|(name, value)| -> Filter {
                match name {
                    "category" => (name, value.into(), Box::new(move |row: &Row| row.category == value)),
                    _ => (name, value.into(), Box::new(move |row: &Row| row.words().iter().any(|word| word == value))),
                }
            })
            .collect();
        let expected = model(&rows, &means, deleted);
        let mut base: Vec<_> = filter.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
        base.push(("limit", limit.to_string()));
        base.extend(deleted.then(|| ("include", "deleted".to_owned())));
        let (mut by_cursor, mut by_offset, mut cursor) = (Vec::new(), Vec::new(), None::<String>);
        loop {
            let mut asked = base.clone();
            asked.extend(cursor.clone().map(|cursor| ("cursor", cursor)));
            let page = list(&read, &me, &asked).await.unwrap();
            assert_eq!(page.total, i64::try_from(expected.len()).unwrap(), "the total counts all pages");
            by_cursor.extend(ids(&page));
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        while by_offset.len() < expected.len() {
            let mut asked = base.clone();
            asked.push(("offset", by_offset.len().to_string()));
            let page = list(&read, &me, &asked).await.unwrap();
            assert!(!page.data.is_empty());
            by_offset.extend(ids(&page));
        }
        assert_eq!((by_cursor == expected, by_offset == expected), (true, true), "{filter:?}");
    }
    // A newer row does not disturb a walk that is under way.
    let first = list(&read, &me, &[("limit", "100".into())]).await.unwrap();
    create(&db, &me, &json!({"amount": "1", "date": "2026-03-15", "merchant_raw": "new"})).await;
    let second =
        list(&read, &me, &[("limit", "100".into()), ("cursor", first.next_cursor.clone().unwrap())]).await.unwrap();
    assert_eq!([ids(&first), ids(&second)].concat(), model(&rows, &[], false)[..200]);
}

#[tokio::test]
async fn a_cursor_serves_its_own_list_and_user_alone() {
    let fresh = Fresh::new().await;
    let (db, read, me, other) = (fresh.db(), fresh.read_db(), fresh.user().await, fresh.user().await);
    for user in [&me, &me, &other, &other] {
        create(&db, user, &json!({"amount": "1", "date": "2026-03-15", "merchant_raw": "x"})).await;
    }
    let cursor = list(&read, &me, &[("limit", "1".into())]).await.unwrap().next_cursor.unwrap();
    let with = |extra: Option<(&'static str, &str)>| {
        let mut asked = vec![("cursor", cursor.clone())];
        asked.extend(extra.map(|(name, value)| (name, value.to_owned())));
        asked
    };
    // The page's size is not part of the list.
    assert_eq!(list(&read, &me, &with(Some(("limit", "2")))).await.unwrap().data.len(), 1);
    for refused in [
        list(&read, &me, &with(Some(("currency", "EUR")))).await,
        list(&read, &me, &with(Some(("include", "deleted")))).await,
        list(&read, &other, &with(None)).await,
    ] {
        let refused = refused.unwrap_err();
        assert_eq!((refused.status, refused.errors[0].code.as_ref()), (422, "bad_cursor"));
    }
}

#[tokio::test]
async fn a_filtered_count_stops_at_ten_thousand_and_says_so() {
    let fresh = Fresh::new().await;
    let (read, me) = (fresh.read_db(), fresh.user().await);
    let mut conn = fresh.admin().await;
    let more = async |conn: &mut PgConnection, count: i32, deleted: bool| {
        sqlx::query(
            "INSERT INTO transactions (user_id, id, date, amount, currency, merchant_raw, source, merchant_key, changed_seq, is_deleted, deleted_at)
             SELECT $1, gen_random_uuid(), date '2026-01-01' + n % 60, 1, 'EUR', 'x', 'csv', 1, 1, $3, CASE WHEN $3 THEN now() END
             FROM generate_series(1, $2) AS n",
        )
        .bind(me.user_id)
        .bind(count)
        .bind(deleted)
        .execute(conn)
        .await
        .unwrap();
    };
    let totals = async |asked: &[(&str, String)]| {
        let page = list(&read, &me, asked).await.unwrap();
        (page.total, page.total_capped, page.data.len())
    };
    more(&mut conn, 9_999, false).await;
    assert_eq!(totals(&[]).await, (9_999, false, 50));
    more(&mut conn, 1, false).await;
    assert_eq!(totals(&[]).await, (10_000, false, 50));
    more(&mut conn, 1, true).await;
    assert_eq!(totals(&[]).await, (10_000, false, 50));
    assert_eq!(totals(&[("include", "deleted".into())]).await, (10_000, true, 50));
    more(&mut conn, 1, false).await;
    let since = ("since", "2026-01-01".to_owned());
    assert_eq!(totals(std::slice::from_ref(&since)).await, (10_000, true, 50));
    let past = |offset: &str| [since.clone(), ("offset", offset.to_owned())];
    assert_eq!(totals(&past("10000")).await, (10_000, true, 1), "past the count rows are still found");
    assert_eq!(totals(&past("20000")).await, (10_000, true, 0));
    // Those without a filter, or with what is kept by month, are counted whole.
    for kept in [vec![], vec![("category", "Uncategorized".to_owned())], vec![("currency", "EUR".to_owned())]] {
        assert_eq!(totals(&kept).await, (10_001, false, 50), "{kept:?}");
    }
    assert_eq!(totals(&[("currency", "USD".into())]).await, (0, false, 0));
}

#[tokio::test]
async fn must_hold_20_a_search_takes_no_harm_from_what_is_typed() {
    let fresh = Fresh::new().await;
    let (db, read, me) = (fresh.db(), fresh.read_db(), fresh.user().await);
    create(
        &db,
        &me,
        &json!({"amount": "1", "date": "2026-03-15", "merchant_raw": "AT&T O'Hare 100% x_y NETFLIX.COM Łódź 12m²", "note": "call me"}),
    )
    .await;
    for (q, found) in [
        ("%", 0),
        ("_", 0),
        ("\\", 0),
        ("a & ", 0),
        ("'", 0),
        ("\"", 0),
        ("-", 0),
        ("or", 0),
        ("((", 0),
        (":*", 0),
        ("!", 0),
        ("<->", 0),
        ("me call:*", 1),
        ("o'hare", 1),
        ("at&t", 1),
        ("\"call me\"", 1),
        ("\"me call\"", 0),
        ("call -nothing", 1),
        ("nothing or me", 1),
        ("netflix", 1),
        ("12m²", 1),
        ("Netflix.com", 1),
        ("łódź", 1),
    ] {
        assert_eq!(list(&read, &me, &[("q", q.into())]).await.unwrap().total, found, "{q}");
    }
}
