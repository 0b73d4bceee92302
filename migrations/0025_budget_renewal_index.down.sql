SET LOCAL ROLE tallybook_migrate;

DROP INDEX budgets_ends_on_idx;

RESET ROLE;
