SET LOCAL ROLE tallybook_migrate;

-- Five thousand rows of an import share a changed_seq: pages of GET /sync go on within it.
CREATE INDEX tx_sync ON transactions (user_id, changed_seq, id);
DROP INDEX tx_changed;

RESET ROLE;
