SET LOCAL ROLE tallybook_migrate;

DELETE FROM schedules WHERE task ->> 'kind' IN ('weekly_summary', 'monthly_report');
ALTER TABLE budget_periods DROP COLUMN mailed;
DROP TABLE unsubscribe_tokens;
DROP TABLE mail_marks;
DELETE FROM mails WHERE about <> '{}';
ALTER TABLE mails DROP COLUMN about;

RESET ROLE;
