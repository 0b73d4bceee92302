SET LOCAL ROLE tallybook_migrate;

ALTER TABLE import_mappings ADD COLUMN fingerprint text NOT NULL DEFAULT '';
ALTER TABLE import_mappings ALTER COLUMN fingerprint DROP DEFAULT;
CREATE INDEX import_mappings_fingerprint_idx ON import_mappings (user_id, fingerprint);

ALTER TABLE imports
    DROP CONSTRAINT imports_reverted_check,
    DROP CONSTRAINT imports_currency_check,
    DROP CONSTRAINT imports_mapping_check,
    DROP COLUMN rows_reverted,
    DROP COLUMN reverted_to,
    DROP COLUMN revert_asked_at,
    DROP COLUMN currency,
    DROP COLUMN mapping;

RESET ROLE;
