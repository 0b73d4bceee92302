SET LOCAL ROLE tallybook_migrate;

CREATE INDEX mails_due_idx ON mails (due_at);
CREATE INDEX mails_user_idx ON mails (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX erasures_due_idx ON erasures (due_at);

RESET ROLE;
