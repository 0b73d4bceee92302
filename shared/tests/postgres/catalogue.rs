//! What the migrations make, as Postgres describes it.

use crate::support::{Fresh, migrator};
use sqlx::PgConnection;
use std::collections::BTreeSet;

/// Everything of ours in the catalogue, a line each. What an extension brings stands for itself by its name.
const CATALOGUE: &str = r"
    WITH ours AS (
        SELECT c.oid, c.relname, c.relkind, c.relowner, c.relacl, c.reloptions, c.relispartition, c.relpartbound
        FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relname NOT LIKE '\_sqlx%'
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    )
    SELECT format('relation %s %s %s %s %s %s', relkind, relname, relowner::regrole, relacl, reloptions, pg_get_expr(relpartbound, oid)) FROM ours
    UNION ALL
    SELECT format('column %s.%s %s %s %s %s %s %s %s', o.relname, a.attname, a.attnum, format_type(a.atttypid, a.atttypmod), a.attnotnull,
                  a.attidentity, a.attgenerated, a.attacl, pg_get_expr(d.adbin, d.adrelid))
    FROM ours o JOIN pg_attribute a ON a.attrelid = o.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE o.relkind IN ('r', 'p')
    UNION ALL
    SELECT format('constraint %s %s %s', o.relname, c.conname, pg_get_constraintdef(c.oid))
    FROM ours o JOIN pg_constraint c ON c.conrelid = o.oid
    UNION ALL
    SELECT format('index %s', pg_get_indexdef(oid)) FROM ours WHERE relkind IN ('i', 'I')
    UNION ALL
    SELECT format('trigger %s', pg_get_triggerdef(t.oid)) FROM ours o JOIN pg_trigger t ON t.tgrelid = o.oid WHERE NOT t.tgisinternal
    UNION ALL
    SELECT format('function %s %s %s', p.proowner::regrole, p.proacl, pg_get_functiondef(p.oid))
    FROM pg_proc p
    WHERE p.pronamespace = 'public'::regnamespace
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
    UNION ALL
    SELECT format('type %s %s %s', t.typname, t.typowner::regrole, array_agg(e.enumlabel ORDER BY e.enumsortorder))
    FROM pg_type t JOIN pg_enum e ON e.enumtypid = t.oid GROUP BY t.typname, t.typowner
    UNION ALL
    SELECT format('extension %s %s', extname, extversion) FROM pg_extension
    UNION ALL
    SELECT format('schema %s %s', nspname, (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(nspacl) AS a))
    FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'";

async fn catalogue(conn: &mut PgConnection) -> BTreeSet<String> {
    sqlx::query_scalar(CATALOGUE).fetch_all(conn).await.unwrap().into_iter().collect()
}

async fn names(conn: &mut PgConnection, sql: &'static str) -> Vec<String> {
    sqlx::query_scalar(sql).fetch_all(conn).await.unwrap()
}

#[tokio::test]
async fn up_down_up_gives_the_same_catalogue() {
    let fresh = Fresh::empty().await;
    let (mut conn, migrator) = (fresh.admin().await, migrator().await);
    let nothing = catalogue(&mut conn).await;
    migrator.run(&mut conn).await.unwrap();
    let (first, data) =
        (catalogue(&mut conn).await, names(&mut conn, "SELECT categories::text FROM categories ORDER BY 1").await);
    assert!(first.len() > 300 && data.len() > 20, "{} lines, {} categories", first.len(), data.len());
    migrator.undo(&mut conn, 0).await.unwrap();
    let left: Vec<_> = catalogue(&mut conn).await.symmetric_difference(&nothing).cloned().collect();
    assert!(left.is_empty(), "left behind or lost: {left:#?}");
    migrator.run(&mut conn).await.unwrap();
    let other: Vec<_> = catalogue(&mut conn).await.symmetric_difference(&first).cloned().collect();
    assert!(other.is_empty(), "not as before: {other:#?}");
    assert_eq!(names(&mut conn, "SELECT categories::text FROM categories ORDER BY 1").await, data);
}

