SET LOCAL ROLE tallybook_migrate;

-- The nearest names by shared trigrams. A graph rather than the trigram index: that one finds thousands of candidates for
-- a word with a typing mistake, and to look at each is what costs.
CREATE INDEX merchant_grams_hnsw ON merchant_master USING hnsw (grams bit_jaccard_ops) WHERE merged_into IS NULL;
-- A prefix within a category; alone, the prefix may have thousands of names of other categories before the first hit.
CREATE INDEX merchant_category_name_idx ON merchant_master (category, name_l text_pattern_ops) WHERE merged_into IS NULL;
CREATE INDEX merchant_merged_idx ON merchant_master (merged_into) WHERE merged_into IS NOT NULL;

-- A merchant merges into one other at a time.
CREATE UNIQUE INDEX merchant_merges_standing_key ON merchant_merges (from_id) WHERE status <> 'undone';
CREATE INDEX merchant_merges_from_idx ON merchant_merges (from_id);
CREATE INDEX merchant_merges_into_idx ON merchant_merges (into_id);
CREATE INDEX merchant_merges_open_idx ON merchant_merges (created_at) WHERE status IN ('moving', 'undoing');
CREATE INDEX merchant_moves_merge_idx ON merchant_moves (merge_id, user_id);

-- Whose transactions a merge has to move: in the order of users, so that a pass never meets the rows it moved before.
CREATE INDEX tx_merchant_user ON transactions (merchant_id, user_id) WHERE merchant_id IS NOT NULL;
DROP INDEX tx_merchant;

RESET ROLE;
