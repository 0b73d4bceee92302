SET LOCAL ROLE tallybook_migrate;

-- What the clock runs. Kept here rather than in the templates, so that no deployment undoes what an administrator changed.
CREATE TABLE schedules (
    name text NOT NULL,
    description text NOT NULL DEFAULT '',
    -- What it does, as queues carry it.
    task jsonb NOT NULL,
    -- Five fields of cron, on the clock of the time zone.
    cron text NOT NULL,
    timezone text NOT NULL DEFAULT 'UTC',
    is_enabled boolean NOT NULL DEFAULT true,
    -- The next time it is due. In the past until somebody looked at it first.
    next_at timestamptz NOT NULL DEFAULT '-infinity',
    last_at timestamptz,
    last_task_id uuid,
    revision bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT schedules_pkey PRIMARY KEY (name),
    CONSTRAINT schedules_name_check CHECK (name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    CONSTRAINT schedules_description_check CHECK (char_length(description) <= 500),
    CONSTRAINT schedules_task_check CHECK (jsonb_typeof(task) = 'object'),
    CONSTRAINT schedules_cron_check CHECK (char_length(cron) BETWEEN 9 AND 100),
    CONSTRAINT schedules_timezone_check CHECK (char_length(timezone) BETWEEN 1 AND 64),
    CONSTRAINT schedules_revision_check CHECK (revision >= 1)
);

-- Null until the queue has taken it: a task whose sender was killed is sent by the next tick.
ALTER TABLE task_runs ADD COLUMN sent_at timestamptz,
    ADD COLUMN schedule text,
    ADD CONSTRAINT task_runs_schedule_check CHECK (char_length(schedule) BETWEEN 1 AND 63);

-- How full the queues were, minute by minute.
CREATE TABLE queue_samples (
    queue text NOT NULL,
    at timestamptz NOT NULL,
    waiting integer NOT NULL,
    in_flight integer NOT NULL,
    dead integer NOT NULL,
    CONSTRAINT queue_samples_pkey PRIMARY KEY (queue, at),
    CONSTRAINT queue_samples_queue_check CHECK (char_length(queue) BETWEEN 1 AND 80),
    CONSTRAINT queue_samples_counts_check CHECK (waiting >= 0 AND in_flight >= 0 AND dead >= 0)
);

GRANT SELECT ON schedules, queue_samples TO tallybook_read;
GRANT SELECT, INSERT, UPDATE, DELETE ON schedules, queue_samples TO tallybook_write;

INSERT INTO schedules (name, cron, task, description) VALUES
    ('sweep', '* * * * *', '{"v":1,"kind":"sweep"}', 'What a lost message left undone'),
    ('renew-budgets', '0 * * * *', '{"v":1,"kind":"renew_budgets"}',
        'Begins the next periods of budgets that renew themselves, wherever a day has begun'),
    ('tidy', '0 5 * * *', '{"v":1,"kind":"tidy"}', 'Deletes what has served its time: sessions, links, keys, old runs of tasks'),
    ('retrain', '30 4 * * *', '{"v":1,"kind":"retrain"}', 'Gathers corrections for a training');

RESET ROLE;
