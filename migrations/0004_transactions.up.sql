SET LOCAL ROLE tallybook_migrate;

CREATE TYPE transaction_source AS ENUM ('ocr', 'sms', 'csv', 'manual');
CREATE TYPE import_status AS ENUM ('queued', 'running', 'completed', 'failed', 'reverted');

-- Keys lead with the owner, and foreign keys between a user's tables carry it along: the database
-- itself refuses a row that points at somebody else's.
CREATE TABLE import_mappings (
    user_id uuid NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    -- Of the header row, to recognise the next file of the same shape.
    fingerprint text NOT NULL,
    mapping jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT import_mappings_pkey PRIMARY KEY (user_id, id),
    CONSTRAINT import_mappings_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT import_mappings_name_key UNIQUE (user_id, name),
    CONSTRAINT import_mappings_name_check CHECK (char_length(name) BETWEEN 1 AND 100),
    CONSTRAINT import_mappings_mapping_check CHECK (jsonb_typeof(mapping) = 'object')
);

CREATE TABLE imports (
    user_id uuid NOT NULL,
    id uuid NOT NULL,
    status import_status NOT NULL DEFAULT 'queued',
    file_key text NOT NULL,
    file_name text,
    size_bytes bigint NOT NULL,
    on_duplicate text NOT NULL DEFAULT 'skip',
    mapping_id uuid,
    -- Unknown until the file has been read once.
    rows_total integer,
    rows_imported integer NOT NULL DEFAULT 0,
    rows_duplicate integer NOT NULL DEFAULT 0,
    rows_failed integer NOT NULL DEFAULT 0,
    -- Moves in the same transaction as the rows before it, so a killed worker resumes here and
    -- neither loses nor repeats one.
    next_row integer NOT NULL DEFAULT 0,
    error_code text,
    error_detail text,
    changed_seq bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    CONSTRAINT imports_pkey PRIMARY KEY (user_id, id),
    CONSTRAINT imports_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT imports_mapping_fkey FOREIGN KEY (user_id, mapping_id)
        REFERENCES import_mappings (user_id, id) ON DELETE SET NULL (mapping_id),
    CONSTRAINT imports_file_name_check CHECK (char_length(file_name) <= 255),
    CONSTRAINT imports_size_check CHECK (size_bytes >= 0),
    CONSTRAINT imports_on_duplicate_check CHECK (on_duplicate IN ('skip', 'flag', 'import')),
    CONSTRAINT imports_counts_check CHECK (
        rows_total >= 0 AND rows_imported >= 0 AND rows_duplicate >= 0 AND rows_failed >= 0 AND next_row >= 0
    ),
    CONSTRAINT imports_changed_seq_check CHECK (changed_seq >= 0)
);

CREATE TABLE import_errors (
    user_id uuid NOT NULL,
    import_id uuid NOT NULL,
    line integer NOT NULL,
    -- Empty when the line as a whole is wrong. Part of the key: one line may have the same fault in
    -- two columns.
    column_name text NOT NULL DEFAULT '',
    code text NOT NULL,
    detail text NOT NULL DEFAULT '',
    CONSTRAINT import_errors_pkey PRIMARY KEY (user_id, import_id, line, column_name, code),
    CONSTRAINT import_errors_import_fkey FOREIGN KEY (user_id, import_id)
        REFERENCES imports (user_id, id) ON DELETE CASCADE,
    CONSTRAINT import_errors_line_check CHECK (line >= 1),
    CONSTRAINT import_errors_text_check CHECK (
        char_length(column_name) <= 255 AND char_length(code) BETWEEN 1 AND 64 AND char_length(detail) <= 500
    )
);

