DROP TABLE embeddings;
DROP TABLE user_corrections;
DROP TABLE transactions;
DROP TABLE import_errors;
DROP TABLE imports;
DROP TABLE import_mappings;
DROP TYPE import_status;
DROP TYPE transaction_source;
