SET LOCAL ROLE tallybook_migrate;

-- The counter of each user's frames. Its row lock is what puts a user's commits in the order of
-- their numbers, so it is the last lock a transaction takes.
CREATE TABLE user_seq (
    user_id uuid NOT NULL,
    seq bigint NOT NULL DEFAULT 0,
    -- Handed to delivery up to here.
    pushed_seq bigint NOT NULL DEFAULT 0,
    -- Commits that changed rows; the changed_seq of those rows. Apart from seq, because not every change is a frame.
    changes bigint NOT NULL DEFAULT 0,
    CONSTRAINT user_seq_pkey PRIMARY KEY (user_id),
    CONSTRAINT user_seq_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT user_seq_order_check CHECK (pushed_seq >= 0 AND pushed_seq <= seq)
) WITH (
    -- Every commit updates a row, and the sweeper's index makes none of those updates HOT: free
    -- space keeps new versions in the page, early vacuums keep the indexes small.
    fillfactor = 50,
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_threshold = 500
);

-- Frames waiting for delivery or for a client that comes back, nothing else: state lives in its own
-- tables. By day, because old days are dropped whole and a million deletes are not. The key carries
-- created_at only because a partitioned key must.
CREATE TABLE events (
    user_id uuid NOT NULL,
    seq bigint NOT NULL,
    type text NOT NULL,
    data jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT events_pkey PRIMARY KEY (user_id, seq, created_at),
    CONSTRAINT events_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT events_seq_check CHECK (seq > 0),
    CONSTRAINT events_type_check CHECK (char_length(type) BETWEEN 1 AND 64)
) PARTITION BY RANGE (created_at);

-- A day whose partition nobody made in time lands here, and nothing fails.
CREATE TABLE events_default PARTITION OF events DEFAULT;

-- Makes the partitions from today to ahead_days later (UTC) and drops what is older than keep_days.
-- SECURITY DEFINER, because the role that runs the daily job owns no table. Safe to run at any time,
-- twice, or late.
CREATE FUNCTION events_partitions(
    keep_days integer,
    ahead_days integer,
    today date DEFAULT (now() AT TIME ZONE 'UTC')::date,
    OUT created integer,
    OUT dropped integer
)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    day date;
    part text;
    lower_bound timestamptz;
    upper_bound timestamptz;
BEGIN
    IF keep_days IS NULL OR keep_days NOT BETWEEN 1 AND 3650
        OR ahead_days IS NULL OR ahead_days NOT BETWEEN 0 AND 60 OR today IS NULL THEN
        RAISE EXCEPTION 'events_partitions: keep_days 1 to 3650, ahead_days 0 to 60'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    created := 0;
    dropped := 0;

    PERFORM pg_advisory_xact_lock(hashtextextended('events_partitions', 0));

    FOR offset_days IN 0..ahead_days LOOP
        day := today + offset_days;
        part := 'events_' || to_char(day, 'YYYYMMDD');
        CONTINUE WHEN to_regclass(format('public.%I', part)) IS NOT NULL;
        lower_bound := day::timestamp AT TIME ZONE 'UTC';
        upper_bound := (day + 1)::timestamp AT TIME ZONE 'UTC';

        -- The lock that the new foreign key needs, taken before any on events: writers lock users
        -- first, too.
        LOCK TABLE public.users IN SHARE ROW EXCLUSIVE MODE;
        -- Made apart and then attached: a table created as a partition blocks every insert, an
        -- attached one does not, and rows that fell into the default can move first.
        EXECUTE format(
            'CREATE TABLE public.%I (LIKE public.events INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)',
            part
        );
        LOCK TABLE public.events_default IN ACCESS EXCLUSIVE MODE;
        EXECUTE format(
            'WITH moved AS (
                 DELETE FROM public.events_default WHERE created_at >= $1 AND created_at < $2 RETURNING *
             )
             INSERT INTO public.%I SELECT * FROM moved',
            part
        ) USING lower_bound, upper_bound;
        EXECUTE format(
            'ALTER TABLE public.events ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
            part, lower_bound, upper_bound
        );
        created := created + 1;
    END LOOP;

    FOR part IN
        SELECT c.relname
        FROM pg_inherits i
        JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'public.events'::regclass
          AND c.relname ~ '^events_[0-9]{8}$'
          AND c.relname < 'events_' || to_char(today - keep_days, 'YYYYMMDD')
    LOOP
        EXECUTE format('DROP TABLE public.%I', part);
        dropped := dropped + 1;
    END LOOP;

    DELETE FROM public.events_default
    WHERE created_at < (today - keep_days)::timestamp AT TIME ZONE 'UTC';
END
$$;

REVOKE ALL ON FUNCTION events_partitions(integer, integer, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION events_partitions(integer, integer, date) TO tallybook_write;

-- Partitions are reached through their parent, whose grants are the ones checked.
GRANT SELECT ON user_seq, events TO tallybook_read;
GRANT SELECT, INSERT, UPDATE, DELETE ON user_seq, events TO tallybook_write;

SELECT events_partitions(7, 3);

RESET ROLE;
