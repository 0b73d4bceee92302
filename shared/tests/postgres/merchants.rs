//! Merchants: loading them, adding one, and finding them.

use crate::support::{Fresh, Random, body, call, query};
use serde_json::{Value, json};
use shared::{
    domain::{
        auth::{self, Me},
        idempotency,
        merchants::{self, Found, NewMerchant, Report, Search, import_csv},
    },
    platform::{
        db::{Db, Tx},
        http::Reply,
        problem::Problem,
    },
};
use std::cell::Cell;

const ALL: &str = include_str!("../../../infra/data/merchants.csv");

async fn load(db: &Db, text: &str) -> Report {
    import_csv(db, text, |_| {}).await.unwrap()
}

async fn search(fresh: &Fresh, asked: &[(&str, &str)]) -> Vec<Found> {
    let search: Search = query(&form_urlencoded::Serializer::new(String::new()).extend_pairs(asked).finish());
    let db = fresh.read_db();
    let found = db.tx(async |tx: &mut Tx| {
        let found = merchants::search(tx, &search).await;
        assert!(tx.statements() <= 2, "{}", tx.statements());
        found
    });
    found.await.unwrap()
}

fn names(found: &[Found]) -> Vec<&str> {
    found.iter().map(|found| found.canonical_name.as_str()).collect()
}

async fn count(fresh: &Fresh, table: &'static str) -> i64 {
    let sql = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
    sqlx::query_scalar(sql).fetch_one(&mut fresh.admin().await).await.unwrap()
}

#[tokio::test]
async fn our_own_file_goes_in_whole_and_a_second_time_changes_nothing() {
    let fresh = Fresh::new().await;
    let db = fresh.db();
    let rows = csv::Reader::from_reader(ALL.as_bytes()).records().count();
    assert!(rows >= 500);
    let first = load(&db, ALL).await;
    assert_eq!((first.imported, first.skipped, first.refused), (rows, 0, 0), "{:?}", first.rows);
    assert_eq!(count(&fresh, "merchant_master").await, i64::try_from(rows).unwrap());
    let aliases = count(&fresh, "merchant_aliases").await;
    let second = load(&db, ALL).await;
    assert_eq!((second.imported, second.skipped, second.refused, second.rows.len()), (0, rows, 0, rows));
    assert_eq!(count(&fresh, "merchant_aliases").await, aliases);
}

#[tokio::test]
async fn bad_rows_and_doubles_are_said_and_stop_nothing() {
    let fresh = Fresh::new().await;
    let text = "canonical_name,category,aliases,country,tags\n\
        Good Shop,Shopping,GOOD SHOP GMBH|GOODSHOP|goodshop,DE,\"{\"\"a\"\": 1}\"\n\
        ab,Shopping,,,\n\
        No Such,Nonsense,,,\n\
        Bad Country,Shopping,,ZZ,\n\
        Bad Tags,Shopping,,,{\n\
        List Tags,Shopping,,,[]\n\
        !!!,Shopping,,,\n\
        good  shop,Shopping,,,\n\
        Other Name,Shopping,Goodshop,,\n\
        Too,Many,Fields,DE,{},1\n\
        Last   Shop,Groceries,,,\n\
        ab,,!!,zz,[]\n";
    let report = load(&fresh.db(), text).await;
    assert_eq!((report.imported, report.skipped, report.refused), (2, 2, 8), "{:#?}", report.rows);
    let said: Vec<_> = report.rows.iter().map(|left| left.row).collect();
    assert_eq!(said, [2, 3, 4, 5, 6, 7, 8, 9, 10, 12]);
    let last = &report.rows[9].reason;
    for column in ["canonical_name", "category", "aliases", "country", "tags"] {
        assert!(last.contains(&format!("{column}: ")), "every fault of a row at once: {last}");
    }
    let stored: Vec<(String, Vec<String>, Option<String>)> =
        sqlx::query_as("SELECT canonical_name, aliases, country::text FROM merchant_master ORDER BY 1")
            .fetch_all(&mut fresh.admin().await)
            .await
            .unwrap();
    assert_eq!(
        stored,
        [
            ("Good Shop".into(), vec!["GOOD SHOP GMBH".into(), "GOODSHOP".into()], Some("DE".into())),
            ("Last Shop".into(), vec![], None),
        ]
    );
    // What is known by any of its names is known.
    let again =
        load(&fresh.db(), "canonical_name,category,aliases\nNew Name,Shopping,good shop gmbh\nNewer Name,Shopping,\n")
            .await;
    assert_eq!((again.imported, again.skipped), (1, 1), "{:?}", again.rows);
    for header in [
        "",
        "name,category\n",
        "canonical_name,category,colour\nA Shop,Shopping,red\n",
        "canonical_name,canonical_name,category\n",
    ] {
        let refused = import_csv(&fresh.db(), header, |_| {}).await.unwrap_err();
        assert_eq!((refused.status, refused.code), (422, "bad_header"), "{header:?}");
    }
}

