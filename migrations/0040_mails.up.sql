SET LOCAL ROLE tallybook_migrate;

-- What a mail is about, in ids and dates alone: its figures are those of the moment it is sent.
ALTER TABLE mails ADD COLUMN about jsonb NOT NULL DEFAULT '{}',
    ADD CONSTRAINT mails_about_check CHECK (jsonb_typeof(about) = 'object');

-- How far a user was written to: the first day of the last period that was summed up, or when a warning last went out. One
-- row by user and kind, so that whoever writes twice, late or at the same moment finds that it was done.
CREATE TABLE mail_marks (
    user_id uuid NOT NULL,
    kind text NOT NULL,
    mark timestamptz NOT NULL,
    CONSTRAINT mail_marks_pkey PRIMARY KEY (user_id, kind),
    CONSTRAINT mail_marks_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT mail_marks_kind_check CHECK (char_length(kind) BETWEEN 1 AND 64),
    CONSTRAINT mail_marks_mark_check CHECK (isfinite(mark))
);

-- What a mail's link to switch its kind off is known by. It may be followed more than once, and long after.
CREATE TABLE unsubscribe_tokens (
    user_id uuid NOT NULL,
    token_hash bytea NOT NULL,
    -- The mail's kind.
    kind text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT unsubscribe_tokens_pkey PRIMARY KEY (user_id, token_hash),
    CONSTRAINT unsubscribe_tokens_token_key UNIQUE (token_hash),
    CONSTRAINT unsubscribe_tokens_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT unsubscribe_tokens_kind_check CHECK (char_length(kind) BETWEEN 1 AND 64)
);

GRANT SELECT ON mail_marks, unsubscribe_tokens TO tallybook_read;
GRANT SELECT, INSERT, UPDATE, DELETE ON mail_marks, unsubscribe_tokens TO tallybook_write;

-- The highest level that was mailed of in this period. It never falls: an alert re-arms, a mail does not.
ALTER TABLE budget_periods ADD COLUMN mailed smallint NOT NULL DEFAULT 0,
    ADD CONSTRAINT budget_periods_mailed_check CHECK (mailed IN (0, 100, 110));

INSERT INTO schedules (name, cron, task, description) VALUES
    ('weekly-summary', '0 * * * *', '{"v":1,"kind":"weekly_summary"}',
        'Writes the mails on the week before, wherever it has become eight on a Monday'),
    ('monthly-report', '0 * * * *', '{"v":1,"kind":"monthly_report"}',
        'Writes the mails on the month before, wherever a month has begun');

RESET ROLE;
