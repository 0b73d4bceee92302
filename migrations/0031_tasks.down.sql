SET LOCAL ROLE tallybook_migrate;

DROP TABLE queue_samples;
ALTER TABLE task_runs DROP COLUMN schedule, DROP COLUMN sent_at;
DROP TABLE schedules;

RESET ROLE;
