DROP FUNCTION budget_spent(uuid, text, text, date, date);
