SET LOCAL ROLE tallybook_migrate;

CREATE INDEX recurrences_next_idx ON recurrences (next_expected_date);
DROP INDEX recurrences_lapse_idx;
DROP INDEX recurrences_reminder_idx;
CREATE INDEX recurrences_user_key_idx ON recurrences (user_id, merchant_key);
DROP INDEX recurrences_series_key;

RESET ROLE;
