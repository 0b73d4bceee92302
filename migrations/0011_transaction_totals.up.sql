SET LOCAL ROLE tallybook_migrate;

-- What lists count and budgets sum, kept by month: neither may cost more the longer a history is.
CREATE TABLE transaction_totals (
    user_id uuid NOT NULL,
    category text NOT NULL,
    currency text NOT NULL,
    month date NOT NULL,
    count integer NOT NULL,
    -- Wider than an amount, because it is a sum of them.
    total numeric(20, 2) NOT NULL,
    CONSTRAINT transaction_totals_pkey PRIMARY KEY (user_id, category, currency, month) INCLUDE (count, total),
    CONSTRAINT transaction_totals_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT transaction_totals_month_check CHECK (extract(day FROM month) = 1),
    CONSTRAINT transaction_totals_count_check CHECK (count >= 0),
    CONSTRAINT transaction_totals_total_check CHECK (total <> 'NaN' AND (count > 0 OR total = 0))
) WITH (
    -- Few rows that change with every transaction of their month.
    fillfactor = 70,
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_threshold = 500
);

-- All of a user's live transactions: a list without filters says how many there are.
ALTER TABLE user_seq ADD COLUMN transactions bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT user_seq_transactions_check CHECK (transactions >= 0);

-- Kept by triggers rather than by the application, because then no statement can forget it: imports, reverts, other
-- teams' rows, a repair by hand. SECURITY DEFINER, because nobody else may write here.
CREATE FUNCTION transaction_totals_add() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO public.transaction_totals AS t (user_id, category, currency, month, count, total)
    SELECT user_id, category, currency, date_trunc('month', date)::date, count(*), sum(amount)
    FROM added WHERE NOT is_deleted
    GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
    ON CONFLICT (user_id, category, currency, month) DO UPDATE
    SET count = t.count + excluded.count, total = t.total + excluded.total;
    UPDATE public.user_seq s SET transactions = s.transactions + d.count
    FROM (SELECT user_id, count(*) AS count FROM added WHERE NOT is_deleted GROUP BY 1) AS d
    WHERE s.user_id = d.user_id;
    RETURN NULL;
END
$$;

CREATE FUNCTION transaction_totals_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- Changed first, then made: a month of which rows are only taken away cannot pass through an INSERT, whose check
    -- refuses a negative count before the conflict is seen.
    WITH delta AS (
        SELECT user_id, category, currency, date_trunc('month', date)::date AS month, sum(n) AS count, sum(n * amount) AS total
        FROM (
            SELECT user_id, category, currency, date, amount, 1 AS n FROM added WHERE NOT is_deleted
            UNION ALL
            SELECT user_id, category, currency, date, amount, -1 FROM gone WHERE NOT is_deleted
        ) AS moved
        GROUP BY 1, 2, 3, 4
        HAVING sum(n) <> 0 OR sum(n * amount) <> 0
    ), changed AS (
        UPDATE public.transaction_totals t
        SET count = t.count + d.count, total = t.total + d.total
        FROM delta d
        WHERE t.user_id = d.user_id AND t.category = d.category AND t.currency = d.currency AND t.month = d.month
        RETURNING t.user_id, t.category, t.currency, t.month
    )
    INSERT INTO public.transaction_totals (user_id, category, currency, month, count, total)
    SELECT user_id, category, currency, month, count, total FROM delta
    WHERE (user_id, category, currency, month) NOT IN (SELECT user_id, category, currency, month FROM changed);
    UPDATE public.user_seq s SET transactions = s.transactions + d.count
    FROM (
        SELECT user_id, sum(n) AS count FROM (
            SELECT user_id, 1 AS n FROM added WHERE NOT is_deleted UNION ALL SELECT user_id, -1 FROM gone WHERE NOT is_deleted
        ) AS moved
        GROUP BY 1 HAVING sum(n) <> 0
    ) AS d
    WHERE s.user_id = d.user_id;
    RETURN NULL;
END
$$;

CREATE FUNCTION transaction_totals_remove() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- Never an INSERT: a whole account may be going, and its totals with it.
    UPDATE public.transaction_totals t
    SET count = t.count - d.count, total = t.total - d.total
    FROM (
        SELECT user_id, category, currency, date_trunc('month', date)::date AS month, count(*) AS count, sum(amount) AS total
        FROM gone WHERE NOT is_deleted GROUP BY 1, 2, 3, 4
    ) AS d
    WHERE t.user_id = d.user_id AND t.category = d.category AND t.currency = d.currency AND t.month = d.month;
    UPDATE public.user_seq s SET transactions = s.transactions - d.count
    FROM (SELECT user_id, count(*) AS count FROM gone WHERE NOT is_deleted GROUP BY 1) AS d
    WHERE s.user_id = d.user_id;
    RETURN NULL;
END
$$;

REVOKE ALL ON FUNCTION transaction_totals_add(), transaction_totals_change(), transaction_totals_remove() FROM PUBLIC;

CREATE TRIGGER transaction_totals_add AFTER INSERT ON transactions
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION transaction_totals_add();
CREATE TRIGGER transaction_totals_change AFTER UPDATE ON transactions
    REFERENCING OLD TABLE AS gone NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION transaction_totals_change();
CREATE TRIGGER transaction_totals_remove AFTER DELETE ON transactions
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION transaction_totals_remove();

INSERT INTO transaction_totals (user_id, category, currency, month, count, total)
SELECT user_id, category, currency, date_trunc('month', date)::date, count(*), sum(amount)
FROM transactions WHERE NOT is_deleted GROUP BY 1, 2, 3, 4;
UPDATE user_seq s SET transactions = d.count
FROM (SELECT user_id, sum(count) AS count FROM transaction_totals GROUP BY 1) AS d WHERE s.user_id = d.user_id;

GRANT SELECT ON transaction_totals TO tallybook_read, tallybook_write;

RESET ROLE;
