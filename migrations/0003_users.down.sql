DROP TABLE service_tokens;
DROP TABLE single_use_tokens;
DROP TABLE sessions;
DROP TABLE users;
