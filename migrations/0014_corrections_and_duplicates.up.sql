SET LOCAL ROLE tallybook_migrate;

-- A request to train the recognition of categories anew. Nobody's own, so it outlives the accounts whose corrections it
-- was made of.
CREATE TABLE trainings (
    id uuid NOT NULL,
    corrections integer NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    requested_at timestamptz NOT NULL,
    CONSTRAINT trainings_pkey PRIMARY KEY (id),
    CONSTRAINT trainings_corrections_check CHECK (corrections > 0),
    CONSTRAINT trainings_range_check CHECK (last_at >= first_at)
);

-- Null until a training takes the correction; each is taken once.
ALTER TABLE user_corrections
    ADD COLUMN training_id uuid,
    ADD CONSTRAINT user_corrections_training_fkey FOREIGN KEY (training_id) REFERENCES trainings (id) ON DELETE SET NULL;

-- The user looked at it and said that it is none: it is not flagged again.
ALTER TABLE transactions
    ADD COLUMN duplicate_kept boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT transactions_duplicate_kept_check CHECK (NOT (duplicate_kept AND duplicate_of IS NOT NULL));

GRANT SELECT ON trainings TO tallybook_read;
GRANT SELECT, INSERT, UPDATE, DELETE ON trainings TO tallybook_write;

RESET ROLE;
