SET LOCAL ROLE tallybook_migrate;

DROP FUNCTION slow_statements(bigint, bigint);

RESET ROLE;

DROP EXTENSION IF EXISTS pg_stat_statements;
