DROP FUNCTION events_partitions(integer, integer, date);
DROP TABLE events;
DROP TABLE user_seq;
