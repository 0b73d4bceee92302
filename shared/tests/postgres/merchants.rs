//! Merchants: loading them and finding them.

use crate::support::{Fresh, query};
use shared::{
    domain::merchants::{self, Found, Report, Search, import_csv},
    platform::db::{Db, Tx},
};

const ALL: &str = include_str!("../../../infra/data/merchants.csv");

async fn load(db: &Db, text: &str) -> Report {
    import_csv(db, text, |_| {}).await.unwrap()
}

async fn search(fresh: &Fresh, asked: &[(&str, &str)]) -> Vec<Found> {
    let search: Search = query(&form_urlencoded::Serializer::new(String::new()).extend_pairs(asked).finish());
    fresh.read_db().tx(async |tx: &mut Tx| merchants::search(tx, &search).await).await.unwrap()
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
    assert_eq!((first.imported, first.skipped, first.refused), (rows, 0, 0), "{:?}", first.log);
    assert_eq!(count(&fresh, "merchant_master").await, i64::try_from(rows).unwrap());
    let aliases = count(&fresh, "merchant_aliases").await;
    let second = load(&db, ALL).await;
    assert_eq!((second.imported, second.skipped, second.refused, second.log.len()), (0, rows, 0, rows));
    assert_eq!(count(&fresh, "merchant_aliases").await, aliases);
}

#[tokio::test]
async fn bad_rows_and_doubles_are_said_and_stop_nothing() {
    let fresh = Fresh::new().await;
    let text = "canonical_name,category,aliases,country,tags\n\
        Good Shop,Shopping,GOOD SHOP GMBH|GOODSHOP|GOODSHOP,DE,\"{\"\"a\"\": 1}\"\n\
        ab,Shopping,,,\n\
        No Such,Nonsense,,,\n\
        Bad Country,Shopping,,de,\n\
        Bad Tags,Shopping,,,{\n\
        List Tags,Shopping,,,[]\n\
        !!!,Shopping,,,\n\
        good  shop,Shopping,,,\n\
        Other Name,Shopping,Goodshop,,\n\
        Too,Many,Fields,DE,{},1\n\
        Last   Shop,Groceries,,,\n";
    let report = load(&fresh.db(), text).await;
    assert_eq!((report.imported, report.skipped, report.refused), (2, 2, 7), "{:#?}", report.log);
    assert_eq!(report.log.len(), 9);
    for (line, said) in report.log.iter().zip([2, 3, 4, 5, 6, 7, 8, 9, 10]) {
        assert!(line.starts_with(&format!("row {said}: ")), "{line}");
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
    assert_eq!((again.imported, again.skipped), (1, 1), "{:?}", again.log);
}

#[tokio::test]
async fn a_search_ranks_the_name_an_alias_a_prefix_and_a_similar_name() {
    let fresh = Fresh::new().await;
    let text = "canonical_name,category,aliases\n\
        Star,Entertainment,\n\
        Sirius,Entertainment,DOG STAR\n\
        Starbucks,Food & Dining,\n\
        Starfish Travel,Travel,\n\
        Stark,Shopping,\n\
        Superstar,Shopping,\n\
        Bakery,Food & Dining,\n";
    load(&fresh.db(), text).await;
    let found = search(&fresh, &[("q", "sTaR")]).await;
    let (names, scores): (Vec<_>, Vec<_>) =
        found.iter().map(|found| (found.canonical_name.as_str(), found.score)).unzip();
    assert_eq!(names[0], "Star");
    assert!((scores[0] - 1.0).abs() < 1e-6);
    for prefixed in ["Starbucks", "Starfish Travel", "Stark"] {
        let at = names.iter().position(|name| *name == prefixed).unwrap();
        assert!((0.7..1.0).contains(&scores[at]), "{prefixed} {}", scores[at]);
    }
    assert!(scores.windows(2).all(|pair| pair[0] >= pair[1]), "{scores:?}");
    assert!(!names.contains(&"Bakery"));
    let alias = search(&fresh, &[("q", "Dog-Star")]).await;
    assert_eq!(alias[0].canonical_name, "Sirius");
    assert!((alias[0].score - 0.9).abs() < 1e-6);
    assert_eq!(alias[0].aliases, ["DOG STAR"]);
    let similar = search(&fresh, &[("q", "starbuks")]).await;
    assert_eq!(similar[0].canonical_name, "Starbucks");
    assert!((0.3..1.0).contains(&similar[0].score));
    let of_category = search(&fresh, &[("q", "star"), ("category", "Travel")]).await;
    assert_eq!(of_category.iter().map(|found| found.canonical_name.as_str()).collect::<Vec<_>>(), ["Starfish Travel"]);
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
    }
    let (netflix, prefix) = (search(&fresh, &[("q", "netflix")]).await, search(&fresh, &[("q", "netf")]).await);
    assert_eq!((netflix[0].canonical_name.as_str(), prefix[0].canonical_name.as_str()), ("Netflix", "Netflix"));
}

#[tokio::test]
async fn must_hold_20_signs_with_a_meaning_find_nothing_by_it() {
    let fresh = Fresh::new().await;
    load(&fresh.db(), ALL).await;
    for q in
        ["%%", "__", "%a%", "n%x", "netf%", "\\\\", "a\\", "''", "$1", "a & ", ".*", "[a-z]", "\u{10ffff}\u{10ffff}"]
    {
        let found = search(&fresh, &[("q", q)]).await;
        assert!(
            found.iter().all(|found| found.score < 0.7 || found.canonical_name.to_lowercase().starts_with(q.trim())),
            "{q} {found:?}"
        );
    }
}
