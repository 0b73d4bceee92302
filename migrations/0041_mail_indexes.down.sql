SET LOCAL ROLE tallybook_migrate;

DROP INDEX unsubscribe_tokens_created_idx;
DROP INDEX users_monthly_idx;
DROP INDEX users_weekly_idx;

RESET ROLE;
