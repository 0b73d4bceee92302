SET LOCAL ROLE tallybook_migrate;

-- A file is read as it was understood when it came, whatever happens to the saved mapping or to the user's currency
-- before its last row is stored.
ALTER TABLE imports
    ADD COLUMN mapping jsonb,
    ADD COLUMN currency text,
    ADD COLUMN revert_asked_at timestamptz,
    -- The last row taken back: like next_row, it moves in the transaction of the rows before it.
    ADD COLUMN reverted_to uuid,
    ADD COLUMN rows_reverted integer NOT NULL DEFAULT 0,
    ADD CONSTRAINT imports_mapping_check CHECK (jsonb_typeof(mapping) = 'object'),
    ADD CONSTRAINT imports_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
    ADD CONSTRAINT imports_reverted_check CHECK (rows_reverted >= 0 AND (rows_reverted = 0 OR revert_asked_at IS NOT NULL));

-- Imports under way keep what they would have used.
UPDATE imports i
SET mapping = (SELECT m.mapping FROM import_mappings m WHERE m.user_id = i.user_id AND m.id = i.mapping_id),
    currency = u.currency
FROM users u WHERE u.id = i.user_id;

-- A mapping is named, never guessed from a header: two banks share one more often than not. Nothing writes the column any
-- more; a later release drops it.
ALTER TABLE import_mappings ALTER COLUMN fingerprint DROP NOT NULL;

RESET ROLE;
