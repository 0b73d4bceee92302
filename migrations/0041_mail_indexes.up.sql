SET LOCAL ROLE tallybook_migrate;

-- Who is sent a summary: the hourly tasks go through them and nobody else, in the order of their ids.
CREATE INDEX users_weekly_idx ON users (id) INCLUDE (timezone)
    WHERE is_active AND is_verified AND preferences @> '{"notifications": {"weekly_summary": true}}';
CREATE INDEX users_monthly_idx ON users (id) INCLUDE (timezone)
    WHERE is_active AND is_verified AND preferences @> '{"notifications": {"monthly_report": true}}';
CREATE INDEX unsubscribe_tokens_created_idx ON unsubscribe_tokens (created_at);

RESET ROLE;
