SET LOCAL ROLE tallybook_migrate;

-- The system categories. Other tables hold a category as plain text, because any label a user puts
-- on a transaction is a category of theirs.
CREATE TABLE categories (
    name text NOT NULL,
    kind text NOT NULL,
    position integer NOT NULL,
    CONSTRAINT categories_pkey PRIMARY KEY (name),
    CONSTRAINT categories_position_key UNIQUE (position),
    CONSTRAINT categories_name_check CHECK (char_length(name) BETWEEN 1 AND 100),
    CONSTRAINT categories_kind_check CHECK (kind IN ('expense', 'income', 'transfer'))
);

CREATE TABLE merchant_master (
    id uuid NOT NULL,
    canonical_name varchar(255) NOT NULL,
    -- Case is kept as given; uniqueness and search go by this.
    name_l text NOT NULL GENERATED ALWAYS AS (lower(canonical_name)) STORED,
    category text NOT NULL,
    country char(2),
    aliases text[] NOT NULL DEFAULT '{}',
    tags jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT merchant_master_pkey PRIMARY KEY (id),
    CONSTRAINT merchant_name_check CHECK (char_length(canonical_name) BETWEEN 1 AND 255),
    CONSTRAINT merchant_category_check CHECK (char_length(category) BETWEEN 1 AND 100),
    CONSTRAINT merchant_country_check CHECK (country ~ '^[A-Z]{2}$'),
    CONSTRAINT merchant_aliases_check CHECK (cardinality(aliases) <= 50 AND array_position(aliases, NULL) IS NULL),
    CONSTRAINT merchant_tags_check CHECK (jsonb_typeof(tags) = 'object')
);

-- One row for every name a merchant answers to, in the form bank text is normalised to, so that
-- matching is one lookup by key and no two merchants can claim the same name.
CREATE TABLE merchant_aliases (
    alias_key text NOT NULL,
    merchant_id uuid NOT NULL,
    is_canonical boolean NOT NULL DEFAULT false,
    CONSTRAINT merchant_aliases_pkey PRIMARY KEY (alias_key),
    CONSTRAINT merchant_aliases_merchant_fkey FOREIGN KEY (merchant_id)
        REFERENCES merchant_master (id) ON DELETE CASCADE,
    CONSTRAINT merchant_aliases_key_check CHECK (char_length(alias_key) BETWEEN 1 AND 255)
);

GRANT SELECT ON categories, merchant_master, merchant_aliases TO tallybook_read, tallybook_write;
GRANT INSERT, UPDATE, DELETE ON merchant_master, merchant_aliases TO tallybook_write;

RESET ROLE;
