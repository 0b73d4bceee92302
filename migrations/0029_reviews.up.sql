SET LOCAL ROLE tallybook_migrate;

-- When the user's rows last changed: nightly work looks through those who did something, not through everybody.
ALTER TABLE user_seq ADD COLUMN changed_at timestamptz NOT NULL DEFAULT now();

-- How far a nightly job has looked at what a user has: up to this changed_seq.
CREATE TABLE reviews (
    job text NOT NULL,
    user_id uuid NOT NULL,
    changes bigint NOT NULL,
    CONSTRAINT reviews_pkey PRIMARY KEY (user_id, job),
    CONSTRAINT reviews_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT reviews_job_check CHECK (char_length(job) BETWEEN 1 AND 40),
    CONSTRAINT reviews_changes_check CHECK (changes >= 0)
);

-- Whoever has not changed since then was reviewed: where the job begins to look.
CREATE TABLE review_jobs (
    job text NOT NULL,
    reviewed_to timestamptz NOT NULL,
    CONSTRAINT review_jobs_pkey PRIMARY KEY (job),
    CONSTRAINT review_jobs_job_check CHECK (char_length(job) BETWEEN 1 AND 40)
);

GRANT SELECT ON reviews, review_jobs TO tallybook_read;
GRANT SELECT, INSERT, UPDATE, DELETE ON reviews, review_jobs TO tallybook_write;

RESET ROLE;
