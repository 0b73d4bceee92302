SET LOCAL ROLE tallybook_migrate;

-- With the id, so that a revert goes on where the chunk before it ended.
CREATE INDEX tx_import_id ON transactions (user_id, import_id, id) WHERE import_id IS NOT NULL;
DROP INDEX tx_import;

RESET ROLE;
