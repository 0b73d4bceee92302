SET LOCAL ROLE tallybook_migrate;

-- The day of the month that a budget's periods begin on, where a period begins before it because its month is too short:
-- after 31 January – 27 February comes 28 February – 30 March, and then 31 March again. None means the period's own day.
ALTER TABLE budget_periods ADD COLUMN anchor_day smallint,
    ADD CONSTRAINT budget_periods_anchor_day_check CHECK (anchor_day BETWEEN 29 AND 31);

-- The last day of a budget's latest period: the renewal looks for those that are over, and what it costs grows with them and
-- not with all budgets there are. Kept by a trigger, so that no statement can forget it.
ALTER TABLE budgets ADD COLUMN ends_on date;

CREATE FUNCTION budget_ends_on() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE public.budgets b
    SET ends_on = (
        SELECT max(p.end_date) FROM public.budget_periods p WHERE p.user_id = b.user_id AND p.budget_id = b.id
    )
    WHERE b.user_id = coalesce(NEW.user_id, OLD.user_id) AND b.id = coalesce(NEW.budget_id, OLD.budget_id);
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION budget_ends_on() FROM PUBLIC;

CREATE TRIGGER budget_ends_on AFTER INSERT OR DELETE OR UPDATE OF end_date ON budget_periods
    FOR EACH ROW EXECUTE FUNCTION budget_ends_on();

UPDATE budgets b
SET ends_on = (SELECT max(p.end_date) FROM budget_periods p WHERE p.user_id = b.user_id AND p.budget_id = b.id);

-- What a month of each category costs, from the last three complete months or those of them with spending; where there is
-- none, this month so far.
CREATE FUNCTION budget_means(of_user uuid, today date)
RETURNS TABLE (category text, currency text, months integer, mean numeric)
LANGUAGE sql STABLE AS $$
    SELECT m.category, m.currency, (count(*) FILTER (WHERE m.month < this.month))::integer,
           coalesce(avg(m.total) FILTER (WHERE m.month < this.month), sum(m.total))
    FROM (SELECT date_trunc('month', today)::date AS month) AS this
    JOIN public.transaction_totals m
        ON m.user_id = of_user AND m.count > 0 AND m.month >= this.month - interval '3 months' AND m.month <= this.month
    GROUP BY m.category, m.currency
$$;
REVOKE ALL ON FUNCTION budget_means(uuid, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION budget_means(uuid, date) TO tallybook_read, tallybook_write;

RESET ROLE;
