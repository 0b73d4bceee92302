SET LOCAL ROLE tallybook_migrate;

DROP FUNCTION audit_log_forget(uuid, integer);

CREATE OR REPLACE FUNCTION audit_log_guard() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.actor_id IS NOT NULL
            AND NEW.actor_id IS NULL
            AND (NEW.id, NEW.at, NEW.action, NEW.target, NEW.ip, NEW.request_id, NEW.detail)
                IS NOT DISTINCT FROM
                (OLD.id, OLD.at, OLD.action, OLD.target, OLD.ip, OLD.request_id, OLD.detail)
            AND NOT EXISTS (SELECT FROM public.users WHERE id = OLD.actor_id)
        THEN
            NEW.ip := NULL;
            NEW.target := NULL;
            NEW.detail := '{}';
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'audit_log is append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;

DROP TABLE erasures;
DROP TABLE mails;

ALTER TABLE users DROP COLUMN pending_email, DROP COLUMN revision;

RESET ROLE;