#[tokio::test]
async fn a_search_ranks_the_name_an_alias_a_prefix_and_a_similar_name() {
    let fresh = Fresh::new().await;
    let text = "canonical_name,category,aliases\n\
        Star,Entertainment,\n\
        Sirius,Entertainment,DOG STAR|STAR\u{2019}S\n\
        Starbucks,Food & Dining,\n\
        Starfish Travel,Travel,\n\
        Stark,Shopping,\n\
        Superstar,Shopping,\n\
        ΑΘΗΝΑΣ,Travel,\n\
        Bakery,Food & Dining,\n";
    load(&fresh.db(), text).await;
    let found = search(&fresh, &[("q", "sTaR")]).await;
    let scores: Vec<_> = found.iter().map(|found| found.score).collect();
    assert_eq!(&names(&found)[..4], ["Star", "Starbucks", "Starfish Travel", "Stark"]);
    assert!((scores[0] - 1.0).abs() < 1e-6);
    assert!(scores[1..4].iter().all(|score| (score - 0.7).abs() < 1e-6), "{scores:?}");
    assert!(!names(&found).contains(&"Bakery"));
    let alias = search(&fresh, &[("q", "Dog-Star")]).await;
    assert_eq!((alias[0].canonical_name.as_str(), alias[0].aliases.len()), ("Sirius", 2));
    assert!((alias[0].score - 0.9).abs() < 1e-6);
    let similar = search(&fresh, &[("q", "starbuks")]).await;
    assert_eq!(similar[0].canonical_name, "Starbucks");
    assert!((0.3..1.0).contains(&similar[0].score));
    let of_category = search(&fresh, &[("q", "star"), ("category", "Travel")]).await;
    assert_eq!(names(&of_category), ["Starfish Travel"]);
    let folded = search(&fresh, &[("q", "ΑΘΗΝΑΣ")]).await;
    assert!((folded[0].score - 1.0).abs() < 1e-6, "case is folded by one rule on both sides: {folded:?}");
    let greek = search(&fresh, &[("q", "ΑΘΙΝΑΣ")]).await;
    assert!((0.3..1.0).contains(&greek[0].score), "mistakes are forgiven in every script: {greek:?}");
    // A prefix stands before what is merely similar, however similar that is.
    let near = search(&fresh, &[("q", "starfish trav")]).await;
    assert!((near[0].score - 0.7).abs() < 1e-6, "{near:?}");
}

#[tokio::test]
async fn a_search_answers_five_a_tier_and_each_merchant_once() {
    let fresh = Fresh::new().await;
    load(&fresh.db(), ALL).await;
    for q in ["de", "ba", "co", "am", "market", "bank", "tel", "amazon", "ze"] {
        let found = search(&fresh, &[("q", q)]).await;
        assert!(found.len() <= 20, "{q}");
        let mut ids: Vec<_> = found.iter().map(|found| found.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), found.len(), "{q}");
        assert!(found.iter().all(|found| (0.3..=1.0).contains(&found.score)), "{q}");
        assert_eq!(names(&found), names(&search(&fresh, &[("q", q)]).await), "stable");
    }
    let (netflix, prefix) = (search(&fresh, &[("q", "netflix")]).await, search(&fresh, &[("q", "netf")]).await);
    assert_eq!((netflix[0].canonical_name.as_str(), prefix[0].canonical_name.as_str()), ("Netflix", "Netflix"));
}

