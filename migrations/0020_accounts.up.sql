SET LOCAL ROLE tallybook_migrate;

ALTER TABLE users
    -- Goes up with every change of the profile; its ETag.
    ADD COLUMN revision bigint NOT NULL DEFAULT 1,
    -- The address that becomes the user's when the link sent to it is followed. Emptying it makes that link void.
    ADD COLUMN pending_email text,
    ADD CONSTRAINT users_pending_email_check CHECK (char_length(pending_email) BETWEEN 3 AND 254);

GRANT SELECT (revision, pending_email) ON users TO tallybook_read;

-- Mails that wait to be sent: written in the transaction they tell of, deleted when they are sent. They hold no link: the
-- token is made when the mail is, so that nothing at rest opens an account.
CREATE TABLE mails (
    id uuid NOT NULL,
    kind text NOT NULL,
    email text NOT NULL,
    -- Null when a stranger asked: whether the address has an account is looked up when the mail is sent, so that asking
    -- costs the same for every address.
    user_id uuid,
    tries integer NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT mails_pkey PRIMARY KEY (id),
    CONSTRAINT mails_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT mails_kind_check CHECK (char_length(kind) BETWEEN 1 AND 64),
    CONSTRAINT mails_email_check CHECK (char_length(email) BETWEEN 3 AND 254),
    CONSTRAINT mails_tries_check CHECK (tries >= 0)
);

-- Accounts that were closed and whose rows are on their way out. Whoever stands here is nobody any more.
CREATE TABLE erasures (
    user_id uuid NOT NULL,
    closed_at timestamptz NOT NULL,
    -- When the sweeper looks again: a task may have been lost.
    due_at timestamptz NOT NULL,
    CONSTRAINT erasures_pkey PRIMARY KEY (user_id),
    CONSTRAINT erasures_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);

GRANT SELECT, INSERT, UPDATE, DELETE ON mails, erasures TO tallybook_write;

-- As before, but the actor may also be taken from the rows of an account that is being erased: there may be more of them
-- than one statement has time for.
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
            AND (
                NOT EXISTS (SELECT FROM public.users WHERE id = OLD.actor_id)
                OR EXISTS (SELECT FROM public.erasures WHERE user_id = OLD.actor_id)
            )
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

-- SECURITY DEFINER, because nobody else may change the log; the trigger sees to it that the account is being erased.
CREATE FUNCTION audit_log_forget(of_user uuid, most integer) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH forgotten AS (
        UPDATE public.audit_log SET actor_id = NULL
        WHERE id IN (SELECT id FROM public.audit_log WHERE actor_id = of_user LIMIT most)
        RETURNING 1
    )
    SELECT count(*) FROM forgotten
$$;
REVOKE ALL ON FUNCTION audit_log_forget(uuid, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_log_forget(uuid, integer) TO tallybook_write;

RESET ROLE;
