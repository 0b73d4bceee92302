//! Whole answers of every route, by feature, kept in `snapshots`: a change of the contract shows as a change of a file.
//!
//! After a wanted change run `INSTA_UPDATE=always cargo local test endpoints` and read the difference.

mod auth;
mod budgets;
mod imports;
mod merchants;
mod portfolio;
mod services;
mod system;
mod transactions;

use crate::support::{http::Answer, redact};
use std::{collections::BTreeSet, fmt::Write, fs, path::Path};

const PAGES: [&str; 24] = [
    "auth_register",
    "auth_login",
    "auth_refresh",
    "auth_logout",
    "auth_me",
    "auth_update",
    "auth_password",
    "auth_links",
    "auth_unsubscribe",
    "auth_sessions",
    "auth_ws_ticket",
    "transactions",
    "transactions_changed",
    "transactions_found",
    "transactions_refused",
    "transactions_duplicates",
    "imports",
    "mappings",
    "budgets",
    "merchants",
    "merchants_admin",
    "portfolio",
    "services",
    "system",
];

/// Answers of one route, one below the other.
#[derive(Default)]
struct Answers {
    text: String,
    secrets: Vec<(String, &'static str)>,
}

impl Answers {
    fn hiding(secret: &str, name: &'static str) -> Self {
        Self { secrets: vec![(secret.to_owned(), name)], ..Self::default() }
    }

    fn add(&mut self, what: &str, answer: &Answer) {
        let secrets: Vec<_> = self.secrets.iter().map(|(secret, name)| (secret.as_str(), *name)).collect();
        writeln!(self.text, "## {what}\n\n{}\n", redact::answer(answer, &secrets)).unwrap();
    }

    #[track_caller]
    fn check(&self, page: &str) {
        assert!(PAGES.contains(&page), "add {page} to PAGES");
        insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
            insta::assert_snapshot!(page, self.text.trim_end());
        });
    }
}

#[test]
fn no_kept_answer_is_left_over() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/blackbox/endpoints/snapshots");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    // What a failed comparison leaves beside it is not kept.
    let files = files.filter(|file| !file.ends_with(".snap.new"));
    let expected: BTreeSet<_> = PAGES.iter().map(|page| format!("{page}.snap")).collect();
    assert_eq!(files.collect::<BTreeSet<_>>(), expected);
}
