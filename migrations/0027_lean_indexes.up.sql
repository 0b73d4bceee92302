SET LOCAL ROLE tallybook_migrate;

-- One index for a merchant's transactions rather than two: a user's own by date, whoever's for the foreign key and for
-- merges. Each row of an import is one entry less.
CREATE INDEX tx_of_merchant ON transactions (merchant_id, user_id, date DESC, id DESC)
    INCLUDE (is_deleted) WHERE merchant_id IS NOT NULL;
DROP INDEX tx_merchant_user;
DROP INDEX tx_user_merchant;

-- Rows of a bank's file have no confidences, and an empty object is an entry of its own for each of them.
DROP INDEX tx_confidence_gin;
CREATE INDEX tx_confidence_gin ON transactions USING gin (confidence jsonb_path_ops) WHERE confidence <> '{}';

-- Groups of lookalikes in the order in which they are shown, so that a page of them ends where it ends.
CREATE INDEX tx_lookalikes ON transactions (user_id, date DESC, duplicate_of DESC)
    INCLUDE (amount, currency) WHERE duplicate_of IS NOT NULL AND NOT is_deleted;

RESET ROLE;
