SET LOCAL ROLE tallybook_migrate;

DELETE FROM schedules WHERE task ->> 'kind' IN ('watch', 'health_canary', 'failure_report', 'maintain', 'pin_check');
DROP FUNCTION analyze_table(text);
ALTER TABLE queue_samples DROP COLUMN delayed;
DROP TABLE missing_pins;
DROP TABLE watch_notes;
DROP TABLE alert_targets;
DROP TABLE notices;
DROP TABLE alerts;

RESET ROLE;
