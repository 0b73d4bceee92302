SET LOCAL ROLE tallybook_migrate;

-- What a program sent for an external_id: the same again is known by it, also after the user has changed the transaction.
ALTER TABLE transactions
    ADD COLUMN external_hash bytea,
    ADD CONSTRAINT transactions_external_hash_check CHECK (octet_length(external_hash) = 32);

-- Which model made a vector: those of two models have nothing to do with each other.
ALTER TABLE embeddings
    ADD COLUMN model text,
    ADD CONSTRAINT embeddings_model_check CHECK (char_length(model) BETWEEN 1 AND 100);

-- Answers to other teams' programs. Their rows commit user by user, so a request is claimed before the first of them, and
-- has no status until it was answered.
CREATE TABLE service_idempotency_keys (
    token_id uuid NOT NULL,
    route text NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    -- Until then its function may be at work; one that never answered may be taken over.
    claimed_until timestamptz NOT NULL,
    status integer,
    body text,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT service_idempotency_keys_pkey PRIMARY KEY (token_id, route, key),
    CONSTRAINT service_idempotency_keys_token_fkey FOREIGN KEY (token_id) REFERENCES service_tokens (id) ON DELETE CASCADE,
    CONSTRAINT service_idempotency_keys_route_check CHECK (char_length(route) BETWEEN 1 AND 100),
    CONSTRAINT service_idempotency_keys_key_check CHECK (char_length(key) BETWEEN 1 AND 255),
    CONSTRAINT service_idempotency_keys_hash_check CHECK (octet_length(request_hash) = 32),
    CONSTRAINT service_idempotency_keys_answer_check CHECK ((status IS NULL) = (body IS NULL)),
    CONSTRAINT service_idempotency_keys_dates_check CHECK (expires_at > created_at)
);

-- A training's corrections become a file, the data set of its version.
ALTER TABLE trainings
    ADD COLUMN version bigint,
    ADD COLUMN status text NOT NULL DEFAULT 'gathering',
    -- Goes up when an account whose corrections it holds is closed: the file is written again without them.
    ADD COLUMN revision integer NOT NULL DEFAULT 1,
    -- What users are hidden behind, so that in two sets nobody has the same name.
    ADD COLUMN salt uuid NOT NULL DEFAULT gen_random_uuid(),
    ADD COLUMN rows integer,
    ADD COLUMN size_bytes bigint,
    ADD COLUMN sha256 text,
    ADD COLUMN written_at timestamptz;
UPDATE trainings t SET version = n.version
FROM (SELECT id, row_number() OVER (ORDER BY requested_at, id) AS version FROM trainings) AS n WHERE n.id = t.id;
ALTER TABLE trainings
    ALTER COLUMN version SET NOT NULL,
    ADD CONSTRAINT trainings_version_check CHECK (version >= 1),
    ADD CONSTRAINT trainings_revision_check CHECK (revision >= 1),
    ADD CONSTRAINT trainings_status_check CHECK (status IN ('gathering', 'ready')),
    ADD CONSTRAINT trainings_ready_check CHECK (
        (status = 'ready') = (rows IS NOT NULL AND size_bytes IS NOT NULL AND sha256 IS NOT NULL AND written_at IS NOT NULL)
    ),
    ADD CONSTRAINT trainings_sha256_check CHECK (sha256 ~ '^[0-9a-f]{64}$');

GRANT SELECT ON service_idempotency_keys TO tallybook_read;
GRANT SELECT, INSERT, UPDATE, DELETE ON service_idempotency_keys TO tallybook_write;

RESET ROLE;
