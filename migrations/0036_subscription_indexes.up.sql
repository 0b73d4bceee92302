SET LOCAL ROLE tallybook_migrate;

-- A series is one row, however often it is found.
CREATE UNIQUE INDEX recurrences_series_key ON recurrences (user_id, merchant_key, currency, price);
DROP INDEX recurrences_user_key_idx;

-- Users with a charge to be reminded of, and users of whose charges one has stayed away.
CREATE INDEX recurrences_reminder_idx ON recurrences (next_expected_date, user_id)
    WHERE is_active AND reminded_for IS DISTINCT FROM next_expected_date;
CREATE INDEX recurrences_lapse_idx ON recurrences (lapses_on, user_id) WHERE is_active;
DROP INDEX recurrences_next_idx;

RESET ROLE;
