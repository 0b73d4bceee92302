use super::*;

fn migration(version: u32, text: &str) -> Migration {
    Migration { version, file: format!("{version:04}_x.up.sql"), text: text.to_owned() }
}

fn rules_at(text: &str, released: Option<u32>) -> Vec<String> {
    refusals(&[migration(60, text)], released).into_iter().map(|refusal| refusal.rule).collect()
}

fn rules(text: &str) -> Vec<String> {
    rules_at(text, None)
}

#[test]
fn what_locks_or_rewrites_is_refused_by_its_name() {
    for (sql, rule) in [
        ("ALTER TABLE users ALTER COLUMN tier TYPE bigint", "changing-column-type"),
        ("ALTER TABLE users ADD COLUMN joined timestamptz DEFAULT clock_timestamp()", "adding-field-with-default"),
        ("ALTER TABLE users ADD COLUMN nick text NOT NULL", "adding-required-field"),
        ("ALTER TABLE users ALTER COLUMN tier SET NOT NULL", "adding-not-nullable-field"),
        ("CREATE INDEX users_tier ON users (tier)", "require-concurrent-index-creation"),
        ("CREATE INDEX CONCURRENTLY users_tier ON users (tier)", "concurrently-in-transaction"),
        ("REINDEX TABLE users", "require-concurrent-reindex"),
        ("ALTER TABLE events DETACH PARTITION events_1", "require-concurrent-partition-detach"),
        ("DROP INDEX users_tier", "require-concurrent-index-deletion"),
        ("ALTER TABLE users ADD CONSTRAINT users_tier_check CHECK (tier <> '')", "constraint-missing-not-valid"),
        ("ALTER TABLE users ADD CONSTRAINT users_tier_key UNIQUE (tier)", "disallowed-unique-constraint"),
        ("ALTER TABLE users RENAME COLUMN tier TO level", "renaming-column"),
        ("ALTER TABLE users RENAME TO people", "renaming-table"),
        ("CLUSTER users USING users_pkey", "table-locked"),
        ("VACUUM FULL users", "table-locked"),
        ("UPDATE users SET tier = 'plus'", "rows-changed"),
        ("DELETE FROM users", "rows-changed"),
        ("LOCK TABLE users", "table-locked"),
        ("TRUNCATE users", "table-locked"),
        ("DO $$ BEGIN DELETE FROM users; END $$", "block"),
        ("ALTER TABLE users DROP COLUMN tier", "drop"),
        ("DROP TABLE users", "drop"),
        ("DROP FUNCTION analyze_table(text)", "drop"),
        ("ALTER TABLE users ALTER COLUMN tier DROP NOT NULL", "drop"),
        ("REVOKE SELECT ON users FROM tallybook_read", "ban-revoke"),
        ("ALTER TABEL users", "unreadable"),
    ] {
        assert!(rules(sql).iter().any(|found| found == rule), "{sql} is refused for {:?}, not for {rule}", rules(sql));
    }
}

#[test]
fn what_the_release_before_can_live_with_passes() {
    let passes = |sql: &str| assert_eq!(rules(sql), Vec::<String>::new(), "{sql}");
    passes("SET LOCAL ROLE tallybook_migrate;\nALTER TABLE users ADD COLUMN nick text;\nRESET ROLE;");
    passes("ALTER TABLE users ADD COLUMN logins bigint NOT NULL DEFAULT 0;");
    passes("ALTER TABLE users ADD CONSTRAINT users_nick_check CHECK (nick <> '') NOT VALID;");
    passes("-- no-transaction\nALTER TABLE users VALIDATE CONSTRAINT users_nick_check;");
    passes("-- no-transaction\nCREATE INDEX CONCURRENTLY users_nick ON users (nick);");
    passes("-- no-transaction\nDROP INDEX CONCURRENTLY IF EXISTS users_nick;");
    passes("ALTER TABLE users ADD CONSTRAINT users_nick_key UNIQUE USING INDEX users_nick;");
    // A table that nobody has yet.
    passes(
        "CREATE TABLE notes (id uuid NOT NULL, CONSTRAINT notes_pkey PRIMARY KEY (id));\nCREATE INDEX notes_x ON notes (id);",
    );
    passes("GRANT SELECT ON users TO tallybook_read;\nINSERT INTO schedules (name) VALUES ('x');");
}

