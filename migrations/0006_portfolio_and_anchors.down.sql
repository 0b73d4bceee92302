DROP TABLE merkle_batches;
DROP TABLE portfolio_holdings;
DROP TYPE asset_type;
