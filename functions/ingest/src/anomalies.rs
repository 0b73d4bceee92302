//! `POST /ingest/anomalies`

use shared::{
    deps,
    domain::{
        events,
        ingest::{self, Anomalies, AnomaliesBody, BODY_LIMIT, Outcomes},
    },
    platform::{
        db::Db,
        http::{Call, Reply},
        problem::Problem,
        queue::{Queue, Relay},
    },
};

deps! { db: Db, relay: Queue<Relay> }

/// Say how unusual transactions are
///
/// At most 500 rows, each for itself. The score is stored with the transaction and its code; from 0.5 on the user's open
/// apps hear of it (`anomaly_alert`), unless the user does not want to, the transaction is older than 14 days, or it was
/// unusual before and the score rose by less than 0.2. A score that is known already is `existing`. Scope: `anomalies:write`.
#[utoipa::path(
    post,
    path = "/ingest/anomalies",
    tag = "Hand-over",
    request_body = AnomaliesBody,
    responses(
        (status = 200, description = "What became of each row", body = Outcomes),
        (status = 403, description = "`missing_scope`: the token lacks `anomalies:write`", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let new: Anomalies = call.json_within(BODY_LIMIT)?;
    let judged = ingest::judge(&deps.db, &call, &new).await?;
    events::kick_all(&deps.relay, &judged.users).await;
    Reply::ok(&judged.outcomes)
}