#[test]
fn what_is_dropped_was_announced_by_an_earlier_release() {
    let drop =
        |since: &str| format!("-- Unused since {since}: nobody reads nicknames\nALTER TABLE users DROP COLUMN nick;");
    assert_eq!(rules(&drop("0059")), Vec::<String>::new());
    assert_eq!(rules_at(&drop("0059"), Some(59)), Vec::<String>::new());
    // The release that serves has not got that far.
    assert_eq!(rules_at(&drop("0059"), Some(58)), ["drop"]);
    assert_eq!(rules(&drop("0060")), ["drop"]);
    assert_eq!(rules("-- Unused since 0059: ?\nALTER TABLE users DROP COLUMN nick;"), ["drop"]);
    // By no reason of its own.
    assert_eq!(
        rules("-- Allow ban-drop-column: it is not used by anybody\nALTER TABLE users DROP COLUMN nick;"),
        ["drop"]
    );
    let beside = "-- Unused since 0059: names it is now\nALTER TABLE users DROP COLUMN nick, ADD COLUMN name text;";
    assert_eq!(rules(beside), ["drop-beside-add"]);
}

#[test]
fn a_reason_allows_one_rule_and_silence_none() {
    let update = "UPDATE schedules SET cron = '* * * * *';";
    assert_eq!(rules(&format!("-- Allow rows-changed: schedules has twenty rows\n{update}")), Vec::<String>::new());
    assert_eq!(rules(&format!("-- Allow rows-changed: small\n{update}")), ["rows-changed"]);
    assert_eq!(rules(&format!("-- Allow block: schedules has twenty rows\n{update}")), ["rows-changed"]);
    let silent = "-- squawk-ignore renaming-table\nALTER TABLE users RENAME TO people;";
    assert!(rules(silent).contains(&"silenced".to_owned()));
}

#[test]
fn what_runs_outside_of_transactions_is_one_statement_that_may_come_twice() {
    let alone = |sql: &str| rules(&format!("-- no-transaction\n{sql}"));
    assert_eq!(
        alone("CREATE INDEX CONCURRENTLY a ON users (id);\nCREATE INDEX CONCURRENTLY b ON users (id);"),
        ["no-transaction"]
    );
    assert_eq!(alone("ALTER TABLE users ADD COLUMN nick text;"), ["no-transaction"]);
    assert_eq!(alone("DROP INDEX CONCURRENTLY users_nick;"), ["no-transaction"]);
}

#[test]
fn a_refusal_says_where_and_what_to_do_instead() {
    let found = refusals(&[migration(60, "-- why\nSET LOCAL ROLE tallybook_migrate;\nDROP TABLE users;\n")], None);
    let said = found.first().map(ToString::to_string).unwrap_or_default();
    assert!(said.starts_with("migrations/0060_x.up.sql:3: drop: "), "{said}");
    assert!(said.contains("Unused since"), "{said}");
}

#[test]
fn the_first_release_is_the_baseline_and_what_came_since_is_looked_at() {
    let old = migration(BASELINE, "DROP TABLE users;");
    assert!(refusals(&[old], None).is_empty());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let all = migrations(&root).unwrap();
    assert!(all.iter().any(|one| one.version == BASELINE), "the baseline is a migration");
    // Every one is read, so that none passes because it could not be.
    for one in &all {
        assert!(SourceFile::parse(&one.text).errors().is_empty(), "{}", one.file);
    }
    let found: Vec<_> = refusals(&all, None).iter().map(ToString::to_string).collect();
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}
