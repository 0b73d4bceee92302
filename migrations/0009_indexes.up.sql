SET LOCAL ROLE tallybook_migrate;

-- Primary keys and unique constraints have their indexes already; those that lead with user_id also
-- serve the foreign key to users. Every other foreign key is indexed here, or each delete of what it
-- points at would read the whole table.

-- Merchants. text_pattern_ops serves equality and uniqueness as well as prefixes, in any collation.
CREATE UNIQUE INDEX merchant_name_key ON merchant_master (name_l text_pattern_ops);
CREATE INDEX merchant_name_trgm ON merchant_master USING gin (name_l gin_trgm_ops);
CREATE INDEX merchant_aliases_gin ON merchant_master USING gin (aliases);
CREATE INDEX merchant_tags_gin ON merchant_master USING gin (tags);
CREATE INDEX merchant_category_idx ON merchant_master (category);
CREATE INDEX merchant_created_idx ON merchant_master (created_at, id);
CREATE INDEX merchant_aliases_merchant_idx ON merchant_aliases (merchant_id);

-- Users and their tokens. Addresses that differ only in case are one address, also at the same moment.
CREATE UNIQUE INDEX users_email_key ON users (lower(email));
CREATE INDEX users_created_idx ON users (created_at, id);
CREATE INDEX users_wallets_gin ON users USING gin (wallet_addresses jsonb_path_ops);
CREATE INDEX users_preferences_gin ON users USING gin (preferences jsonb_path_ops);
CREATE INDEX sessions_expires_idx ON sessions (expires_at);
CREATE INDEX sessions_previous_idx ON sessions (previous_hash) WHERE previous_hash IS NOT NULL;
CREATE INDEX single_use_tokens_expires_idx ON single_use_tokens (expires_at);
CREATE INDEX service_tokens_created_by_idx ON service_tokens (created_by);

-- Transactions. Live rows are what nearly every statement asks for, so these are partial; the
-- included columns make filtered pages and sums index-only. Together with tx_deleted the first is the
-- plain (user_id, date), and the second the plain (user_id, category).
CREATE INDEX tx_list_cov ON transactions (user_id, date DESC, id DESC)
    INCLUDE (category, source, currency, amount) WHERE NOT is_deleted;
CREATE INDEX tx_cat ON transactions (user_id, category, date DESC, id DESC)
    INCLUDE (currency, amount) WHERE NOT is_deleted;
CREATE INDEX tx_source ON transactions (user_id, source, date DESC, id DESC) WHERE NOT is_deleted;
CREATE INDEX tx_user_merchant ON transactions (user_id, merchant_id, date DESC, id DESC)
    WHERE NOT is_deleted AND merchant_id IS NOT NULL;
CREATE INDEX tx_amount ON transactions (user_id, amount) INCLUDE (date, id) WHERE NOT is_deleted;
CREATE INDEX tx_deleted ON transactions (user_id, date DESC, id DESC) WHERE is_deleted;
-- The look for duplicates, one probe a row of an import.
CREATE INDEX tx_dup ON transactions (user_id, date, amount, merchant_key)
    INCLUDE (currency, occurrence) WHERE NOT is_deleted;
CREATE UNIQUE INDEX transactions_external_key ON transactions (user_id, source, external_id)
    WHERE external_id IS NOT NULL;
CREATE INDEX tx_changed ON transactions (user_id, changed_seq);
CREATE INDEX tx_search ON transactions USING gin (user_id, tsv) WHERE NOT is_deleted;
-- jsonb_path_ops, because the question asked of it is containment, and it is the smaller.
CREATE INDEX tx_confidence_gin ON transactions USING gin (confidence jsonb_path_ops);
CREATE INDEX tx_anomaly ON transactions (user_id, anomaly_score DESC) WHERE anomaly_score > 0.5;
-- Rows come in the order of created_at, which a block range index follows for a few bytes a megabyte.
CREATE INDEX tx_created ON transactions USING brin (created_at);
CREATE INDEX tx_merchant ON transactions (merchant_id) WHERE merchant_id IS NOT NULL;
CREATE INDEX tx_import ON transactions (user_id, import_id) WHERE import_id IS NOT NULL;
CREATE INDEX tx_duplicate_of ON transactions (user_id, duplicate_of) WHERE duplicate_of IS NOT NULL;

