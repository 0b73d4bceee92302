DROP TABLE audit_log;
DROP FUNCTION audit_log_guard();
DROP TABLE task_runs;
DROP TABLE idempotency_keys;
