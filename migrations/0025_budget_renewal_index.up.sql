SET LOCAL ROLE tallybook_migrate;

-- What the nightly renewal looks through.
CREATE INDEX budgets_ends_on_idx ON budgets (ends_on, user_id) WHERE auto_renew AND NOT is_deleted;

RESET ROLE;
