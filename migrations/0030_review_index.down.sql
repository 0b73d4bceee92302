SET LOCAL ROLE tallybook_migrate;

DROP INDEX user_seq_changed_idx;

RESET ROLE;
