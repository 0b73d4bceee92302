SET LOCAL ROLE tallybook_migrate;

CREATE TYPE asset_type AS ENUM ('stock', 'etf', 'fund', 'bond', 'crypto', 'cash', 'other');

CREATE TABLE portfolio_holdings (
    user_id uuid NOT NULL,
    id uuid NOT NULL,
    asset_type asset_type NOT NULL,
    -- A ticker or a contract address.
    identifier varchar(255) NOT NULL,
    units numeric(20, 8) NOT NULL,
    cost_basis numeric(14, 2),
    last_valuation numeric(14, 2),
    currency text NOT NULL,
    -- When last_valuation was true; updated_at moves with any edit and says nothing of staleness.
    valued_at timestamptz,
    is_deleted boolean NOT NULL DEFAULT false,
    deleted_at timestamptz,
    changed_seq bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT portfolio_holdings_pkey PRIMARY KEY (user_id, id),
    CONSTRAINT portfolio_holdings_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT portfolio_holdings_identifier_check CHECK (char_length(identifier) >= 1),
    CONSTRAINT portfolio_holdings_units_check CHECK (units >= 0 AND units <> 'NaN'),
    CONSTRAINT portfolio_holdings_cost_basis_check CHECK (cost_basis BETWEEN 0 AND 999999999999.99),
    CONSTRAINT portfolio_holdings_last_valuation_check CHECK (last_valuation BETWEEN 0 AND 999999999999.99),
    CONSTRAINT portfolio_holdings_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT portfolio_holdings_deleted_check CHECK (is_deleted = (deleted_at IS NOT NULL)),
    CONSTRAINT portfolio_holdings_changed_seq_check CHECK (changed_seq >= 0)
);

-- One batch a day over everybody's transactions, so it has no owner. It outlives a deleted account:
-- a root hash says nothing about a person.
CREATE TABLE merkle_batches (
    id uuid NOT NULL,
    batch_date date NOT NULL,
    root_hash varchar(64) NOT NULL,
    transaction_count integer NOT NULL,
    blockchain_tx_id varchar(128),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT merkle_batches_pkey PRIMARY KEY (id),
    CONSTRAINT merkle_batches_date_key UNIQUE (batch_date),
    CONSTRAINT merkle_batches_root_check CHECK (root_hash ~ '^[0-9a-f]{64}$'),
    CONSTRAINT merkle_batches_count_check CHECK (transaction_count >= 0)
);

GRANT SELECT ON portfolio_holdings, merkle_batches TO tallybook_read;
GRANT SELECT, INSERT, UPDATE, DELETE ON portfolio_holdings, merkle_batches TO tallybook_write;

RESET ROLE;
