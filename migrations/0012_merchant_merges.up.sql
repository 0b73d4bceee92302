SET LOCAL ROLE tallybook_migrate;

-- A name's trigrams as bits: two names share about as many bits as trigrams, and comparing bits costs a twentieth of
-- comparing text. The trigrams are those of pg_trgm, but for letters outside ASCII: it takes them for letters only if
-- LC_CTYPE does. md5, because hashtext may differ from one major version to the next while the stored bits stay.
CREATE FUNCTION name_grams(name text) RETURNS bit
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (
    SELECT coalesce(
        bit_or(set_bit(
            repeat('0', 512)::bit(512),
            ('x' || left(md5(substr('  ' || word || ' ', place, 3)), 3))::bit(12)::integer >> 3,
            1
        )),
        repeat('0', 512)::bit(512)
    )
    FROM regexp_split_to_table(lower(name), '[^[:alnum:]]+') AS word, generate_series(1, length(word) + 1) AS place
    WHERE word <> ''
);

REVOKE ALL ON FUNCTION name_grams(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION name_grams(text) TO tallybook_read, tallybook_write;

-- A merchant that was merged keeps its row, so that a merge can be taken back; its names lead to the other.
ALTER TABLE merchant_master
    ADD COLUMN grams bit(512) NOT NULL GENERATED ALWAYS AS (name_grams(canonical_name)) STORED,
    ADD COLUMN merged_into uuid,
    ADD CONSTRAINT merchant_merged_fkey FOREIGN KEY (merged_into) REFERENCES merchant_master (id) ON DELETE CASCADE,
    ADD CONSTRAINT merchant_merged_check CHECK (merged_into <> id);

CREATE TABLE merchant_merges (
    id uuid NOT NULL,
    from_id uuid NOT NULL,
    into_id uuid NOT NULL,
    -- moving and undoing are worked on by a task, user by user.
    status text NOT NULL DEFAULT 'moving',
    -- The names that lead to the other merchant since, and no more than those.
    alias_keys text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT merchant_merges_pkey PRIMARY KEY (id),
    CONSTRAINT merchant_merges_from_fkey FOREIGN KEY (from_id) REFERENCES merchant_master (id) ON DELETE CASCADE,
    CONSTRAINT merchant_merges_into_fkey FOREIGN KEY (into_id) REFERENCES merchant_master (id) ON DELETE CASCADE,
    CONSTRAINT merchant_merges_self_check CHECK (from_id <> into_id),
    CONSTRAINT merchant_merges_status_check CHECK (status IN ('moving', 'moved', 'undoing', 'undone'))
);

-- Each row of a user's that a merge moved: what its undoing puts back, and nothing else.
CREATE TABLE merchant_moves (
    user_id uuid NOT NULL,
    merge_id uuid NOT NULL,
    kind text NOT NULL,
    row_id uuid NOT NULL,
    -- As it was when the row moved: a row whose text has another key since is not the same purchase any more.
    merchant_key bigint NOT NULL,
    CONSTRAINT merchant_moves_pkey PRIMARY KEY (user_id, merge_id, kind, row_id),
    CONSTRAINT merchant_moves_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT merchant_moves_merge_fkey FOREIGN KEY (merge_id) REFERENCES merchant_merges (id) ON DELETE CASCADE,
    CONSTRAINT merchant_moves_kind_check CHECK (kind IN ('transaction', 'correction', 'recurrence'))
);

GRANT SELECT ON merchant_merges, merchant_moves TO tallybook_read;
GRANT SELECT, INSERT, UPDATE ON merchant_merges TO tallybook_write;
GRANT SELECT, INSERT, UPDATE, DELETE ON merchant_moves TO tallybook_write;

RESET ROLE;
