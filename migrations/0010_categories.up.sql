SET LOCAL ROLE tallybook_migrate;

INSERT INTO categories (position, kind, name) VALUES
    (1, 'expense', 'Food & Dining'),
    (2, 'expense', 'Groceries'),
    (3, 'expense', 'Transport'),
    (4, 'expense', 'Fuel'),
    (5, 'expense', 'Shopping'),
    (6, 'expense', 'Electronics'),
    (7, 'expense', 'Clothing'),
    (8, 'expense', 'Bills & Utilities'),
    (9, 'expense', 'Home'),
    (10, 'expense', 'Health & Fitness'),
    (11, 'expense', 'Personal Care'),
    (12, 'expense', 'Kids & Pets'),
    (13, 'expense', 'Entertainment'),
    (14, 'expense', 'Subscriptions'),
    (15, 'expense', 'Travel'),
    (16, 'expense', 'Education'),
    (17, 'expense', 'Insurance'),
    (18, 'expense', 'Gifts & Donations'),
    (19, 'expense', 'Fees & Charges'),
    (20, 'expense', 'Taxes'),
    (21, 'expense', 'Cash & ATM'),
    (22, 'income', 'Income'),
    (23, 'transfer', 'Transfers'),
    (24, 'transfer', 'Savings & Investments'),
    (25, 'expense', 'Uncategorized');

RESET ROLE;
