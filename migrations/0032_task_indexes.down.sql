SET LOCAL ROLE tallybook_migrate;

DROP INDEX task_runs_running_idx;
DROP INDEX task_runs_finished_idx;
DROP INDEX task_runs_queue_idx;
DROP INDEX task_runs_unsent_idx;

RESET ROLE;
