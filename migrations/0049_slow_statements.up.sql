-- Allow block: an extension and a membership, neither of which locks a table or touches a row
-- Allow ban-revoke: the function is new, and nobody but who is granted it is to call it

-- Which statements are slow the server knows, where it loads pg_stat_statements: RDS does unasked. Where it has none, or the
-- one who migrates may not create it, nobody is told of slow statements, and all else works.
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
EXCEPTION
    WHEN insufficient_privilege OR undefined_file OR feature_not_supported THEN
        RAISE NOTICE 'pg_stat_statements is not there: nobody will be told of slow statements';
END
$$;

-- Statements of other roles are shown to who may read all statistics. A membership belongs to the cluster: another database
-- may be granting it at this moment.
DO $$
BEGIN
    IF NOT pg_has_role('tallybook_migrate', 'pg_read_all_stats', 'MEMBER') THEN
        GRANT pg_read_all_stats TO tallybook_migrate;
    END IF;
EXCEPTION
    WHEN insufficient_privilege OR unique_violation OR internal_error THEN
        RAISE NOTICE 'tallybook_migrate was not granted pg_read_all_stats here';
END
$$;

SET LOCAL ROLE tallybook_migrate;

-- Of the application's own roles alone, the second of each pair as well: their values are bound and stand in no text, whereas an administrator's statement may
-- hold a password.
CREATE FUNCTION slow_statements(at_least_ms bigint, at_least_calls bigint)
RETURNS TABLE (id bigint, calls bigint, mean_ms bigint, about text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF to_regclass('public.pg_stat_statements') IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE
        'SELECT s.queryid, s.calls, round(s.mean_exec_time)::bigint, left(regexp_replace(s.query, ''\s+'', '' '', ''g''), 200)
         FROM public.pg_stat_statements s
         WHERE s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
           AND s.userid IN (SELECT oid FROM pg_roles WHERE rolname IN
               (''tallybook_read'', ''tallybook_read_b'', ''tallybook_write'', ''tallybook_write_b''))
           AND s.calls >= $2 AND s.mean_exec_time >= $1
         ORDER BY s.total_exec_time DESC LIMIT 20'
        USING at_least_ms, at_least_calls;
EXCEPTION
    -- The extension is there, and the server was not told to load it.
    WHEN object_not_in_prerequisite_state THEN
        RETURN;
END
$$;
REVOKE ALL ON FUNCTION slow_statements(bigint, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION slow_statements(bigint, bigint) TO tallybook_write;

RESET ROLE;
