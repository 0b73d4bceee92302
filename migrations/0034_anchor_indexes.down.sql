SET LOCAL ROLE tallybook_migrate;

DROP INDEX merkle_batches_root_key;
DROP INDEX merkle_batches_open_key;

RESET ROLE;
