// Made from the OpenAPI document by `cargo local clients`: change it there.

export interface paths {
    "/admin": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The administrators' page
         * @description Queues, tasks, schedules, dead letters, alerts. It holds no data: who opens it logs in, and it asks the routes below
         *     `/admin`, which answer administrators alone.
         */
        get: operations["admin_page"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/alerts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What goes wrong, and who is told
         * @description Alerts that last first, the oldest of them at the top; then those of the last thirty days, up to two hundred.
         */
        get: operations["admin_alerts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/announcements": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Tell every open app something
         * @description As a frame `announcement`, to connections that are open now: who is not connected does not hear of it.
         */
        post: operations["admin_announcement_create"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/page/{file}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What the administrators' page loads */
        get: operations["admin_page_file"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/queues": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * How full the queues are
         * @description The counts are the queue's own and about right.
         */
        get: operations["admin_queues"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/queues/{name}/dead-letters": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A queue's dead letters, with their reasons
         * @description Up to fifty. While they are looked at, for a moment, they cannot be sent back.
         */
        get: operations["admin_dead_letters"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/queues/{name}/redrive": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send dead letters back to their queue
         * @description One task, or all: up to 500 a request. They are tried from the beginning. Repeating it is harmless: what is done already
         *     is not done again.
         */
        post: operations["admin_redrive"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/schedules": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What the clock runs, by name */
        get: operations["admin_schedules"];
        put?: never;
        /**
         * Add a schedule
         * @description It stays through deployments, like every change to one.
         */
        post: operations["admin_schedule_create"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/schedules/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One schedule */
        get: operations["admin_schedule"];
        /**
         * Change a schedule
         * @description All its settings: what is left out has its default again. A schedule that was disabled does not make up for what it
         *     missed.
         */
        put: operations["admin_schedule_update"];
        post?: never;
        /**
         * Delete a schedule
         * @description What it has queued is done all the same.
         */
        delete: operations["admin_schedule_delete"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/schedules/{name}/run": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Run a schedule's task now
         * @description Whether it is enabled or not, and beside its times.
         */
        post: operations["admin_schedule_run"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/service-tokens": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The tokens of other teams' programs, the last made first
         * @description Revoked ones, too.
         */
        get: operations["admin_service_tokens"];
        put?: never;
        /**
         * Make a token for another team's program
         * @description The answer is the only one that holds the token: kept is its hash. If the answer was lost, revoke the token and make
         *     another.
         */
        post: operations["admin_service_token_create"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/service-tokens/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Revoke a program's token
         * @description Its next request is refused. One that is revoked already stays so.
         */
        delete: operations["admin_service_token_revoke"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/tasks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Tasks, the last queued first
         * @description Those of the last seven days, and of the last thirty where they failed. What waits in a queue and was not begun yet is
         *     counted by `GET /admin/queues`.
         */
        get: operations["admin_tasks"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/tasks/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One task */
        get: operations["admin_task"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/tasks/statistics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * How tasks did lately: how many, how long they took and waited
         * @description By kind and hour, or by day beyond 48 hours; by when their last try ended, in UTC.
         */
        get: operations["admin_task_statistics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/anchors": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The roots of the days' trees, the newest first
         * @description Each night what changed of all users' transactions becomes the leaves of one Merkle tree. A root says nothing of
         *     anybody; kept somewhere else, a blockchain for one, it shows later that no transaction below it was changed since.
         */
        get: operations["proofs_anchors"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/email/resend": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Have the link mailed again that proves the address
         * @description Of the address that a change waits for, else of the account's own. Nothing is sent when nothing is to be proven; an
         *     account is sent five an hour at most.
         */
        post: operations["auth_resend"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/email/verify": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Prove an address by a mailed link
         * @description The account's own, or the one it is to have: then that is its address from now on, and the old one is told.
         */
        post: operations["auth_verify"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/login": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Log in
         * @description A wrong address and a wrong password answer alike. After 5 failures in 15 minutes, by network address or by account
         *     and network, tries answer 429 until the window has passed.
         */
        post: operations["auth_login"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/logout": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Log out
         * @description Ends this session at once, with its access tokens and sockets; `?all=true` ends all of the user's.
         */
        post: operations["auth_logout"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The user's own profile */
        get: operations["auth_me"];
        put?: never;
        post?: never;
        /**
         * Close the account for good
         * @description At once all sessions and sockets end and the address is free. What belonged to the account is deleted within minutes:
         *     transactions, budgets, files and all else. This cannot be undone; export what you want to keep.
         */
        delete: operations["auth_close"];
        options?: never;
        head?: never;
        /**
         * Change the profile
         * @description What is left out stays; `preferences` merge key by key, and null goes back to a default. Another `email` needs
         *     `current_password`, and replaces the old one only when the link that is sent there is followed; until then it is
         *     `pending_email`. The old address is told.
         */
        patch: operations["auth_update"];
        trace?: never;
    };
    "/auth/password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Change the password
         * @description Ends the user's other sessions at once, with their access tokens and sockets, and makes void what was mailed to reset
         *     the password or to change the address.
         */
        post: operations["auth_password"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/password/forgot": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Have a link mailed that sets a new password
         * @description Answers alike whether or not the address has an account. The link works once and for an hour; an account is sent five
         *     an hour at most.
         */
        post: operations["auth_forgot"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/password/reset": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Set a new password by a mailed link
         * @description Ends all sessions at once, with their access tokens and sockets: log in with the new password.
         */
        post: operations["auth_reset"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/refresh": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Trade a refresh token for a new pair
         * @description A refresh token works once. Sent again within 10 seconds it answers with the same successor, because the first
         *     answer may have been lost; later its reuse ends the session. A session ends 30 days after login in any case.
         */
        post: operations["auth_refresh"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/register": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make an account
         * @description The password has 8 characters or more and at most 71 bytes, and is not a common one. The answer logs in at once; a link
         *     that proves the address is mailed.
         */
        post: operations["auth_register"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the open sessions
         * @description One for each login that was neither ended nor has ended by itself.
         */
        get: operations["auth_sessions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/sessions/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * End a session
         * @description At once, with its access tokens and sockets. The session that asks may be ended, too.
         */
        delete: operations["auth_session_end"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/ws-ticket": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * A ticket that opens one WebSocket
         * @description Works once and within 60 seconds: connect with `?ticket=`. It keeps the access token out of URLs.
         */
        post: operations["auth_ws_ticket"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/budgets": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The user's budgets with what was spent */
        get: operations["budgets_list"];
        put?: never;
        /**
         * Set a category's budget
         * @description One budget a category and currency. The same or an overlapping period takes the new dates and amount; other dates add
         *     a period, and the old ones stay as history.
         */
        post: operations["budgets_put"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/budgets/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One budget
         * @description In the period that holds the user's today, or else in its latest; `GET /budgets/history` has the others.
         */
        get: operations["budgets_get"];
        put?: never;
        post?: never;
        /**
         * Delete a budget
         * @description With all its periods. Transactions stay as they are; the category can have a new budget at once.
         */
        delete: operations["budgets_delete"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/budgets/{id}/renew": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Begin a budget's next period
         * @description With the same limit, once its latest period is over for the user. Whole months, quarters and years are followed by as
         *     many of the calendar's; other periods by as many days. The old period stays as history. A budget with `auto_renew`
         *     does it by itself.
         */
        post: operations["budgets_renew"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/budgets/comparison": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A month beside the one before
         * @description What each category cost in both; the current month so far unless another is named.
         */
        get: operations["budgets_comparison"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/budgets/history": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * How budgets went
         * @description Every period that has begun, the latest first, with what was spent in it.
         */
        get: operations["budgets_history"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/budgets/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * How all budgets stand
         * @description Of those whose period holds the user's today, in one currency.
         */
        get: operations["budgets_status"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/budgets/suggestions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What to budget
         * @description A tenth more than the mean of the last three complete months, or of those there are, at least 100.
         */
        get: operations["budgets_suggestions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/categories": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The system's categories, and the user's own */
        get: operations["transactions_categories"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/docs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The documentation as a page
         * @description It logs in, and calls every route.
         */
        get: operations["system_docs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/docs/{file}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What the documentation page loads */
        get: operations["system_docs_file"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Whether the service works
         * @description Each dependency with its latency, and the database's size. 503 when one is away.
         */
        get: operations["system_health"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/ingest/anchors": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The roots of the days' trees, the newest first
         * @description With `status=pending` those that are still to be written to the blockchain; tell us of them by `POST /ingest/anchors`.
         *     Scope: `anchors:write`.
         */
        get: operations["ingest_anchors_list"];
        put?: never;
        /**
         * Which blockchain transactions hold which roots
         * @description And what belongs to single transactions: a hash that users never see, the content id of a receipt. At most 500 rows in
         *     all. Each stands for itself and has its own result; sending it again changes nothing. A root is anchored once: another
         *     `blockchain_tx_id` for it is refused (`already_anchored`). Scope: `anchors:write`.
         */
        post: operations["ingest_anchors"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/ingest/anomalies": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Say how unusual transactions are
         * @description At most 500 rows, each for itself. The score is stored with the transaction and its code; from 0.5 on the user's open
         *     apps hear of it (`anomaly_alert`), unless the user does not want to, the transaction is older than 14 days, or it was
         *     unusual before and the score rose by less than 0.2. A score that is known already is `existing`. Scope: `anomalies:write`.
         */
        post: operations["ingest_anomalies"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/ingest/corrections": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Users' corrections of categories, the oldest first
         * @description For training the recognition; of users it says their ids alone. Read on with `next_cursor`, which stays good for as long
         *     as you like, also when `has_more` is false: what was corrected since then follows it. Corrections of the last minute
         *     are not there yet. Scope: `corrections:read`.
         */
        get: operations["ingest_corrections"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/ingest/embeddings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Store vectors that stand for transactions
         * @description At most 500 of 384 numbers, in at most 5 MB, each for itself. A transaction has one, and the last one counts; the same again is
         *     `existing`. `POST /transactions/similar` compares those of one model. Scope: `embeddings:write`.
         */
        put: operations["ingest_embeddings"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/ingest/training-sets": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Data sets of corrections, the newest first
         * @description Each holds five hundred corrections of categories, and each correction is in one: train with all of them, or with those
         *     since your last. Scope: `corrections:read`.
         */
        get: operations["ingest_training_sets"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/ingest/training-sets/{version}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A data set of corrections, with a link to its file
         * @description JSON Lines compressed with gzip, one correction a line: `user` (another name for the same person in every set),
         *     `merchant_raw`, `merchant_key`, `merchant`, `amount`, `currency`, `date`, `source`, `old_category`, `new_category`,
         *     `corrected_at`. The same revision is the same bytes, whose SHA-256 is `sha256`. When somebody closes their account the
         *     file is written again without them: fetch it again when `revision` has risen. Scope: `corrections:read`.
         */
        get: operations["ingest_training_set"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/ingest/transactions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Add transactions of users
         * @description At most 500, each for itself: one that is refused keeps no other back. `source` and `external_id` name a transaction of a
         *     user's; the same again is `existing` and changes nothing, other content for the same id is refused
         *     (`external_id_taken`). What `POST /transactions` does is done here, too: merchant, the user's last correction, lookalikes,
         *     budget alerts, frames. More than 50 new ones of one user are told by one `import_update` without an id. Rows with
         *     `try_again` were not come to: send the request again. Scope: `transactions:write`.
         */
        post: operations["ingest_transactions"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/mail/unsubscribe": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A page with a button that switches a kind of mail off
         * @description Following the link alone switches nothing off: programs that scan mails follow links, too.
         */
        get: operations["auth_unsubscribe_page"];
        put?: never;
        /**
         * Switch off the kind of mail that a link came with
         * @description Mail programs ask this when somebody unsubscribes (RFC 8058), and so does the button of the page. The body is not looked
         *     at. Repeating it is harmless. There is no limit of tries by address: a mail provider asks for many users from one, and
         *     a token is not to be guessed.
         */
        post: operations["auth_unsubscribe"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/merchants": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Add a merchant
         * @description For administrators. A name that another merchant goes by is refused, and so is one that is nearly another's, unless
         *     `force` says that it is another merchant.
         */
        post: operations["merchants_create"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/merchants/import": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Import merchants
         * @description For administrators. The body is CSV in UTF-8, at most 1 MB and 5,000 rows, with the header
         *     `canonical_name,category,aliases,country,tags`: aliases separated by `|`, tags a JSON object. Merchants that are known
         *     already are passed over; rows that are wrong are refused and said, and the rest goes in.
         */
        post: operations["merchants_import"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/merchants/merge": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Merge a merchant into another
         * @description For administrators. Its names lead to the other one at once; users' transactions, corrections and recurrences follow
         *     within minutes. `POST /merchants/merges/{id}/undo` takes it back.
         */
        post: operations["merchants_merge"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/merchants/merges/{id}/undo": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Undo a merge of merchants
         * @description For administrators. The merchant has its names again at once; exactly what the merge moved goes back, but for what its
         *     user gave another merchant since. Merges into one another are undone the last first.
         */
        post: operations["merchants_undo"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/merchants/search": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Find merchants by name
         * @description In four tiers: the name itself (score 1.0), an alias (0.9), a prefix (0.7), a similar name (0.3 to 1.0). At most 5 a
         *     tier and 20 in all.
         */
        get: operations["merchants_search"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/merchants/statistics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Where you spend
         * @description The merchants you use most and the categories you spend in, of transactions whose merchant was recognised: how many,
         *     how much in each currency and on average, and when last. Of the last year, unless asked for another range.
         */
        get: operations["merchants_statistics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/openapi.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** This API's description */
        get: operations["system_openapi"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/portfolio/holdings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The user's holdings, the last added first */
        get: operations["portfolio_list"];
        put?: never;
        /**
         * Add a holding
         * @description Amounts are of all its units together. Nothing is valued by itself: send `last_valuation` when you know it, and again
         *     when it changes; without `valued_at` it is true now.
         */
        post: operations["portfolio_create"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/portfolio/holdings/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One holding */
        get: operations["portfolio_get"];
        put?: never;
        post?: never;
        /**
         * Delete a holding
         * @description It leaves lists and sums. A second time it is absent like any other: 404.
         */
        delete: operations["portfolio_delete"];
        options?: never;
        head?: never;
        /**
         * Change a holding, or value it anew
         * @description What is left out stays; `null` takes `cost_basis` or `last_valuation` away. A `last_valuation` without `valued_at` is
         *     true now, also when the amount is the same as before.
         */
        patch: operations["portfolio_update"];
        trace?: never;
    };
    "/portfolio/summary": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * All holdings of a currency together
         * @description Sums of one currency; nothing is converted, and `other_currencies` names the rest. Gain is told over the holdings
         *     whose valuation and cost basis are both known.
         */
        get: operations["portfolio_summary"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/subscriptions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The user's subscriptions, the next charge first
         * @description Charges that recur, from weekly to yearly, as the nightly look found them in the last 37 months. A subscription's `evidence`
         *     says why it counts as one; `totals` are what all active ones cost.
         */
        get: operations["subscriptions_list"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/subscriptions/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One subscription */
        get: operations["subscriptions_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/sync": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What changed since the last time
         * @description Transactions in the order of their changes: everything at first, and with the `next_cursor` of the answer before only what
         *     changed since. Ask again while `has_more` is true. A cursor never expires. Frames say when to ask.
         */
        get: operations["transactions_sync"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/transactions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The user's transactions, newest first
         * @description Filters narrow the list together. Page on with `cursor` (any depth) or `offset` (to 100,000). `total` is exact without
         *     filters and with `category` and `currency` alone; with others up to 10,000, above which `total_capped` is true.
         */
        get: operations["transactions_list"];
        put?: never;
        /**
         * Add a transaction by hand
         * @description The merchant is recognised from its text. Without a category the user's last correction for the merchant counts,
         *     else the merchant's own category. One that looks like another is flagged in `duplicate_of`, not refused.
         */
        post: operations["transactions_create"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/transactions/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One transaction
         * @description Its `receipt_url` is a link to the file itself, which works for 15 minutes without a token.
         */
        get: operations["transactions_get"];
        put?: never;
        post?: never;
        /**
         * Delete a transaction
         * @description It leaves lists, sums and budgets, and can be restored. A second time it is absent like any other: 404.
         */
        delete: operations["transactions_delete"];
        options?: never;
        head?: never;
        /**
         * Change a transaction
         * @description What is left out stays; `null` takes the note away. Another `merchant_raw` is recognised anew, and the category with
         *     it, unless the user chose that: its `confidence` is then 1. Another `category` is recorded as a correction, which the
         *     next transaction of this merchant goes by.
         */
        patch: operations["transactions_update"];
        trace?: never;
    };
    "/transactions/{id}/proof": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Proof that a transaction is in a day's tree
         * @description Of its newest revision that a tree has, also of one that was deleted: its deletion is a revision, too. The guide
         *     `docs/proofs.md` says how to verify it, and has a program that needs nothing of ours.
         */
        get: operations["proofs_proof"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/transactions/{id}/receipt": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A transaction's receipt
         * @description Leads to the file by a link that works for 15 minutes without a token. Until the file was sent it leads to nothing.
         */
        get: operations["transactions_receipt_get"];
        put?: never;
        /**
         * Give a transaction a receipt
         * @description Answers with the request that stores the file: send it there within 15 minutes. Another receipt takes the place of the
         *     one before.
         */
        post: operations["transactions_receipt"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/transactions/{id}/restore": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Restore a deleted transaction
         * @description One that is not deleted stays as it is, so this may be repeated.
         */
        post: operations["transactions_restore"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/transactions/correct": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Correct a transaction's category
         * @description The next transaction of this merchant, typed in or imported, goes by it. The category that it is in already is no
         *     correction, and no error.
         */
        post: operations["transactions_correct"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/transactions/duplicates": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Transactions that look the same
         * @description In groups, the newest first: the one that was there first, and those that have its date, amount, currency and merchant.
         *     At most 50 groups a page.
         */
        get: operations["transactions_duplicates"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/transactions/duplicates/resolve": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Say whether transactions that look the same are the same
         * @description `keep` takes the flag off for good; `delete` deletes, and can be taken back by a restore. Send one, or a list, which is
         *     done together or not at all.
         */
        post: operations["transactions_resolve"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/transactions/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Export transactions
         * @description Newest first, narrowed by the list's filters. The CSV is safe to open in a spreadsheet, and `POST /transactions/import`
         *     takes it as it is; the JSON is `{"data": […]}` with whole transactions. A file over 5 MB is answered by a link to it,
         *     as JSON. What changes while it is written may be in it as it was before or after.
         */
        get: operations["transactions_export"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/transactions/import": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Import a bank's file
         * @description Send the file as the body: `text/csv` in UTF-8, or `application/octet-stream` in any encoding; at most 4 MB. A larger
         *     one goes to the address that `POST /transactions/imports/upload-url` gives, and is named as `upload`. OFX, QFX and
         *     QIF are read as well. A file's shape is told from the file alone; one that stays ambiguous is refused with a preview
         *     and the mapping to complete.
         *     `import_update` frames tell how it goes on.
         */
        post: operations["transactions_import"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/transactions/imports": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The user's imports, newest first */
        get: operations["transactions_imports"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/transactions/imports/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One import with its counts and row errors */
        get: operations["transactions_import_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/transactions/imports/{id}/revert": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Take an import back
         * @description Every transaction it brought goes, those that were changed since as well; what was there before is as it was. An
         *     import under way stops. `import_update` frames tell how it goes on. Asking again does no harm, and afterwards the
         *     same file may be imported again.
         */
        post: operations["transactions_import_revert"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/transactions/imports/upload-url": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * An address for a file of more than 4 MB
         * @description Send the file there with `PUT` and the headers given, then `POST /transactions/import?upload=` with the id and no body.
         */
        post: operations["transactions_import_upload"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/transactions/mappings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The user's saved mappings, by name */
        get: operations["transactions_mappings"];
        put?: never;
        /**
         * Save how a bank's files are read
         * @description A file that stays ambiguous is refused with the mapping to complete; saved here, it is named as `?mapping=` with each
         *     further file. A mapping of the same name is replaced. Imports under way keep the one they began with.
         */
        post: operations["transactions_mapping_save"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/transactions/search": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Search merchants and notes
         * @description `q` is required; the list's filters narrow the search. The newest 200 matches come first, the best of them foremost;
         *     then the 200 before those, and so on to any depth. Words are marked by pieces: put together, `merchant_pieces` are
         *     `merchant_raw`, and those with `is_match` are the words. They hold no markup, so show them as text.
         */
        get: operations["transactions_search"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/transactions/similar": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Transactions that mean nearly the same
         * @description The user's own that are nearest by their embeddings, the most similar first.
         */
        post: operations["transactions_similar"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description What `GET /admin/alerts` answers. */
        Alerts: {
            /** @description Those that last first, then the last two hundred. */
            data: components["schemas"]["OperationsAlert"][];
            /** @description Who is told. */
            targets: components["schemas"]["AlertTarget"][];
        };
        /** @description An alert target, without its address. */
        AlertTarget: {
            /**
             * @description `mail` or `webhook`.
             * @example mail
             */
            channel: string;
            /**
             * @description Why.
             * @example 503 unavailable: no answer
             */
            error?: string | null;
            /**
             * Format: date-time
             * @description When it last failed to.
             */
            failed_at?: string | null;
            /**
             * @description Whether this deployment has one. As of the last watch, a minute ago at most.
             * @example true
             */
            is_set: boolean;
            /**
             * Format: date-time
             * @description When it last took a notice.
             */
            told_at?: string | null;
            /**
             * Format: int64
             * @description Notices that wait for it.
             */
            waiting: number;
        };
        /** @description A list that is never long. */
        All_QueueState: {
            /** @description All of them. */
            data: {
                /**
                 * Format: int32
                 * @description Dead letters.
                 */
                dead: number;
                /** @description Messages that waited, at the end of each of the last sixty minutes. */
                history: number[];
                /**
                 * Format: int32
                 * @description Messages that a worker has, about.
                 */
                in_flight: number;
                /**
                 * Format: date-time
                 * @description When a worker last began with one of its tasks; null where none is noted.
                 */
                last_started_at?: string | null;
                /**
                 * @description Its name.
                 * @example high
                 */
                name: string;
                /**
                 * Format: int64
                 * @description The oldest message waits for at most so many seconds, to a minute; null when none waits.
                 */
                oldest_s?: number | null;
                /**
                 * Format: int32
                 * @description Messages that wait, about; those put off among them.
                 */
                waiting: number;
            }[];
        };
        /** @description A list that is never long. */
        All_Schedule: {
            /** @description All of them. */
            data: {
                /**
                 * @description Five fields of cron.
                 * @example 0 * * * *
                 */
                cron: string;
                /**
                 * @description For a person.
                 * @example Begins the next periods of budgets that renew themselves
                 */
                description: string;
                /** @description Whether it runs. */
                is_enabled: boolean;
                /**
                 * @description The kind of task that it runs.
                 * @example renew_budgets
                 */
                kind: string;
                /**
                 * Format: date-time
                 * @description When it last queued its task.
                 */
                last_at?: string | null;
                /**
                 * @description How that task stands.
                 * @example succeeded
                 */
                last_status?: string | null;
                /**
                 * Format: uuid
                 * @description That task.
                 */
                last_task_id?: string | null;
                /**
                 * @description Its name.
                 * @example renew-budgets
                 */
                name: string;
                /**
                 * Format: date-time
                 * @description When it is due next; null while it is disabled.
                 */
                next_at?: string | null;
                /**
                 * @description The IANA time zone whose clock it goes by.
                 * @example UTC
                 */
                timezone: string;
            }[];
        };
        /** @description A list that is never long. */
        All_TaskStatistics: {
            /** @description All of them. */
            data: {
                /**
                 * Format: int64
                 * @description Of them those that were given up.
                 */
                dead: number;
                /**
                 * Format: int64
                 * @description Of them those that wait for another try.
                 */
                failed: number;
                /**
                 * Format: date-time
                 * @description When the hour or day begins.
                 */
                from: string;
                /**
                 * @description What they do.
                 * @example import
                 */
                kind: string;
                /**
                 * Format: int64
                 * @description The longest took so long.
                 */
                longest_ms?: number | null;
                /**
                 * Format: int64
                 * @description Half of them took no longer, in milliseconds.
                 */
                p50_ms?: number | null;
                /**
                 * Format: int64
                 * @description Nineteen of twenty took no longer.
                 */
                p95_ms?: number | null;
                /**
                 * Format: int64
                 * @description Tasks whose last try ended in it.
                 */
                runs: number;
                /**
                 * Format: int64
                 * @description Nineteen of twenty waited in their queue no longer.
                 */
                waited_p95_ms?: number | null;
            }[];
        };
        /** @description The root of a day's tree. */
        Anchor: {
            /**
             * Format: date-time
             * @description When we were told of it.
             */
            anchored_at?: string | null;
            /**
             * Format: date
             * @description The day on which it was gathered, in UTC.
             * @example 2026-01-31
             */
            batch_date: string;
            /**
             * @description The blockchain's transaction that holds the root.
             * @example 0x9fc76417374aa880d4449a1f7f31ec597f00b1f6f3dd2d66f4c9c6c445836d8b
             */
            blockchain_tx_id?: string | null;
            /**
             * Format: uuid
             * @description The batch's id.
             */
            id: string;
            /**
             * @description The tree's root.
             * @example 5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328
             */
            root_hash: string;
            /**
             * Format: date-time
             * @description When its root was computed: nothing is added since.
             */
            sealed_at: string;
            /**
             * Format: int32
             * @description Leaves of the tree: revisions of transactions.
             */
            transaction_count: number;
        };
        /** @description A root that a blockchain's transaction holds. */
        AnchoredRoot: {
            /**
             * Format: date
             * @description or by its batch's day. If both are sent they must belong together.
             * @example 2026-01-31
             */
            batch_date?: string | null;
            /**
             * @description The blockchain's transaction: 1 to 128 characters.
             * @example 0x9fc76417374aa880d4449a1f7f31ec597f00b1f6f3dd2d66f4c9c6c445836d8b
             */
            blockchain_tx_id: string;
            /**
             * @description Which root: by itself,
             * @example 5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328
             */
            root_hash?: string | null;
        };
        /** @description What belongs to a transaction of a user's; the hash, the content id, or both. */
        AnchoredTransaction: {
            /**
             * @description 64 hexadecimal digits, letters small. Users never see it.
             * @example 5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328
             */
            blockchain_hash?: string | null;
            /**
             * @description The content id of its receipt: 1 to 100 letters and digits.
             * @example bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi
             */
            ipfs_cid?: string | null;
            /**
             * Format: uuid
             * @description Which.
             */
            transaction_id: string;
            /**
             * Format: uuid
             * @description Whose.
             */
            user_id: string;
        };
        /** @description An announcement on its way. */
        Announced: {
            /**
             * Format: uuid
             * @description Its id, which stands in the frame.
             */
            id: string;
            /**
             * Format: uuid
             * @description The task that begins to tell it.
             */
            task_id?: string | null;
        };
        /** @description The form of [`Anomalies`], for the OpenAPI document. */
        AnomaliesBody: {
            /** @description At most 500, of as many users. */
            anomalies?: components["schemas"]["IngestAnomaly"][] | null;
        };
        /** @description A category whose limit is near. */
        AtRisk: {
            /**
             * @description The limit.
             * @example 120.00
             */
            budget: string;
            /**
             * @description The category.
             * @example Transport
             */
            name: string;
            /**
             * Format: double
             * @description `spent` in percent of `budget`.
             * @example 84.58
             */
            percentage: number;
            /**
             * @description What is left.
             * @example 18.50
             */
            remaining: string;
            /**
             * @description What was spent.
             * @example 101.50
             */
            spent: string;
        };
        /** @description A budget in one of its periods. */
        Budget: {
            /**
             * @description The limit.
             * @example 400.00
             */
            amount: string;
            /**
             * @description Whether the next period begins by itself.
             * @example true
             */
            auto_renew: boolean;
            /**
             * @description The category it limits.
             * @example Groceries
             */
            category: string;
            /**
             * Format: date-time
             * @description When it was made.
             */
            created_at: string;
            /**
             * @description The currency it counts; others are not converted.
             * @example EUR
             */
            currency: string;
            /**
             * Format: date
             * @description The period's last day.
             * @example 2026-01-31
             */
            end_date: string;
            /**
             * Format: uuid
             * @description Its id, the same in every period.
             */
            id: string;
            /**
             * Format: double
             * @description `spent` in percent of `amount`.
             * @example 78.1
             */
            percentage: number;
            /**
             * @description `amount` less `spent`; below zero when it is overspent.
             * @example 87.60
             */
            remaining: string;
            /**
             * @description What was spent in the period, refunds taken off.
             * @example 312.40
             */
            spent: string;
            /**
             * Format: date
             * @description The period's first day.
             * @example 2026-01-01
             */
            start_date: string;
            /**
             * @description A tenth more than the mean of the last three complete months, or of what there is, at least 100; none without
             *     spending.
             * @example 410.00
             */
            suggested_amount?: string | null;
            /**
             * Format: date-time
             * @description When it last changed.
             */
            updated_at: string;
        };
        /** @description What `GET /budgets` answers. */
        Budgets: {
            /** @description By category, the latest period first. */
            data: components["schemas"]["Budget"][];
        };
        /** @description All holdings of a type. */
        ByAssetType: {
            /**
             * @description `stock`, `etf`, `fund`, `bond`, `crypto`, `cash` or `other`.
             * @example etf
             */
            asset_type: string;
            /**
             * @description What those with a cost basis cost.
             * @example 1100.00
             */
            cost_basis: string;
            /**
             * @description Over the holdings that have both, value less cost; null when there is none.
             * @example 150.40
             */
            gain?: string | null;
            /**
             * Format: double
             * @description The gain in percent of what these cost; null when nothing was paid.
             * @example 13.67
             */
            gain_percentage?: number | null;
            /**
             * Format: int64
             * @description How many holdings.
             * @example 1
             */
            holdings: number;
            /**
             * Format: double
             * @description `value` in percent of all types'; null when that is nothing.
             * @example 100
             */
            percentage?: number | null;
            /**
             * @description What those with a valuation are worth.
             * @example 1250.40
             */
            value: string;
        };
        /** @description All categories. */
        Categories: {
            /** @description The system's in their order, then the user's own by name. */
            data: components["schemas"]["Listed"][];
        };
        /** @description A category in two months. */
        Change: {
            /**
             * @description The category.
             * @example Groceries
             */
            category: string;
            /**
             * @description `spent` less `previous_spent`.
             * @example 41.20
             */
            change: string;
            /**
             * Format: double
             * @description `change` in percent of `previous_spent`; none where that is not above zero.
             * @example 10.56
             */
            change_percentage?: number | null;
            /**
             * @description The same, the month before.
             * @example 390.00
             */
            previous_spent: string;
            /**
             * @description Money out less money in, this month.
             * @example 431.20
             */
            spent: string;
        };
        /** @description What changed. Store `added` and `modified` alike, by their ids; take out what is in `removed`, if it is there. */
        Changes: {
            /** @description Transactions that came, or came back, since the cursor. */
            added: components["schemas"]["Transaction"][];
            /**
             * @description Short lists with changes since the cursor, `budgets` and `holdings`: fetch those anew.
             * @example [
             *       "budgets"
             *     ]
             */
            changed_lists: string[];
            /** @description Whether there is more at once. */
            has_more: boolean;
            /** @description Transactions that changed. */
            modified: components["schemas"]["Transaction"][];
            /**
             * @description Where to go on, now or in a year.
             * @example AAAAAAAAAAX__________wAAAAAAAAAF____
             */
            next_cursor: string;
            /** @description Transactions that were deleted, or taken back with their import. */
            removed: components["schemas"]["Removed"][];
        };
        /** @description One of its charges. */
        Charge: {
            /**
             * @description How much.
             * @example 15.99
             */
            amount: string;
            /**
             * Format: date
             * @description When.
             * @example 2026-01-15
             */
            date: string;
            /**
             * Format: uuid
             * @description The transaction.
             */
            transaction_id: string;
        };
        /** @description A month beside the one before. */
        Comparison: {
            /** @description Every category of the two months, the largest change first. */
            categories: components["schemas"]["Change"][];
            /**
             * @description `spent` less `previous_spent`.
             * @example 41.20
             */
            change: string;
            /**
             * Format: double
             * @description `change` in percent of `previous_spent`; none where that is zero.
             * @example 2.96
             */
            change_percentage?: number | null;
            /**
             * @description The currency of all amounts here.
             * @example EUR
             */
            currency: string;
            /**
             * @description The month.
             * @example 2026-01
             */
            month: string;
            /**
             * @description Other currencies of these months, which are not counted here.
             * @example [
             *       "USD"
             *     ]
             */
            other_currencies: string[];
            /**
             * @description The one before.
             * @example 2025-12
             */
            previous_month: string;
            /**
             * @description The same, the month before.
             * @example 1390.00
             */
            previous_spent: string;
            /**
             * @description What was spent in the categories that cost money this month; income is left out.
             * @example 1431.20
             */
            spent: string;
        };
        /** @description What `POST /transactions/correct` answers. */
        Corrected: {
            /**
             * @description For a person.
             * @example Corrected.
             */
            message: string;
            /**
             * @description The category now.
             * @example Groceries
             */
            new_category: string;
            /**
             * @description The category before.
             * @example Shopping
             */
            old_category: string;
        };
        /** @description The form of [`Correction`], for the OpenAPI document. */
        CorrectionBody: {
            /**
             * @description 1 to 100 characters.
             * @example Groceries
             */
            new_category: string;
            /** @description Why, in at most 1,000 characters. */
            reason?: string | null;
            /**
             * Format: uuid
             * @description Which transaction.
             */
            transaction_id: string;
        };
        /** @description What `GET /ingest/corrections` answers. */
        Corrections: {
            /** @description The oldest first. */
            data: components["schemas"]["HandedOver"][];
            /** @description Whether more follow at once. */
            has_more: boolean;
            /**
             * @description Send it as `cursor` for what follows, now or later; null only while there is nothing at all.
             * @example AZmqEHw-ex2fUjxuDUuKEQ
             */
            next_cursor?: string | null;
        };
        /** @description A dead letter, without what stands in it but its kind: what is malformed may hold anything. */
        DeadLetter: {
            /**
             * Format: date-time
             * @description When it was buried by a worker, or sent where the queue buried it.
             */
            buried_at?: string | null;
            /**
             * @description What it was to do.
             * @example mail
             */
            kind?: string | null;
            /**
             * @description Why a worker buried it; null where the queue did.
             * @example unavailable
             */
            reason?: string | null;
            /**
             * Format: uuid
             * @description The task; null where it is none of ours.
             */
            task_id?: string | null;
        };
        /** @description One dependency. */
        Dependency: {
            /**
             * Format: int64
             * @description How long that took, in milliseconds.
             * @example 3
             */
            latency_ms: number;
            /**
             * @description `database`, `limits` or `keys`.
             * @example database
             */
            name: string;
            /**
             * @description Whether it answered.
             * @example true
             */
            ok: boolean;
            /**
             * Format: int64
             * @description The database's size.
             * @example 48234496
             */
            size_bytes?: number | null;
        };
        /** @description A session that stands. */
        Device: {
            /**
             * Format: date-time
             * @description When it logged in.
             */
            created_at: string;
            /** @description Whether it is the one that asks. */
            current: boolean;
            /**
             * @description What it called itself when it logged in.
             * @example ExampleApp/1.0
             */
            device?: string | null;
            /**
             * Format: date-time
             * @description When it ends at the latest.
             */
            expires_at: string;
            /**
             * Format: uuid
             * @description End it with `DELETE /auth/sessions/{id}`.
             */
            id: string;
            /**
             * @description Where it logged in from.
             * @example 203.0.113.7
             */
            ip?: string | null;
            /**
             * Format: date-time
             * @description When it was last used, to five minutes.
             */
            last_active: string;
        };
        /** @description The user's sessions. */
        Devices: {
            /** @description The last used first; a hundred at most. */
            data: components["schemas"]["Device"][];
        };
        /** @description The form of [`Embeddings`], for the OpenAPI document. */
        EmbeddingsBody: {
            /** @description At most 500, of as many users. */
            embeddings?: components["schemas"]["IngestEmbedding"][] | null;
        };
        /** @description Why a charge counts as recurring: what was seen in the last 37 months. */
        Evidence: {
            /**
             * Format: int64
             * @description How many charges.
             * @example 11
             */
            charges: number;
            /**
             * Format: date
             * @description The first of them.
             * @example 2025-03-15
             */
            first_date: string;
            /**
             * Format: date
             * @description The last of them.
             * @example 2026-01-15
             */
            last_date: string;
            price_change?: components["schemas"]["PriceChange"] | null;
            /** @description The last charges, twelve at most, the newest first. */
            recent: components["schemas"]["Charge"][];
            /**
             * Format: double
             * @description The share of charges that came when they were due, from 0.8 to 1.
             * @example 1
             */
            regularity: number;
            /**
             * Format: double
             * @description The share of charges that cost about as usual, from 0.8 to 1.
             * @example 1
             */
            steadiness: number;
        };
        /** @description The form of [`Exported`] as JSON, for the OpenAPI document. */
        ExportedJson: {
            /** @description The newest first. */
            data: components["schemas"]["Transaction"][];
        } | components["schemas"]["Link"];
        /** @description The form of [`Farewell`], for the OpenAPI document. */
        FarewellBody: {
            /**
             * @description The password.
             * @example correct horse battery
             */
            password: string;
        };
        /** @description One field that was refused. */
        FieldError: {
            /**
             * @description A stable, machine-readable reason.
             * @example too_many_decimals
             */
            code: string;
            /**
             * @description What to send instead.
             * @example Send an amount with at most two decimals.
             */
            detail: string;
            /**
             * @description Where: a JSON pointer into the body (`/amount`), or `?name` for a query parameter.
             * @example /amount
             */
            pointer: string;
        };
        /** @description The form of [`Forgot`], for the OpenAPI document. */
        ForgotBody: {
            /**
             * @description The account's address.
             * @example ada@example.com
             */
            email: string;
        };
        /** @description A merchant that a search found. */
        Found: {
            /**
             * @description Other names it goes by.
             * @example [
             *       "CORNER COFFEE VIENNA",
             *       "CRNR COFFEE"
             *     ]
             */
            aliases: string[];
            /**
             * @description Its name.
             * @example Corner Coffee
             */
            canonical_name: string;
            /**
             * @description Its category.
             * @example Food & Dining
             */
            category: string;
            /**
             * Format: uuid
             * @description Its id.
             */
            id: string;
            /**
             * Format: float
             * @description 1.0 for the name itself, 0.9 an alias, 0.7 a prefix, else how similar the name is (0.3 to 1.0).
             * @example 0.75
             */
            score: number;
        };
        /** @description Transactions that look the same. */
        Group: {
            /**
             * Format: int64
             * @description How many look like it.
             */
            count: number;
            /** @description The first of them, eight at most. */
            duplicates: components["schemas"]["Transaction"][];
            original?: components["schemas"]["Transaction"] | null;
        };
        /** @description A page of groups. */
        Groups: {
            /** @description The newest first. */
            data: components["schemas"]["Group"][];
            /** @description Whether more follow. */
            has_more: boolean;
            /**
             * Format: int64
             * @description At most so many a page.
             * @example 50
             */
            limit: number;
            /** @description Send it as `cursor` for the next page. */
            next_cursor?: string | null;
        };
        /** @description A user's correction. */
        HandedOver: {
            /**
             * Format: date-time
             * @description When.
             */
            created_at: string;
            /**
             * Format: uuid
             * @description Its id.
             */
            id: string;
            /**
             * Format: uuid
             * @description The merchant, if it was recognised.
             */
            merchant_id?: string | null;
            /**
             * @description Equal for texts that mean the same merchant; a string, because it has more digits than a JSON number keeps.
             * @example -5808556873153909248
             */
            merchant_key: string;
            /**
             * @description The merchant's text as the bank has it.
             * @example NETFLIX.COM 866-579-7172
             */
            merchant_raw: string;
            /**
             * @description The category that the user chose.
             * @example Subscriptions
             */
            new_category: string;
            /**
             * @description The category before.
             * @example Shopping
             */
            old_category: string;
            /** @description Why, if the user said so. */
            reason?: string | null;
            /**
             * Format: uuid
             * @description The transaction that was moved.
             */
            transaction_id: string;
            /**
             * Format: uuid
             * @description Whose it is.
             */
            user_id: string;
        };
        /** @description The answer of `GET /health`. */
        Health: {
            /** @description What the service stands on. */
            dependencies: components["schemas"]["Dependency"][];
            /**
             * @description `ok` or `unavailable`.
             * @example ok
             */
            status: string;
        };
        /** @description Something a user owns. */
        Holding: {
            /**
             * @description `stock`, `etf`, `fund`, `bond`, `crypto`, `cash` or `other`.
             * @example etf
             */
            asset_type: string;
            /**
             * @description What all units together cost.
             * @example 1100.00
             */
            cost_basis?: string | null;
            /**
             * Format: date-time
             * @description When it was added.
             */
            created_at: string;
            /**
             * @description The currency of its amounts.
             * @example EUR
             */
            currency: string;
            /**
             * @description `value` less `cost_basis`; null when either is not known.
             * @example 150.40
             */
            gain?: string | null;
            /**
             * Format: double
             * @description `gain` in percent of `cost_basis`; null when either is not known, or nothing was paid.
             * @example 13.67
             */
            gain_percentage?: number | null;
            /**
             * Format: uuid
             * @description Its id.
             */
            id: string;
            /**
             * @description A ticker, an ISIN or a contract's address.
             * @example VWCE
             */
            identifier: string;
            /** @description Whether it was deleted; only a `portfolio_update` says so. */
            is_deleted: boolean;
            /**
             * @description What all units together were worth at `valued_at`.
             * @example 1250.40
             */
            last_valuation?: string | null;
            /** @description Valued more than seven days ago, or never. */
            stale: boolean;
            /**
             * @description How many, with eight decimals.
             * @example 12.50000000
             */
            units: string;
            /**
             * Format: date-time
             * @description When it last changed.
             */
            updated_at: string;
            /**
             * @description What it is worth as far as is known: its last valuation.
             * @example 1250.40
             */
            value?: string | null;
            /**
             * Format: date-time
             * @description When `last_valuation` was true.
             * @example 2026-01-30T17:30:00Z
             */
            valued_at?: string | null;
        };
        /** @description The form of [`Patch`], for the OpenAPI document. */
        HoldingPatchBody: {
            /**
             * @description `stock`, `etf`, `fund`, `bond`, `crypto`, `cash` or `other`.
             * @example etf
             */
            asset_type?: string;
            /**
             * @description What all units together cost; null when that is not known.
             * @example 1100.00
             */
            cost_basis?: string | null;
            /**
             * @description ISO 4217 with at most two minor digits. Nothing is converted.
             * @example EUR
             */
            currency?: string;
            /**
             * @description 1 to 255 characters.
             * @example VWCE
             */
            identifier?: string;
            /**
             * @description What all units together are worth; null takes the valuation away, and its instant.
             * @example 1250.40
             */
            last_valuation?: string | null;
            /**
             * @description A string or a number with at most eight decimals, not below zero.
             * @example 12.5
             */
            units?: string;
            /**
             * Format: date-time
             * @description When the valuation was true; now when a new one comes without it.
             * @example 2026-01-31T12:00:00Z
             */
            valued_at?: string;
        };
        /** @description An import as its owner sees it. */
        Import: {
            /**
             * Format: date-time
             * @description When it was asked for.
             */
            created_at: string;
            /** @description Why it failed. */
            error_code?: string | null;
            /** @description What to do about it. */
            error_detail?: string | null;
            /**
             * Format: date-time
             * @description When it ended.
             * @example 2026-01-31T12:00:04Z
             */
            finished_at?: string | null;
            /**
             * Format: uuid
             * @description Its id.
             */
            id: string;
            /**
             * @description What happens to rows that were there before: `skip`, `flag` or `import`.
             * @example skip
             */
            on_duplicate: string;
            /**
             * Format: int32
             * @description Rows that were there before.
             * @example 2
             */
            rows_duplicate: number;
            /**
             * Format: int32
             * @description Rows that could not be read.
             * @example 1
             */
            rows_failed: number;
            /**
             * Format: int32
             * @description Rows that became transactions.
             * @example 247
             */
            rows_imported: number;
            /**
             * Format: int32
             * @description Transactions that were taken back.
             * @example 0
             */
            rows_reverted: number;
            /**
             * Format: int32
             * @description Rows in the file, once they are counted.
             * @example 250
             */
            rows_total?: number | null;
            /**
             * Format: int64
             * @description The file's size.
             * @example 18342
             */
            size_bytes: number;
            /**
             * @description `queued`, `running`, `completed`, `failed` or `reverted`.
             * @example completed
             */
            status: string;
        };
        /** @description An import with its row errors. */
        ImportDetail: components["schemas"]["Import"] & {
            /** @description The first thousand rows that could not be read. */
            errors: components["schemas"]["RowProblem"][];
        };
        /** @description How unusual a transaction is. */
        IngestAnomaly: {
            /** @description Why. */
            reason: components["schemas"]["IngestAnomalyReason"];
            /**
             * Format: double
             * @description From 0 to 1; from 0.5 on it counts as unusual.
             * @example 0.91
             */
            score: number;
            /**
             * Format: uuid
             * @description Which.
             */
            transaction_id: string;
            /**
             * Format: uuid
             * @description Whose.
             */
            user_id: string;
        };
        /** @description Why a transaction is unusual. */
        IngestAnomalyReason: {
            /**
             * @description Your own code, 1 to 64 of a to z, digits and underscores.
             * @example unusual_merchant
             */
            code: string;
            /**
             * @description For the user: 1 to 200 characters.
             * @example You have never paid anybody in this country before.
             */
            text: string;
        };
        /** @description A transaction's vector. */
        IngestEmbedding: {
            /**
             * @description The model that made it, 1 to 100 characters: only vectors of one model are compared.
             * @example all-MiniLM-L6-v2
             */
            model: string;
            /**
             * Format: uuid
             * @description Which.
             */
            transaction_id: string;
            /**
             * Format: uuid
             * @description Whose.
             */
            user_id: string;
            /**
             * @description 384 numbers.
             * @example [
             *       0.0123,
             *       -0.4567
             *     ]
             */
            vector: number[];
        };
        /** @description A transaction of a user's. */
        IngestTransaction: {
            /**
             * @description Positive is money out, negative a refund or income; a string or a number with at most two decimals.
             * @example 12.50
             */
            amount: string;
            /**
             * Format: double
             * @description How unusual it is, from 0 to 1.
             */
            anomaly_score?: number | null;
            /** @description 1 to 100 characters. What the user last corrected the merchant to comes before it. */
            category?: string | null;
            /**
             * @description How sure you are of each field, from 0 to 1; at most 20 members.
             * @example {
             *       "amount": 0.99,
             *       "category": 0.87
             *     }
             */
            confidence?: {
                [key: string]: number;
            } | null;
            /**
             * @description ISO 4217 with at most two minor digits; the user's own when left out.
             * @example EUR
             */
            currency?: string | null;
            /**
             * Format: date
             * @description The local date.
             * @example 2026-01-31
             */
            date: string;
            /**
             * @description Your own id of it, 1 to 255 characters: unique for a user and source.
             * @example receipt-8841
             */
            external_id: string;
            /**
             * Format: uuid
             * @description The merchant, if you know it; recognised from its text when left out.
             */
            merchant_id?: string | null;
            /**
             * @description What to recognise the merchant by: 1 to 500 characters.
             * @example NETFLIX.COM 866-579-7172
             */
            merchant_raw: string;
            /** @description At most 2,000 characters. */
            note?: string | null;
            /**
             * @description Where its receipt is: an https address that the user can open.
             * @example https://receipts.example.com/8841.jpg
             */
            receipt_url?: string | null;
            /**
             * @description `ocr`, `sms` or `csv`.
             * @example ocr
             */
            source: string;
            /**
             * Format: uuid
             * @description Whose.
             */
            user_id: string;
        };
        /** @description A token that was just made. */
        Issued: components["schemas"]["Token"] & {
            /**
             * @description Send it as `Authorization: Bearer`. Said this once: a replay for the same `Idempotency-Key` says null.
             * @example tbs_0sWBrnyyqAAZHDxBTl3hfKEaBTdBoPTZyFJH5sWEmU8
             */
            token?: string | null;
        };
        /** @description A row that did not become a merchant. */
        Left: {
            /**
             * @description `skipped`: known already; `refused`: wrong.
             * @example skipped
             */
            outcome: string;
            /**
             * @description Why.
             * @example It is known already.
             */
            reason: string;
            /**
             * @description Which, counted from 1 below the header.
             * @example 3
             */
            row: number;
        };
        /** @description Some of a queue's dead letters. */
        Letters: {
            /** @description Up to fifty, in no order. */
            data: components["schemas"]["DeadLetter"][];
            /** @description Whether there may be more. */
            has_more: boolean;
        };
        /** @description Where a file is that is too large for an answer. */
        Link: {
            /**
             * Format: int32
             * @description Seconds until the address is of no use.
             * @example 900
             */
            expires_in: number;
            /**
             * Format: int64
             * @description How many transactions it holds.
             * @example 31207
             */
            rows: number;
            /**
             * @description Fetch it here, without a token.
             * @example https://uploads.example.com/exports/0199aa10?X-Amz-Signature=5d2f
             */
            url: string;
        };
        /** @description A data set, and where its file is. */
        LinkedTrainingSet: components["schemas"]["TrainingSet"] & {
            /**
             * Format: int32
             * @description Seconds until the link is of no use.
             * @example 900
             */
            expires_in?: number | null;
            /**
             * @description The file, JSON Lines compressed with gzip; fetch it without a token. Null until it is written.
             * @example https://uploads.example.com/training-sets/7/1.jsonl.gz?X-Amz-Signature=5d2f
             */
            url?: string | null;
        };
        /** @description A category as it is listed. */
        Listed: {
            /**
             * @description `expense`, `income` or `transfer`; none for the user's own.
             * @example expense
             */
            kind?: string | null;
            /**
             * @description Its label.
             * @example Groceries
             */
            name: string;
            /**
             * @description Whether it is the system's.
             * @example true
             */
            system: boolean;
        };
        /** @description The form of [`Login`], for the OpenAPI document. */
        LoginBody: {
            /**
             * @description The address.
             * @example ada@example.com
             */
            email: string;
            /**
             * @description The password.
             * @example correct horse battery
             */
            password: string;
        };
        /** @description A user's mappings. */
        Mappings: {
            /** @description All of them, by name. */
            data: components["schemas"]["SavedMapping"][];
        };
        /** @description What `POST /ingest/anchors` answers: for each row what became of it, in the same order. */
        Marked: {
            /** @description Of the roots. */
            anchors: components["schemas"]["MarkResult"][];
            /** @description Of the transactions. */
            transactions: components["schemas"]["MarkResult"][];
        };
        /** @description What became of a row. */
        MarkResult: {
            /** @description Why it was refused. */
            code?: string | null;
            /** @description What to do about it. */
            detail?: string | null;
            /** @description Its place in its list, from 0. */
            index: number;
            /**
             * @description `ok`, also when it was so before, or `refused`.
             * @example ok
             */
            status: string;
        };
        /** @description The form of [`Marks`], for the OpenAPI document. */
        MarksBody: {
            /** @description Roots that were written to the blockchain; together with `transactions` at most 500. */
            anchors?: components["schemas"]["AnchoredRoot"][] | null;
            /** @description What belongs to single transactions. */
            transactions?: components["schemas"]["AnchoredTransaction"][] | null;
        };
        /** @description A transaction that a search found. */
        Match: components["schemas"]["Transaction"] & {
            /** @description `merchant_raw` in pieces, so that the words can be marked without putting markup into the text. */
            merchant_pieces: components["schemas"]["Piece"][];
            /** @description `note` in pieces. */
            note_pieces?: components["schemas"]["Piece"][] | null;
            /**
             * Format: float
             * @description How well it matches; comparable within one search alone.
             * @example 0.25
             */
            rank: number;
        };
        /** @description A page of what a search found. */
        Matches: {
            /**
             * @description The best first among the newest matches, 200 at most; then the best among those before them, and so on. A page
             *     may be short, and the last one empty.
             */
            data: components["schemas"]["Match"][];
            /** @description Whether more follow. */
            has_more: boolean;
            /**
             * Format: int64
             * @description At most so many a page.
             * @example 50
             */
            limit: number;
            /** @description Send it as `cursor` for the next page, with the same filters. */
            next_cursor?: string | null;
        };
        /** @description A merchant as it stands beside a transaction. */
        Merchant: {
            /**
             * @description Its name.
             * @example Netflix
             */
            canonical_name: string;
            /**
             * @description The category it usually means.
             * @example Subscriptions
             */
            category: string;
            /**
             * Format: uuid
             * @description Its id.
             */
            id: string;
        };
        /** @description A merchant as an administrator sees it. */
        MerchantDetail: components["schemas"]["Merchant"] & {
            /**
             * @description Other names it goes by, sorted.
             * @example [
             *       "CORNER COFFEE VIENNA",
             *       "CRNR COFFEE"
             *     ]
             */
            aliases: string[];
            /**
             * @description ISO 3166, two letters.
             * @example AT
             */
            country?: string | null;
            /**
             * Format: date-time
             * @description When it was made.
             */
            created_at: string;
            /**
             * @description Whatever else is known.
             * @example {
             *       "chain": false
             *     }
             */
            tags: {
                [key: string]: unknown;
            };
        };
        /** @description What a search answers. */
        Merchants: {
            /** @description The best first; similar names after all others. */
            data: components["schemas"]["Found"][];
        };
        /** @description The form of [`Merge`], for the OpenAPI document. */
        MergeBody: {
            /**
             * Format: uuid
             * @description The merchant that goes.
             */
            from_id: string;
            /**
             * Format: uuid
             * @description The merchant that its names and transactions go to.
             */
            into_id: string;
        };
        /** @description A merge, or its undoing, that has begun. */
        Merging: {
            /**
             * Format: uuid
             * @description The merchant that goes, or comes back.
             */
            from_id: string;
            /**
             * Format: uuid
             * @description Undo it by this id.
             */
            id: string;
            /**
             * Format: uuid
             * @description The merchant that it is merged into.
             */
            into_id: string;
            /**
             * @description `moving` or `undoing`: users' transactions follow.
             * @example moving
             */
            status: string;
        };
        /** @description A transaction that is like another. */
        Neighbour: components["schemas"]["Transaction"] & {
            /**
             * Format: double
             * @description Cosine similarity, from -1 to 1.
             * @example 0.94
             */
            similarity: number;
        };
        /** @description What `POST /transactions/similar` answers. */
        Neighbours: {
            /** @description The most similar first. */
            data: components["schemas"]["Neighbour"][];
        };
        /** @description The form of [`NewAnnouncement`], for the OpenAPI document. */
        NewAnnouncement: {
            /**
             * @description `info`, `warning` or `critical`.
             * @default info
             * @example warning
             */
            level: string | null;
            /**
             * @description 1 to 2,000 characters.
             * @example From 02:00 to 02:30 UTC nothing can be saved.
             */
            text: string;
            /**
             * @description 1 to 120 characters.
             * @example Maintenance on Sunday
             */
            title: string;
        };
        /** @description The form of [`NewBudget`], for the OpenAPI document. */
        NewBudgetBody: {
            /**
             * @description Above zero; a string or a number with at most two decimals.
             * @example 400.00
             */
            amount: string;
            /** @description Whether the next period begins by itself. */
            auto_renew?: boolean | null;
            /**
             * @description 1 to 100 characters.
             * @example Groceries
             */
            category: string;
            /**
             * @description ISO 4217 with at most two minor digits; the user's own when left out.
             * @example EUR
             */
            currency?: string | null;
            /**
             * Format: date
             * @description The period's last day.
             * @example 2026-01-31
             */
            end_date: string;
            /**
             * Format: date
             * @description The period's first day.
             * @example 2026-01-01
             */
            start_date: string;
        };
        /** @description The form of [`NewHolding`], for the OpenAPI document. */
        NewHoldingBody: {
            /**
             * @description `stock`, `etf`, `fund`, `bond`, `crypto`, `cash` or `other`.
             * @example etf
             */
            asset_type: string;
            /**
             * @description What all units together cost; not below zero.
             * @example 1100.00
             */
            cost_basis?: string | null;
            /**
             * @description ISO 4217 with at most two minor digits; the user's own when left out.
             * @example EUR
             */
            currency?: string | null;
            /**
             * @description A ticker, an ISIN or a contract's address: 1 to 255 characters.
             * @example VWCE
             */
            identifier: string;
            /**
             * @description What all units together were last worth; not below zero.
             * @example 1250.40
             */
            last_valuation?: string | null;
            /**
             * @description A string or a number with at most eight decimals, not below zero.
             * @example 12.5
             */
            units: string;
            /**
             * Format: date-time
             * @description When they were; now when left out.
             * @example 2026-01-31T12:00:00Z
             */
            valued_at?: string | null;
        };
        /** @description The form of [`NewMapping`], for the OpenAPI document. */
        NewMappingBody: {
            /** @description Which column is what, by its name or its number from 1. What is left out is found in each file. */
            mapping: unknown;
            /**
             * @description 1 to 100 characters; a mapping of that name is replaced.
             * @example My bank
             */
            name: string;
        };
        /** @description The form of [`NewMerchant`], for the OpenAPI document. */
        NewMerchantBody: {
            /**
             * @description At most 50 names as statements print them.
             * @example [
             *       "CORNER COFFEE VIENNA",
             *       "CRNR COFFEE"
             *     ]
             */
            aliases?: string[] | null;
            /**
             * @description 3 to 255 characters; its case is kept.
             * @example Corner Coffee
             */
            canonical_name: string;
            /**
             * @description One of the system's categories.
             * @example Food & Dining
             */
            category: string;
            /**
             * @description ISO 3166, two letters.
             * @example AT
             */
            country?: string | null;
            /** @description Whatever else is known. */
            tags: Record<string, never>;
        };
        /** @description The form of [`NewSchedule`], for the OpenAPI document. */
        NewScheduleBody: components["schemas"]["ScheduleSettings"] & {
            /**
             * @description 1 to 63 small letters, digits and hyphens.
             * @example renew-budgets-again
             */
            name: string;
        };
        /** @description The form of [`NewToken`], for the OpenAPI document. */
        NewTokenBody: {
            /**
             * Format: date-time
             * @description When it ends by itself; never when left out.
             * @example 2027-01-31T12:00:00Z
             */
            expires_at?: string | null;
            /**
             * @description What it is for: 1 to 100 characters.
             * @example nightly training
             */
            name: string;
            /**
             * @description `transactions:write`, `anomalies:write`, `anchors:write`, `corrections:read`, `embeddings:write`: one at least.
             * @example [
             *       "corrections:read"
             *     ]
             */
            scopes: string[];
        };
        /** @description The form of [`NewTransaction`], for the OpenAPI document. */
        NewTransactionBody: {
            /**
             * @description Positive is money out, negative a refund or income; a string or a number with at most two decimals.
             * @example 12.50
             */
            amount: string;
            /** @description 1 to 100 characters; found when left out. */
            category?: string | null;
            /**
             * @description ISO 4217 with at most two minor digits; the user's own when left out.
             * @example EUR
             */
            currency?: string | null;
            /**
             * Format: date
             * @description The local date.
             * @example 2026-01-31
             */
            date: string;
            /**
             * @description What to recognise the merchant by: 1 to 500 characters.
             * @example NETFLIX.COM 866-579-7172
             */
            merchant_raw: string;
            /** @description At most 2,000 characters. */
            note?: string | null;
        };
        /** @description The form of [`NewTransactions`], for the OpenAPI document. */
        NewTransactionsBody: {
            /** @description At most 500, of as many users. */
            transactions?: components["schemas"]["IngestTransaction"][] | null;
        };
        /** @description The form of [`NewUpload`], for the OpenAPI document. */
        NewUploadBody: {
            /**
             * Format: int64
             * @description Exactly how many bytes the file has: 1 to 20,971,520.
             * @example 9437184
             */
            size: number;
        };
        /** @description What the user wants to hear of. */
        Notifications: {
            /** @description An unusual transaction; on unless switched off. */
            anomalies: boolean;
            /** @description A budget crossed a threshold; on unless switched off. */
            budget_alerts: boolean;
            /** @description A mail when a budget is used up; off unless switched on. */
            budget_mails: boolean;
            /** @description A mail each month; off unless switched on. */
            monthly_report: boolean;
            /** @description A charge that is about to recur; on unless switched off. */
            reminders: boolean;
            /** @description A mail each week; off unless switched on. */
            weekly_summary: boolean;
        };
        /** @description The form of a change of switches, for the OpenAPI document. */
        NotificationsBody: {
            /** @description An unusual transaction. */
            anomalies?: boolean | null;
            /** @description A budget crossed a threshold. */
            budget_alerts?: boolean | null;
            /** @description A mail when a budget is used up, and when it is exceeded by a tenth. */
            budget_mails?: boolean | null;
            /** @description A mail each month. */
            monthly_report?: boolean | null;
            /** @description A charge that is about to recur. */
            reminders?: boolean | null;
            /** @description A mail each week. */
            weekly_summary?: boolean | null;
        };
        /** @description A category of the user's transactions. */
        OfCategory: {
            /**
             * @description The category.
             * @example Groceries
             */
            category: string;
            /**
             * Format: int64
             * @description How many transactions in all currencies.
             * @example 12
             */
            count: number;
            /**
             * Format: date
             * @description The date of the last one.
             * @example 2026-01-31
             */
            last_date: string;
            /** @description By currency. */
            totals: components["schemas"]["Sum"][];
        };
        /** @description A merchant of the user's. */
        OfMerchant: {
            /**
             * Format: int64
             * @description How many transactions in all currencies.
             * @example 12
             */
            count: number;
            /**
             * Format: date
             * @description The date of the last one.
             * @example 2026-01-31
             */
            last_date: string;
            /** @description The merchant. */
            merchant: components["schemas"]["Merchant"];
            /** @description By currency. */
            totals: components["schemas"]["Sum"][];
        };
        /** @description An alert. */
        OperationsAlert: {
            /**
             * Format: int32
             * @description How often it was seen; about once a minute while it lasts.
             */
            count: number;
            /**
             * @description With figures, as it was last seen.
             * @example 3 were given up within an hour. The last error: 503 unavailable
             */
            detail: string;
            /**
             * Format: date-time
             * @description Since when.
             */
            first_seen_at: string;
            /**
             * Format: uuid
             * @description Its id.
             */
            id: string;
            /**
             * @description `task_given_up`, `queue_deep`, `worker_silent`, `unhealthy`, `vacuum_behind`, `wraparound_near`,
             *     `statement_slow`, `pins_lost` or `gateway_silent`.
             * @example task_given_up
             */
            kind: string;
            /**
             * Format: date-time
             * @description When it was last seen.
             */
            last_seen_at: string;
            /**
             * Format: date-time
             * @description When it was over; null while it lasts.
             */
            resolved_at?: string | null;
            /**
             * @description Of what: a kind of task, a queue, a dependency, a table, a statement.
             * @example mail
             */
            subject: string;
            /**
             * Format: date-time
             * @description When an alert target was told; null where none is set, or none has answered yet.
             */
            told_at?: string | null;
        };
        /** @description What became of one transaction. */
        Outcome: {
            /**
             * @description `kept`, `deleted` or, of several, `not_found`.
             * @example kept
             */
            result: string;
            /**
             * Format: uuid
             * @description Which.
             */
            transaction_id: string;
        };
        /** @description A category that is overspent. */
        Over: {
            /**
             * @description The limit.
             * @example 400.00
             */
            budget: string;
            /**
             * @description The category.
             * @example Groceries
             */
            name: string;
            /**
             * @description What was spent beyond the limit.
             * @example 31.20
             */
            overage: string;
            /**
             * Format: double
             * @description `spent` in percent of `budget`.
             * @example 107.8
             */
            percentage: number;
            /**
             * @description What was spent.
             * @example 431.20
             */
            spent: string;
        };
        /** @description A page. */
        Page_Anchor: {
            /** @description The rows. */
            data: {
                /**
                 * Format: date-time
                 * @description When we were told of it.
                 */
                anchored_at?: string | null;
                /**
                 * Format: date
                 * @description The day on which it was gathered, in UTC.
                 * @example 2026-01-31
                 */
                batch_date: string;
                /**
                 * @description The blockchain's transaction that holds the root.
                 * @example 0x9fc76417374aa880d4449a1f7f31ec597f00b1f6f3dd2d66f4c9c6c445836d8b
                 */
                blockchain_tx_id?: string | null;
                /**
                 * Format: uuid
                 * @description The batch's id.
                 */
                id: string;
                /**
                 * @description The tree's root.
                 * @example 5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328
                 */
                root_hash: string;
                /**
                 * Format: date-time
                 * @description When its root was computed: nothing is added since.
                 */
                sealed_at: string;
                /**
                 * Format: int32
                 * @description Leaves of the tree: revisions of transactions.
                 */
                transaction_count: number;
            }[];
            /** @description Whether more follow. */
            has_more: boolean;
            /**
             * Format: int64
             * @description At most so many a page.
             * @example 50
             */
            limit: number;
            /** @description Send it as `cursor` for the next page, with the same filters. */
            next_cursor?: string | null;
            /**
             * Format: int64
             * @description Rows passed over.
             * @example 0
             */
            offset: number;
            /**
             * Format: int64
             * @description How many there are in all, exact unless `total_capped`.
             */
            total: number;
            /** @description Whether counting stopped at `total`. */
            total_capped: boolean;
        };
        /** @description A page. */
        Page_Holding: {
            /** @description The rows. */
            data: {
                /**
                 * @description `stock`, `etf`, `fund`, `bond`, `crypto`, `cash` or `other`.
                 * @example etf
                 */
                asset_type: string;
                /**
                 * @description What all units together cost.
                 * @example 1100.00
                 */
                cost_basis?: string | null;
                /**
                 * Format: date-time
                 * @description When it was added.
                 */
                created_at: string;
                /**
                 * @description The currency of its amounts.
                 * @example EUR
                 */
                currency: string;
                /**
                 * @description `value` less `cost_basis`; null when either is not known.
                 * @example 150.40
                 */
                gain?: string | null;
                /**
                 * Format: double
                 * @description `gain` in percent of `cost_basis`; null when either is not known, or nothing was paid.
                 * @example 13.67
                 */
                gain_percentage?: number | null;
                /**
                 * Format: uuid
                 * @description Its id.
                 */
                id: string;
                /**
                 * @description A ticker, an ISIN or a contract's address.
                 * @example VWCE
                 */
                identifier: string;
                /** @description Whether it was deleted; only a `portfolio_update` says so. */
                is_deleted: boolean;
                /**
                 * @description What all units together were worth at `valued_at`.
                 * @example 1250.40
                 */
                last_valuation?: string | null;
                /** @description Valued more than seven days ago, or never. */
                stale: boolean;
                /**
                 * @description How many, with eight decimals.
                 * @example 12.50000000
                 */
                units: string;
                /**
                 * Format: date-time
                 * @description When it last changed.
                 */
                updated_at: string;
                /**
                 * @description What it is worth as far as is known: its last valuation.
                 * @example 1250.40
                 */
                value?: string | null;
                /**
                 * Format: date-time
                 * @description When `last_valuation` was true.
                 * @example 2026-01-30T17:30:00Z
                 */
                valued_at?: string | null;
            }[];
            /** @description Whether more follow. */
            has_more: boolean;
            /**
             * Format: int64
             * @description At most so many a page.
             * @example 50
             */
            limit: number;
            /** @description Send it as `cursor` for the next page, with the same filters. */
            next_cursor?: string | null;
            /**
             * Format: int64
             * @description Rows passed over.
             * @example 0
             */
            offset: number;
            /**
             * Format: int64
             * @description How many there are in all, exact unless `total_capped`.
             */
            total: number;
            /** @description Whether counting stopped at `total`. */
            total_capped: boolean;
        };
        /** @description A page. */
        Page_Import: {
            /** @description The rows. */
            data: {
                /**
                 * Format: date-time
                 * @description When it was asked for.
                 */
                created_at: string;
                /** @description Why it failed. */
                error_code?: string | null;
                /** @description What to do about it. */
                error_detail?: string | null;
                /**
                 * Format: date-time
                 * @description When it ended.
                 * @example 2026-01-31T12:00:04Z
                 */
                finished_at?: string | null;
                /**
                 * Format: uuid
                 * @description Its id.
                 */
                id: string;
                /**
                 * @description What happens to rows that were there before: `skip`, `flag` or `import`.
                 * @example skip
                 */
                on_duplicate: string;
                /**
                 * Format: int32
                 * @description Rows that were there before.
                 * @example 2
                 */
                rows_duplicate: number;
                /**
                 * Format: int32
                 * @description Rows that could not be read.
                 * @example 1
                 */
                rows_failed: number;
                /**
                 * Format: int32
                 * @description Rows that became transactions.
                 * @example 247
                 */
                rows_imported: number;
                /**
                 * Format: int32
                 * @description Transactions that were taken back.
                 * @example 0
                 */
                rows_reverted: number;
                /**
                 * Format: int32
                 * @description Rows in the file, once they are counted.
                 * @example 250
                 */
                rows_total?: number | null;
                /**
                 * Format: int64
                 * @description The file's size.
                 * @example 18342
                 */
                size_bytes: number;
                /**
                 * @description `queued`, `running`, `completed`, `failed` or `reverted`.
                 * @example completed
                 */
                status: string;
            }[];
            /** @description Whether more follow. */
            has_more: boolean;
            /**
             * Format: int64
             * @description At most so many a page.
             * @example 50
             */
            limit: number;
            /** @description Send it as `cursor` for the next page, with the same filters. */
            next_cursor?: string | null;
            /**
             * Format: int64
             * @description Rows passed over.
             * @example 0
             */
            offset: number;
            /**
             * Format: int64
             * @description How many there are in all, exact unless `total_capped`.
             */
            total: number;
            /** @description Whether counting stopped at `total`. */
            total_capped: boolean;
        };
        /** @description A page. */
        Page_PastPeriod: {
            /** @description The rows. */
            data: {
                /**
                 * @description The limit.
                 * @example 400.00
                 */
                amount: string;
                /**
                 * Format: uuid
                 * @description The budget.
                 */
                budget_id: string;
                /**
                 * @description The category it limits.
                 * @example Groceries
                 */
                category: string;
                /**
                 * @description The currency it counts.
                 * @example EUR
                 */
                currency: string;
                /**
                 * Format: date
                 * @description The period's last day.
                 * @example 2026-01-31
                 */
                end_date: string;
                /** @description Whether the period is over for the user. */
                is_over: boolean;
                /**
                 * Format: double
                 * @description `spent` in percent of `amount`.
                 * @example 78.1
                 */
                percentage: number;
                /**
                 * @description `amount` less `spent`; below zero when it is overspent.
                 * @example 87.60
                 */
                remaining: string;
                /**
                 * @description What was spent in the period, refunds taken off.
                 * @example 312.40
                 */
                spent: string;
                /**
                 * Format: date
                 * @description The period's first day.
                 * @example 2026-01-01
                 */
                start_date: string;
                /** @description How it went, or goes. */
                status: components["schemas"]["Standing"];
            }[];
            /** @description Whether more follow. */
            has_more: boolean;
            /**
             * Format: int64
             * @description At most so many a page.
             * @example 50
             */
            limit: number;
            /** @description Send it as `cursor` for the next page, with the same filters. */
            next_cursor?: string | null;
            /**
             * Format: int64
             * @description Rows passed over.
             * @example 0
             */
            offset: number;
            /**
             * Format: int64
             * @description How many there are in all, exact unless `total_capped`.
             */
            total: number;
            /** @description Whether counting stopped at `total`. */
            total_capped: boolean;
        };
        /** @description A page. */
        Page_Subscription: {
            /** @description The rows. */
            data: {
                /**
                 * @description What the next charge is expected to be: the last price where prices move in steps, else the mean of the last six.
                 * @example 15.99
                 */
                amount: string;
                /**
                 * @description The mean of all charges that were looked at.
                 * @example 14.49
                 */
                amount_mean: string;
                /**
                 * @description `weekly`, `biweekly`, `four_weekly`, `monthly`, `bimonthly`, `quarterly`, `half_yearly` or `yearly`.
                 * @example monthly
                 */
                cadence: string;
                /**
                 * @description The category of its last charge.
                 * @example Entertainment
                 */
                category: string;
                /**
                 * Format: double
                 * @description How sure it is, above 0 and below 1.
                 * @example 0.92
                 */
                confidence: number;
                /**
                 * Format: date-time
                 * @description When it was found.
                 */
                created_at: string;
                /**
                 * @description ISO 4217.
                 * @example EUR
                 */
                currency: string;
                /** @description Why it counts as recurring. */
                evidence: components["schemas"]["Evidence"];
                /**
                 * Format: uuid
                 * @description Its id; it stays the same while the charge goes on, whatever it costs.
                 */
                id: string;
                /** @description Whether it goes on: no charge is missing for longer than a period (two weeks at least, 45 days at most). */
                is_active: boolean;
                /**
                 * Format: uuid
                 * @description The merchant, where one was recognised.
                 */
                merchant_id?: string | null;
                /**
                 * @description What it costs a month: a twelfth of a year.
                 * @example 15.99
                 */
                monthly_cost: string;
                /**
                 * @description The merchant's name, or the text of its last charge where no merchant was recognised.
                 * @example Netflix
                 */
                name: string;
                /**
                 * Format: date
                 * @description When the next charge is due. In the past where it is late, and where there is none any more.
                 * @example 2026-02-15
                 */
                next_expected_date: string;
                /**
                 * Format: int32
                 * @description The median of the days from one charge to the next.
                 * @example 30
                 */
                period_days: number;
                /**
                 * Format: date-time
                 * @description When it last changed.
                 */
                updated_at: string;
                /**
                 * @description What it costs a year.
                 * @example 191.88
                 */
                yearly_cost: string;
            }[];
            /** @description Whether more follow. */
            has_more: boolean;
            /**
             * Format: int64
             * @description At most so many a page.
             * @example 50
             */
            limit: number;
            /** @description Send it as `cursor` for the next page, with the same filters. */
            next_cursor?: string | null;
            /**
             * Format: int64
             * @description Rows passed over.
             * @example 0
             */
            offset: number;
            /**
             * Format: int64
             * @description How many there are in all, exact unless `total_capped`.
             */
            total: number;
            /** @description Whether counting stopped at `total`. */
            total_capped: boolean;
        };
        /** @description A page. */
        Page_TaskRun: {
            /** @description The rows. */
            data: {
                /**
                 * @description What it was told: ids, never amounts, names or addresses.
                 * @example {
                 *       "mail_id": "0199a6b2-4c1d-7e3a-9b52-6d0f8a417c25"
                 *     }
                 */
                args: {
                    [key: string]: string;
                };
                /**
                 * Format: int32
                 * @description Tries so far.
                 */
                attempt: number;
                /**
                 * Format: int64
                 * @description What its last try took, in milliseconds.
                 */
                duration_ms?: number | null;
                /**
                 * @description Why the last try failed.
                 * @example 503 unavailable: sqlstate 55P03 constraint -
                 */
                error?: string | null;
                /**
                 * Format: date-time
                 * @description When its last try ended.
                 */
                finished_at?: string | null;
                /**
                 * Format: uuid
                 * @description The task's id.
                 */
                id: string;
                /**
                 * @description What it does.
                 * @example import
                 */
                kind: string;
                /**
                 * @description The queue it came by.
                 * @example high
                 */
                queue: string;
                /**
                 * Format: date-time
                 * @description When it was queued.
                 */
                queued_at: string;
                /** @description What came of it. */
                result?: Record<string, never> | null;
                /** @description The schedule that caused it. */
                schedule?: string | null;
                /**
                 * Format: date-time
                 * @description When its last try began.
                 */
                started_at?: string | null;
                /**
                 * @description `queued`, `running`, `succeeded`, `failed` (another try follows) or `dead` (among the dead letters).
                 * @example succeeded
                 */
                status: string;
                /**
                 * Format: uuid
                 * @description Whose work it was.
                 */
                user_id?: string | null;
            }[];
            /** @description Whether more follow. */
            has_more: boolean;
            /**
             * Format: int64
             * @description At most so many a page.
             * @example 50
             */
            limit: number;
            /** @description Send it as `cursor` for the next page, with the same filters. */
            next_cursor?: string | null;
            /**
             * Format: int64
             * @description Rows passed over.
             * @example 0
             */
            offset: number;
            /**
             * Format: int64
             * @description How many there are in all, exact unless `total_capped`.
             */
            total: number;
            /** @description Whether counting stopped at `total`. */
            total_capped: boolean;
        };
        /** @description A page. */
        Page_Token: {
            /** @description The rows. */
            data: {
                /**
                 * Format: date-time
                 * @description When it was made.
                 */
                created_at: string;
                /**
                 * Format: uuid
                 * @description The administrator who made it; null when the account is gone.
                 */
                created_by?: string | null;
                /**
                 * Format: date-time
                 * @description When it ends by itself.
                 */
                expires_at?: string | null;
                /**
                 * Format: uuid
                 * @description Revoke it by this id.
                 */
                id: string;
                /**
                 * Format: date-time
                 * @description When it was last used, to five minutes.
                 * @example 2026-01-31T03:00:00Z
                 */
                last_used_at?: string | null;
                /**
                 * @description What it is for.
                 * @example nightly training
                 */
                name: string;
                /**
                 * Format: date-time
                 * @description When it was revoked.
                 */
                revoked_at?: string | null;
                /**
                 * @description What it may do.
                 * @example [
                 *       "corrections:read"
                 *     ]
                 */
                scopes: string[];
            }[];
            /** @description Whether more follow. */
            has_more: boolean;
            /**
             * Format: int64
             * @description At most so many a page.
             * @example 50
             */
            limit: number;
            /** @description Send it as `cursor` for the next page, with the same filters. */
            next_cursor?: string | null;
            /**
             * Format: int64
             * @description Rows passed over.
             * @example 0
             */
            offset: number;
            /**
             * Format: int64
             * @description How many there are in all, exact unless `total_capped`.
             */
            total: number;
            /** @description Whether counting stopped at `total`. */
            total_capped: boolean;
        };
        /** @description A page. */
        Page_Transaction: {
            /** @description The rows. */
            data: {
                /**
                 * @description Positive is money out, negative a refund or income.
                 * @example 12.50
                 */
                amount: string;
                /**
                 * Format: double
                 * @description How unusual it is, from 0 to 1.
                 */
                anomaly_score?: number | null;
                /**
                 * @description Its category.
                 * @example Subscriptions
                 */
                category: string;
                /**
                 * @description How sure each recognised field is, from 0 to 1.
                 * @example {
                 *       "category": 0.97
                 *     }
                 */
                confidence: {
                    [key: string]: number;
                };
                /**
                 * Format: date-time
                 * @description When it was made.
                 */
                created_at: string;
                /**
                 * @description ISO 4217.
                 * @example EUR
                 */
                currency: string;
                /**
                 * Format: date
                 * @description The local date it was booked.
                 * @example 2026-01-31
                 */
                date: string;
                /**
                 * Format: uuid
                 * @description An earlier transaction that looks the same.
                 */
                duplicate_of?: string | null;
                /**
                 * Format: uuid
                 * @description Its id.
                 */
                id: string;
                /**
                 * Format: uuid
                 * @description The import it came with.
                 */
                import_id?: string | null;
                /** @description The content id of its receipt. */
                ipfs_cid?: string | null;
                /** @description Whether it was deleted; it can be restored. */
                is_deleted: boolean;
                merchant?: components["schemas"]["Merchant"] | null;
                /**
                 * @description What the bank or the user wrote.
                 * @example NETFLIX.COM 866-579-7172
                 */
                merchant_raw: string;
                /** @description The user's note. */
                note?: string | null;
                /**
                 * @description Where its receipt is: an address of this API, which asks for the token and leads to the file. In the answer of
                 *     `GET /transactions/{id}` a link to the file itself, which works for 15 minutes without a token.
                 */
                receipt_url?: string | null;
                /**
                 * @description `ocr`, `sms`, `csv` or `manual`.
                 * @example csv
                 */
                source: string;
                /**
                 * Format: date-time
                 * @description When it last changed.
                 */
                updated_at: string;
            }[];
            /** @description Whether more follow. */
            has_more: boolean;
            /**
             * Format: int64
             * @description At most so many a page.
             * @example 50
             */
            limit: number;
            /** @description Send it as `cursor` for the next page, with the same filters. */
            next_cursor?: string | null;
            /**
             * Format: int64
             * @description Rows passed over.
             * @example 0
             */
            offset: number;
            /**
             * Format: int64
             * @description How many there are in all, exact unless `total_capped`.
             */
            total: number;
            /** @description Whether counting stopped at `total`. */
            total_capped: boolean;
        };
        /** @description The form of [`PasswordChange`], for the OpenAPI document. */
        PasswordChangeBody: {
            /**
             * @description The password as it is.
             * @example correct horse battery
             */
            current_password: string;
            /**
             * @description 8 characters to 71 bytes of UTF-8, and not a common one.
             * @example staple battery horse
             */
            new_password: string;
        };
        /** @description A period that has begun. */
        PastPeriod: {
            /**
             * @description The limit.
             * @example 400.00
             */
            amount: string;
            /**
             * Format: uuid
             * @description The budget.
             */
            budget_id: string;
            /**
             * @description The category it limits.
             * @example Groceries
             */
            category: string;
            /**
             * @description The currency it counts.
             * @example EUR
             */
            currency: string;
            /**
             * Format: date
             * @description The period's last day.
             * @example 2026-01-31
             */
            end_date: string;
            /** @description Whether the period is over for the user. */
            is_over: boolean;
            /**
             * Format: double
             * @description `spent` in percent of `amount`.
             * @example 78.1
             */
            percentage: number;
            /**
             * @description `amount` less `spent`; below zero when it is overspent.
             * @example 87.60
             */
            remaining: string;
            /**
             * @description What was spent in the period, refunds taken off.
             * @example 312.40
             */
            spent: string;
            /**
             * Format: date
             * @description The period's first day.
             * @example 2026-01-01
             */
            start_date: string;
            /** @description How it went, or goes. */
            status: components["schemas"]["Standing"];
        };
        /** @description A piece of a text. */
        Piece: {
            /**
             * @description Whether it is one of the words that were searched for.
             * @example true
             */
            is_match: boolean;
            /**
             * @description The piece as it stands in the text: put together, the pieces are the text.
             * @example NETFLIX
             */
            text: string;
        };
        /** @description The user's choices, whole: what was never chosen has its default. */
        Preferences: {
            /**
             * @description What amounts without a currency are in.
             * @example EUR
             */
            currency: string;
            /** @description What the user wants to hear of. */
            notifications: components["schemas"]["Notifications"];
            /** @description Colours of the app. */
            theme: components["schemas"]["Theme"];
            /**
             * @description IANA time zone; it decides which day is today.
             * @example Europe/Berlin
             */
            timezone: string;
        };
        /** @description The form of [`PreferencesPatch`], for the OpenAPI document. */
        PreferencesBody: {
            /**
             * @description ISO 4217, with at most two minor digits.
             * @example EUR
             */
            currency?: string | null;
            notifications?: components["schemas"]["NotificationsBody"] | null;
            theme?: components["schemas"]["Theme"] | null;
            /**
             * @description IANA time zone.
             * @example Europe/Berlin
             */
            timezone?: string | null;
        };
        /** @description A price that went up or down. */
        PriceChange: {
            /**
             * Format: date
             * @description The first charge of the new price.
             * @example 2025-09-15
             */
            date: string;
            /**
             * @description What it was before.
             * @example 12.99
             */
            from: string;
            /**
             * @description What it is now.
             * @example 15.99
             */
            to: string;
        };
        /** @description The body that a [`Problem`] becomes. */
        Problem: Record<string, never> & {
            /** @description A stable `snake_case` code. */
            code: string;
            /** @description One sentence for a person, saying what to do next. */
            detail: string;
            /** @description For 422: every bad field at once. */
            errors?: components["schemas"]["FieldError"][];
            /** @description The path that was asked for. */
            instance: string;
            /** @description Quote this when asking for help. */
            request_id: string;
            /**
             * Format: int32
             * @description The HTTP status.
             */
            status: number;
            /** @description The status's standard phrase. */
            title: string;
            /**
             * @description Identifies the kind of problem.
             * @example urn:tallybook:problem:not_found
             */
            type: string;
        };
        /** @description A user's own profile. */
        Profile: {
            /**
             * Format: date-time
             * @description When the account was made.
             */
            created_at: string;
            /**
             * @description What amounts without a currency are in.
             * @example EUR
             */
            currency: string;
            /**
             * @description The address as it was given.
             * @example ada@example.com
             */
            email: string;
            /**
             * @description The name.
             * @example Ada Example
             */
            full_name: string;
            /**
             * Format: uuid
             * @description The user's id.
             */
            id: string;
            /**
             * @description Whether the address was proven.
             * @example true
             */
            is_verified: boolean;
            /** @description The address that replaces it when the link sent there is followed. */
            pending_email?: string | null;
            /**
             * @description The phone number, if given.
             * @example +43 1 234567
             */
            phone?: string | null;
            /** @description The user's choices, whole. */
            preferences: components["schemas"]["Preferences"];
            /**
             * @description IANA time zone; it decides which day is today.
             * @example Europe/Berlin
             */
            timezone: string;
            /**
             * @description Addresses of the user's wallets.
             * @example [
             *       "0x52908400098527886E0F7030069857D2E4169EE7"
             *     ]
             */
            wallet_addresses: string[];
        };
        /** @description The form of [`ProfilePatch`], for the OpenAPI document. */
        ProfilePatchBody: {
            /** @description The password, for a change of address. */
            current_password?: string | null;
            /**
             * @description Begins a change of address; it needs `current_password`. The present address gives up one that was begun.
             * @example ada@example.org
             */
            email?: string | null;
            /**
             * @description 1 to 255 characters.
             * @example Ada Example
             */
            full_name?: string | null;
            /**
             * @description A phone number of 3 to 32 characters; null takes it away.
             * @example +43 1 234567
             */
            phone?: string | null;
            preferences?: components["schemas"]["PreferencesBody"] | null;
            /** @description At most 20 addresses of 1 to 128 printable characters, each once. */
            wallet_addresses?: string[] | null;
        };
        /** @description Proof that a revision of a transaction is a leaf of a tree. */
        Proof: {
            /** @description The tree. */
            batch: components["schemas"]["ProofBatch"];
            /** @description Whether the transaction has not changed since. */
            is_current: boolean;
            /**
             * @description What is hashed, byte for byte in UTF-8: the transaction as it was, and a salt.
             * @example {"v":"1","id":"0199a6b2-0000-7000-8000-000000000000","revision":"1","date":"2026-01-31","amount":"12.50","currency":"EUR","merchant_raw":"Café","category":"Dining","is_deleted":"false","salt":"00112233445566778899aabbccddeeff"}
             */
            leaf: string;
            /**
             * @description SHA-256 of a zero byte and the leaf.
             * @example 5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328
             */
            leaf_hash: string;
            /**
             * Format: int64
             * @description Its place among the leaves, from 0.
             */
            leaf_index: number;
            /**
             * @description What to hash it with on the way up to the root, the lowest first.
             * @example [
             *       "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
             *     ]
             */
            path: string[];
            /**
             * Format: int64
             * @description Of which of its revisions.
             */
            revision: number;
            /**
             * @description What it comes to.
             * @example 5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328
             */
            root_hash: string;
            /**
             * Format: uuid
             * @description Of which transaction.
             */
            transaction_id: string;
            /**
             * Format: int64
             * @description Leaves of the tree.
             */
            tree_size: number;
        };
        /** @description The batch that a proof is of. */
        ProofBatch: {
            /**
             * Format: date
             * @description The day on which it was gathered, in UTC.
             * @example 2026-01-31
             */
            batch_date: string;
            /** @description The blockchain's transaction that holds the root. */
            blockchain_tx_id?: string | null;
            /**
             * Format: uuid
             * @description Its id.
             */
            id: string;
        };
        /** @description What `POST /admin/schedules/{name}/run` answers. */
        QueuedTask: {
            /**
             * Format: uuid
             * @description The task.
             */
            task_id?: string | null;
        };
        /** @description A queue. */
        QueueState: {
            /**
             * Format: int32
             * @description Dead letters.
             */
            dead: number;
            /** @description Messages that waited, at the end of each of the last sixty minutes. */
            history: number[];
            /**
             * Format: int32
             * @description Messages that a worker has, about.
             */
            in_flight: number;
            /**
             * Format: date-time
             * @description When a worker last began with one of its tasks; null where none is noted.
             */
            last_started_at?: string | null;
            /**
             * @description Its name.
             * @example high
             */
            name: string;
            /**
             * Format: int64
             * @description The oldest message waits for at most so many seconds, to a minute; null when none waits.
             */
            oldest_s?: number | null;
            /**
             * Format: int32
             * @description Messages that wait, about; those put off among them.
             */
            waiting: number;
        };
        /** @description The form of [`Receipt`], for the OpenAPI document. */
        ReceiptBody: {
            /**
             * @description `image/jpeg`, `image/png`, `image/webp`, `image/heic` or `application/pdf`.
             * @example image/jpeg
             */
            content_type: string;
            /**
             * Format: int64
             * @description Exactly how many bytes the file has: 1 to 10,485,760.
             * @example 204800
             */
            size: number;
        };
        /** @description How to send the file. */
        ReceiptUpload: {
            /**
             * Format: int32
             * @description Seconds until the address is of no use.
             * @example 900
             */
            expires_in: number;
            /**
             * @description Headers to send with it as they are: the signature covers them, so another type or size is refused.
             * @example {
             *       "content-length": "204800",
             *       "content-type": "image/jpeg"
             *     }
             */
            headers: {
                [key: string]: string;
            };
            /**
             * @description `PUT`.
             * @example PUT
             */
            method: string;
            /**
             * @description Where the receipt will be: an address of this API. It leads to nothing until the file was sent.
             * @example https://api.example.com/v1/transactions/0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11/receipt
             */
            receipt_url: string;
            /**
             * @description Send the file here, without a token.
             * @example https://uploads.example.com/receipts/0199aa10?X-Amz-Signature=5d2f
             */
            url: string;
        };
        /** @description The form of [`Redrive`], for the OpenAPI document. */
        RedriveBody: {
            /**
             * Format: uuid
             * @description This task alone; all when left out.
             */
            task_id?: string | null;
        };
        /** @description What was sent back. */
        Redriven: {
            /** @description Whether there may be more: repeat the request. */
            has_more: boolean;
            /** @description So many dead letters are in their queue again. */
            moved: number;
        };
        /** @description The form of [`Refresh`], for the OpenAPI document. */
        RefreshBody: {
            /** @description The refresh token of the last pair. */
            refresh_token: string;
        };
        /** @description The form of [`Registration`], for the OpenAPI document. */
        RegisterBody: {
            /**
             * @description The address.
             * @example ada@example.com
             */
            email: string;
            /**
             * @description 1 to 255 characters.
             * @example Ada Example
             */
            full_name: string;
            /**
             * @description 8 characters to 71 bytes of UTF-8, and not a common one.
             * @example correct horse battery
             */
            password: string;
            /** @description A phone number. */
            phone?: string | null;
        };
        /** @description A transaction that is gone. */
        Removed: {
            /**
             * Format: uuid
             * @description Its id.
             */
            id: string;
        };
        /** @description What became of a file. */
        Report: {
            /**
             * @description Merchants that are new.
             * @example 2
             */
            imported: number;
            /**
             * @description Rows that were refused.
             * @example 0
             */
            refused: number;
            /** @description Each row that was not imported. */
            rows: components["schemas"]["Left"][];
            /**
             * @description Merchants known already, or twice in the file.
             * @example 1
             */
            skipped: number;
        };
        /** @description The form of [`Reset`], for the OpenAPI document. */
        ResetBody: {
            /**
             * @description 8 characters to 71 bytes of UTF-8, and not a common one.
             * @example staple battery horse
             */
            new_password: string;
            /**
             * @description From the mailed link.
             * @example qSDjA0lNn3x1oK2mVwZ8b0Jt5cYx7uR4eHf6gTi9PkM
             */
            token: string;
        };
        /** @description The form of [`Resolution`], for the OpenAPI document. */
        ResolutionBody: components["schemas"]["ResolutionOfOne"] | {
            /** @description 1 to 100, each transaction once. */
            resolutions: components["schemas"]["ResolutionOfOne"][];
        };
        /** @description What to do with one transaction. */
        ResolutionOfOne: {
            /**
             * @description `keep`: it is none, and is not flagged again. `delete`: it is one, and goes; it can be restored.
             * @example keep
             */
            action: string;
            /**
             * Format: uuid
             * @description Which.
             */
            transaction_id: string;
        };
        /** @description What `POST /transactions/duplicates/resolve` answers. */
        Resolved: {
            /** @description One for each that was sent, in the same order. */
            results: components["schemas"]["Outcome"][];
        };
        /** @description What became of a row. */
        RowOutcome: {
            /** @description The category that it was given. */
            category?: string | null;
            /** @description Why it was refused: the first of `errors`. */
            code?: string | null;
            /**
             * Format: uuid
             * @description An earlier transaction of the user's that looks the same.
             */
            duplicate_of?: string | null;
            /** @description All that is wrong with it; pointers begin at the row. */
            errors?: components["schemas"]["FieldError"][];
            /** @description Its place in the list, from 0. */
            index: number;
            /**
             * @description `created` or `stored`; `existing` if the same was there before; `refused`.
             * @example created
             */
            status: string;
            /**
             * Format: uuid
             * @description The transaction that it is about.
             */
            transaction_id?: string | null;
        };
        /** @description A row that could not be read. */
        RowProblem: {
            /**
             * @description A stable code.
             * @example bad_date
             */
            code: string;
            /**
             * @description The column, if it is one's fault.
             * @example Booking date
             */
            column?: string | null;
            /**
             * @description What was seen, and what to send.
             * @example "31.02.2026" is no date: mend the line and import the file again.
             */
            detail: string;
            /**
             * Format: int32
             * @description The line of the file, from 1, on which the row starts.
             * @example 17
             */
            line: number;
        };
        /** @description What became of all rows. */
        RowResults: {
            /** @description How many changed something. */
            changed: number;
            /** @description How many were so before. */
            existing: number;
            /** @description How many were refused. */
            refused: number;
            /** @description One for each row, in the same order. */
            results: components["schemas"]["RowOutcome"][];
        };
        /** @description A saved mapping. */
        SavedMapping: {
            /**
             * Format: date-time
             * @description When it was first saved.
             */
            created_at: string;
            /**
             * Format: uuid
             * @description Its id: send it as `?mapping=` with a file.
             */
            id: string;
            /**
             * @description Which column is what.
             * @example {
             *       "amount": "Amount",
             *       "date": "Date",
             *       "date_order": "dmy",
             *       "description": [
             *         "Details"
             *       ]
             *     }
             */
            mapping: {
                [key: string]: unknown;
            };
            /**
             * @description Its name.
             * @example My bank
             */
            name: string;
            /**
             * Format: date-time
             * @description When it was last saved.
             */
            updated_at: string;
        };
        /** @description A schedule. */
        Schedule: {
            /**
             * @description Five fields of cron.
             * @example 0 * * * *
             */
            cron: string;
            /**
             * @description For a person.
             * @example Begins the next periods of budgets that renew themselves
             */
            description: string;
            /** @description Whether it runs. */
            is_enabled: boolean;
            /**
             * @description The kind of task that it runs.
             * @example renew_budgets
             */
            kind: string;
            /**
             * Format: date-time
             * @description When it last queued its task.
             */
            last_at?: string | null;
            /**
             * @description How that task stands.
             * @example succeeded
             */
            last_status?: string | null;
            /**
             * Format: uuid
             * @description That task.
             */
            last_task_id?: string | null;
            /**
             * @description Its name.
             * @example renew-budgets
             */
            name: string;
            /**
             * Format: date-time
             * @description When it is due next; null while it is disabled.
             */
            next_at?: string | null;
            /**
             * @description The IANA time zone whose clock it goes by.
             * @example UTC
             */
            timezone: string;
        };
        /** @description The form of [`Settings`], for the OpenAPI document. */
        ScheduleSettings: {
            /**
             * @description Five fields of cron. A time that the zone leaves out in spring comes an hour later.
             * @example 0 8 * * 1
             */
            cron: string;
            /** @description For a person: up to 500 characters. */
            description?: string | null;
            /**
             * @description Whether it runs.
             * @default true
             */
            is_enabled: boolean | null;
            /**
             * @description The kind of task that it runs; the answer to another names those there are.
             * @example renew_budgets
             */
            kind: string;
            /**
             * @description The IANA time zone whose clock it goes by.
             * @default UTC
             * @example Europe/Berlin
             */
            timezone: string | null;
        };
        /** @description The form of [`Similar`], for the OpenAPI document. */
        SimilarBody: {
            /**
             * Format: int64
             * @description At most so many, 1 to 50.
             * @default 10
             */
            limit: number | null;
            /**
             * Format: uuid
             * @description Similar to this one.
             */
            transaction_id: string;
        };
        /**
         * @description How much of a budget is used.
         * @enum {string}
         */
        Standing: "healthy" | "at_risk" | "over";
        /** @description What `POST /transactions/import` answers with. */
        Started: {
            /**
             * Format: uuid
             * @description The import's id.
             */
            id: string;
            /**
             * @description `queued`.
             * @example queued
             */
            status: string;
        };
        /** @description Where the user spends. */
        Statistics: {
            /** @description All categories of transactions at recognised merchants, the most used first. */
            categories: components["schemas"]["OfCategory"][];
            /** @description The merchants used most, the most used first. */
            merchants: components["schemas"]["OfMerchant"][];
            /**
             * Format: date
             * @description The first date that counts.
             * @example 2025-02-01
             */
            since: string;
            /**
             * Format: date
             * @description The last date that counts.
             * @example 2026-01-31
             */
            until: string;
        };
        /** @description How the budgets stand whose period holds the user's today. */
        Status: {
            /** @description Those at risk, the nearest to their limit first. */
            at_risk_categories: components["schemas"]["AtRisk"][];
            /**
             * @description Budgets of which more than 80 % is spent, and at most 100 %.
             * @example 1
             */
            at_risk_count: number;
            /**
             * @description The currency of all amounts here.
             * @example EUR
             */
            currency: string;
            /**
             * @description All others.
             * @example 2
             */
            healthy_count: number;
            /**
             * @description Currencies of other budgets, which are not counted here.
             * @example [
             *       "USD"
             *     ]
             */
            other_currencies: string[];
            /** @description The overspent ones, the worst first. */
            over_budget_categories: components["schemas"]["Over"][];
            /**
             * @description Budgets of which more than 100 % is spent.
             * @example 1
             */
            over_budget_count: number;
            /**
             * Format: double
             * @description `total_spent` in percent of `total_budgeted`; none without budgets.
             * @example 70.43
             */
            percentage?: number | null;
            /**
             * @description All limits.
             * @example 1200.00
             */
            total_budgeted: string;
            /**
             * @description What was spent of them.
             * @example 845.10
             */
            total_spent: string;
        };
        /** @description A charge that recurs. */
        Subscription: {
            /**
             * @description What the next charge is expected to be: the last price where prices move in steps, else the mean of the last six.
             * @example 15.99
             */
            amount: string;
            /**
             * @description The mean of all charges that were looked at.
             * @example 14.49
             */
            amount_mean: string;
            /**
             * @description `weekly`, `biweekly`, `four_weekly`, `monthly`, `bimonthly`, `quarterly`, `half_yearly` or `yearly`.
             * @example monthly
             */
            cadence: string;
            /**
             * @description The category of its last charge.
             * @example Entertainment
             */
            category: string;
            /**
             * Format: double
             * @description How sure it is, above 0 and below 1.
             * @example 0.92
             */
            confidence: number;
            /**
             * Format: date-time
             * @description When it was found.
             */
            created_at: string;
            /**
             * @description ISO 4217.
             * @example EUR
             */
            currency: string;
            /** @description Why it counts as recurring. */
            evidence: components["schemas"]["Evidence"];
            /**
             * Format: uuid
             * @description Its id; it stays the same while the charge goes on, whatever it costs.
             */
            id: string;
            /** @description Whether it goes on: no charge is missing for longer than a period (two weeks at least, 45 days at most). */
            is_active: boolean;
            /**
             * Format: uuid
             * @description The merchant, where one was recognised.
             */
            merchant_id?: string | null;
            /**
             * @description What it costs a month: a twelfth of a year.
             * @example 15.99
             */
            monthly_cost: string;
            /**
             * @description The merchant's name, or the text of its last charge where no merchant was recognised.
             * @example Netflix
             */
            name: string;
            /**
             * Format: date
             * @description When the next charge is due. In the past where it is late, and where there is none any more.
             * @example 2026-02-15
             */
            next_expected_date: string;
            /**
             * Format: int32
             * @description The median of the days from one charge to the next.
             * @example 30
             */
            period_days: number;
            /**
             * Format: date-time
             * @description When it last changed.
             */
            updated_at: string;
            /**
             * @description What it costs a year.
             * @example 191.88
             */
            yearly_cost: string;
        };
        /** @description A page of subscriptions, and what all active ones cost. */
        Subscriptions: components["schemas"]["Page_Subscription"] & {
            /** @description What all active subscriptions cost, by currency: of all pages, whatever is filtered. */
            totals: components["schemas"]["Total"][];
        };
        /** @description What to budget for a category. */
        Suggestion: {
            /**
             * @description The category.
             * @example Groceries
             */
            category: string;
            /**
             * @description Whether the category has a budget in this currency.
             * @example true
             */
            has_budget: boolean;
            /** @description Whether it is above 10,000 and may come from a mistake. */
            looks_high: boolean;
            /**
             * @description What a month cost; none without spending.
             * @example 372.73
             */
            monthly_mean?: string | null;
            /**
             * Format: int32
             * @description Complete months the mean is of: 3 at most, 0 when it is this month so far.
             * @example 3
             */
            months: number;
            /**
             * @description A tenth more than the mean, at least 100; none without spending.
             * @example 410.00
             */
            suggested_amount?: string | null;
        };
        /** @description What `GET /budgets/suggestions` answers. */
        Suggestions: {
            /**
             * @description The currency of all amounts here.
             * @example EUR
             */
            currency: string;
            /** @description The largest first. */
            data: components["schemas"]["Suggestion"][];
            /**
             * @description Other currencies of the last months.
             * @example [
             *       "USD"
             *     ]
             */
            other_currencies: string[];
        };
        /** @description What was spent in one currency. */
        Sum: {
            /**
             * @description The total by the count, halves of a cent away from zero.
             * @example 12.99
             */
            average: string;
            /**
             * Format: int64
             * @description How many transactions.
             * @example 12
             */
            count: number;
            /**
             * @description ISO 4217.
             * @example EUR
             */
            currency: string;
            /**
             * @description Money out less money in.
             * @example 155.88
             */
            total: string;
        };
        /** @description What `GET /portfolio/summary` answers. */
        Summary: {
            /** @description The same by type, of those types that there are. */
            by_asset_type: components["schemas"]["ByAssetType"][];
            /**
             * @description What those with a cost basis cost.
             * @example 1100.00
             */
            cost_basis: string;
            /**
             * @description The currency that is summed up; others are not converted.
             * @example EUR
             */
            currency: string;
            /**
             * @description Over the holdings that have both, value less cost; null when there is none.
             * @example 150.40
             */
            gain?: string | null;
            /**
             * Format: double
             * @description The gain in percent of what these cost; null when nothing was paid.
             * @example 13.67
             */
            gain_percentage?: number | null;
            /**
             * Format: int64
             * @description How many holdings.
             * @example 1
             */
            holdings: number;
            /**
             * Format: date-time
             * @description When the holding was valued whose valuation is the oldest.
             * @example 2026-01-30T17:30:00Z
             */
            oldest_valuation?: string | null;
            /**
             * @description The user's other currencies, in their order: ask for each.
             * @example [
             *       "USD"
             *     ]
             */
            other_currencies: string[];
            /**
             * Format: int64
             * @description Holdings that were valued more than seven days ago, or never.
             * @example 0
             */
            stale: number;
            /**
             * @description What those with a valuation are worth.
             * @example 1250.40
             */
            value: string;
            /**
             * Format: int64
             * @description Holdings that were never valued: `value` lacks them.
             * @example 0
             */
            without_valuation: number;
        };
        /** @description A task's run. */
        TaskRun: {
            /**
             * @description What it was told: ids, never amounts, names or addresses.
             * @example {
             *       "mail_id": "0199a6b2-4c1d-7e3a-9b52-6d0f8a417c25"
             *     }
             */
            args: {
                [key: string]: string;
            };
            /**
             * Format: int32
             * @description Tries so far.
             */
            attempt: number;
            /**
             * Format: int64
             * @description What its last try took, in milliseconds.
             */
            duration_ms?: number | null;
            /**
             * @description Why the last try failed.
             * @example 503 unavailable: sqlstate 55P03 constraint -
             */
            error?: string | null;
            /**
             * Format: date-time
             * @description When its last try ended.
             */
            finished_at?: string | null;
            /**
             * Format: uuid
             * @description The task's id.
             */
            id: string;
            /**
             * @description What it does.
             * @example import
             */
            kind: string;
            /**
             * @description The queue it came by.
             * @example high
             */
            queue: string;
            /**
             * Format: date-time
             * @description When it was queued.
             */
            queued_at: string;
            /** @description What came of it. */
            result?: Record<string, never> | null;
            /** @description The schedule that caused it. */
            schedule?: string | null;
            /**
             * Format: date-time
             * @description When its last try began.
             */
            started_at?: string | null;
            /**
             * @description `queued`, `running`, `succeeded`, `failed` (another try follows) or `dead` (among the dead letters).
             * @example succeeded
             */
            status: string;
            /**
             * Format: uuid
             * @description Whose work it was.
             */
            user_id?: string | null;
        };
        /** @description A kind's tasks in an hour or a day. */
        TaskStatistics: {
            /**
             * Format: int64
             * @description Of them those that were given up.
             */
            dead: number;
            /**
             * Format: int64
             * @description Of them those that wait for another try.
             */
            failed: number;
            /**
             * Format: date-time
             * @description When the hour or day begins.
             */
            from: string;
            /**
             * @description What they do.
             * @example import
             */
            kind: string;
            /**
             * Format: int64
             * @description The longest took so long.
             */
            longest_ms?: number | null;
            /**
             * Format: int64
             * @description Half of them took no longer, in milliseconds.
             */
            p50_ms?: number | null;
            /**
             * Format: int64
             * @description Nineteen of twenty took no longer.
             */
            p95_ms?: number | null;
            /**
             * Format: int64
             * @description Tasks whose last try ended in it.
             */
            runs: number;
            /**
             * Format: int64
             * @description Nineteen of twenty waited in their queue no longer.
             */
            waited_p95_ms?: number | null;
        };
        /**
         * @description Colours of the app.
         * @enum {string}
         */
        Theme: "system" | "light" | "dark";
        /** @description What opens one WebSocket. */
        Ticket: {
            /**
             * Format: int64
             * @description Seconds until it is of no use.
             * @example 60
             */
            expires_in: number;
            /**
             * @description Connect with `?ticket=`.
             * @example q1l9Yx0b7sTtWm3uKcE5aJ2dVhN8oRzP4iGfB6vLxQs
             */
            ticket: string;
        };
        /** @description A service token as it is kept: without what opens anything. */
        Token: {
            /**
             * Format: date-time
             * @description When it was made.
             */
            created_at: string;
            /**
             * Format: uuid
             * @description The administrator who made it; null when the account is gone.
             */
            created_by?: string | null;
            /**
             * Format: date-time
             * @description When it ends by itself.
             */
            expires_at?: string | null;
            /**
             * Format: uuid
             * @description Revoke it by this id.
             */
            id: string;
            /**
             * Format: date-time
             * @description When it was last used, to five minutes.
             * @example 2026-01-31T03:00:00Z
             */
            last_used_at?: string | null;
            /**
             * @description What it is for.
             * @example nightly training
             */
            name: string;
            /**
             * Format: date-time
             * @description When it was revoked.
             */
            revoked_at?: string | null;
            /**
             * @description What it may do.
             * @example [
             *       "corrections:read"
             *     ]
             */
            scopes: string[];
        };
        /** @description What register, login and refresh answer with. */
        TokenPair: {
            /**
             * @description Send it as `Authorization: Bearer`.
             * @example eyJhbGciOiJIUzI1NiIsImtpZCI6ImsxIn0.eyJ0eXBlIjoiYWNjZXNzIn0.c2lnbmF0dXJl
             */
            access_token: string;
            /**
             * Format: int64
             * @description Seconds until the access token ends.
             * @example 3600
             */
            expires_in: number;
            /**
             * @description Works once, at `POST /auth/refresh`.
             * @example c2l4dGVlbiBieXRlcyBvZiBhIHRva2VuIG5vYm9keSBoYXM
             */
            refresh_token: string;
            /**
             * @description Always `bearer`.
             * @example bearer
             */
            token_type: string;
        };
        /** @description What all active subscriptions of a currency cost. */
        Total: {
            /**
             * @description ISO 4217.
             * @example EUR
             */
            currency: string;
            /**
             * @description What they cost a month: a twelfth of a year.
             * @example 15.99
             */
            monthly_cost: string;
            /**
             * Format: int64
             * @description How many.
             * @example 1
             */
            subscriptions: number;
            /**
             * @description What they cost a year.
             * @example 191.88
             */
            yearly_cost: string;
        };
        /** @description A data set. */
        TrainingSet: {
            /**
             * Format: int32
             * @description Corrections that it was made of.
             * @example 500
             */
            corrections: number;
            /**
             * Format: date-time
             * @description The oldest correction.
             */
            first_at: string;
            /**
             * Format: date-time
             * @description The newest.
             */
            last_at: string;
            /**
             * Format: date-time
             * @description When the set was begun.
             */
            requested_at: string;
            /**
             * Format: int32
             * @description Goes up when the file is written again without an account that was closed.
             * @example 1
             */
            revision: number;
            /**
             * Format: int32
             * @description Lines of the file: corrections less those of accounts that are closed.
             * @example 500
             */
            rows?: number | null;
            /**
             * @description The SHA-256 of the file as it is fetched.
             * @example 5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328
             */
            sha256?: string | null;
            /**
             * Format: int64
             * @description How many bytes it has.
             * @example 31415
             */
            size_bytes?: number | null;
            /**
             * @description `gathering` until the file is written, then `ready`.
             * @example ready
             */
            status: string;
            /**
             * Format: int64
             * @description 1, 2, 3 …
             * @example 7
             */
            version: number;
            /**
             * Format: date-time
             * @description When the file was written.
             * @example 2026-01-31T04:30:02Z
             */
            written_at?: string | null;
        };
        /** @description A page of data sets. */
        TrainingSets: {
            /** @description The newest first. */
            data: components["schemas"]["TrainingSet"][];
            /** @description Whether older ones follow. */
            has_more: boolean;
            /**
             * @description Send it as `cursor` for them.
             * @example AZmqEHw-ex2fUjxuDUuKEQ
             */
            next_cursor?: string | null;
        };
        /** @description A transaction as its owner sees it. */
        Transaction: {
            /**
             * @description Positive is money out, negative a refund or income.
             * @example 12.50
             */
            amount: string;
            /**
             * Format: double
             * @description How unusual it is, from 0 to 1.
             */
            anomaly_score?: number | null;
            /**
             * @description Its category.
             * @example Subscriptions
             */
            category: string;
            /**
             * @description How sure each recognised field is, from 0 to 1.
             * @example {
             *       "category": 0.97
             *     }
             */
            confidence: {
                [key: string]: number;
            };
            /**
             * Format: date-time
             * @description When it was made.
             */
            created_at: string;
            /**
             * @description ISO 4217.
             * @example EUR
             */
            currency: string;
            /**
             * Format: date
             * @description The local date it was booked.
             * @example 2026-01-31
             */
            date: string;
            /**
             * Format: uuid
             * @description An earlier transaction that looks the same.
             */
            duplicate_of?: string | null;
            /**
             * Format: uuid
             * @description Its id.
             */
            id: string;
            /**
             * Format: uuid
             * @description The import it came with.
             */
            import_id?: string | null;
            /** @description The content id of its receipt. */
            ipfs_cid?: string | null;
            /** @description Whether it was deleted; it can be restored. */
            is_deleted: boolean;
            merchant?: components["schemas"]["Merchant"] | null;
            /**
             * @description What the bank or the user wrote.
             * @example NETFLIX.COM 866-579-7172
             */
            merchant_raw: string;
            /** @description The user's note. */
            note?: string | null;
            /**
             * @description Where its receipt is: an address of this API, which asks for the token and leads to the file. In the answer of
             *     `GET /transactions/{id}` a link to the file itself, which works for 15 minutes without a token.
             */
            receipt_url?: string | null;
            /**
             * @description `ocr`, `sms`, `csv` or `manual`.
             * @example csv
             */
            source: string;
            /**
             * Format: date-time
             * @description When it last changed.
             */
            updated_at: string;
        };
        /** @description The form of [`Patch`], for the OpenAPI document. */
        TransactionPatchBody: {
            /**
             * @description Positive is money out, negative a refund or income; a string or a number with at most two decimals.
             * @example 12.50
             */
            amount?: string;
            /** @description 1 to 100 characters. */
            category?: string;
            /**
             * @description ISO 4217 with at most two minor digits.
             * @example EUR
             */
            currency?: string;
            /**
             * Format: date
             * @description The local date.
             * @example 2026-01-31
             */
            date?: string;
            /** @description What to recognise the merchant by: 1 to 500 characters. */
            merchant_raw?: string;
            /** @description At most 2,000 characters; null takes it away. */
            note?: string | null;
        };
        /** @description How to send the file. */
        Upload: {
            /**
             * Format: int32
             * @description Seconds until the address is of no use.
             * @example 900
             */
            expires_in: number;
            /**
             * @description Headers to send with it as they are: the signature covers them, so another size is refused.
             * @example {
             *       "content-length": "9437184",
             *       "content-type": "application/octet-stream"
             *     }
             */
            headers: {
                [key: string]: string;
            };
            /**
             * Format: uuid
             * @description Import it with `POST /transactions/import?upload=` and this, within a day.
             */
            id: string;
            /**
             * @description `PUT`.
             * @example PUT
             */
            method: string;
            /**
             * @description Send the file here, without a token.
             * @example https://uploads.example.com/uploads/0199aa10?X-Amz-Signature=5d2f
             */
            url: string;
        };
        /** @description The form of [`Verify`], for the OpenAPI document. */
        VerifyBody: {
            /**
             * @description From the mailed link.
             * @example qSDjA0lNn3x1oK2mVwZ8b0Jt5cYx7uR4eHf6gTi9PkM
             */
            token: string;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: {
        /** @description This answer was given before, to the same request with the same `Idempotency-Key`. */
        "Idempotent-Replayed": string;
        /** @description The policy that counted, requests that are left, and seconds until all of them are there again. */
        RateLimit: string;
        /** @description The policy, and how many requests it allows in how many seconds. */
        "RateLimit-Policy": string;
        /** @description Quote this when asking for help. */
        "Request-Id": string;
        /** @description Seconds to wait before trying again. */
        "Retry-After": number;
        /** @description How to say who you are. */
        "WWW-Authenticate": string;
    };
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    admin_page: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page for people */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /** @example <!doctype html><title>Tallybook</title> */
                    "text/html": string;
                };
            };
        };
    };
    admin_alerts: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Alerts, and the alert targets without their addresses */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "count": 1,
                     *           "detail": "3 were given up within an hour. The last error: 503 unavailable",
                     *           "first_seen_at": "2026-01-31T12:00:00Z",
                     *           "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *           "kind": "task_given_up",
                     *           "last_seen_at": "2026-01-31T12:00:00Z",
                     *           "resolved_at": null,
                     *           "subject": "mail",
                     *           "told_at": null
                     *         }
                     *       ],
                     *       "targets": [
                     *         {
                     *           "channel": "mail",
                     *           "error": "503 unavailable: no answer",
                     *           "failed_at": null,
                     *           "is_set": true,
                     *           "told_at": null,
                     *           "waiting": 1
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["Alerts"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: only an administrator may do this */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    admin_announcement_create: {
        parameters: {
            query?: never;
            header?: {
                /** @description 1 to 255 printable characters; the same key and body answer the same for 24 hours */
                "Idempotency-Key"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewAnnouncement"];
            };
        };
        responses: {
            /** @description Queued: `GET /admin/tasks/{id}` tells how it goes */
            202: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["Idempotent-Replayed"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *       "task_id": null
                     *     }
                     */
                    "application/json": components["schemas"]["Announced"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: only an administrator may do this */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `in_flight`: a request with this key is still running */
            409: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Send another content type. */
            415: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    admin_page_file: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description `page.css` or one of the page's scripts, such as `page.js` */
                file: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A script or a style sheet */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /** @example const page = document.body; */
                    "text/javascript": string;
                };
            };
            /** @description There is no such file */
            404: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    admin_queues: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All queues */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "dead": 1,
                     *           "history": [
                     *             1
                     *           ],
                     *           "in_flight": 1,
                     *           "last_started_at": null,
                     *           "name": "high",
                     *           "oldest_s": null,
                     *           "waiting": 1
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["All_QueueState"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: only an administrator may do this */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    admin_dead_letters: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description `high`, `default`, `low`, `scheduled`, `relay` or `deliver` */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Some of them, in no order */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "buried_at": null,
                     *           "kind": "mail",
                     *           "reason": "unavailable",
                     *           "task_id": null
                     *         }
                     *       ],
                     *       "has_more": false
                     *     }
                     */
                    "application/json": components["schemas"]["Letters"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: only an administrator may do this */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such queue */
            404: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    admin_redrive: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description `high`, `default`, `low`, `scheduled`, `relay` or `deliver` */
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RedriveBody"];
            };
        };
        responses: {
            /** @description Sent back */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "has_more": false,
                     *       "moved": 1
                     *     }
                     */
                    "application/json": components["schemas"]["Redriven"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: only an administrator may do this */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such queue, or the task is not among its dead letters */
            404: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Send another content type. */
            415: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    admin_schedules: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All schedules */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "cron": "0 * * * *",
                     *           "description": "Begins the next periods of budgets that renew themselves",
                     *           "is_enabled": false,
                     *           "kind": "renew_budgets",
                     *           "last_at": null,
                     *           "last_status": "succeeded",
                     *           "last_task_id": null,
                     *           "name": "renew-budgets",
                     *           "next_at": null,
                     *           "timezone": "UTC"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["All_Schedule"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: only an administrator may do this */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    admin_schedule_create: {
        parameters: {
            query?: never;
            header?: {
                /** @description 1 to 255 printable characters; the same key and body answer the same for 24 hours */
                "Idempotency-Key"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewScheduleBody"];
            };
        };
        responses: {
            /** @description The schedule, with its `ETag` */
            201: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["Idempotent-Replayed"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "cron": "0 * * * *",
                     *       "description": "Begins the next periods of budgets that renew themselves",
                     *       "is_enabled": false,
                     *       "kind": "renew_budgets",
                     *       "last_at": null,
                     *       "last_status": "succeeded",
                     *       "last_task_id": null,
                     *       "name": "renew-budgets",
                     *       "next_at": null,
                     *       "timezone": "UTC"
                     *     }
                     */
                    "application/json": components["schemas"]["Schedule"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: only an administrator may do this */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `schedule_exists`: choose another name; `in_flight`: a request with this key is still running */
            409: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Send another content type. */
            415: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    admin_schedule: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The schedule's name */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The schedule, with its `ETag` */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "cron": "0 * * * *",
                     *       "description": "Begins the next periods of budgets that renew themselves",
                     *       "is_enabled": false,
                     *       "kind": "renew_budgets",
                     *       "last_at": null,
                     *       "last_status": "succeeded",
                     *       "last_task_id": null,
                     *       "name": "renew-budgets",
                     *       "next_at": null,
                     *       "timezone": "UTC"
                     *     }
                     */
                    "application/json": components["schemas"]["Schedule"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: only an administrator may do this */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such schedule */
            404: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    admin_schedule_update: {
        parameters: {
            query?: never;
            header?: {
                /** @description The ETag that it must still have */
                "If-Match"?: string | null;
            };
            path: {
                /** @description The schedule's name */
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ScheduleSettings"];
            };
        };
        responses: {
            /** @description The schedule as it is now, with its new `ETag` */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "cron": "0 * * * *",
                     *       "description": "Begins the next periods of budgets that renew themselves",
                     *       "is_enabled": false,
                     *       "kind": "renew_budgets",
                     *       "last_at": null,
                     *       "last_status": "succeeded",
                     *       "last_task_id": null,
                     *       "name": "renew-budgets",
                     *       "next_at": null,
                     *       "timezone": "UTC"
                     *     }
                     */
                    "application/json": components["schemas"]["Schedule"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: only an administrator may do this */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such schedule */
            404: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `stale`: it has another ETag than `If-Match` names */
            412: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Send another content type. */
            415: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    admin_schedule_delete: {
        parameters: {
            query?: never;
            header?: {
                /** @description The ETag that it must still have */
                "If-Match"?: string | null;
            };
            path: {
                /** @description The schedule's name */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Deleted */
            204: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: only an administrator may do this */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such schedule */
            404: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `stale`: it has another ETag than `If-Match` names */
            412: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    admin_schedule_run: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The schedule's name */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Queued: `GET /admin/tasks/{id}` tells how it goes */
            202: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "task_id": null
                     *     }
                     */
                    "application/json": components["schemas"]["QueuedTask"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: only an administrator may do this */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such schedule */
            404: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `already_running`: its task waits or works at this moment */
            409: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    admin_service_tokens: {
        parameters: {
            query?: {
                /** @description The `next_cursor` of the page before. */
                cursor?: string;
                /** @description Rows a page, 1 to 100. */
                limit?: number;
                /** @description Rows to pass over, 0 to 100,000. */
                offset?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "created_at": "2026-01-31T12:00:00Z",
                     *           "created_by": null,
                     *           "expires_at": null,
                     *           "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *           "last_used_at": "2026-01-31T03:00:00Z",
                     *           "name": "nightly training",
                     *           "revoked_at": null,
                     *           "scopes": [
                     *             "corrections:read"
                     *           ]
                     *         }
                     *       ],
                     *       "has_more": false,
                     *       "limit": 50,
                     *       "next_cursor": null,
                     *       "offset": 0,
                     *       "total": 1,
                     *       "total_capped": false
                     *     }
                     */
                    "application/json": components["schemas"]["Page_Token"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: only an administrator may do this */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    admin_service_token_create: {
        parameters: {
            query?: never;
            header?: {
                /** @description 1 to 255 printable characters; the same key and body answer the same for 24 hours, but for the token */
                "Idempotency-Key"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewTokenBody"];
            };
        };
        responses: {
            /** @description The token */
            201: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["Idempotent-Replayed"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "created_at": "2026-01-31T12:00:00Z",
                     *       "created_by": null,
                     *       "expires_at": null,
                     *       "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *       "last_used_at": "2026-01-31T03:00:00Z",
                     *       "name": "nightly training",
                     *       "revoked_at": null,
                     *       "scopes": [
                     *         "corrections:read"
                     *       ],
                     *       "token": "tbs_0sWBrnyyqAAZHDxBTl3hfKEaBTdBoPTZyFJH5sWEmU8"
                     *     }
                     */
                    "application/json": components["schemas"]["Issued"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: only an administrator may do this */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `in_flight`: a request with this key is still running */
            409: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Send another content type. */
            415: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    admin_service_token_revoke: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The token's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Revoked */
            204: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: only an administrator may do this */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such token */
            404: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    admin_tasks: {
        parameters: {
            query?: {
                /** @description The `next_cursor` of the page before. */
                cursor?: string;
                /**
                 * @description Tasks of this kind alone.
                 * @example import
                 */
                kind?: string;
                /** @description Rows a page, 1 to 100. */
                limit?: number;
                /** @description Rows to pass over, 0 to 100,000. */
                offset?: number;
                /**
                 * @description `high`, `default`, `low` or `scheduled`.
                 * @example high
                 */
                queue?: string;
                /** @description Tasks of this schedule alone. */
                schedule?: string;
                /** @description Queued at this instant or later. */
                since?: string;
                /**
                 * @description `queued`, `running`, `succeeded`, `failed` or `dead`.
                 * @example dead
                 */
                status?: string;
                /** @description Queued before this instant. */
                until?: string;
                /** @description One user's tasks alone. */
                user_id?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "args": {
                     *             "mail_id": "0199a6b2-4c1d-7e3a-9b52-6d0f8a417c25"
                     *           },
                     *           "attempt": 1,
                     *           "duration_ms": null,
                     *           "error": "503 unavailable: sqlstate 55P03 constraint -",
                     *           "finished_at": null,
                     *           "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *           "kind": "import",
                     *           "queue": "high",
                     *           "queued_at": "2026-01-31T12:00:00Z",
                     *           "result": null,
                     *           "schedule": null,
                     *           "started_at": null,
                     *           "status": "succeeded",
                     *           "user_id": null
                     *         }
                     *       ],
                     *       "has_more": false,
                     *       "limit": 50,
                     *       "next_cursor": null,
                     *       "offset": 0,
                     *       "total": 1,
                     *       "total_capped": false
                     *     }
                     */
                    "application/json": components["schemas"]["Page_TaskRun"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: only an administrator may do this */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    admin_task: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The task's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The task */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "args": {
                     *         "mail_id": "0199a6b2-4c1d-7e3a-9b52-6d0f8a417c25"
                     *       },
                     *       "attempt": 1,
                     *       "duration_ms": null,
                     *       "error": "503 unavailable: sqlstate 55P03 constraint -",
                     *       "finished_at": null,
                     *       "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *       "kind": "import",
                     *       "queue": "high",
                     *       "queued_at": "2026-01-31T12:00:00Z",
                     *       "result": null,
                     *       "schedule": null,
                     *       "started_at": null,
                     *       "status": "succeeded",
                     *       "user_id": null
                     *     }
                     */
                    "application/json": components["schemas"]["TaskRun"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: only an administrator may do this */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such task, or it is forgotten */
            404: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    admin_task_statistics: {
        parameters: {
            query?: {
                /** @description How far back, 1 to 720 hours. By the hour up to 48, by the day beyond. */
                hours?: number;
                /** @description Tasks of this kind alone. */
                kind?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description By kind and time */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "dead": 1,
                     *           "failed": 1,
                     *           "from": "2026-01-31T12:00:00Z",
                     *           "kind": "import",
                     *           "longest_ms": null,
                     *           "p50_ms": null,
                     *           "p95_ms": null,
                     *           "runs": 1,
                     *           "waited_p95_ms": null
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["All_TaskStatistics"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: only an administrator may do this */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    proofs_anchors: {
        parameters: {
            query?: {
                /** @description The `next_cursor` of the page before. */
                cursor?: string;
                /** @description Rows a page, 1 to 100. */
                limit?: number;
                /** @description Rows to pass over, 0 to 100,000. */
                offset?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "anchored_at": null,
                     *           "batch_date": "2026-01-31",
                     *           "blockchain_tx_id": "0x9fc76417374aa880d4449a1f7f31ec597f00b1f6f3dd2d66f4c9c6c445836d8b",
                     *           "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *           "root_hash": "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
                     *           "sealed_at": "2026-01-31T12:00:00Z",
                     *           "transaction_count": 1
                     *         }
                     *       ],
                     *       "has_more": false,
                     *       "limit": 50,
                     *       "next_cursor": null,
                     *       "offset": 0,
                     *       "total": 1,
                     *       "total_capped": false
                     *     }
                     */
                    "application/json": components["schemas"]["Page_Anchor"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    auth_resend: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A mail is on its way, if one is needed */
            202: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    auth_verify: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["VerifyBody"];
            };
        };
        responses: {
            /** @description The address is proven */
            204: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `email_taken`: the address has an account of its own by now */
            409: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Send another content type. */
            415: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    auth_login: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["LoginBody"];
            };
        };
        responses: {
            /** @description A new session */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "access_token": "eyJhbGciOiJIUzI1NiIsImtpZCI6ImsxIn0.eyJ0eXBlIjoiYWNjZXNzIn0.c2lnbmF0dXJl",
                     *       "expires_in": 3600,
                     *       "refresh_token": "c2l4dGVlbiBieXRlcyBvZiBhIHRva2VuIG5vYm9keSBoYXM",
                     *       "token_type": "bearer"
                     *     }
                     */
                    "application/json": components["schemas"]["TokenPair"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Send another content type. */
            415: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    auth_logout: {
        parameters: {
            query?: {
                /** @description End all of the user's sessions */
                all?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Logged out */
            204: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    auth_me: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The profile; `ETag` changes whenever it does */
            200: {
                headers: {
                    /** @description Send it as `If-Match` to change it only as it is now */
                    ETag?: string;
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "created_at": "2026-01-31T12:00:00Z",
                     *       "currency": "EUR",
                     *       "email": "ada@example.com",
                     *       "full_name": "Ada Example",
                     *       "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *       "is_verified": true,
                     *       "pending_email": null,
                     *       "phone": "+43 1 234567",
                     *       "preferences": {
                     *         "currency": "EUR",
                     *         "notifications": {
                     *           "anomalies": false,
                     *           "budget_alerts": false,
                     *           "budget_mails": false,
                     *           "monthly_report": false,
                     *           "reminders": false,
                     *           "weekly_summary": false
                     *         },
                     *         "theme": "system",
                     *         "timezone": "Europe/Berlin"
                     *       },
                     *       "timezone": "Europe/Berlin",
                     *       "wallet_addresses": [
                     *         "0x52908400098527886E0F7030069857D2E4169EE7"
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["Profile"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    auth_close: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["FarewellBody"];
            };
        };
        responses: {
            /** @description The account is closed */
            204: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Send another content type. */
            415: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    auth_update: {
        parameters: {
            query?: never;
            header?: {
                /** @description The ETag that it must still have */
                "If-Match"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ProfilePatchBody"];
            };
        };
        responses: {
            /** @description The profile as it is now, with its new `ETag` */
            200: {
                headers: {
                    /** @description Send it as `If-Match` to change it only as it is now */
                    ETag?: string;
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "created_at": "2026-01-31T12:00:00Z",
                     *       "currency": "EUR",
                     *       "email": "ada@example.com",
                     *       "full_name": "Ada Example",
                     *       "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *       "is_verified": true,
                     *       "pending_email": null,
                     *       "phone": "+43 1 234567",
                     *       "preferences": {
                     *         "currency": "EUR",
                     *         "notifications": {
                     *           "anomalies": false,
                     *           "budget_alerts": false,
                     *           "budget_mails": false,
                     *           "monthly_report": false,
                     *           "reminders": false,
                     *           "weekly_summary": false
                     *         },
                     *         "theme": "system",
                     *         "timezone": "Europe/Berlin"
                     *       },
                     *       "timezone": "Europe/Berlin",
                     *       "wallet_addresses": [
                     *         "0x52908400098527886E0F7030069857D2E4169EE7"
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["Profile"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `email_taken`: the address has an account */
            409: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `stale`: it has another ETag than `If-Match` names */
            412: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Send another content type. */
            415: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    auth_password: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PasswordChangeBody"];
            };
        };
        responses: {
            /** @description Changed */
            204: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Send another content type. */
            415: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    auth_forgot: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ForgotBody"];
            };
        };
        responses: {
            /** @description If the address has an account, a mail is on its way */
            202: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Send another content type. */
            415: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    auth_reset: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ResetBody"];
            };
        };
        responses: {
            /** @description The password is set */
            204: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Send another content type. */
            415: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    auth_refresh: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RefreshBody"];
            };
        };
        responses: {
            /** @description The next pair */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "access_token": "eyJhbGciOiJIUzI1NiIsImtpZCI6ImsxIn0.eyJ0eXBlIjoiYWNjZXNzIn0.c2lnbmF0dXJl",
                     *       "expires_in": 3600,
                     *       "refresh_token": "c2l4dGVlbiBieXRlcyBvZiBhIHRva2VuIG5vYm9keSBoYXM",
                     *       "token_type": "bearer"
                     *     }
                     */
                    "application/json": components["schemas"]["TokenPair"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Send another content type. */
            415: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    auth_register: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RegisterBody"];
            };
        };
        responses: {
            /** @description The account's first session */
            201: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "access_token": "eyJhbGciOiJIUzI1NiIsImtpZCI6ImsxIn0.eyJ0eXBlIjoiYWNjZXNzIn0.c2lnbmF0dXJl",
                     *       "expires_in": 3600,
                     *       "refresh_token": "c2l4dGVlbiBieXRlcyBvZiBhIHRva2VuIG5vYm9keSBoYXM",
                     *       "token_type": "bearer"
                     *     }
                     */
                    "application/json": components["schemas"]["TokenPair"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `email_taken`: the address has an account */
            409: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Send another content type. */
            415: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    auth_sessions: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The sessions */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "created_at": "2026-01-31T12:00:00Z",
                     *           "current": false,
                     *           "device": "ExampleApp/1.0",
                     *           "expires_at": "2026-01-31T12:00:00Z",
                     *           "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *           "ip": "203.0.113.7",
                     *           "last_active": "2026-01-31T12:00:00Z"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["Devices"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    auth_session_end: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The session's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Ended */
            204: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Absent, over, or somebody else's */
            404: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    auth_ws_ticket: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The ticket */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "expires_in": 60,
                     *       "ticket": "q1l9Yx0b7sTtWm3uKcE5aJ2dVhN8oRzP4iGfB6vLxQs"
                     *     }
                     */
                    "application/json": components["schemas"]["Ticket"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    budgets_list: {
        parameters: {
            query?: {
                /** @description `current` (default): periods that hold the user's today; `all`: the history, too */
                period?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The budgets */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "amount": "400.00",
                     *           "auto_renew": true,
                     *           "category": "Groceries",
                     *           "created_at": "2026-01-31T12:00:00Z",
                     *           "currency": "EUR",
                     *           "end_date": "2026-01-31",
                     *           "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *           "percentage": 78.1,
                     *           "remaining": "87.60",
                     *           "spent": "312.40",
                     *           "start_date": "2026-01-01",
                     *           "suggested_amount": "410.00",
                     *           "updated_at": "2026-01-31T12:00:00Z"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["Budgets"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    budgets_put: {
        parameters: {
            query?: never;
            header?: {
                /** @description 1 to 255 printable characters; the same key and body answer the same for 24 hours */
                "Idempotency-Key"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewBudgetBody"];
            };
        };
        responses: {
            /** @description The budget in this period */
            200: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["Idempotent-Replayed"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "amount": "400.00",
                     *       "auto_renew": true,
                     *       "category": "Groceries",
                     *       "created_at": "2026-01-31T12:00:00Z",
                     *       "currency": "EUR",
                     *       "end_date": "2026-01-31",
                     *       "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *       "percentage": 78.1,
                     *       "remaining": "87.60",
                     *       "spent": "312.40",
                     *       "start_date": "2026-01-01",
                     *       "suggested_amount": "410.00",
                     *       "updated_at": "2026-01-31T12:00:00Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Budget"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `periods_overlap`: the dates touch several periods; `in_flight`: a request with this key is still running */
            409: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Send another content type. */
            415: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    budgets_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The budget's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The budget; `ETag` changes when the budget does, not when money is spent */
            200: {
                headers: {
                    /** @description Send it as `If-Match` to change it only as it is now */
                    ETag?: string;
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "amount": "400.00",
                     *       "auto_renew": true,
                     *       "category": "Groceries",
                     *       "created_at": "2026-01-31T12:00:00Z",
                     *       "currency": "EUR",
                     *       "end_date": "2026-01-31",
                     *       "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *       "percentage": 78.1,
                     *       "remaining": "87.60",
                     *       "spent": "312.40",
                     *       "start_date": "2026-01-01",
                     *       "suggested_amount": "410.00",
                     *       "updated_at": "2026-01-31T12:00:00Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Budget"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Absent, or somebody else's */
            404: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    budgets_delete: {
        parameters: {
            query?: never;
            header?: {
                /** @description The ETag that it must still have */
                "If-Match"?: string | null;
            };
            path: {
                /** @description The budget's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Deleted */
            204: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Absent, or somebody else's, or deleted before */
            404: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `stale`: it has another ETag than `If-Match` names */
            412: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    budgets_renew: {
        parameters: {
            query?: never;
            header?: {
                /** @description 1 to 255 printable characters; the same key answers the same for 24 hours */
                "Idempotency-Key"?: string | null;
                /** @description The ETag that it must still have */
                "If-Match"?: string | null;
            };
            path: {
                /** @description The budget's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The budget in its new period */
            201: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["Idempotent-Replayed"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "amount": "400.00",
                     *       "auto_renew": true,
                     *       "category": "Groceries",
                     *       "created_at": "2026-01-31T12:00:00Z",
                     *       "currency": "EUR",
                     *       "end_date": "2026-01-31",
                     *       "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *       "percentage": 78.1,
                     *       "remaining": "87.60",
                     *       "spent": "312.40",
                     *       "start_date": "2026-01-01",
                     *       "suggested_amount": "410.00",
                     *       "updated_at": "2026-01-31T12:00:00Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Budget"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Absent, or somebody else's */
            404: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_over_yet`: its only period is not over; `already_renewed`: its latest one is not; `in_flight`: a request with this key is still running */
            409: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `stale`: it has another ETag than `If-Match` names */
            412: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    budgets_comparison: {
        parameters: {
            query?: {
                /**
                 * @description In this currency; the user's own when left out.
                 * @example EUR
                 */
                currency?: string;
                /**
                 * @description Compare this month with the one before; the user's current month when left out.
                 * @example 2026-01
                 */
                month?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Both months by category */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "categories": [
                     *         {
                     *           "category": "Groceries",
                     *           "change": "41.20",
                     *           "change_percentage": 10.56,
                     *           "previous_spent": "390.00",
                     *           "spent": "431.20"
                     *         }
                     *       ],
                     *       "change": "41.20",
                     *       "change_percentage": 2.96,
                     *       "currency": "EUR",
                     *       "month": "2026-01",
                     *       "other_currencies": [
                     *         "USD"
                     *       ],
                     *       "previous_month": "2025-12",
                     *       "previous_spent": "1390.00",
                     *       "spent": "1431.20"
                     *     }
                     */
                    "application/json": components["schemas"]["Comparison"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    budgets_history: {
        parameters: {
            query?: {
                /** @description Of this category. */
                category?: string;
                /** @description In this currency. */
                currency?: string;
                /** @description The `next_cursor` of the page before. */
                cursor?: string;
                /** @description Rows a page, 1 to 100. */
                limit?: number;
                /** @description Rows to pass over, 0 to 100,000. */
                offset?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of periods */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "amount": "400.00",
                     *           "budget_id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *           "category": "Groceries",
                     *           "currency": "EUR",
                     *           "end_date": "2026-01-31",
                     *           "is_over": false,
                     *           "percentage": 78.1,
                     *           "remaining": "87.60",
                     *           "spent": "312.40",
                     *           "start_date": "2026-01-01",
                     *           "status": "healthy"
                     *         }
                     *       ],
                     *       "has_more": false,
                     *       "limit": 50,
                     *       "next_cursor": null,
                     *       "offset": 0,
                     *       "total": 1,
                     *       "total_capped": false
                     *     }
                     */
                    "application/json": components["schemas"]["Page_PastPeriod"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    budgets_status: {
        parameters: {
            query?: {
                /** @description The user's own when left out */
                currency?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Sums, and the budgets that are overspent or at risk */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "at_risk_categories": [
                     *         {
                     *           "budget": "120.00",
                     *           "name": "Transport",
                     *           "percentage": 84.58,
                     *           "remaining": "18.50",
                     *           "spent": "101.50"
                     *         }
                     *       ],
                     *       "at_risk_count": 1,
                     *       "currency": "EUR",
                     *       "healthy_count": 2,
                     *       "other_currencies": [
                     *         "USD"
                     *       ],
                     *       "over_budget_categories": [
                     *         {
                     *           "budget": "400.00",
                     *           "name": "Groceries",
                     *           "overage": "31.20",
                     *           "percentage": 107.8,
                     *           "spent": "431.20"
                     *         }
                     *       ],
                     *       "over_budget_count": 1,
                     *       "percentage": 70.43,
                     *       "total_budgeted": "1200.00",
                     *       "total_spent": "845.10"
                     *     }
                     */
                    "application/json": components["schemas"]["Status"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    budgets_suggestions: {
        parameters: {
            query?: {
                /** @description This category alone */
                category?: string;
                /** @description The user's own when left out */
                currency?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Suggestions, the largest first */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "currency": "EUR",
                     *       "data": [
                     *         {
                     *           "category": "Groceries",
                     *           "has_budget": true,
                     *           "looks_high": false,
                     *           "monthly_mean": "372.73",
                     *           "months": 3,
                     *           "suggested_amount": "410.00"
                     *         }
                     *       ],
                     *       "other_currencies": [
                     *         "USD"
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["Suggestions"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    transactions_categories: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All categories */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "kind": "expense",
                     *           "name": "Groceries",
                     *           "system": true
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["Categories"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    system_docs: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page for people */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /** @example <!doctype html><title>Tallybook</title> */
                    "text/html": string;
                };
            };
        };
    };
    system_docs_file: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description `page.js`, `page.css`, `swagger-ui-bundle.js` or `swagger-ui.css` */
                file: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A script or a style sheet */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /** @example const page = document.body; */
                    "text/javascript": string;
                };
            };
            /** @description There is no such file */
            404: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    system_health: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All is well */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "dependencies": [
                     *         {
                     *           "latency_ms": 3,
                     *           "name": "database",
                     *           "ok": true,
                     *           "size_bytes": 48234496
                     *         }
                     *       ],
                     *       "status": "ok"
                     *     }
                     */
                    "application/json": components["schemas"]["Health"];
                };
            };
            /** @description A dependency is away */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "dependencies": [
                     *         {
                     *           "latency_ms": 3,
                     *           "name": "database",
                     *           "ok": true,
                     *           "size_bytes": 48234496
                     *         }
                     *       ],
                     *       "status": "ok"
                     *     }
                     */
                    "application/json": components["schemas"]["Health"];
                };
            };
        };
    };
    ingest_anchors_list: {
        parameters: {
            query?: {
                /** @description The `next_cursor` of the page before. */
                cursor?: string;
                /** @description Rows a page, 1 to 100. */
                limit?: number;
                /** @description Rows to pass over, 0 to 100,000. */
                offset?: number;
                /**
                 * @description `pending` for roots that no blockchain's transaction is known to hold, `anchored` for the others; both when left
                 *     out.
                 * @example pending
                 */
                status?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "anchored_at": null,
                     *           "batch_date": "2026-01-31",
                     *           "blockchain_tx_id": "0x9fc76417374aa880d4449a1f7f31ec597f00b1f6f3dd2d66f4c9c6c445836d8b",
                     *           "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *           "root_hash": "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
                     *           "sealed_at": "2026-01-31T12:00:00Z",
                     *           "transaction_count": 1
                     *         }
                     *       ],
                     *       "has_more": false,
                     *       "limit": 50,
                     *       "next_cursor": null,
                     *       "offset": 0,
                     *       "total": 1,
                     *       "total_capped": false
                     *     }
                     */
                    "application/json": components["schemas"]["Page_Anchor"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `missing_scope`: the token lacks `anchors:write` */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ingest_anchors: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["MarksBody"];
            };
        };
        responses: {
            /** @description What became of each row */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "anchors": [
                     *         {
                     *           "code": null,
                     *           "detail": null,
                     *           "index": 1,
                     *           "status": "ok"
                     *         }
                     *       ],
                     *       "transactions": [
                     *         {
                     *           "code": null,
                     *           "detail": null,
                     *           "index": 1,
                     *           "status": "ok"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["Marked"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `missing_scope`: the token lacks `anchors:write` */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Send another content type. */
            415: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ingest_anomalies: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AnomaliesBody"];
            };
        };
        responses: {
            /** @description What became of each row */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "changed": 1,
                     *       "existing": 1,
                     *       "refused": 1,
                     *       "results": [
                     *         {
                     *           "category": null,
                     *           "code": null,
                     *           "duplicate_of": null,
                     *           "errors": [
                     *             {
                     *               "code": "too_many_decimals",
                     *               "detail": "Send an amount with at most two decimals.",
                     *               "pointer": "/amount"
                     *             }
                     *           ],
                     *           "index": 1,
                     *           "status": "created",
                     *           "transaction_id": null
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["RowResults"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `missing_scope`: the token lacks `anomalies:write` */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Send another content type. */
            415: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ingest_corrections: {
        parameters: {
            query?: {
                /** @description The `next_cursor` of the page before; from the beginning when left out. */
                cursor?: string;
                /** @description Corrections a page, 1 to 500. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "created_at": "2026-01-31T12:00:00Z",
                     *           "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *           "merchant_id": null,
                     *           "merchant_key": "-5808556873153909248",
                     *           "merchant_raw": "NETFLIX.COM 866-579-7172",
                     *           "new_category": "Subscriptions",
                     *           "old_category": "Shopping",
                     *           "reason": null,
                     *           "transaction_id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *           "user_id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11"
                     *         }
                     *       ],
                     *       "has_more": false,
                     *       "next_cursor": "AZmqEHw-ex2fUjxuDUuKEQ"
                     *     }
                     */
                    "application/json": components["schemas"]["Corrections"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `missing_scope`: the token lacks `corrections:read` */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ingest_embeddings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["EmbeddingsBody"];
            };
        };
        responses: {
            /** @description What became of each row */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "changed": 1,
                     *       "existing": 1,
                     *       "refused": 1,
                     *       "results": [
                     *         {
                     *           "category": null,
                     *           "code": null,
                     *           "duplicate_of": null,
                     *           "errors": [
                     *             {
                     *               "code": "too_many_decimals",
                     *               "detail": "Send an amount with at most two decimals.",
                     *               "pointer": "/amount"
                     *             }
                     *           ],
                     *           "index": 1,
                     *           "status": "created",
                     *           "transaction_id": null
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["RowResults"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `missing_scope`: the token lacks `embeddings:write` */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Send another content type. */
            415: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ingest_training_sets: {
        parameters: {
            query?: {
                /** @description The `next_cursor` of the page before. */
                cursor?: string;
                /** @description Sets a page, 1 to 100. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "corrections": 500,
                     *           "first_at": "2026-01-31T12:00:00Z",
                     *           "last_at": "2026-01-31T12:00:00Z",
                     *           "requested_at": "2026-01-31T12:00:00Z",
                     *           "revision": 1,
                     *           "rows": 500,
                     *           "sha256": "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
                     *           "size_bytes": 31415,
                     *           "status": "ready",
                     *           "version": 7,
                     *           "written_at": "2026-01-31T04:30:02Z"
                     *         }
                     *       ],
                     *       "has_more": false,
                     *       "next_cursor": "AZmqEHw-ex2fUjxuDUuKEQ"
                     *     }
                     */
                    "application/json": components["schemas"]["TrainingSets"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `missing_scope`: the token lacks `corrections:read` */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ingest_training_set: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The set's number
                 * @example 7
                 */
                version: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The set; `ETag` changes with its revision */
            200: {
                headers: {
                    /** @description Names this revision of it */
                    ETag?: string;
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "corrections": 500,
                     *       "expires_in": 900,
                     *       "first_at": "2026-01-31T12:00:00Z",
                     *       "last_at": "2026-01-31T12:00:00Z",
                     *       "requested_at": "2026-01-31T12:00:00Z",
                     *       "revision": 1,
                     *       "rows": 500,
                     *       "sha256": "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
                     *       "size_bytes": 31415,
                     *       "status": "ready",
                     *       "url": "https://uploads.example.com/training-sets/7/1.jsonl.gz?X-Amz-Signature=5d2f",
                     *       "version": 7,
                     *       "written_at": "2026-01-31T04:30:02Z"
                     *     }
                     */
                    "application/json": components["schemas"]["LinkedTrainingSet"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `missing_scope`: the token lacks `corrections:read` */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such set */
            404: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ingest_transactions: {
        parameters: {
            query?: never;
            header?: {
                /** @description 1 to 255 printable characters; the same key and body answer the same for 24 hours */
                "Idempotency-Key"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewTransactionsBody"];
            };
        };
        responses: {
            /** @description What became of each row */
            200: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["Idempotent-Replayed"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "changed": 1,
                     *       "existing": 1,
                     *       "refused": 1,
                     *       "results": [
                     *         {
                     *           "category": null,
                     *           "code": null,
                     *           "duplicate_of": null,
                     *           "errors": [
                     *             {
                     *               "code": "too_many_decimals",
                     *               "detail": "Send an amount with at most two decimals.",
                     *               "pointer": "/amount"
                     *             }
                     *           ],
                     *           "index": 1,
                     *           "status": "created",
                     *           "transaction_id": null
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["RowResults"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `missing_scope`: the token lacks `transactions:write` */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `in_flight`: a request with this key is still running */
            409: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Send another content type. */
            415: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    auth_unsubscribe_page: {
        parameters: {
            query: {
                /**
                 * @description From the mail
                 * @example qSDjA0lNn3x1oK2mVwZ8b0Jt5cYx7uR4eHf6gTi9PkM
                 */
                token: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page for people */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /** @example <!doctype html><title>No more weekly summaries?</title> */
                    "text/html": string;
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nobody knows this link: a page that says so */
            404: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /** @example <!doctype html><title>This link does not work</title> */
                    "text/html": string;
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    auth_unsubscribe: {
        parameters: {
            query: {
                /**
                 * @description From the mail
                 * @example qSDjA0lNn3x1oK2mVwZ8b0Jt5cYx7uR4eHf6gTi9PkM
                 */
                token: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is off: a page that says so */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /** @example <!doctype html><title>No more weekly summaries</title> */
                    "text/html": string;
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nobody knows this link: a page that says so */
            404: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /** @example <!doctype html><title>This link does not work</title> */
                    "text/html": string;
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    merchants_create: {
        parameters: {
            query?: {
                /** @description Add it although merchants of nearly this name exist */
                force?: boolean;
            };
            header?: {
                /** @description 1 to 255 printable characters; the same key and body answer the same for 24 hours */
                "Idempotency-Key"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewMerchantBody"];
            };
        };
        responses: {
            /** @description The merchant */
            201: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["Idempotent-Replayed"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "aliases": [
                     *         "CORNER COFFEE VIENNA",
                     *         "CRNR COFFEE"
                     *       ],
                     *       "canonical_name": "Netflix",
                     *       "category": "Subscriptions",
                     *       "country": "AT",
                     *       "created_at": "2026-01-31T12:00:00Z",
                     *       "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *       "tags": {
                     *         "chain": false
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["MerchantDetail"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: the user is no administrator */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `merchant_exists`, with `conflicts`; `near_match`, with `candidates`; `in_flight`: a request with this key is still running */
            409: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Send another content type. */
            415: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    merchants_import: {
        parameters: {
            query?: never;
            header?: {
                /** @description 1 to 255 printable characters; the same key and file answer the same for 24 hours */
                "Idempotency-Key"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        /** @description The file */
        requestBody: {
            content: {
                "text/csv": string;
            };
        };
        responses: {
            /** @description What became of each row that was not imported */
            200: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["Idempotent-Replayed"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "imported": 2,
                     *       "refused": 0,
                     *       "rows": [
                     *         {
                     *           "outcome": "skipped",
                     *           "reason": "It is known already.",
                     *           "row": 3
                     *         }
                     *       ],
                     *       "skipped": 1
                     *     }
                     */
                    "application/json": components["schemas"]["Report"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: the user is no administrator */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `merchant_exists`: one was made at the same moment; `in_flight`: a request with this key is still running */
            409: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Send another content type. */
            415: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    merchants_merge: {
        parameters: {
            query?: never;
            header?: {
                /** @description 1 to 255 printable characters; the same key and body answer the same for 24 hours */
                "Idempotency-Key"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["MergeBody"];
            };
        };
        responses: {
            /** @description Begun; transactions follow */
            202: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["Idempotent-Replayed"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "from_id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *       "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *       "into_id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *       "status": "moving"
                     *     }
                     */
                    "application/json": components["schemas"]["Merging"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: the user is no administrator */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `already_merged`, with the `merchant` to use instead; `merge_running`: try again in a few minutes; `in_flight`: a request with this key is still running */
            409: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Send another content type. */
            415: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    merchants_undo: {
        parameters: {
            query?: never;
            header?: {
                /** @description 1 to 255 printable characters; the same key answers the same for 24 hours */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description The merge's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Begun; transactions follow */
            202: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["Idempotent-Replayed"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "from_id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *       "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *       "into_id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *       "status": "moving"
                     *     }
                     */
                    "application/json": components["schemas"]["Merging"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: the user is no administrator */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: there is no such merge */
            404: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `already_undone`; `already_merged`: undo the later merge first; `in_flight`: a request with this key is still running */
            409: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    merchants_search: {
        parameters: {
            query: {
                /** @description Only merchants of this category */
                category?: string;
                /** @description At least 2 characters */
                q: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The best first */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "aliases": [
                     *             "CORNER COFFEE VIENNA",
                     *             "CRNR COFFEE"
                     *           ],
                     *           "canonical_name": "Corner Coffee",
                     *           "category": "Food & Dining",
                     *           "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *           "score": 0.75
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["Merchants"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    merchants_statistics: {
        parameters: {
            query?: {
                /** @description Of transactions of this category alone. */
                category?: string;
                /** @description Merchants at most, 1 to 100. */
                limit?: number;
                /** @description From this date on; a year up to `until` when left out. */
                since?: string;
                /** @description Up to this date; today when left out. */
                until?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The most used first */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "categories": [
                     *         {
                     *           "category": "Groceries",
                     *           "count": 12,
                     *           "last_date": "2026-01-31",
                     *           "totals": [
                     *             {
                     *               "average": "12.99",
                     *               "count": 12,
                     *               "currency": "EUR",
                     *               "total": "155.88"
                     *             }
                     *           ]
                     *         }
                     *       ],
                     *       "merchants": [
                     *         {
                     *           "count": 12,
                     *           "last_date": "2026-01-31",
                     *           "merchant": {
                     *             "canonical_name": "Netflix",
                     *             "category": "Subscriptions",
                     *             "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11"
                     *           },
                     *           "totals": [
                     *             {
                     *               "average": "12.99",
                     *               "count": 12,
                     *               "currency": "EUR",
                     *               "total": "155.88"
                     *             }
                     *           ]
                     *         }
                     *       ],
                     *       "since": "2025-02-01",
                     *       "until": "2026-01-31"
                     *     }
                     */
                    "application/json": components["schemas"]["Statistics"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    system_openapi: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OpenAPI 3.1 */
            200: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "openapi": "3.1.0"
                     *     }
                     */
                    "application/json": Record<string, never>;
                };
            };
        };
    };
    portfolio_list: {
        parameters: {
            query?: {
                /** @description `stock`, `etf`, `fund`, `bond`, `crypto`, `cash` or `other`. */
                asset_type?: string;
                /**
                 * @description In this currency.
                 * @example EUR
                 */
                currency?: string;
                /** @description The `next_cursor` of the page before. */
                cursor?: string;
                /** @description Rows a page, 1 to 100. */
                limit?: number;
                /** @description Rows to pass over, 0 to 100,000. */
                offset?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "asset_type": "etf",
                     *           "cost_basis": "1100.00",
                     *           "created_at": "2026-01-31T12:00:00Z",
                     *           "currency": "EUR",
                     *           "gain": "150.40",
                     *           "gain_percentage": 13.67,
                     *           "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *           "identifier": "VWCE",
                     *           "is_deleted": false,
                     *           "last_valuation": "1250.40",
                     *           "stale": false,
                     *           "units": "12.50000000",
                     *           "updated_at": "2026-01-31T12:00:00Z",
                     *           "value": "1250.40",
                     *           "valued_at": "2026-01-30T17:30:00Z"
                     *         }
                     *       ],
                     *       "has_more": false,
                     *       "limit": 50,
                     *       "next_cursor": null,
                     *       "offset": 0,
                     *       "total": 1,
                     *       "total_capped": false
                     *     }
                     */
                    "application/json": components["schemas"]["Page_Holding"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    portfolio_create: {
        parameters: {
            query?: never;
            header?: {
                /** @description 1 to 255 printable characters; the same key and body answer the same for 24 hours */
                "Idempotency-Key"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewHoldingBody"];
            };
        };
        responses: {
            /** @description The holding */
            201: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["Idempotent-Replayed"];
                    /** @description Where it is now */
                    Location?: string;
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "asset_type": "etf",
                     *       "cost_basis": "1100.00",
                     *       "created_at": "2026-01-31T12:00:00Z",
                     *       "currency": "EUR",
                     *       "gain": "150.40",
                     *       "gain_percentage": 13.67,
                     *       "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *       "identifier": "VWCE",
                     *       "is_deleted": false,
                     *       "last_valuation": "1250.40",
                     *       "stale": false,
                     *       "units": "12.50000000",
                     *       "updated_at": "2026-01-31T12:00:00Z",
                     *       "value": "1250.40",
                     *       "valued_at": "2026-01-30T17:30:00Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Holding"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `in_flight`: a request with this key is still running */
            409: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Send another content type. */
            415: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    portfolio_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The holding's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The holding; `ETag` changes whenever it does */
            200: {
                headers: {
                    /** @description Send it as `If-Match` to change it only as it is now */
                    ETag?: string;
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "asset_type": "etf",
                     *       "cost_basis": "1100.00",
                     *       "created_at": "2026-01-31T12:00:00Z",
                     *       "currency": "EUR",
                     *       "gain": "150.40",
                     *       "gain_percentage": 13.67,
                     *       "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *       "identifier": "VWCE",
                     *       "is_deleted": false,
                     *       "last_valuation": "1250.40",
                     *       "stale": false,
                     *       "units": "12.50000000",
                     *       "updated_at": "2026-01-31T12:00:00Z",
                     *       "value": "1250.40",
                     *       "valued_at": "2026-01-30T17:30:00Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Holding"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Absent, or somebody else's */
            404: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    portfolio_delete: {
        parameters: {
            query?: never;
            header?: {
                /** @description The ETag that it must still have */
                "If-Match"?: string | null;
            };
            path: {
                /** @description The holding's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Deleted */
            204: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Absent, or somebody else's, or deleted before */
            404: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `stale`: it has another ETag than `If-Match` names */
            412: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    portfolio_update: {
        parameters: {
            query?: never;
            header?: {
                /** @description The ETag that it must still have */
                "If-Match"?: string | null;
            };
            path: {
                /** @description The holding's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["HoldingPatchBody"];
            };
        };
        responses: {
            /** @description The holding as it is now, with its new `ETag` */
            200: {
                headers: {
                    /** @description Send it as `If-Match` to change it only as it is now */
                    ETag?: string;
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "asset_type": "etf",
                     *       "cost_basis": "1100.00",
                     *       "created_at": "2026-01-31T12:00:00Z",
                     *       "currency": "EUR",
                     *       "gain": "150.40",
                     *       "gain_percentage": 13.67,
                     *       "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *       "identifier": "VWCE",
                     *       "is_deleted": false,
                     *       "last_valuation": "1250.40",
                     *       "stale": false,
                     *       "units": "12.50000000",
                     *       "updated_at": "2026-01-31T12:00:00Z",
                     *       "value": "1250.40",
                     *       "valued_at": "2026-01-30T17:30:00Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Holding"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Absent, or somebody else's */
            404: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `stale`: it has another ETag than `If-Match` names */
            412: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Send another content type. */
            415: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    portfolio_summary: {
        parameters: {
            query?: {
                /**
                 * @description Which currency's holdings; the user's own when left out.
                 * @example EUR
                 */
                currency?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The sums */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "by_asset_type": [
                     *         {
                     *           "asset_type": "etf",
                     *           "cost_basis": "1100.00",
                     *           "gain": "150.40",
                     *           "gain_percentage": 13.67,
                     *           "holdings": 1,
                     *           "percentage": 100,
                     *           "value": "1250.40"
                     *         }
                     *       ],
                     *       "cost_basis": "1100.00",
                     *       "currency": "EUR",
                     *       "gain": "150.40",
                     *       "gain_percentage": 13.67,
                     *       "holdings": 1,
                     *       "oldest_valuation": "2026-01-30T17:30:00Z",
                     *       "other_currencies": [
                     *         "USD"
                     *       ],
                     *       "stale": 0,
                     *       "value": "1250.40",
                     *       "without_valuation": 0
                     *     }
                     */
                    "application/json": components["schemas"]["Summary"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    subscriptions_list: {
        parameters: {
            query?: {
                /**
                 * @description In this currency.
                 * @example EUR
                 */
                currency?: string;
                /** @description The `next_cursor` of the page before. */
                cursor?: string;
                /** @description Rows a page, 1 to 100. */
                limit?: number;
                /** @description Rows to pass over, 0 to 100,000. */
                offset?: number;
                /**
                 * @description `active` when left out, `ended` or `all`.
                 * @example active
                 */
                status?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page, and what all active ones cost */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "amount": "15.99",
                     *           "amount_mean": "14.49",
                     *           "cadence": "monthly",
                     *           "category": "Entertainment",
                     *           "confidence": 0.92,
                     *           "created_at": "2026-01-31T12:00:00Z",
                     *           "currency": "EUR",
                     *           "evidence": {
                     *             "charges": 11,
                     *             "first_date": "2025-03-15",
                     *             "last_date": "2026-01-15",
                     *             "price_change": {
                     *               "date": "2025-09-15",
                     *               "from": "12.99",
                     *               "to": "15.99"
                     *             },
                     *             "recent": [
                     *               {
                     *                 "amount": "15.99",
                     *                 "date": "2026-01-15",
                     *                 "transaction_id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11"
                     *               }
                     *             ],
                     *             "regularity": 1,
                     *             "steadiness": 1
                     *           },
                     *           "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *           "is_active": false,
                     *           "merchant_id": null,
                     *           "monthly_cost": "15.99",
                     *           "name": "Netflix",
                     *           "next_expected_date": "2026-02-15",
                     *           "period_days": 30,
                     *           "updated_at": "2026-01-31T12:00:00Z",
                     *           "yearly_cost": "191.88"
                     *         }
                     *       ],
                     *       "has_more": false,
                     *       "limit": 50,
                     *       "next_cursor": null,
                     *       "offset": 0,
                     *       "total": 1,
                     *       "total_capped": false,
                     *       "totals": [
                     *         {
                     *           "currency": "EUR",
                     *           "monthly_cost": "15.99",
                     *           "subscriptions": 1,
                     *           "yearly_cost": "191.88"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["Subscriptions"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    subscriptions_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The subscription's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The subscription; `ETag` changes whenever it does */
            200: {
                headers: {
                    /** @description Another whenever the subscription is */
                    ETag?: string;
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "amount": "15.99",
                     *       "amount_mean": "14.49",
                     *       "cadence": "monthly",
                     *       "category": "Entertainment",
                     *       "confidence": 0.92,
                     *       "created_at": "2026-01-31T12:00:00Z",
                     *       "currency": "EUR",
                     *       "evidence": {
                     *         "charges": 11,
                     *         "first_date": "2025-03-15",
                     *         "last_date": "2026-01-15",
                     *         "price_change": {
                     *           "date": "2025-09-15",
                     *           "from": "12.99",
                     *           "to": "15.99"
                     *         },
                     *         "recent": [
                     *           {
                     *             "amount": "15.99",
                     *             "date": "2026-01-15",
                     *             "transaction_id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11"
                     *           }
                     *         ],
                     *         "regularity": 1,
                     *         "steadiness": 1
                     *       },
                     *       "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *       "is_active": false,
                     *       "merchant_id": null,
                     *       "monthly_cost": "15.99",
                     *       "name": "Netflix",
                     *       "next_expected_date": "2026-02-15",
                     *       "period_days": 30,
                     *       "updated_at": "2026-01-31T12:00:00Z",
                     *       "yearly_cost": "191.88"
                     *     }
                     */
                    "application/json": components["schemas"]["Subscription"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Absent, or somebody else's */
            404: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    transactions_sync: {
        parameters: {
            query?: {
                /** @description The `next_cursor` of the answer before; without it everything is new. */
                cursor?: string;
                /** @description Transactions an answer, 1 to 500. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Changes */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "added": [
                     *         {
                     *           "amount": "12.50",
                     *           "anomaly_score": null,
                     *           "category": "Subscriptions",
                     *           "confidence": {
                     *             "category": 0.97
                     *           },
                     *           "created_at": "2026-01-31T12:00:00Z",
                     *           "currency": "EUR",
                     *           "date": "2026-01-31",
                     *           "duplicate_of": null,
                     *           "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *           "import_id": null,
                     *           "ipfs_cid": null,
                     *           "is_deleted": false,
                     *           "merchant": {
                     *             "canonical_name": "Netflix",
                     *             "category": "Subscriptions",
                     *             "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11"
                     *           },
                     *           "merchant_raw": "NETFLIX.COM 866-579-7172",
                     *           "note": null,
                     *           "receipt_url": null,
                     *           "source": "csv",
                     *           "updated_at": "2026-01-31T12:00:00Z"
                     *         }
                     *       ],
                     *       "changed_lists": [
                     *         "budgets"
                     *       ],
                     *       "has_more": false,
                     *       "modified": [
                     *         {
                     *           "amount": "12.50",
                     *           "anomaly_score": null,
                     *           "category": "Subscriptions",
                     *           "confidence": {
                     *             "category": 0.97
                     *           },
                     *           "created_at": "2026-01-31T12:00:00Z",
                     *           "currency": "EUR",
                     *           "date": "2026-01-31",
                     *           "duplicate_of": null,
                     *           "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *           "import_id": null,
                     *           "ipfs_cid": null,
                     *           "is_deleted": false,
                     *           "merchant": {
                     *             "canonical_name": "Netflix",
                     *             "category": "Subscriptions",
                     *             "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11"
                     *           },
                     *           "merchant_raw": "NETFLIX.COM 866-579-7172",
                     *           "note": null,
                     *           "receipt_url": null,
                     *           "source": "csv",
                     *           "updated_at": "2026-01-31T12:00:00Z"
                     *         }
                     *       ],
                     *       "next_cursor": "AAAAAAAAAAX__________wAAAAAAAAAF____",
                     *       "removed": [
                     *         {
                     *           "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["Changes"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    transactions_list: {
        parameters: {
            query?: {
                /** @description Of this category. */
                category?: string;
                /** @description In this currency. */
                currency?: string;
                /** @description The `next_cursor` of the page before. */
                cursor?: string;
                /** @description `deleted`: deleted ones, too. */
                include?: string;
                /** @description Rows a page, 1 to 100. */
                limit?: number;
                /** @description Of at most this amount. */
                max_amount?: string;
                /** @description Of this merchant. */
                merchant_id?: string;
                /**
                 * @description Of at least this amount.
                 * @example 10.00
                 */
                min_amount?: string;
                /** @description Rows to pass over, 0 to 100,000. */
                offset?: number;
                /** @description Whose merchant or note has these words; `"a phrase"`, `or` and `-without` work. */
                q?: string;
                /** @description From this date on. */
                since?: string;
                /** @description `ocr`, `sms`, `csv` or `manual`. */
                source?: string;
                /** @description Up to this date. */
                until?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "amount": "12.50",
                     *           "anomaly_score": null,
                     *           "category": "Subscriptions",
                     *           "confidence": {
                     *             "category": 0.97
                     *           },
                     *           "created_at": "2026-01-31T12:00:00Z",
                     *           "currency": "EUR",
                     *           "date": "2026-01-31",
                     *           "duplicate_of": null,
                     *           "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *           "import_id": null,
                     *           "ipfs_cid": null,
                     *           "is_deleted": false,
                     *           "merchant": {
                     *             "canonical_name": "Netflix",
                     *             "category": "Subscriptions",
                     *             "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11"
                     *           },
                     *           "merchant_raw": "NETFLIX.COM 866-579-7172",
                     *           "note": null,
                     *           "receipt_url": null,
                     *           "source": "csv",
                     *           "updated_at": "2026-01-31T12:00:00Z"
                     *         }
                     *       ],
                     *       "has_more": false,
                     *       "limit": 50,
                     *       "next_cursor": null,
                     *       "offset": 0,
                     *       "total": 1,
                     *       "total_capped": false
                     *     }
                     */
                    "application/json": components["schemas"]["Page_Transaction"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    transactions_create: {
        parameters: {
            query?: never;
            header?: {
                /** @description 1 to 255 printable characters; the same key and body answer the same for 24 hours */
                "Idempotency-Key"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewTransactionBody"];
            };
        };
        responses: {
            /** @description The transaction */
            201: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["Idempotent-Replayed"];
                    /** @description Where it is now */
                    Location?: string;
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "amount": "12.50",
                     *       "anomaly_score": null,
                     *       "category": "Subscriptions",
                     *       "confidence": {
                     *         "category": 0.97
                     *       },
                     *       "created_at": "2026-01-31T12:00:00Z",
                     *       "currency": "EUR",
                     *       "date": "2026-01-31",
                     *       "duplicate_of": null,
                     *       "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *       "import_id": null,
                     *       "ipfs_cid": null,
                     *       "is_deleted": false,
                     *       "merchant": {
                     *         "canonical_name": "Netflix",
                     *         "category": "Subscriptions",
                     *         "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11"
                     *       },
                     *       "merchant_raw": "NETFLIX.COM 866-579-7172",
                     *       "note": null,
                     *       "receipt_url": null,
                     *       "source": "csv",
                     *       "updated_at": "2026-01-31T12:00:00Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Transaction"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `in_flight`: a request with this key is still running */
            409: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Send another content type. */
            415: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    transactions_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The transaction's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The transaction; `ETag` changes whenever it does */
            200: {
                headers: {
                    /** @description Send it as `If-Match` to change it only as it is now */
                    ETag?: string;
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "amount": "12.50",
                     *       "anomaly_score": null,
                     *       "category": "Subscriptions",
                     *       "confidence": {
                     *         "category": 0.97
                     *       },
                     *       "created_at": "2026-01-31T12:00:00Z",
                     *       "currency": "EUR",
                     *       "date": "2026-01-31",
                     *       "duplicate_of": null,
                     *       "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *       "import_id": null,
                     *       "ipfs_cid": null,
                     *       "is_deleted": false,
                     *       "merchant": {
                     *         "canonical_name": "Netflix",
                     *         "category": "Subscriptions",
                     *         "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11"
                     *       },
                     *       "merchant_raw": "NETFLIX.COM 866-579-7172",
                     *       "note": null,
                     *       "receipt_url": null,
                     *       "source": "csv",
                     *       "updated_at": "2026-01-31T12:00:00Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Transaction"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Absent, or somebody else's */
            404: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    transactions_delete: {
        parameters: {
            query?: never;
            header?: {
                /** @description The ETag that it must still have */
                "If-Match"?: string | null;
            };
            path: {
                /** @description The transaction's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Deleted */
            204: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Absent, or somebody else's, or deleted before */
            404: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `stale`: it has another ETag than `If-Match` names */
            412: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    transactions_update: {
        parameters: {
            query?: never;
            header?: {
                /** @description The ETag that it must still have */
                "If-Match"?: string | null;
            };
            path: {
                /** @description The transaction's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TransactionPatchBody"];
            };
        };
        responses: {
            /** @description The transaction as it is now, with its new `ETag` */
            200: {
                headers: {
                    /** @description Send it as `If-Match` to change it only as it is now */
                    ETag?: string;
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "amount": "12.50",
                     *       "anomaly_score": null,
                     *       "category": "Subscriptions",
                     *       "confidence": {
                     *         "category": 0.97
                     *       },
                     *       "created_at": "2026-01-31T12:00:00Z",
                     *       "currency": "EUR",
                     *       "date": "2026-01-31",
                     *       "duplicate_of": null,
                     *       "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *       "import_id": null,
                     *       "ipfs_cid": null,
                     *       "is_deleted": false,
                     *       "merchant": {
                     *         "canonical_name": "Netflix",
                     *         "category": "Subscriptions",
                     *         "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11"
                     *       },
                     *       "merchant_raw": "NETFLIX.COM 866-579-7172",
                     *       "note": null,
                     *       "receipt_url": null,
                     *       "source": "csv",
                     *       "updated_at": "2026-01-31T12:00:00Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Transaction"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Absent, or somebody else's */
            404: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `stale`: it has another ETag than `If-Match` names */
            412: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Send another content type. */
            415: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    proofs_proof: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The transaction's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The proof; `ETag` changes whenever it does */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "batch": {
                     *         "batch_date": "2026-01-31",
                     *         "blockchain_tx_id": null,
                     *         "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11"
                     *       },
                     *       "is_current": false,
                     *       "leaf": "{\"v\":\"1\",\"id\":\"0199a6b2-0000-7000-8000-000000000000\",\"revision\":\"1\",\"date\":\"2026-01-31\",\"amount\":\"12.50\",\"currency\":\"EUR\",\"merchant_raw\":\"Café\",\"category\":\"Dining\",\"is_deleted\":\"false\",\"salt\":\"00112233445566778899aabbccddeeff\"}",
                     *       "leaf_hash": "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
                     *       "leaf_index": 1,
                     *       "path": [
                     *         "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
                     *       ],
                     *       "revision": 1,
                     *       "root_hash": "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
                     *       "transaction_id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *       "tree_size": 1
                     *     }
                     */
                    "application/json": components["schemas"]["Proof"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Absent, or somebody else's */
            404: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_anchored`: no tree has it before the next night is over */
            409: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    transactions_receipt_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The transaction's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description `Location` is the file's */
            303: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Absent, or somebody else's, or without a receipt */
            404: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    transactions_receipt: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The transaction's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ReceiptBody"];
            };
        };
        responses: {
            /** @description How to send the file */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "expires_in": 900,
                     *       "headers": {
                     *         "content-length": "204800",
                     *         "content-type": "image/jpeg"
                     *       },
                     *       "method": "PUT",
                     *       "receipt_url": "https://api.example.com/v1/transactions/0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11/receipt",
                     *       "url": "https://uploads.example.com/receipts/0199aa10?X-Amz-Signature=5d2f"
                     *     }
                     */
                    "application/json": components["schemas"]["ReceiptUpload"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Absent, or somebody else's */
            404: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Send another content type. */
            415: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    transactions_restore: {
        parameters: {
            query?: never;
            header?: {
                /** @description The ETag that it must still have */
                "If-Match"?: string | null;
            };
            path: {
                /** @description The transaction's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The transaction, with its `ETag` */
            200: {
                headers: {
                    /** @description Send it as `If-Match` to change it only as it is now */
                    ETag?: string;
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "amount": "12.50",
                     *       "anomaly_score": null,
                     *       "category": "Subscriptions",
                     *       "confidence": {
                     *         "category": 0.97
                     *       },
                     *       "created_at": "2026-01-31T12:00:00Z",
                     *       "currency": "EUR",
                     *       "date": "2026-01-31",
                     *       "duplicate_of": null,
                     *       "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *       "import_id": null,
                     *       "ipfs_cid": null,
                     *       "is_deleted": false,
                     *       "merchant": {
                     *         "canonical_name": "Netflix",
                     *         "category": "Subscriptions",
                     *         "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11"
                     *       },
                     *       "merchant_raw": "NETFLIX.COM 866-579-7172",
                     *       "note": null,
                     *       "receipt_url": null,
                     *       "source": "csv",
                     *       "updated_at": "2026-01-31T12:00:00Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Transaction"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Absent, or somebody else's */
            404: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `stale`: it has another ETag than `If-Match` names */
            412: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    transactions_correct: {
        parameters: {
            query?: never;
            header?: {
                /** @description 1 to 255 printable characters; the same key and body answer the same for 24 hours */
                "Idempotency-Key"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CorrectionBody"];
            };
        };
        responses: {
            /** @description Both categories */
            200: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["Idempotent-Replayed"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "message": "Corrected.",
                     *       "new_category": "Groceries",
                     *       "old_category": "Shopping"
                     *     }
                     */
                    "application/json": components["schemas"]["Corrected"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Absent, or somebody else's */
            404: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `in_flight`: a request with this key is still running */
            409: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Send another content type. */
            415: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    transactions_duplicates: {
        parameters: {
            query?: {
                /** @description The `next_cursor` of the page before, with the same filters. */
                cursor?: string;
                /** @description Rows a page, 1 to 100. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "count": 1,
                     *           "duplicates": [
                     *             {
                     *               "amount": "12.50",
                     *               "anomaly_score": null,
                     *               "category": "Subscriptions",
                     *               "confidence": {
                     *                 "category": 0.97
                     *               },
                     *               "created_at": "2026-01-31T12:00:00Z",
                     *               "currency": "EUR",
                     *               "date": "2026-01-31",
                     *               "duplicate_of": null,
                     *               "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *               "import_id": null,
                     *               "ipfs_cid": null,
                     *               "is_deleted": false,
                     *               "merchant": {
                     *                 "canonical_name": "Netflix",
                     *                 "category": "Subscriptions",
                     *                 "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11"
                     *               },
                     *               "merchant_raw": "NETFLIX.COM 866-579-7172",
                     *               "note": null,
                     *               "receipt_url": null,
                     *               "source": "csv",
                     *               "updated_at": "2026-01-31T12:00:00Z"
                     *             }
                     *           ],
                     *           "original": {
                     *             "amount": "12.50",
                     *             "anomaly_score": null,
                     *             "category": "Subscriptions",
                     *             "confidence": {
                     *               "category": 0.97
                     *             },
                     *             "created_at": "2026-01-31T12:00:00Z",
                     *             "currency": "EUR",
                     *             "date": "2026-01-31",
                     *             "duplicate_of": null,
                     *             "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *             "import_id": null,
                     *             "ipfs_cid": null,
                     *             "is_deleted": false,
                     *             "merchant": {
                     *               "canonical_name": "Netflix",
                     *               "category": "Subscriptions",
                     *               "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11"
                     *             },
                     *             "merchant_raw": "NETFLIX.COM 866-579-7172",
                     *             "note": null,
                     *             "receipt_url": null,
                     *             "source": "csv",
                     *             "updated_at": "2026-01-31T12:00:00Z"
                     *           }
                     *         }
                     *       ],
                     *       "has_more": false,
                     *       "limit": 50,
                     *       "next_cursor": null
                     *     }
                     */
                    "application/json": components["schemas"]["Groups"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    transactions_resolve: {
        parameters: {
            query?: never;
            header?: {
                /** @description 1 to 255 printable characters; the same key and body answer the same for 24 hours */
                "Idempotency-Key"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ResolutionBody"];
            };
        };
        responses: {
            /** @description What became of each */
            200: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["Idempotent-Replayed"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "results": [
                     *         {
                     *           "result": "kept",
                     *           "transaction_id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["Resolved"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description One that was sent alone is absent, or somebody else's */
            404: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `in_flight`: a request with this key is still running */
            409: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Send another content type. */
            415: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    transactions_export: {
        parameters: {
            query?: {
                /** @description Of this category. */
                category?: string;
                /** @description In this currency. */
                currency?: string;
                /** @description `csv` or `json`. */
                format?: string;
                /** @description `deleted`: deleted ones, too. */
                include?: string;
                /** @description Of at most this amount. */
                max_amount?: string;
                /** @description Of this merchant. */
                merchant_id?: string;
                /**
                 * @description Of at least this amount.
                 * @example 10.00
                 */
                min_amount?: string;
                /** @description Whose merchant or note has these words; `"a phrase"`, `or` and `-without` work. */
                q?: string;
                /** @description From this date on. */
                since?: string;
                /** @description `ocr`, `sms`, `csv` or `manual`. */
                source?: string;
                /** @description Up to this date. */
                until?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The file, or the link to a large one */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "amount": "12.50",
                     *           "anomaly_score": null,
                     *           "category": "Subscriptions",
                     *           "confidence": {
                     *             "category": 0.97
                     *           },
                     *           "created_at": "2026-01-31T12:00:00Z",
                     *           "currency": "EUR",
                     *           "date": "2026-01-31",
                     *           "duplicate_of": null,
                     *           "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *           "import_id": null,
                     *           "ipfs_cid": null,
                     *           "is_deleted": false,
                     *           "merchant": {
                     *             "canonical_name": "Netflix",
                     *             "category": "Subscriptions",
                     *             "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11"
                     *           },
                     *           "merchant_raw": "NETFLIX.COM 866-579-7172",
                     *           "note": null,
                     *           "receipt_url": null,
                     *           "source": "csv",
                     *           "updated_at": "2026-01-31T12:00:00Z"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["ExportedJson"];
                    /**
                     * @example date,description,amount (spending positive),currency,category,note
                     *     2026-01-31,NETFLIX.COM 866-579-7172,12.50,EUR,Subscriptions,
                     */
                    "text/csv": string;
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    transactions_import: {
        parameters: {
            query?: {
                /** @description A saved mapping to read the file by */
                mapping?: string;
                /** @description `skip` (default), `flag` or `import`: what to do with rows that are there already */
                on_duplicate?: string;
                /** @description An upload's id, in place of a body */
                upload?: string;
            };
            header?: {
                /** @description 1 to 255 printable characters; the same key and file answer the same for 24 hours */
                "Idempotency-Key"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        /** @description The file */
        requestBody: {
            content: {
                "text/csv": string;
            };
        };
        responses: {
            /** @description Stored; rows follow */
            202: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["Idempotent-Replayed"];
                    /** @description Where it is now */
                    Location?: string;
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *       "status": "queued"
                     *     }
                     */
                    "application/json": components["schemas"]["Started"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `in_flight`: a request with this key is still running */
            409: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Send another content type. */
            415: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    transactions_imports: {
        parameters: {
            query?: {
                /** @description The `next_cursor` of the page before. */
                cursor?: string;
                /** @description Rows a page, 1 to 100. */
                limit?: number;
                /** @description Rows to pass over, 0 to 100,000. */
                offset?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "created_at": "2026-01-31T12:00:00Z",
                     *           "error_code": null,
                     *           "error_detail": null,
                     *           "finished_at": "2026-01-31T12:00:04Z",
                     *           "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *           "on_duplicate": "skip",
                     *           "rows_duplicate": 2,
                     *           "rows_failed": 1,
                     *           "rows_imported": 247,
                     *           "rows_reverted": 0,
                     *           "rows_total": 250,
                     *           "size_bytes": 18342,
                     *           "status": "completed"
                     *         }
                     *       ],
                     *       "has_more": false,
                     *       "limit": 50,
                     *       "next_cursor": null,
                     *       "offset": 0,
                     *       "total": 1,
                     *       "total_capped": false
                     *     }
                     */
                    "application/json": components["schemas"]["Page_Import"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    transactions_import_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The import's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The import */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "created_at": "2026-01-31T12:00:00Z",
                     *       "error_code": null,
                     *       "error_detail": null,
                     *       "errors": [
                     *         {
                     *           "code": "bad_date",
                     *           "column": "Booking date",
                     *           "detail": "\"31.02.2026\" is no date: mend the line and import the file again.",
                     *           "line": 17
                     *         }
                     *       ],
                     *       "finished_at": "2026-01-31T12:00:04Z",
                     *       "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *       "on_duplicate": "skip",
                     *       "rows_duplicate": 2,
                     *       "rows_failed": 1,
                     *       "rows_imported": 247,
                     *       "rows_reverted": 0,
                     *       "rows_total": 250,
                     *       "size_bytes": 18342,
                     *       "status": "completed"
                     *     }
                     */
                    "application/json": components["schemas"]["ImportDetail"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Absent, or somebody else's */
            404: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    transactions_import_revert: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The import's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description `running` until all is taken back, then `reverted` */
            202: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *       "status": "queued"
                     *     }
                     */
                    "application/json": components["schemas"]["Started"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Absent, or somebody else's */
            404: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    transactions_import_upload: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewUploadBody"];
            };
        };
        responses: {
            /** @description Where and how to send it */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "expires_in": 900,
                     *       "headers": {
                     *         "content-length": "9437184",
                     *         "content-type": "application/octet-stream"
                     *       },
                     *       "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *       "method": "PUT",
                     *       "url": "https://uploads.example.com/uploads/0199aa10?X-Amz-Signature=5d2f"
                     *     }
                     */
                    "application/json": components["schemas"]["Upload"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Send another content type. */
            415: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    transactions_mappings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All of them */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "created_at": "2026-01-31T12:00:00Z",
                     *           "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *           "mapping": {
                     *             "amount": "Amount",
                     *             "date": "Date",
                     *             "date_order": "dmy",
                     *             "description": [
                     *               "Details"
                     *             ]
                     *           },
                     *           "name": "My bank",
                     *           "updated_at": "2026-01-31T12:00:00Z"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["Mappings"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    transactions_mapping_save: {
        parameters: {
            query?: never;
            header?: {
                /** @description 1 to 255 printable characters; the same key and body answer the same for 24 hours */
                "Idempotency-Key"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewMappingBody"];
            };
        };
        responses: {
            /** @description Saved */
            201: {
                headers: {
                    "Idempotent-Replayed": components["headers"]["Idempotent-Replayed"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "created_at": "2026-01-31T12:00:00Z",
                     *       "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *       "mapping": {
                     *         "amount": "Amount",
                     *         "date": "Date",
                     *         "date_order": "dmy",
                     *         "description": [
                     *           "Details"
                     *         ]
                     *       },
                     *       "name": "My bank",
                     *       "updated_at": "2026-01-31T12:00:00Z"
                     *     }
                     */
                    "application/json": components["schemas"]["SavedMapping"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too_many_mappings`; or `in_flight`: a request with this key is still running */
            409: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Send another content type. */
            415: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    transactions_search: {
        parameters: {
            query?: {
                /** @description Of this category. */
                category?: string;
                /** @description In this currency. */
                currency?: string;
                /** @description The `next_cursor` of the page before, with the same filters. */
                cursor?: string;
                /** @description `deleted`: deleted ones, too. */
                include?: string;
                /** @description Rows a page, 1 to 100. */
                limit?: number;
                /** @description Of at most this amount. */
                max_amount?: string;
                /** @description Of this merchant. */
                merchant_id?: string;
                /**
                 * @description Of at least this amount.
                 * @example 10.00
                 */
                min_amount?: string;
                /** @description Whose merchant or note has these words; `"a phrase"`, `or` and `-without` work. */
                q?: string;
                /** @description From this date on. */
                since?: string;
                /** @description `ocr`, `sms`, `csv` or `manual`. */
                source?: string;
                /** @description Up to this date. */
                until?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "amount": "12.50",
                     *           "anomaly_score": null,
                     *           "category": "Subscriptions",
                     *           "confidence": {
                     *             "category": 0.97
                     *           },
                     *           "created_at": "2026-01-31T12:00:00Z",
                     *           "currency": "EUR",
                     *           "date": "2026-01-31",
                     *           "duplicate_of": null,
                     *           "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *           "import_id": null,
                     *           "ipfs_cid": null,
                     *           "is_deleted": false,
                     *           "merchant": {
                     *             "canonical_name": "Netflix",
                     *             "category": "Subscriptions",
                     *             "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11"
                     *           },
                     *           "merchant_pieces": [
                     *             {
                     *               "is_match": true,
                     *               "text": "NETFLIX"
                     *             }
                     *           ],
                     *           "merchant_raw": "NETFLIX.COM 866-579-7172",
                     *           "note": null,
                     *           "note_pieces": null,
                     *           "rank": 0.25,
                     *           "receipt_url": null,
                     *           "source": "csv",
                     *           "updated_at": "2026-01-31T12:00:00Z"
                     *         }
                     *       ],
                     *       "has_more": false,
                     *       "limit": 50,
                     *       "next_cursor": null
                     *     }
                     */
                    "application/json": components["schemas"]["Matches"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    transactions_similar: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SimilarBody"];
            };
        };
        responses: {
            /** @description The nearest */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "amount": "12.50",
                     *           "anomaly_score": null,
                     *           "category": "Subscriptions",
                     *           "confidence": {
                     *             "category": 0.97
                     *           },
                     *           "created_at": "2026-01-31T12:00:00Z",
                     *           "currency": "EUR",
                     *           "date": "2026-01-31",
                     *           "duplicate_of": null,
                     *           "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11",
                     *           "import_id": null,
                     *           "ipfs_cid": null,
                     *           "is_deleted": false,
                     *           "merchant": {
                     *             "canonical_name": "Netflix",
                     *             "category": "Subscriptions",
                     *             "id": "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11"
                     *           },
                     *           "merchant_raw": "NETFLIX.COM 866-579-7172",
                     *           "note": null,
                     *           "receipt_url": null,
                     *           "similarity": 0.94,
                     *           "source": "csv",
                     *           "updated_at": "2026-01-31T12:00:00Z"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["Neighbours"];
                };
            };
            /** @description The request could not be read. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No valid access token, or wrong credentials. */
            401: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Absent, or somebody else's */
            404: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_embedded`: it has no embedding yet */
            409: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Send another content type. */
            415: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Some fields were refused; `errors` names every one. */
            422: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many tries; `Retry-After` says how long to wait. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Try again shortly; `Retry-After` says when. */
            503: {
                headers: {
                    "Request-Id": components["headers"]["Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}
