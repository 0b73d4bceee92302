SET LOCAL ROLE tallybook_migrate;

-- What a recurring charge is known by, and what was seen of it. The key is that of its merchant where one was recognised,
-- else that of the merchant's text; the price is 0 where all charges of the merchant are one series, so that a series
-- survives a rise, and else tells several subscriptions at one merchant apart.
ALTER TABLE recurrences
    ADD COLUMN price numeric(14, 2) NOT NULL DEFAULT 0,
    ADD COLUMN name text NOT NULL DEFAULT '',
    ADD COLUMN cadence text NOT NULL DEFAULT 'monthly',
    ADD COLUMN amount numeric(14, 2) NOT NULL DEFAULT 0,
    -- The last day on which it counts as active without another charge.
    ADD COLUMN lapses_on date NOT NULL DEFAULT '1970-01-01',
    -- The expected date that the user was reminded of.
    ADD COLUMN reminded_for date,
    ADD CONSTRAINT recurrences_name_check CHECK (char_length(name) <= 500),
    ADD CONSTRAINT recurrences_cadence_check CHECK (cadence IN (
        'weekly', 'biweekly', 'four_weekly', 'monthly', 'bimonthly', 'quarterly', 'half_yearly', 'yearly'
    )),
    ADD CONSTRAINT recurrences_prices_check CHECK (price >= 0 AND amount >= 0 AND amount <= 999999999999.99
        AND price <= 999999999999.99),
    ADD CONSTRAINT recurrences_lapse_check CHECK (isfinite(lapses_on));

-- Why a transaction is unusual, as a code: whose score it is shows in it.
ALTER TABLE transactions ADD COLUMN anomaly_reason text,
    ADD CONSTRAINT transactions_anomaly_reason_check CHECK (char_length(anomaly_reason) BETWEEN 1 AND 64);

INSERT INTO schedules (name, cron, task, description) VALUES
    ('detect-subscriptions', '0 1 * * *', '{"v":1,"kind":"detect_subscriptions"}', 'Finds charges that recur'),
    ('remind', '30 * * * *', '{"v":1,"kind":"remind"}', 'Reminds of charges that recur within three days'),
    ('detect-anomalies', '*/10 * * * *', '{"v":1,"kind":"detect_anomalies"}', 'Finds transactions that are unusual for their user'),
    ('find-duplicates', '0 3 * * *', '{"v":1,"kind":"find_duplicates"}', 'Flags transactions that look the same as others');

RESET ROLE;
