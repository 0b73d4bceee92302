SET LOCAL ROLE tallybook_migrate;

ALTER TABLE transactions DROP COLUMN created_seq;

RESET ROLE;
