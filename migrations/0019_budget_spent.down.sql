SET LOCAL ROLE tallybook_migrate;

DROP FUNCTION budget_spent(uuid, text, text, date, date);

RESET ROLE;
