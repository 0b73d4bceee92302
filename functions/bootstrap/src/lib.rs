//! All functions of Tallybook.

use shared::platform::function::{Feature, Function};

/// Every feature.
pub const FEATURES: &[&Feature] = &[
    &admin::FEATURE,
    &auth::FEATURE,
    &budgets::FEATURE,
    &ingest::FEATURE,
    &merchants::FEATURE,
    &portfolio::FEATURE,
    &proofs::FEATURE,
    &realtime::FEATURE,
    &subscriptions::FEATURE,
    &system::FEATURE,
    &tasks::FEATURE,
    &transactions::FEATURE,
];

/// Each feature's part of the OpenAPI document.
#[must_use]
pub fn openapi() -> Vec<utoipa::openapi::OpenApi> {
    vec![
        admin::openapi(),
        auth::openapi(),
        budgets::openapi(),
        ingest::openapi(),
        merchants::openapi(),
        portfolio::openapi(),
        proofs::openapi(),
        subscriptions::openapi(),
        system::openapi(),
        transactions::openapi(),
    ]
}

/// The function of a handler's name.
#[must_use]
pub fn function(handler: &str) -> Option<&'static Function> {
    FEATURES.iter().flat_map(|feature| feature.functions).find(|function| function.handler == handler)
}