/// Against the definition: every tier by itself, over all rows, with no index and no limit but its five.
#[tokio::test]
async fn a_search_finds_what_reading_every_merchant_finds() {
    let fresh = Fresh::new().await;
    // pg_trgm, by which it is compared, knows the letters of ASCII alone.
    let ascii: String = ALL.lines().filter(|line| line.is_ascii()).flat_map(|line| [line, "\n"]).collect();
    load(&fresh.db(), &ascii).await;
    let mut conn = fresh.admin().await;
    let all: Vec<(String, String)> =
        sqlx::query_as("SELECT name_l, category FROM merchant_master ORDER BY 1").fetch_all(&mut conn).await.unwrap();
    const SLOW: &str = "WITH m AS (
            SELECT * FROM merchant_master WHERE $3::text IS NULL OR category = $3
        ), one AS (
            SELECT id, name_l, 1 AS tier, 1::real AS score FROM m WHERE name_l = $1
        ), two AS (
            SELECT m.id, m.name_l, 2, 0.9 FROM merchant_aliases a JOIN m ON m.id = a.merchant_id
            WHERE alias_key = $2 AND m.id NOT IN (SELECT id FROM one)
        ), three AS (
            SELECT id, name_l, 3, 0.7 FROM m
            WHERE starts_with(name_l, $1) AND id NOT IN (SELECT id FROM one UNION SELECT id FROM two) ORDER BY name_l LIMIT 5
        ), four AS (
            SELECT id, name_l, 4, similarity(name_l, $1) AS score FROM m
            WHERE similarity(name_l, $1) >= 0.3::real
              AND id NOT IN (SELECT id FROM one UNION SELECT id FROM two UNION SELECT id FROM three)
            ORDER BY score DESC, name_l LIMIT 5
        )
        SELECT score FROM (TABLE one UNION ALL TABLE two UNION ALL TABLE three UNION ALL TABLE four) AS found
        ORDER BY tier, score DESC, name_l";
    let (mut random, mut same, mut asked) = (Random::new(7), 0, 0);
    for n in 0..120 {
        let (name, category) = random.of(&all.iter().collect::<Vec<_>>());
        let mut letters: Vec<char> = name.chars().collect();
        match n % 3 {
            0 => letters.truncate(4),
            1 => drop(letters.remove(letters.len() / 2)),
            _ => letters.swap(1, 2),
        }
        let q = letters.into_iter().collect::<String>().trim().to_owned();
        let category = (n % 4 == 0).then_some(category.as_str());
        let mut query = vec![("q", q.as_str())];
        query.extend(category.map(|category| ("category", category)));
        let found: Vec<f32> = search(&fresh, &query).await.iter().map(|found| found.score).collect();
        let slow: Vec<f32> = sqlx::query_scalar(SLOW)
            .bind(&q)
            .bind(shared::domain::imports::statement::alias_key(&q))
            .bind(category)
            .fetch_all(&mut conn)
            .await
            .unwrap();
        asked += 1;
        let equal = found.len() == slow.len() && found.iter().zip(&slow).all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(equal || category.is_none(), "{q:?} in {category:?}: {found:?} {slow:?}");
        same += i32::from(equal);
    }
    // The nearest by bits are nearly always the nearest by text; see the search's statement.
    assert!(same * 100 >= asked * 90, "{same} of {asked}");
}

#[tokio::test]
async fn must_hold_20_signs_with_a_meaning_find_nothing_by_it() {
    let fresh = Fresh::new().await;
    load(&fresh.db(), ALL).await;
    for q in
        ["%%", "__", "%a%", "n%x", "netf%", "\\\\", "a\\", "''", "$1", "a & ", ".*", "[a-z]", "\u{10ffff}\u{10ffff}"]
    {
        for asked in [vec![("q", q)], vec![("q", q), ("category", "Subscriptions")]] {
            let found = search(&fresh, &asked).await;
            assert!(
                found
                    .iter()
                    .all(|found| found.score < 0.7 || found.canonical_name.to_lowercase().starts_with(q.trim())),
                "{q} {found:?}"
            );
        }
    }
}

fn new(name: &str, aliases: &[&str]) -> Value {
    json!({"canonical_name": name, "category": "Food & Dining", "aliases": aliases})
}

/// As `POST /merchants` does it.
async fn create(db: &Db, admin: &Me, json: &Value, force: bool) -> Result<Value, Problem> {
    let (call, new): (_, NewMerchant) = (call(admin, "", None), body(json));
    let force = query(if force { "force=true" } else { "" });
    let made = db.tx(async |tx: &mut Tx| merchants::create(tx, admin, &call, new, &force).await).await?;
    Ok(serde_json::to_value(made).unwrap())
}

