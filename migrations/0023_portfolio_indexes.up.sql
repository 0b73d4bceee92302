SET LOCAL ROLE tallybook_migrate;

-- Lists, newest first, and what is to be counted of them: without those that were deleted.
CREATE INDEX portfolio_holdings_list_idx ON portfolio_holdings (user_id, id DESC) INCLUDE (asset_type, currency)
    WHERE NOT is_deleted;

RESET ROLE;
