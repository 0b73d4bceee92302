SET LOCAL ROLE tallybook_migrate;

DROP INDEX tx_lookalikes;
DROP INDEX tx_confidence_gin;
CREATE INDEX tx_confidence_gin ON transactions USING gin (confidence jsonb_path_ops);
CREATE INDEX tx_user_merchant ON transactions (user_id, merchant_id, date DESC, id DESC)
    WHERE NOT is_deleted AND merchant_id IS NOT NULL;
CREATE INDEX tx_merchant_user ON transactions (merchant_id, user_id) WHERE merchant_id IS NOT NULL;
DROP INDEX tx_of_merchant;

RESET ROLE;
