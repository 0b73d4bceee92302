SET LOCAL ROLE tallybook_migrate;

DROP INDEX erasures_due_idx;
DROP INDEX mails_user_idx;
DROP INDEX mails_due_idx;

RESET ROLE;
