//! Which routes have no case, and why.

/// A route, and what stands between a request and the figure it would give.
#[cfg(test)]
const WITHOUT: &[(&str, &str)] = &[
    ("auth.register", "counts attempts in DynamoDB, and hashing the password is nearly all of it"),
    ("auth.login", "counts attempts in DynamoDB, and hashing the password is nearly all of it"),
    ("auth.close", "checks a password, and hashing it is nearly all of it"),
    ("auth.password", "checks a password and hashes another, which is nearly all of it"),
    ("auth.forgot", "counts attempts in DynamoDB; its one statement adds a row"),
    ("auth.reset", "counts attempts in DynamoDB, and hashing the password is nearly all of it"),
    ("auth.verify", "counts attempts in DynamoDB"),
    ("auth.session_end", "runs the statements of auth.logout"),
    ("auth.ws_ticket", "writes its ticket to DynamoDB; its one statement looks the session up"),
    ("auth.unsubscribe", "finds its token by a key and changes one row of its user's"),
    ("auth.unsubscribe_page", "finds its token by a key"),
    ("admin.alerts", "a handful of rows"),
    ("admin.announcement_create", "writes a task down and hands it to SQS"),
    ("admin.page", "answers without a statement"),
    ("admin.page_file", "answers without a statement"),
    ("admin.queues", "asks SQS; its statements look at the last of short lists"),
    ("admin.dead_letters", "asks SQS"),
    ("admin.redrive", "asks SQS"),
    ("admin.schedule_run", "hands its task to SQS"),
    ("admin.schedules", "a handful of rows"),
    ("admin.schedule", "one of a handful of rows"),
    ("admin.schedule_create", "adds to a handful of rows"),
    ("admin.schedule_update", "changes one of a handful of rows"),
    ("admin.schedule_delete", "deletes one of a handful of rows"),
    ("ingest.training_set", "signs an address; its one statement finds a set by its number"),
    ("system.health", "asks DynamoDB, too"),
    ("system.openapi", "answers without a statement"),
    ("system.docs", "answers without a statement"),
    ("system.docs_file", "answers without a statement"),
    ("transactions.import", "stores its file in S3; `bench import` measures what follows"),
    ("transactions.import_upload", "signs an address; its one statement looks the session up"),
];

#[cfg(test)]
mod tests {
    use super::WITHOUT;
    use crate::bench::{cases::all, data::User};
    use shared::platform::function::Trigger;
    use std::collections::BTreeSet;
    use uuid::Uuid;

    fn anybody() -> User {
        let ids = || vec![Uuid::now_v7(), Uuid::now_v7()];
        User {
            id: Uuid::now_v7(),
            sessions: ids(),
            rows: 100_000,
            live_rows: 100_000,
            transaction_id: Uuid::now_v7(),
            category: "Groceries".into(),
            merchant_id: Uuid::now_v7(),
            live: ids(),
            lookalike: Uuid::now_v7(),
            import_id: Uuid::now_v7(),
            budget_id: Uuid::now_v7(),
            over: ids(),
            embedded: Some(Uuid::now_v7()),
            merchants: ids(),
            merges: ids(),
            holdings: ids(),
            subscriptions: ids(),
            services: ids(),
            runs: ids(),
        }
    }

    #[test]
    fn every_route_has_a_case_or_a_reason_for_none() {
        let cases = all(&anybody(), Vec::new());
        for case in &cases {
            assert!(case.event("token", 0).is_ok(), "{} cannot be asked", case.title);
        }
        let measured: BTreeSet<_> = cases.iter().map(|case| case.handler).collect();
        let excused: BTreeSet<_> = WITHOUT.iter().map(|(handler, _)| *handler).collect();
        let http = |trigger| matches!(trigger, Trigger::Http { .. });
        let functions = bootstrap::FEATURES.iter().flat_map(|feature| feature.functions);
        let routes: BTreeSet<_> = functions.filter(|one| http(one.trigger)).map(|one| one.handler).collect();
        let both: Vec<_> = measured.intersection(&excused).collect();
        assert!(both.is_empty(), "{both:?} have a case: take them off the list of those without");
        let known: BTreeSet<_> = measured.union(&excused).copied().collect();
        let missing: Vec<_> = routes.difference(&known).collect();
        assert!(missing.is_empty(), "{missing:?} have neither a case in bench/cases nor a reason in WITHOUT");
        let gone: Vec<_> = known.difference(&routes).collect();
        assert!(gone.is_empty(), "{gone:?} are no routes any more");
    }
}
