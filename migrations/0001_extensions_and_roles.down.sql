-- An extension that an administrator made before the first migration is not ours to drop.
DO $$
DECLARE
    name text;
BEGIN
    FOR name IN
        SELECT extname FROM pg_extension
        WHERE extname IN ('vector', 'btree_gist', 'btree_gin', 'pg_trgm')
          AND pg_has_role(current_user, extowner, 'USAGE')
    LOOP
        EXECUTE format('DROP EXTENSION %I', name);
    END LOOP;
END
$$;

REVOKE ALL ON SCHEMA public FROM tallybook_migrate, tallybook_write, tallybook_read;

-- The roles stay: they belong to the cluster, other databases may be using them or be about to,
-- and they carry passwords that only the operator can set again.
