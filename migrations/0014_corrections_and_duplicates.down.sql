ALTER TABLE transactions DROP COLUMN duplicate_kept;
ALTER TABLE user_corrections DROP COLUMN training_id;
DROP TABLE trainings;
