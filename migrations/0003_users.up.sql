SET LOCAL ROLE tallybook_migrate;

CREATE TABLE users (
    id uuid NOT NULL,
    email text NOT NULL,
    hashed_password text NOT NULL,
    full_name text NOT NULL DEFAULT '',
    phone text,
    wallet_addresses jsonb NOT NULL DEFAULT '[]',
    preferences jsonb NOT NULL DEFAULT '{}',
    -- Generated, so that a statement which needs the user's currency or "today" joins a plain
    -- column and cannot disagree with the preferences.
    currency text NOT NULL GENERATED ALWAYS AS (coalesce(preferences ->> 'currency', 'USD')) STORED,
    timezone text NOT NULL GENERATED ALWAYS AS (coalesce(preferences ->> 'timezone', 'UTC')) STORED,
    tier text NOT NULL DEFAULT 'default',
    is_active boolean NOT NULL DEFAULT true,
    is_verified boolean NOT NULL DEFAULT false,
    is_admin boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT users_pkey PRIMARY KEY (id),
    CONSTRAINT users_email_check CHECK (char_length(email) BETWEEN 3 AND 254),
    CONSTRAINT users_hashed_password_check CHECK (char_length(hashed_password) BETWEEN 1 AND 255),
    CONSTRAINT users_full_name_check CHECK (char_length(full_name) <= 255),
    CONSTRAINT users_phone_check CHECK (char_length(phone) BETWEEN 1 AND 32),
    CONSTRAINT users_wallet_addresses_check CHECK (jsonb_typeof(wallet_addresses) = 'array'),
    CONSTRAINT users_preferences_check CHECK (jsonb_typeof(preferences) = 'object'),
    CONSTRAINT users_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT users_timezone_check CHECK (char_length(timezone) BETWEEN 1 AND 64),
    CONSTRAINT users_tier_check CHECK (char_length(tier) BETWEEN 1 AND 32)
);

CREATE TABLE sessions (
    user_id uuid NOT NULL,
    id uuid NOT NULL,
    -- SHA-256 of the id inside the refresh token that works now, never the token.
    token_hash bytea NOT NULL,
    -- The one before it: a client whose answer was lost may replay it for a few seconds after
    -- rotated_at; later than that its use is theft.
    previous_hash bytea,
    rotated_at timestamptz,
    device_info jsonb NOT NULL DEFAULT '{}',
    ip text,
    last_active timestamptz NOT NULL DEFAULT now(),
    -- Set at login and never moved: a session has an absolute end.
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    revoked_reason text,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT sessions_pkey PRIMARY KEY (user_id, id),
    CONSTRAINT sessions_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT sessions_token_key UNIQUE (token_hash),
    CONSTRAINT sessions_dates_check CHECK (expires_at > created_at),
    CONSTRAINT sessions_revoked_check CHECK (revoked_reason IS NULL OR revoked_at IS NOT NULL)
);

CREATE TABLE single_use_tokens (
    user_id uuid NOT NULL,
    id uuid NOT NULL,
    purpose text NOT NULL,
    token_hash bytea NOT NULL,
    -- The address the token was sent to: after a change of address it proves nothing.
    email text NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT single_use_tokens_pkey PRIMARY KEY (user_id, id),
    CONSTRAINT single_use_tokens_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT single_use_tokens_token_key UNIQUE (token_hash),
    CONSTRAINT single_use_tokens_purpose_check CHECK (purpose IN ('verify_email', 'reset_password', 'change_email')),
    CONSTRAINT single_use_tokens_dates_check CHECK (expires_at > created_at)
);

-- Other teams' programs. They belong to nobody, so they outlive the admin who made them.
CREATE TABLE service_tokens (
    id uuid NOT NULL,
    name text NOT NULL,
    token_hash bytea NOT NULL,
    scopes text[] NOT NULL,
    created_by uuid,
    last_used_at timestamptz,
    revoked_at timestamptz,
    expires_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT service_tokens_pkey PRIMARY KEY (id),
    CONSTRAINT service_tokens_created_by_fkey FOREIGN KEY (created_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT service_tokens_token_key UNIQUE (token_hash),
    CONSTRAINT service_tokens_name_check CHECK (char_length(name) BETWEEN 1 AND 100),
    CONSTRAINT service_tokens_scopes_check CHECK (cardinality(scopes) >= 1 AND array_position(scopes, NULL) IS NULL)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON users, sessions, single_use_tokens, service_tokens TO tallybook_write;

-- Reading needs no password hash and no mailed token; a hole in a reading endpoint cannot leak them.
GRANT SELECT ON sessions, service_tokens TO tallybook_read;
GRANT SELECT (
    id, email, full_name, phone, wallet_addresses, preferences, currency, timezone, tier,
    is_active, is_verified, is_admin, created_at, updated_at
) ON users TO tallybook_read;

RESET ROLE;
