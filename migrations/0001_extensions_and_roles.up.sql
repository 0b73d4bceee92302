-- Roles belong to the whole cluster, not to this database: another database may be creating the
-- same ones at this moment, and advisory locks do not reach across databases. So what is missing
-- is created, and a lost race is tried again.
DO $$
DECLARE
    setting text[];
BEGIN
    FOR attempt IN 1..50 LOOP
        BEGIN
            -- No passwords: the operator sets them, and they stay out of the repository.
            IF to_regrole('tallybook_migrate') IS NULL THEN
                CREATE ROLE tallybook_migrate LOGIN;
            END IF;
            IF to_regrole('tallybook_write') IS NULL THEN
                CREATE ROLE tallybook_write LOGIN;
            END IF;
            IF to_regrole('tallybook_read') IS NULL THEN
                CREATE ROLE tallybook_read LOGIN;
            END IF;

            -- The timeouts sit on the roles because a setting sent per connection is lost behind a
            -- transaction pooler. One that is already set is the operator's and stays.
            FOREACH setting SLICE 1 IN ARRAY ARRAY[
                ['tallybook_write', 'statement_timeout', '5s'],
                ['tallybook_write', 'lock_timeout', '1s'],
                ['tallybook_write', 'idle_in_transaction_session_timeout', '5s'],
                ['tallybook_read', 'statement_timeout', '5s'],
                ['tallybook_read', 'lock_timeout', '1s'],
                ['tallybook_read', 'idle_in_transaction_session_timeout', '5s'],
                ['tallybook_read', 'default_transaction_read_only', 'on']
            ] LOOP
                IF NOT EXISTS (
                    SELECT FROM pg_db_role_setting s, unnest(s.setconfig) AS line
                    WHERE s.setdatabase = 0
                      AND s.setrole = to_regrole(setting[1])
                      AND split_part(line, '=', 1) = setting[2]
                ) THEN
                    EXECUTE format('ALTER ROLE %I SET %I = %L', setting[1], setting[2], setting[3]);
                END IF;
            END LOOP;

            -- A managed service's administrator is no superuser and needs the membership to hand
            -- over what the next migrations create.
            IF NOT pg_has_role(current_user, 'tallybook_migrate', 'SET') THEN
                EXECUTE format('GRANT tallybook_migrate TO %I WITH INHERIT TRUE, SET TRUE', current_user);
            END IF;
            EXIT;
        EXCEPTION
            -- internal_error is what "tuple concurrently updated" comes as.
            WHEN duplicate_object OR unique_violation OR internal_error THEN
                IF attempt = 50 THEN
                    RAISE;
                END IF;
                PERFORM pg_sleep(0.02);
        END;
    END LOOP;
END
$$;

-- Only a superuser (rds_superuser on RDS) may create vector; where tallybook_migrate itself runs the
-- migrations, an administrator creates it first.
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS btree_gin;
CREATE EXTENSION IF NOT EXISTS btree_gist;
CREATE EXTENSION IF NOT EXISTS vector;

-- Every later migration works as tallybook_migrate (SET LOCAL ROLE), so that one role owns the
-- schema whoever runs the migrations, and gives it back (RESET ROLE) before the runner writes its
-- own bookkeeping in the same transaction.
GRANT USAGE, CREATE ON SCHEMA public TO tallybook_migrate;
GRANT USAGE ON SCHEMA public TO tallybook_write, tallybook_read;
