SET LOCAL ROLE tallybook_migrate;

-- With the merchant, so that the statistics of a year are index-only: a tenth of the time, for a fifth more index.
DROP INDEX tx_list_cov;
CREATE INDEX tx_list_cov ON transactions (user_id, date DESC, id DESC)
    INCLUDE (category, source, currency, amount, merchant_id) WHERE NOT is_deleted;

RESET ROLE;
