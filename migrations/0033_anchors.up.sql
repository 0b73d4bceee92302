SET LOCAL ROLE tallybook_migrate;

-- A batch is gathered first: its tree has no root until it is sealed.
ALTER TABLE merkle_batches
    ALTER COLUMN root_hash DROP NOT NULL,
    ADD COLUMN sealed_at timestamptz,
    -- When the chain's transaction was told us.
    ADD COLUMN anchored_at timestamptz;
UPDATE merkle_batches SET sealed_at = created_at;
UPDATE merkle_batches SET anchored_at = created_at WHERE blockchain_tx_id IS NOT NULL;
ALTER TABLE merkle_batches
    ADD CONSTRAINT merkle_batches_sealed_check CHECK ((root_hash IS NULL) = (sealed_at IS NULL)),
    ADD CONSTRAINT merkle_batches_anchored_check CHECK ((blockchain_tx_id IS NULL) = (anchored_at IS NULL)),
    ADD CONSTRAINT merkle_batches_order_check CHECK (anchored_at IS NULL OR sealed_at IS NOT NULL),
    ADD CONSTRAINT merkle_batches_tx_check CHECK (char_length(blockchain_tx_id) >= 1);

-- A leaf for each revision of a transaction that a night found. It goes with its owner; its hash stays in the tree, where
-- nobody can tell what it was of: the text holds 128 random bits.
CREATE TABLE merkle_leaves (
    user_id uuid NOT NULL,
    transaction_id uuid NOT NULL,
    -- The changed_seq of the transaction.
    revision bigint NOT NULL,
    batch_id uuid NOT NULL,
    leaf_index bigint NOT NULL,
    -- What is hashed, byte for byte.
    leaf text NOT NULL,
    CONSTRAINT merkle_leaves_pkey PRIMARY KEY (user_id, transaction_id, revision),
    CONSTRAINT merkle_leaves_place_key UNIQUE (batch_id, leaf_index),
    CONSTRAINT merkle_leaves_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT merkle_leaves_transaction_fkey FOREIGN KEY (user_id, transaction_id)
        REFERENCES transactions (user_id, id) ON DELETE CASCADE,
    CONSTRAINT merkle_leaves_batch_fkey FOREIGN KEY (batch_id) REFERENCES merkle_batches (id) ON DELETE RESTRICT,
    CONSTRAINT merkle_leaves_index_check CHECK (leaf_index >= 0)
);

-- Up to 256 neighbouring hashes of every eighth level, from which a proof computes the others.
CREATE TABLE merkle_tiles (
    batch_id uuid NOT NULL,
    level smallint NOT NULL,
    tile bigint NOT NULL,
    hashes bytea NOT NULL,
    CONSTRAINT merkle_tiles_pkey PRIMARY KEY (batch_id, level, tile),
    CONSTRAINT merkle_tiles_batch_fkey FOREIGN KEY (batch_id) REFERENCES merkle_batches (id) ON DELETE RESTRICT,
    CONSTRAINT merkle_tiles_level_check CHECK (level IN (0, 8, 16, 24)),
    CONSTRAINT merkle_tiles_tile_check CHECK (tile >= 0),
    CONSTRAINT merkle_tiles_hashes_check CHECK (
        octet_length(hashes) BETWEEN 32 AND 8192 AND octet_length(hashes) % 32 = 0
    )
);
-- Hashes do not compress.
ALTER TABLE merkle_tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;

GRANT SELECT ON merkle_leaves, merkle_tiles TO tallybook_read;
GRANT SELECT, INSERT, UPDATE, DELETE ON merkle_leaves, merkle_tiles TO tallybook_write;

INSERT INTO schedules (name, cron, task, description) VALUES
    ('anchor-transactions', '0 2 * * *', '{"v":1,"kind":"anchor"}',
        'Puts what changed into the day''s Merkle tree');

RESET ROLE;
