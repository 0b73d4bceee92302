SET LOCAL ROLE tallybook_migrate;

ALTER TABLE user_seq DROP COLUMN pushed_types;

RESET ROLE;
