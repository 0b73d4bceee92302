SET LOCAL ROLE tallybook_migrate;

CREATE UNIQUE INDEX trainings_version_key ON trainings (version);
CREATE INDEX trainings_gathering_idx ON trainings (version) WHERE status = 'gathering';
CREATE INDEX service_idempotency_keys_expiry_idx ON service_idempotency_keys (expires_at);

RESET ROLE;
