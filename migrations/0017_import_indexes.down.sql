SET LOCAL ROLE tallybook_migrate;

CREATE INDEX tx_import ON transactions (user_id, import_id) WHERE import_id IS NOT NULL;
DROP INDEX tx_import_id;

RESET ROLE;
