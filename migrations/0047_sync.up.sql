SET LOCAL ROLE tallybook_migrate;

-- The changed_seq that a transaction came, or came back, with: whoever synced before that does not have it. Not known of older
-- rows, which count as made with the first change.
ALTER TABLE transactions ADD COLUMN created_seq bigint;

RESET ROLE;