CREATE TABLE transactions (
    user_id uuid NOT NULL,
    id uuid NOT NULL,
    -- Positive is money out, negative a refund or income.
    amount numeric(14, 2) NOT NULL,
    currency text NOT NULL,
    date date NOT NULL,
    merchant_raw text NOT NULL,
    -- A hash of the normalised merchant text: duplicates, corrections and recurrences are found by
    -- comparing eight bytes, also where no merchant was recognised.
    merchant_key bigint NOT NULL,
    merchant_id uuid,
    category text NOT NULL DEFAULT 'Uncategorized',
    source transaction_source NOT NULL,
    note text,
    confidence jsonb NOT NULL DEFAULT '{}',
    anomaly_score double precision,
    blockchain_hash varchar(64),
    ipfs_cid varchar(100),
    receipt_url text,
    external_id text,
    import_id uuid,
    -- Which of several equal rows of one file this is: two coffees are two coffees.
    occurrence integer NOT NULL DEFAULT 1,
    duplicate_of uuid,
    is_deleted boolean NOT NULL DEFAULT false,
    deleted_at timestamptz,
    changed_seq bigint NOT NULL,
    -- 'simple' because merchants' names are in every language and in none. Punctuation goes first, or the parser would
    -- keep NETFLIX.COM whole as the name of a host and nobody would find it by netflix.
    tsv tsvector NOT NULL GENERATED ALWAYS AS (
        to_tsvector(
            'pg_catalog.simple',
            regexp_replace(merchant_raw || ' ' || coalesce(note, ''), '[^[:alnum:]]+', ' ', 'g')
        )
    ) STORED,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT transactions_pkey PRIMARY KEY (user_id, id),
    CONSTRAINT transactions_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT transactions_merchant_fkey FOREIGN KEY (merchant_id)
        REFERENCES merchant_master (id) ON DELETE SET NULL,
    CONSTRAINT transactions_import_fkey FOREIGN KEY (user_id, import_id)
        REFERENCES imports (user_id, id) ON DELETE SET NULL (import_id),
    CONSTRAINT transactions_duplicate_of_fkey FOREIGN KEY (user_id, duplicate_of)
        REFERENCES transactions (user_id, id) ON DELETE SET NULL (duplicate_of),
    -- numeric(14,2) accepts NaN, and NaN sorts above every number: only a bound from above or a
    -- plain comparison keeps it out.
    CONSTRAINT transactions_amount_check CHECK (
        amount <> 'NaN' AND amount <> 0 AND abs(amount) <= 999999999999.99
    ),
    CONSTRAINT transactions_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT transactions_date_check CHECK (isfinite(date)),
    CONSTRAINT transactions_merchant_raw_check CHECK (char_length(merchant_raw) BETWEEN 1 AND 500),
    CONSTRAINT transactions_category_check CHECK (char_length(category) BETWEEN 1 AND 100),
    CONSTRAINT transactions_note_check CHECK (char_length(note) <= 2000),
    CONSTRAINT transactions_confidence_check CHECK (jsonb_typeof(confidence) = 'object'),
    CONSTRAINT transactions_anomaly_score_check CHECK (anomaly_score BETWEEN 0 AND 1),
    CONSTRAINT transactions_receipt_url_check CHECK (char_length(receipt_url) BETWEEN 1 AND 2048),
    CONSTRAINT transactions_external_id_check CHECK (char_length(external_id) BETWEEN 1 AND 255),
    CONSTRAINT transactions_occurrence_check CHECK (occurrence >= 1),
    CONSTRAINT transactions_duplicate_of_check CHECK (duplicate_of <> id),
    CONSTRAINT transactions_deleted_check CHECK (is_deleted = (deleted_at IS NOT NULL)),
    CONSTRAINT transactions_changed_seq_check CHECK (changed_seq >= 0)
) WITH (
    -- Lists and budgets are index-only scans, which need the visibility map to follow the inserts.
    autovacuum_vacuum_insert_scale_factor = 0.02,
    autovacuum_analyze_scale_factor = 0.02
);

CREATE TABLE user_corrections (
    user_id uuid NOT NULL,
    id uuid NOT NULL,
    transaction_id uuid NOT NULL,
    merchant_id uuid,
    merchant_key bigint NOT NULL,
    old_category text NOT NULL,
    new_category text NOT NULL,
    reason text,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT user_corrections_pkey PRIMARY KEY (user_id, id),
    CONSTRAINT user_corrections_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT user_corrections_transaction_fkey FOREIGN KEY (user_id, transaction_id)
        REFERENCES transactions (user_id, id) ON DELETE CASCADE,
    CONSTRAINT user_corrections_merchant_fkey FOREIGN KEY (merchant_id)
        REFERENCES merchant_master (id) ON DELETE SET NULL,
    CONSTRAINT user_corrections_old_category_check CHECK (char_length(old_category) BETWEEN 1 AND 100),
    CONSTRAINT user_corrections_new_category_check CHECK (char_length(new_category) BETWEEN 1 AND 100),
    CONSTRAINT user_corrections_reason_check CHECK (char_length(reason) <= 1000)
);

CREATE TABLE embeddings (
    user_id uuid NOT NULL,
    id uuid NOT NULL,
    transaction_id uuid NOT NULL,
    vector vector(384) NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT embeddings_pkey PRIMARY KEY (user_id, id),
    CONSTRAINT embeddings_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT embeddings_transaction_fkey FOREIGN KEY (user_id, transaction_id)
        REFERENCES transactions (user_id, id) ON DELETE CASCADE,
    CONSTRAINT embeddings_transaction_key UNIQUE (user_id, transaction_id)
);

GRANT SELECT ON import_mappings, imports, import_errors, transactions, user_corrections, embeddings
    TO tallybook_read;
GRANT SELECT, INSERT, UPDATE, DELETE ON import_mappings, imports, import_errors, transactions, user_corrections,
    embeddings TO tallybook_write;

RESET ROLE;
