SET LOCAL ROLE tallybook_migrate;

ALTER TABLE trainings
    DROP COLUMN version, DROP COLUMN status, DROP COLUMN revision, DROP COLUMN salt, DROP COLUMN rows, DROP COLUMN size_bytes,
    DROP COLUMN sha256, DROP COLUMN written_at;
DROP TABLE service_idempotency_keys;
ALTER TABLE embeddings DROP COLUMN model;
ALTER TABLE transactions DROP COLUMN external_hash;

RESET ROLE;
