SET LOCAL ROLE tallybook_migrate;

-- What was spent from one day to another: whole months from the totals, their edges from the rows. A table function of one
-- plain statement, so that the planner writes it into the query that calls it.
CREATE FUNCTION budget_spent(of_user uuid, of_category text, of_currency text, first_day date, last_day date)
RETURNS TABLE (spent numeric)
LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum(part.amount), 0)
    FROM (
        SELECT (date_trunc('month', first_day - 1) + interval '1 month')::date AS begin,
               date_trunc('month', last_day + 1)::date AS beyond
    ) AS whole
    CROSS JOIN LATERAL (
        SELECT m.total AS amount FROM public.transaction_totals m
        WHERE m.user_id = of_user AND m.category = of_category AND m.currency = of_currency
          AND m.month >= whole.begin AND m.month < whole.beyond
        UNION ALL
        SELECT t.amount FROM public.transactions t
        WHERE t.user_id = of_user AND t.category = of_category AND t.currency = of_currency AND NOT t.is_deleted
          AND t.date >= first_day AND t.date <= least(last_day, whole.begin - 1)
        UNION ALL
        SELECT t.amount FROM public.transactions t
        WHERE t.user_id = of_user AND t.category = of_category AND t.currency = of_currency AND NOT t.is_deleted
          AND t.date >= greatest(whole.begin, whole.beyond) AND t.date <= last_day
    ) AS part
$$;
REVOKE ALL ON FUNCTION budget_spent(uuid, text, text, date, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION budget_spent(uuid, text, text, date, date) TO tallybook_read, tallybook_write;

RESET ROLE;
