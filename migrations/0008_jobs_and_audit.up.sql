SET LOCAL ROLE tallybook_migrate;

-- Written in the transaction of the effect it stands for, so neither exists without the other.
CREATE TABLE idempotency_keys (
    user_id uuid NOT NULL,
    route text NOT NULL,
    key text NOT NULL,
    -- SHA-256 of the request: the same key with another body is a mistake of the client's.
    request_hash bytea NOT NULL,
    status integer NOT NULL,
    body text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (user_id, route, key),
    CONSTRAINT idempotency_keys_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT idempotency_keys_key_check CHECK (char_length(key) BETWEEN 1 AND 255),
    CONSTRAINT idempotency_keys_status_check CHECK (status BETWEEN 200 AND 299),
    CONSTRAINT idempotency_keys_dates_check CHECK (expires_at > created_at)
);

CREATE TABLE task_runs (
    id uuid NOT NULL,
    kind text NOT NULL,
    queue text NOT NULL,
    dedup_key text,
    status text NOT NULL DEFAULT 'queued',
    attempt integer NOT NULL DEFAULT 0,
    args jsonb NOT NULL DEFAULT '{}',
    result jsonb,
    error text,
    -- Null for work that is nobody's. A user's runs go with the account, arguments and all.
    user_id uuid,
    started_at timestamptz,
    finished_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT task_runs_pkey PRIMARY KEY (id),
    CONSTRAINT task_runs_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT task_runs_kind_check CHECK (char_length(kind) BETWEEN 1 AND 100),
    CONSTRAINT task_runs_queue_check CHECK (char_length(queue) BETWEEN 1 AND 80),
    CONSTRAINT task_runs_dedup_key_check CHECK (char_length(dedup_key) BETWEEN 1 AND 255),
    CONSTRAINT task_runs_status_check CHECK (status IN ('queued', 'running', 'succeeded', 'failed', 'dead')),
    CONSTRAINT task_runs_attempt_check CHECK (attempt >= 0)
);

CREATE TABLE audit_log (
    id bigint GENERATED ALWAYS AS IDENTITY,
    at timestamptz NOT NULL DEFAULT now(),
    actor_id uuid,
    action text NOT NULL,
    target text,
    ip text,
    request_id text,
    detail jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT audit_log_pkey PRIMARY KEY (id),
    CONSTRAINT audit_log_actor_fkey FOREIGN KEY (actor_id) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT audit_log_action_check CHECK (char_length(action) BETWEEN 1 AND 100),
    CONSTRAINT audit_log_detail_check CHECK (jsonb_typeof(detail) = 'object')
);

-- Grants keep the application from changing the log; the trigger keeps its owner from doing so by
-- accident. The one change let through is the erasure of an account: the foreign key takes the actor
-- away, and with it goes what else could name the person.
CREATE FUNCTION audit_log_guard() RETURNS trigger
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

REVOKE ALL ON FUNCTION audit_log_guard() FROM PUBLIC;

CREATE TRIGGER audit_log_guard_row
    BEFORE UPDATE OR DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION audit_log_guard();
CREATE TRIGGER audit_log_guard_truncate
    BEFORE TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_guard();

GRANT SELECT ON task_runs, audit_log TO tallybook_read;
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys, task_runs TO tallybook_write;
GRANT SELECT, INSERT ON audit_log TO tallybook_write;

RESET ROLE;
