SET LOCAL ROLE tallybook_migrate;

UPDATE import_mappings SET fingerprint = '' WHERE fingerprint IS NULL;
ALTER TABLE import_mappings ALTER COLUMN fingerprint SET NOT NULL;

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
