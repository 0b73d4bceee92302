//! The way to do it in two releases, for each thing that is refused.

const CONSTRAINT: &str = "ADD CONSTRAINT … NOT VALID here, which counts for new rows at once; in the next migration, with \
                          `-- no-transaction`, ALTER TABLE … VALIDATE CONSTRAINT, which locks nobody out.";
const RENAME: &str = "The release that serves knows the old name. Add the new one, write both, fill the old rows by a task, \
                      read the new one; drop the old one a release later.";

pub fn instead(rule: &str) -> &'static str {
    match rule {
        "require-concurrent-index-creation" | "concurrently-in-transaction" => {
            "A migration of its own that begins with `-- no-transaction` and holds nothing but CREATE INDEX CONCURRENTLY."
        }
        "require-concurrent-index-deletion" => {
            "A migration of its own that begins with `-- no-transaction` and holds nothing but DROP INDEX CONCURRENTLY IF EXISTS."
        }
        "constraint-missing-not-valid" | "adding-foreign-key-constraint" => CONSTRAINT,
        "disallowed-unique-constraint" | "adding-serial-primary-key-field" => {
            "CREATE UNIQUE INDEX CONCURRENTLY in a migration of its own; then ADD CONSTRAINT … UNIQUE USING INDEX."
        }
        "adding-not-nullable-field" => {
            "CHECK (… IS NOT NULL) NOT VALID here, VALIDATE CONSTRAINT in the next migration, SET NOT NULL in the one after, which \
             then looks at no row: say so there with `-- Allow adding-not-nullable-field: …_check is valid since NNNN`."
        }
        "adding-required-field" => {
            "The release that serves does not write it. Add it with a constant default, or nullable; require it a release later."
        }
        "adding-field-with-default" => {
            "It rewrites every row. Add it without a default (or with a constant one), have new rows written with it, and fill the \
             old ones by a task in chunks."
        }
        "changing-column-type" => {
            "It rewrites every row while nobody may read. Add a column of the new type, write both, fill the old rows by a task, \
             read the new one; drop the old one a release later. (A longer varchar is no rewrite: allow it by name.)"
        }
        "renaming-column" | "renaming-table" | "renaming-object" | "ban-set-schema" => RENAME,
        "rows-changed" => {
            "It locks every row that it changes until the migration ends. A task fills old rows in chunks (docs/deployment.md); \
             of a small table say `-- Allow rows-changed: how many rows it has`."
        }
        "ban-revoke" => {
            "The release that serves may need it. Of what this migration makes, or nobody needs since an earlier release, say \
             `-- Allow ban-revoke: because`."
        }
        "block" => {
            "What a block does cannot be read. Write the statements, or `-- Allow block: what it does to rows and locks`."
        }
        "table-locked" => {
            "Nobody gets at the table meanwhile, and whoever waits for it holds up all others. pg_repack does what VACUUM FULL and CLUSTER do, beside them."
        }
        "no-transaction" => {
            "It may be cut off and comes again: one CREATE INDEX CONCURRENTLY, DROP INDEX CONCURRENTLY IF EXISTS, VALIDATE \
             CONSTRAINT, REINDEX CONCURRENTLY, ANALYZE or VACUUM."
        }
        "drop" => {
            "The release that serves still uses it. Deploy one that does not, with a migration of its own number if only to note \
             it; then drop it under a line `-- Unused since NNNN: what stopped using it`, in a release after that."
        }
        "drop-beside-add" => {
            "Adding comes first, in a release of its own: the one that serves needs the old, and the next both."
        }
        "require-concurrent-reindex" | "require-concurrent-partition-detach" => {
            "Do it CONCURRENTLY, by hand or in a migration of its own that begins with `-- no-transaction`."
        }
        "silenced" => "Say `-- Allow RULE: because` instead, of which this guard knows.",
        "unreadable" => "The guard refuses what it cannot read: PostgreSQL's grammar, as squawk knows it.",
        _ => "Do it in two releases: add first, use later, drop last (docs/deployment.md).",
    }
}
