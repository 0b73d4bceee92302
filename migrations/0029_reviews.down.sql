SET LOCAL ROLE tallybook_migrate;

DROP TABLE review_jobs;
DROP TABLE reviews;
ALTER TABLE user_seq DROP COLUMN changed_at;

RESET ROLE;
