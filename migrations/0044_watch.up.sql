SET LOCAL ROLE tallybook_migrate;

-- What went wrong: a row for each occurrence, from when it was first seen until it was over.
CREATE TABLE alerts (
    id uuid NOT NULL,
    kind text NOT NULL,
    -- A kind of task, a queue, a table: never whose.
    subject text NOT NULL,
    -- As it was last seen, for a person.
    detail text NOT NULL,
    count integer NOT NULL DEFAULT 1,
    first_seen_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    resolved_at timestamptz,
    -- When the first target took the news of it.
    told_at timestamptz,
    CONSTRAINT alerts_pkey PRIMARY KEY (id),
    CONSTRAINT alerts_kind_check CHECK (char_length(kind) BETWEEN 1 AND 64),
    CONSTRAINT alerts_subject_check CHECK (char_length(subject) BETWEEN 1 AND 100),
    CONSTRAINT alerts_detail_check CHECK (char_length(detail) <= 2000),
    CONSTRAINT alerts_count_check CHECK (count >= 1),
    CONSTRAINT alerts_dates_check CHECK (last_seen_at >= first_seen_at)
);

-- News that wait to be told: written in the transaction that finds something, deleted when the target has taken them. So an
-- alert is told once however often it is looked for, and a target that was away hears of it later.
CREATE TABLE notices (
    id uuid NOT NULL,
    channel text NOT NULL,
    alert_id uuid,
    subject text NOT NULL,
    body text NOT NULL,
    tries integer NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT notices_pkey PRIMARY KEY (id),
    CONSTRAINT notices_alert_fkey FOREIGN KEY (alert_id) REFERENCES alerts (id) ON DELETE CASCADE,
    CONSTRAINT notices_channel_check CHECK (channel IN ('mail', 'webhook')),
    CONSTRAINT notices_subject_check CHECK (char_length(subject) BETWEEN 1 AND 200),
    CONSTRAINT notices_body_check CHECK (char_length(body) <= 10000),
    CONSTRAINT notices_tries_check CHECK (tries >= 0)
);

-- Of the messages that wait, those that are put off: nobody is to begin with them yet.
ALTER TABLE queue_samples ADD COLUMN delayed integer NOT NULL DEFAULT 0,
    ADD CONSTRAINT queue_samples_delayed_check CHECK (delayed >= 0);

-- What is known of the targets, without what they are.
CREATE TABLE alert_targets (
    channel text NOT NULL,
    is_set boolean NOT NULL DEFAULT false,
    told_at timestamptz,
    failed_at timestamptz,
    error text,
    CONSTRAINT alert_targets_pkey PRIMARY KEY (channel),
    CONSTRAINT alert_targets_channel_check CHECK (channel IN ('mail', 'webhook')),
    CONSTRAINT alert_targets_error_check CHECK (char_length(error) <= 200)
);
INSERT INTO alert_targets (channel) VALUES ('mail'), ('webhook');

-- What a watch remembers from one run to the next. Each has its row from the beginning, so that it can be locked.
CREATE TABLE watch_notes (
    name text NOT NULL,
    note jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT watch_notes_pkey PRIMARY KEY (name),
    CONSTRAINT watch_notes_name_check CHECK (char_length(name) BETWEEN 1 AND 40)
);
INSERT INTO watch_notes (name) VALUES ('health_canary'), ('failure_report'), ('pin_check');

-- Pinned files that the gateway did not have when it was last asked.
CREATE TABLE missing_pins (
    user_id uuid NOT NULL,
    transaction_id uuid NOT NULL,
    -- It said that there is no such file. Else it did not find it in time.
    is_gone boolean NOT NULL,
    nights integer NOT NULL DEFAULT 1,
    first_missed_at timestamptz NOT NULL,
    last_missed_at timestamptz NOT NULL,
    CONSTRAINT missing_pins_pkey PRIMARY KEY (user_id, transaction_id),
    CONSTRAINT missing_pins_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT missing_pins_transaction_fkey FOREIGN KEY (user_id, transaction_id)
        REFERENCES transactions (user_id, id) ON DELETE CASCADE,
    CONSTRAINT missing_pins_nights_check CHECK (nights >= 1)
);

GRANT SELECT ON alerts, alert_targets, missing_pins TO tallybook_read;
-- How many wait, not what they say.
GRANT SELECT (id, channel) ON notices TO tallybook_read;
GRANT SELECT, INSERT, UPDATE, DELETE ON alerts, notices, alert_targets, watch_notes, missing_pins TO tallybook_write;

-- Planner statistics are the owner's to gather. MAINTAIN would let the writing role lock whole tables, too; this does not.
CREATE FUNCTION analyze_table(of_table text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relname = of_table AND relkind IN ('r', 'p')
            AND relowner = 'tallybook_migrate'::regrole
    ) THEN
        RAISE EXCEPTION 'analyze_table: no such table' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- One that somebody works on, autovacuum say, is left to them.
    EXECUTE format('ANALYZE (SKIP_LOCKED) public.%I', of_table);
END
$$;
REVOKE ALL ON FUNCTION analyze_table(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION analyze_table(text) TO tallybook_write;

INSERT INTO schedules (name, cron, task, description) VALUES
    ('watch', '* * * * *', '{"v":1,"kind":"watch"}',
        'Looks for tasks that are given up, deep queues and silent workers, and tells the alert targets'),
    ('health-canary', '* * * * *', '{"v":1,"kind":"health_canary"}', 'Asks the API whether it works'),
    ('failure-report', '0 6 * * *', '{"v":1,"kind":"failure_report"}',
        'Tells the alert targets which tasks failed the day before'),
    ('maintain', '30 3 * * *', '{"v":1,"kind":"maintain"}',
        'Gathers statistics of tables that have changed, and looks whether VACUUM keeps up'),
    ('pin-check', '45 3 * * *', '{"v":1,"kind":"pin_check"}', 'Asks a gateway of IPFS for some of the pinned files');

RESET ROLE;
