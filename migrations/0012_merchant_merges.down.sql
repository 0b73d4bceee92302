DROP TABLE merchant_moves;
DROP TABLE merchant_merges;
ALTER TABLE merchant_master DROP COLUMN merged_into, DROP COLUMN grams;
DROP FUNCTION name_grams(text);
