SET LOCAL ROLE tallybook_migrate;

-- A valuation without its day could not be told from a stale one, and a day without a valuation says nothing.
ALTER TABLE portfolio_holdings
    ADD CONSTRAINT portfolio_holdings_valued_check CHECK ((last_valuation IS NULL) = (valued_at IS NULL));

RESET ROLE;
