SET LOCAL ROLE tallybook_migrate;

CREATE INDEX tx_changed ON transactions (user_id, changed_seq);
DROP INDEX tx_sync;

RESET ROLE;
