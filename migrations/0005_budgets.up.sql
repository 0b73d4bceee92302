SET LOCAL ROLE tallybook_migrate;

CREATE TABLE budgets (
    user_id uuid NOT NULL,
    id uuid NOT NULL,
    category text NOT NULL,
    currency text NOT NULL,
    auto_renew boolean NOT NULL DEFAULT false,
    is_deleted boolean NOT NULL DEFAULT false,
    deleted_at timestamptz,
    changed_seq bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT budgets_pkey PRIMARY KEY (user_id, id),
    CONSTRAINT budgets_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT budgets_category_check CHECK (char_length(category) BETWEEN 1 AND 100),
    CONSTRAINT budgets_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT budgets_deleted_check CHECK (is_deleted = (deleted_at IS NOT NULL)),
    CONSTRAINT budgets_changed_seq_check CHECK (changed_seq >= 0)
);

-- A renewal adds a period and leaves the old ones as they were: they are the history.
CREATE TABLE budget_periods (
    user_id uuid NOT NULL,
    budget_id uuid NOT NULL,
    start_date date NOT NULL,
    -- The last day of the period, not the first after it.
    end_date date NOT NULL,
    amount numeric(14, 2) NOT NULL,
    -- The highest threshold told about in this period; 0 re-arms all of them.
    alerted smallint NOT NULL DEFAULT 0,
    alerted_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT budget_periods_pkey PRIMARY KEY (user_id, budget_id, start_date),
    CONSTRAINT budget_periods_budget_fkey FOREIGN KEY (user_id, budget_id)
        REFERENCES budgets (user_id, id) ON DELETE CASCADE,
    CONSTRAINT budget_periods_amount_check CHECK (amount > 0 AND amount <= 999999999999.99),
    CONSTRAINT budget_periods_dates_check CHECK (
        end_date > start_date AND isfinite(start_date) AND isfinite(end_date)
    ),
    CONSTRAINT budget_periods_alerted_check CHECK (alerted IN (0, 80, 90, 100, 110)),
    CONSTRAINT budget_periods_overlap EXCLUDE USING gist (
        user_id WITH =,
        budget_id WITH =,
        daterange(start_date, end_date, '[]') WITH &&
    )
);

CREATE TABLE recurrences (
    user_id uuid NOT NULL,
    id uuid NOT NULL,
    merchant_id uuid,
    merchant_key bigint NOT NULL,
    category text NOT NULL DEFAULT 'Uncategorized',
    currency text NOT NULL,
    amount_mean numeric(14, 2) NOT NULL,
    period_days integer NOT NULL,
    next_expected_date date NOT NULL,
    confidence double precision NOT NULL,
    evidence jsonb NOT NULL DEFAULT '{}',
    is_active boolean NOT NULL DEFAULT true,
    changed_seq bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT recurrences_pkey PRIMARY KEY (user_id, id),
    CONSTRAINT recurrences_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT recurrences_merchant_fkey FOREIGN KEY (merchant_id)
        REFERENCES merchant_master (id) ON DELETE SET NULL,
    CONSTRAINT recurrences_category_check CHECK (char_length(category) BETWEEN 1 AND 100),
    CONSTRAINT recurrences_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT recurrences_amount_check CHECK (abs(amount_mean) <= 999999999999.99),
    CONSTRAINT recurrences_period_check CHECK (period_days > 0),
    CONSTRAINT recurrences_date_check CHECK (isfinite(next_expected_date)),
    CONSTRAINT recurrences_confidence_check CHECK (confidence BETWEEN 0 AND 1),
    CONSTRAINT recurrences_changed_seq_check CHECK (changed_seq >= 0)
);

GRANT SELECT ON budgets, budget_periods, recurrences TO tallybook_read;
GRANT SELECT, INSERT, UPDATE, DELETE ON budgets, budget_periods, recurrences TO tallybook_write;

RESET ROLE;
