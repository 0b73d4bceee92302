SET LOCAL ROLE tallybook_migrate;

DROP INDEX transactions_pinned_idx;
DROP INDEX task_runs_started_idx;
DROP INDEX notices_alert_idx;
DROP INDEX notices_due_idx;
DROP INDEX alerts_seen_idx;
DROP INDEX alerts_open_key;

RESET ROLE;
