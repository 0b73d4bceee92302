SET LOCAL ROLE tallybook_migrate;

-- Of each type of frame, the number of the last one that was handed over: a connection that wants some types alone is told
-- with each frame which one it should have seen before.
ALTER TABLE user_seq ADD COLUMN pushed_types jsonb NOT NULL DEFAULT '{}';

RESET ROLE;
