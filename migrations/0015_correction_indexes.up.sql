SET LOCAL ROLE tallybook_migrate;

-- What no training has taken yet: some five hundred rows at most, whatever the table holds.
CREATE INDEX user_corrections_untaken_idx ON user_corrections (created_at, id) WHERE training_id IS NULL;
CREATE INDEX user_corrections_training_idx ON user_corrections (training_id) WHERE training_id IS NOT NULL;

RESET ROLE;
