SET LOCAL ROLE tallybook_migrate;

CREATE INDEX user_seq_changed_idx ON user_seq (changed_at, user_id);

RESET ROLE;
