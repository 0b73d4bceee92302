DROP TABLE merchant_aliases;
DROP TABLE merchant_master;
DROP TABLE categories;
