SET LOCAL ROLE tallybook_migrate;

DROP TRIGGER transaction_totals_remove ON transactions;
DROP TRIGGER transaction_totals_change ON transactions;
DROP TRIGGER transaction_totals_add ON transactions;
DROP FUNCTION transaction_totals_remove();
DROP FUNCTION transaction_totals_change();
DROP FUNCTION transaction_totals_add();
DROP TABLE transaction_totals;
ALTER TABLE user_seq DROP COLUMN transactions;

RESET ROLE;
