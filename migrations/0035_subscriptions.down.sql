SET LOCAL ROLE tallybook_migrate;

DELETE FROM schedules WHERE name IN ('detect-subscriptions', 'remind', 'detect-anomalies', 'find-duplicates');
ALTER TABLE transactions DROP CONSTRAINT transactions_anomaly_reason_check, DROP COLUMN anomaly_reason;
ALTER TABLE recurrences
    DROP CONSTRAINT recurrences_name_check,
    DROP CONSTRAINT recurrences_cadence_check,
    DROP CONSTRAINT recurrences_prices_check,
    DROP CONSTRAINT recurrences_lapse_check,
    DROP COLUMN price,
    DROP COLUMN name,
    DROP COLUMN cadence,
    DROP COLUMN amount,
    DROP COLUMN lapses_on,
    DROP COLUMN reminded_for;

RESET ROLE;
