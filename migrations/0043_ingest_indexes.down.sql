SET LOCAL ROLE tallybook_migrate;

DROP INDEX service_idempotency_keys_expiry_idx;
DROP INDEX trainings_gathering_idx;
DROP INDEX trainings_version_key;

RESET ROLE;
