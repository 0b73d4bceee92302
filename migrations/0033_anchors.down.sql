SET LOCAL ROLE tallybook_migrate;

DELETE FROM schedules WHERE name = 'anchor-transactions';
DROP TABLE merkle_tiles;
DROP TABLE merkle_leaves;
-- Without their leaves they can prove nothing, and one without a root is none.
DELETE FROM merkle_batches WHERE root_hash IS NULL;
ALTER TABLE merkle_batches
    DROP CONSTRAINT merkle_batches_sealed_check,
    DROP CONSTRAINT merkle_batches_anchored_check,
    DROP CONSTRAINT merkle_batches_order_check,
    DROP CONSTRAINT merkle_batches_tx_check,
    DROP COLUMN sealed_at,
    DROP COLUMN anchored_at,
    ALTER COLUMN root_hash SET NOT NULL;

RESET ROLE;
