//! How unusual another team's program finds transactions.

use super::{
    fields::Share,
    rows::{Outcomes, RowOutcome, Rows, by_user},
    sql,
};
use crate::{
    domain::{
        anomalies::{self, Scored},
        events::Turn,
        services::with_service,
    },
    platform::{
        db::{Db, Tx},
        fields::{Fault, Field, Fields, Read, Text},
        http::Call,
        problem::Problem,
    },
};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// What `POST /ingest/anomalies` takes.
pub struct Anomalies(Rows);

impl Read for Anomalies {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self(Rows::read(fields, "anomalies")))
    }
}

/// The form of [`Anomalies`], for the OpenAPI document.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct AnomaliesBody {
    /// At most 500, of as many users.
    anomalies: Option<Vec<AnomalyRow>>,
}

/// How unusual a transaction is.
#[derive(utoipa::ToSchema)]
#[schema(as = IngestAnomaly)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct AnomalyRow {
    /// Whose.
    user_id: Uuid,
    /// Which.
    transaction_id: Uuid,
    /// From 0 to 1; from 0.5 on it counts as unusual.
    #[schema(example = 0.91)]
    score: f64,
    /// Why.
    reason: ReasonBody,
}

/// Why a transaction is unusual.
#[derive(utoipa::ToSchema)]
#[schema(as = IngestAnomalyReason)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct ReasonBody {
    /// Your own code, 1 to 64 of a to z, digits and underscores.
    #[schema(example = "unusual_merchant")]
    code: String,
    /// For the user: 1 to 200 characters.
    #[schema(example = "You have never paid anybody in this country before.")]
    text: String,
}

struct Code(String);

impl Field for Code {
    fn from_text(text: &str) -> Result<Self, Fault> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if (1..=64).contains(&text.len()) && text.bytes().all(plain) {
            return Ok(Self(text.to_owned()));
        }
        Err(Fault::new("not_a_code", "Send 1 to 64 of a to z, digits and underscores."))
    }
}

struct Reason {
    code: Code,
    text: Text<1, 200>,
}

impl Read for Reason {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (code, text) = (fields.required("code"), fields.required("text"));
        Some(Self { code: code?, text: text? })
    }
}

struct Row {
    user_id: Uuid,
    transaction_id: Uuid,
    score: Share,
    reason: Reason,
}

impl Read for Row {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (user_id, transaction_id) = (fields.required("user_id"), fields.required("transaction_id"));
        let score = fields.required("score");
        if !fields.has("reason") {
            fields.refuse("reason", Fault::new("required", "This field is required."));
        }
        let reason = fields.within("reason");
        Some(Self { user_id: user_id?, transaction_id: transaction_id?, score: score?, reason: reason? })
    }
}

/// What was judged by a request.
pub struct Judged {
    /// What became of each row.
    pub outcomes: Outcomes,
    /// Whose apps are to be told.
    pub users: Vec<Uuid>,
}

/// Writes scores down, and has users told of what has become unusual.
pub async fn judge(db: &Db, call: &Call, new: &Anomalies) -> Result<Judged, Problem> {
    let (rows, mut results) = new.0.parse::<Row>();
    if rows.is_empty() {
        with_service(db, call, async |_: &mut Tx| Ok(())).await?;
    }
    let mut users = Vec::new();
    by_user(
        rows,
        |row: &Row| row.user_id,
        &mut results,
        async |user_id: Uuid, rows: &[(usize, Row)]| {
            let (told, alerts) =
                with_service(db, call, async |tx: &mut Tx| of_user(tx, call, user_id, rows).await).await?;
            if alerts > 0 {
                users.push(user_id);
            }
            Ok(told)
        },
    )
    .await?;
    Ok(Judged { outcomes: Outcomes::of(results), users })
}

async fn of_user(
    tx: &mut Tx,
    call: &Call,
    user_id: Uuid,
    rows: &[(usize, Row)],
) -> Result<(Vec<RowOutcome>, usize), Problem> {
    // The user's turn, without its number yet: who says again what is known changes nothing.
    Turn::wait(tx, user_id).await?;
    let ids: Vec<_> = rows.iter().map(|(_, row)| row.transaction_id).collect();
    let known: HashMap<_, _> =
        sql::scores(tx, user_id, &ids).await?.into_iter().map(|score| (score.id, score)).collect();
    let (mut outcomes, mut scored, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
    for (index, row) in rows {
        let (id, score, reason) = (row.transaction_id, Some(row.score.0), Some(row.reason.code.0.clone()));
        let refused = |code, detail| RowOutcome::refused(*index, "/transaction_id", code, detail);
        outcomes.push(match known.get(&id) {
            None => refused("not_found", "The user has no such transaction: check both ids."),
            Some(_) if !seen.insert(id) => {
                refused("duplicate_id", "An earlier row is of the same transaction: send one.")
            }
            Some(before) if before.score == score && before.reason == reason => RowOutcome::of(*index, "existing", id),
            Some(_) => {
                scored.push(Scored { id, score, reason, detail: row.reason.text.as_str().to_owned() });
                RowOutcome::of(*index, "stored", id)
            }
        });
    }
    if scored.is_empty() {
        return Ok((outcomes, 0));
    }
    let mut turn = Turn::take(tx, user_id, call.now).await?;
    let alerts = anomalies::record(tx, &mut turn, user_id, &scored, call.now).await?.alerts;
    turn.finish(tx).await?;
    Ok((outcomes, alerts))
}
