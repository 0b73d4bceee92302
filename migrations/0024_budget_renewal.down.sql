SET LOCAL ROLE tallybook_migrate;

DROP FUNCTION budget_means(uuid, date);
DROP TRIGGER budget_ends_on ON budget_periods;
DROP FUNCTION budget_ends_on();
ALTER TABLE budgets DROP COLUMN ends_on;
ALTER TABLE budget_periods DROP COLUMN anchor_day;

RESET ROLE;
