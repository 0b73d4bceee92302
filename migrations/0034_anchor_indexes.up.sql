SET LOCAL ROLE tallybook_migrate;

-- One batch is gathered at a time.
CREATE UNIQUE INDEX merkle_batches_open_key ON merkle_batches ((root_hash IS NULL)) WHERE root_hash IS NULL;
CREATE UNIQUE INDEX merkle_batches_root_key ON merkle_batches (root_hash) WHERE root_hash IS NOT NULL;

RESET ROLE;
