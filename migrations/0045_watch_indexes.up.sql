SET LOCAL ROLE tallybook_migrate;

-- One occurrence of a thing at a time.
CREATE UNIQUE INDEX alerts_open_key ON alerts (kind, subject) WHERE resolved_at IS NULL;
CREATE INDEX alerts_seen_idx ON alerts (last_seen_at DESC);
CREATE INDEX notices_due_idx ON notices (due_at);
CREATE INDEX notices_alert_idx ON notices (alert_id);
CREATE INDEX task_runs_started_idx ON task_runs (queue, started_at DESC) WHERE started_at IS NOT NULL;
CREATE INDEX transactions_pinned_idx ON transactions (user_id, id) WHERE ipfs_cid IS NOT NULL AND NOT is_deleted;

RESET ROLE;
