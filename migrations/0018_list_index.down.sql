SET LOCAL ROLE tallybook_migrate;

DROP INDEX tx_list_cov;
CREATE INDEX tx_list_cov ON transactions (user_id, date DESC, id DESC)
    INCLUDE (category, source, currency, amount) WHERE NOT is_deleted;

RESET ROLE;