#[tokio::test]
async fn a_new_merchant_keeps_its_case_and_claims_its_names() {
    let fresh = Fresh::new().await;
    let (db, admin) = (fresh.db(), fresh.user().await);
    let json = json!({"canonical_name": "  Café   zum Löwen ", "category": "Food & Dining", "country": "AT", "tags": {"stars": 2},
                      "aliases": ["Löwen Wien", "CAFE LOEWEN", "cafe loewen", " A  Löwe "]});
    let made = create(&db, &admin, &json, false).await.unwrap();
    assert_eq!(made["canonical_name"], "Café zum Löwen");
    assert_eq!(made["aliases"], json!(["A Löwe", "CAFE LOEWEN", "Löwen Wien"]));
    assert_eq!((&made["country"], &made["tags"]), (&json!("AT"), &json!({"stars": 2})));
    for (name, aliases, theirs) in [
        ("CAFÉ ZUM LÖWEN", &[][..], "CAFÉ ZUM LÖWEN"),
        ("löwen-wien", &[], "löwen-wien"),
        ("Another House", &["cafe zum", "a löwe"], "a löwe"),
        ("Another House", &["Café zum Löwen"], "Café zum Löwen"),
    ] {
        let refused = create(&db, &admin, &new(name, aliases), true).await.unwrap_err();
        assert_eq!((refused.status, refused.code), (409, "merchant_exists"), "{name}");
        let conflict = &refused.more["conflicts"][0];
        assert_eq!((&conflict["merchant"]["id"], &conflict["name"]), (&made["id"], &json!(theirs)));
    }
    let near = create(&db, &admin, &new("Café zum Löwen 2", &[]), false).await.unwrap_err();
    assert_eq!((near.status, near.code), (409, "near_match"));
    assert_eq!(near.more["candidates"][0]["id"], made["id"]);
    create(&db, &admin, &new("Café zum Löwen 2", &[]), true).await.unwrap();
    let odd =
        create(&db, &admin, &json!({"canonical_name": "Somewhere", "category": "My own"}), false).await.unwrap_err();
    assert_eq!((odd.status, odd.errors[0].code.as_ref()), (422, "not_a_category"));
    assert_eq!(count(&fresh, "merchant_master").await, 2);
}

#[tokio::test]
async fn must_hold_51_a_merchant_is_made_with_its_record_once_and_in_six_statements() {
    let fresh = Fresh::new().await;
    let (db, admin) = (fresh.db(), fresh.user().await);
    let json = new("Corner Coffee", &["CORNER COFFEE VIENNA"]);
    let call = call(&admin, &json.to_string(), Some("one"));
    let statements = Cell::new(0);
    let once = async || {
        idempotency::once(&db, &call, "POST /merchants", async |tx: &mut Tx, me: &Me| {
            let made = merchants::create(tx, me, &call, body(&json), &query("")).await?;
            // The record of the answer is one more.
            statements.set(tx.statements() + 1);
            Reply::json(201, &made)
        })
        .await
        .unwrap()
    };
    let (first, second) = (once().await, once().await);
    assert_eq!((first.body.as_str(), first.is_replay(), second.is_replay()), (second.body.as_str(), false, true));
    assert!(statements.get() <= 6, "{}", statements.get());
    assert_eq!((count(&fresh, "merchant_master").await, count(&fresh, "audit_log").await), (1, 1));
    let refused = create(&db, &admin, &json, false).await.unwrap_err();
    assert_eq!((refused.code, count(&fresh, "audit_log").await), ("merchant_exists", 1));
}

#[tokio::test]
async fn must_hold_17_an_administrator_is_one_at_that_moment() {
    let fresh = Fresh::new().await;
    let (db, read, me) = (fresh.db(), fresh.read_db(), fresh.user().await);
    let mut call = call(&me, "", None);
    call.admin = true;
    let set = async |admin: bool| {
        sqlx::query("UPDATE users SET is_admin = $1").bind(admin).execute(&mut fresh.admin().await).await.unwrap();
    };
    let asked = async || auth::with_user(&db, &call, async |_: &mut Tx, _: &Me| Ok(())).await;
    let refused = asked().await.unwrap_err();
    assert_eq!((refused.status, refused.code), (403, "forbidden"));
    set(true).await;
    asked().await.unwrap();
    auth::with_user(&read, &call, async |_: &mut Tx, _: &Me| Ok(())).await.unwrap();
    set(false).await;
    assert_eq!(asked().await.unwrap_err().status, 403);
}
