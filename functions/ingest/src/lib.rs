//! What other teams' programs hand over and fetch.

mod anchors;
mod anchors_list;
mod anomalies;
mod corrections;
mod embeddings;
mod training_set;
mod training_sets;
mod transactions;

use shared::{
    function,
    platform::function::{Feature, Function},
};
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(paths(
    transactions::handle,
    anomalies::handle,
    embeddings::handle,
    corrections::handle,
    training_sets::handle,
    training_set::handle,
    anchors_list::handle,
    anchors::handle
))]
struct Api;

/// This feature's functions.
pub const FEATURE: Feature = Feature { name: "ingest", functions: FUNCTIONS };

/// Its part of the OpenAPI document; apart from the table, so that the deployed binary does not carry it.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    Api::openapi()
}

const FUNCTIONS: &[Function] = &[
    function!("ingest": transactions, HTTP "POST" "/ingest/transactions", Service "transactions:write", 512 MB, 29 s),
    function!("ingest": anomalies, HTTP "POST" "/ingest/anomalies", Service "anomalies:write", 512 MB, 29 s),
    function!("ingest": embeddings, HTTP "PUT" "/ingest/embeddings", Service "embeddings:write", 512 MB, 29 s),
    function!("ingest": training_sets, HTTP "GET" "/ingest/training-sets", Service "corrections:read", 256 MB, 10 s),
    function!("ingest": training_set, HTTP "GET" "/ingest/training-sets/{version}", Service "corrections:read", 256 MB, 10 s),
    function!("ingest": anchors_list, HTTP "GET" "/ingest/anchors", Service "anchors:write", 256 MB, 10 s),
    function!("ingest": corrections, HTTP "GET" "/ingest/corrections", Service "corrections:read", 256 MB, 10 s),
    function!("ingest": anchors, HTTP "POST" "/ingest/anchors", Service "anchors:write", 256 MB, 29 s),
];