/// Each step down takes back exactly what its step up brought, so that any number of them may be undone.
#[tokio::test]
async fn every_single_migration_can_be_taken_back() {
    let fresh = Fresh::empty().await;
    let (mut conn, migrator) = (fresh.admin().await, migrator().await);
    let mut versions: Vec<_> = migrator.iter().map(|migration| migration.version).collect();
    versions.dedup();
    let mut before = vec![catalogue(&mut conn).await];
    for version in &versions {
        migrator.run_to(*version, &mut conn).await.unwrap();
        before.push(catalogue(&mut conn).await);
    }
    let below: Vec<_> = std::iter::once(0).chain(versions.iter().copied()).collect();
    for (version, to) in versions.iter().zip(below).rev() {
        let here = catalogue(&mut conn).await;
        assert_eq!(Some(&here), before.pop().as_ref(), "above {version}");
        migrator.undo(&mut conn, to).await.unwrap();
    }
    assert_eq!(Some(catalogue(&mut conn).await), before.pop());
}

#[tokio::test]
async fn every_foreign_key_has_an_index_and_a_stated_delete_rule() {
    let fresh = Fresh::new().await;
    let mut conn = fresh.admin().await;
    let bare = names(
        &mut conn,
        "SELECT c.conname::text FROM pg_constraint c
         WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace AND c.conparentid = 0
           AND NOT EXISTS (
               SELECT FROM pg_index i JOIN pg_class ic ON ic.oid = i.indexrelid JOIN pg_am am ON am.oid = ic.relam
               WHERE i.indrelid = c.conrelid AND am.amname = 'btree'
                 AND (i.indkey::int2[])[0:cardinality(c.conkey) - 1] @> c.conkey
           )",
    )
    .await;
    assert!(bare.is_empty(), "without an index: {bare:?}");
    let unstated =
        names(&mut conn, "SELECT conname::text FROM pg_constraint WHERE contype = 'f' AND confdeltype = 'a'").await;
    assert!(unstated.is_empty(), "without ON DELETE: {unstated:?}");
}

#[tokio::test]
async fn must_hold_16_every_key_of_a_users_table_leads_with_the_user() {
    let fresh = Fresh::new().await;
    let mut conn = fresh.admin().await;
    const OWNED: &str = "SELECT c.relname::text FROM pg_class c
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'user_id' AND a.attnotnull
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') ORDER BY 1";
    let owned = names(&mut conn, OWNED).await;
    assert!(owned.len() >= 15, "{owned:?}");
    let keyless = names(
        &mut conn,
        "SELECT c.relname::text FROM pg_class c
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'user_id' AND a.attnotnull
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT EXISTS (
             SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'p' AND k.conkey[1] = a.attnum)",
    )
    .await;
    assert!(keyless.is_empty(), "{keyless:?}");
    // Between two tables of users, the user is part of every reference.
    let loose = names(
        &mut conn,
        "SELECT k.conname::text FROM pg_constraint k
         JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attname = 'user_id' AND a.attnotnull
         JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attname = 'user_id' AND b.attnotnull
         WHERE k.contype = 'f' AND NOT (a.attnum = ANY(k.conkey) AND b.attnum = ANY(k.confkey))",
    )
    .await;
    assert!(loose.is_empty(), "{loose:?}");
}

/// Decision 15: alike on every machine, whatever environment its cluster was made in.
#[tokio::test]
async fn the_database_folds_case_in_every_script() {
    let fresh = Fresh::new().await;
    let mut conn = fresh.admin().await;
    let (lower, provider, locale, encoding, version): (String, String, String, String, i32) = sqlx::query_as(
        "SELECT lower('CAFÉ ŁÓDŹ ΑΘΉΝΑ'), datlocprovider::text, datlocale, pg_encoding_to_char(encoding)::text,
                current_setting('server_version_num')::int
         FROM pg_database WHERE datname = current_database()",
    )
    .fetch_one(&mut conn)
    .await
    .unwrap();
    assert_eq!(
        (lower.as_str(), provider.as_str(), locale.as_str(), encoding.as_str()),
        ("café łódź αθήνα", "b", "C.UTF-8", "UTF8")
    );
    assert!(version >= 170_000, "PostgreSQL 17 or later, this is {version}");
}