-- Imports
CREATE INDEX imports_changed_idx ON imports (user_id, changed_seq);
CREATE INDEX imports_mapping_idx ON imports (user_id, mapping_id) WHERE mapping_id IS NOT NULL;
CREATE INDEX imports_open_idx ON imports (updated_at) WHERE status IN ('queued', 'running');
CREATE INDEX import_mappings_fingerprint_idx ON import_mappings (user_id, fingerprint);

-- Corrections: the user's last one for a merchant decides a new transaction's category; training
-- reads everybody's by time.
CREATE INDEX user_corrections_key_idx ON user_corrections (user_id, merchant_key, created_at DESC);
CREATE INDEX user_corrections_user_merchant_idx ON user_corrections (user_id, merchant_id, created_at DESC)
    WHERE merchant_id IS NOT NULL;
CREATE INDEX user_corrections_transaction_idx ON user_corrections (user_id, transaction_id);
CREATE INDEX user_corrections_merchant_idx ON user_corrections (merchant_id) WHERE merchant_id IS NOT NULL;
CREATE INDEX user_corrections_created_idx ON user_corrections (created_at DESC, id DESC);

-- Nearest neighbours over all users; a search for one user filters while it walks
-- (hnsw.iterative_scan), or sorts that user's rows exactly when they are few.
CREATE INDEX embeddings_vector_hnsw ON embeddings USING hnsw (vector vector_cosine_ops);

-- Budgets. Deleting one frees its category for a new one.
CREATE UNIQUE INDEX budgets_category_key ON budgets (user_id, category, currency) WHERE NOT is_deleted;
CREATE INDEX budgets_changed_idx ON budgets (user_id, changed_seq);
-- The renewal job asks for what has ended, whoever's it is.
CREATE INDEX budget_periods_end_idx ON budget_periods (end_date);

CREATE INDEX recurrences_user_merchant_idx ON recurrences (user_id, merchant_id);
CREATE INDEX recurrences_user_key_idx ON recurrences (user_id, merchant_key);
CREATE INDEX recurrences_merchant_idx ON recurrences (merchant_id) WHERE merchant_id IS NOT NULL;
CREATE INDEX recurrences_next_idx ON recurrences (next_expected_date);
CREATE INDEX recurrences_changed_idx ON recurrences (user_id, changed_seq);

CREATE INDEX portfolio_holdings_type_idx ON portfolio_holdings (user_id, asset_type);
CREATE INDEX portfolio_holdings_identifier_idx ON portfolio_holdings (identifier);
CREATE INDEX portfolio_holdings_changed_idx ON portfolio_holdings (user_id, changed_seq);
CREATE INDEX merkle_batches_tx_idx ON merkle_batches (blockchain_tx_id) WHERE blockchain_tx_id IS NOT NULL;

-- Delivery, jobs, audit. The sweeper's index holds only users with frames not handed over yet.
CREATE INDEX user_seq_unpushed_idx ON user_seq (user_id) WHERE seq > pushed_seq;
CREATE INDEX idempotency_keys_expires_idx ON idempotency_keys (expires_at);
-- At most one run of a key waits or works at a time, however often its schedule fires.
CREATE UNIQUE INDEX task_runs_dedup_key ON task_runs (kind, dedup_key)
    WHERE dedup_key IS NOT NULL AND status IN ('queued', 'running');
CREATE INDEX task_runs_created_idx ON task_runs (created_at DESC, id DESC);
CREATE INDEX task_runs_status_idx ON task_runs (status, created_at DESC);
CREATE INDEX task_runs_kind_idx ON task_runs (kind, created_at DESC);
CREATE INDEX task_runs_user_idx ON task_runs (user_id, created_at DESC) WHERE user_id IS NOT NULL;
CREATE INDEX audit_log_at_idx ON audit_log (at DESC);
CREATE INDEX audit_log_actor_idx ON audit_log (actor_id, at DESC) WHERE actor_id IS NOT NULL;
CREATE INDEX audit_log_action_idx ON audit_log (action, at DESC);

RESET ROLE;
