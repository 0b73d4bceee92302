SET LOCAL ROLE tallybook_migrate;

CREATE INDEX task_runs_unsent_idx ON task_runs (created_at) WHERE status = 'queued' AND sent_at IS NULL;
CREATE INDEX task_runs_queue_idx ON task_runs (queue, created_at DESC);
CREATE INDEX task_runs_finished_idx ON task_runs (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX task_runs_running_idx ON task_runs (started_at) WHERE status = 'running';

RESET ROLE;
