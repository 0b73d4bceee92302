//! What the team that writes to the blockchain hands over: which of its transactions hold which roots, and what belongs to
//! single transactions of ours. Each row stands for itself: one that is refused keeps no other back.

use super::sql;
use crate::{
    domain::{
        events::Turn,
        ingest::{MOST, Rows},
        pages::Day,
        services::with_service,
    },
    platform::{
        db::{Db, Tx},
        fields::{Fault, Field, Fields, Read, Text},
        http::Call,
        problem::{FieldError, Problem},
    },
};
use serde::Serialize;
use std::collections::BTreeMap;
use uuid::Uuid;

/// SHA-256 in hexadecimal digits.
struct Digest(String);

impl Field for Digest {
    fn from_text(text: &str) -> Result<Self, Fault> {
        let plain = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() == 64 && text.bytes().all(plain) {
            return Ok(Self(text.to_owned()));
        }
        Err(Fault::new("not_a_hash", "Send 64 hexadecimal digits, letters small."))
    }
}

/// A content id of IPFS.
struct Cid(String);

impl Field for Cid {
    fn from_text(text: &str) -> Result<Self, Fault> {
        if (1..=100).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Ok(Self(text.to_owned()));
        }
        Err(Fault::new("not_a_cid", "Send 1 to 100 letters and digits."))
    }
}

/// A root that a blockchain's transaction holds.
struct Written {
    root: Option<Digest>,
    batch_date: Option<Day>,
    blockchain_tx_id: Text<1, 128>,
}

impl Read for Written {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (root, batch_date) = (fields.optional("root_hash"), fields.optional("batch_date"));
        if root.is_none() && batch_date.is_none() {
            fields.refuse("root_hash", Fault::new("required", "Send root_hash or batch_date."));
        }
        Some(Self { root, batch_date, blockchain_tx_id: fields.required("blockchain_tx_id")? })
    }
}

/// What belongs to a transaction of a user's.
struct Mark {
    user_id: Uuid,
    transaction_id: Uuid,
    blockchain_hash: Option<Digest>,
    ipfs_cid: Option<Cid>,
}

impl Read for Mark {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (user_id, transaction_id) = (fields.required("user_id"), fields.required("transaction_id"));
        if !fields.has("blockchain_hash") && !fields.has("ipfs_cid") {
            fields.refuse("blockchain_hash", Fault::new("required", "Send blockchain_hash, ipfs_cid or both."));
        }
        let (blockchain_hash, ipfs_cid) = (fields.optional("blockchain_hash"), fields.optional("ipfs_cid"));
        Some(Self { user_id: user_id?, transaction_id: transaction_id?, blockchain_hash, ipfs_cid })
    }
}

/// What `POST /ingest/anchors` takes.
pub struct Marks {
    anchors: Rows,
    transactions: Rows,
}

impl Read for Marks {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (anchors, transactions): (Option<Rows>, Option<Rows>) =
            (fields.optional("anchors"), fields.optional("transactions"));
        let (anchors, transactions) = (anchors.unwrap_or_default(), transactions.unwrap_or_default());
        if anchors.0.len().saturating_add(transactions.0.len()) > MOST {
            fields.refuse("transactions", Fault::new("too_many", format!("Send at most {MOST} rows in all.")));
        }
        Some(Self { anchors, transactions })
    }
}

/// The form of [`Marks`], for the OpenAPI document.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct MarksBody {
    /// Roots that were written to the blockchain; together with `transactions` at most 500.
    anchors: Option<Vec<RootBody>>,
    /// What belongs to single transactions.
    transactions: Option<Vec<MarkBody>>,
}

/// A root that a blockchain's transaction holds.
#[derive(utoipa::ToSchema)]
#[schema(as = AnchoredRoot)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct RootBody {
    /// Which root: by itself,
    #[schema(example = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328")]
    root_hash: Option<String>,
    /// or by its batch's day. If both are sent they must belong together.
    #[schema(format = Date, example = "2026-01-31")]
    batch_date: Option<String>,
    /// The blockchain's transaction: 1 to 128 characters.
    #[schema(example = "0x9fc76417374aa880d4449a1f7f31ec597f00b1f6f3dd2d66f4c9c6c445836d8b")]
    blockchain_tx_id: String,
}

/// What belongs to a transaction of a user's; the hash, the content id, or both.
#[derive(utoipa::ToSchema)]
#[schema(as = AnchoredTransaction)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct MarkBody {
    /// Whose.
    user_id: Uuid,
    /// Which.
    transaction_id: Uuid,
    /// 64 hexadecimal digits, letters small. Users never see it.
    #[schema(example = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328")]
    blockchain_hash: Option<String>,
    /// The content id of its receipt: 1 to 100 letters and digits.
    #[schema(example = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi")]
    ipfs_cid: Option<String>,
}

/// What became of a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = MarkResult)]
pub struct MarkOutcome {
    /// Its place in its list, from 0.
    pub index: usize,
    /// `ok`, also when it was so before, or `refused`.
    #[schema(example = "ok")]
    pub status: &'static str,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl MarkOutcome {
    fn ok(index: usize) -> Self {
        Self { index, status: "ok", code: None, detail: None }
    }

    fn refused(index: usize, code: &str, detail: impl Into<String>) -> Self {
        Self { index, status: "refused", code: Some(code.to_owned()), detail: Some(detail.into()) }
    }
}

/// What `POST /ingest/anchors` answers: for each row what became of it, in the same order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Marked {
    /// Of the roots.
    pub anchors: Vec<MarkOutcome>,
    /// Of the transactions.
    pub transactions: Vec<MarkOutcome>,
}

/// Reads rows; those that are wrong are refused with the first thing that is.
fn read<T: Read>(rows: &Rows) -> (Vec<(usize, T)>, Vec<MarkOutcome>) {
    let (mut good, mut refused) = (Vec::new(), Vec::new());
    for (index, raw) in rows.0.iter().enumerate() {
        match Fields::from_json(raw.get().as_bytes()).and_then(Fields::read::<T>) {
            Ok(row) => good.push((index, row)),
            Err(problem) => refused.push(match problem.errors.first() {
                Some(FieldError { pointer, code, detail }) => {
                    MarkOutcome::refused(index, code, format!("{pointer}: {detail}"))
                }
                None => MarkOutcome::refused(index, "not_an_object", "Send a JSON object."),
            }),
        }
    }
    (good, refused)
}

/// Takes over what a program says. One transaction of the database for the roots and one for each user: nobody waits for
/// a whole request, and one that was cut off is simply sent again.
pub async fn mark(db: &Db, call: &Call, marks: &Marks) -> Result<Marked, Problem> {
    let (roots, mut anchors) = read::<Written>(&marks.anchors);
    let (rows, mut transactions) = read::<Mark>(&marks.transactions);
    let told = with_service(db, call, async |tx: &mut Tx| mark_roots(tx, call, &roots).await).await?;
    anchors.extend(told);
    let mut users = BTreeMap::<Uuid, Vec<(usize, Mark)>>::new();
    for (index, row) in rows {
        users.entry(row.user_id).or_default().push((index, row));
    }
    for (user_id, rows) in users {
        let told = with_service(db, call, async |tx: &mut Tx| mark_rows(tx, call, user_id, &rows).await).await?;
        transactions.extend(told);
    }
    anchors.sort_by_key(|outcome| outcome.index);
    transactions.sort_by_key(|outcome| outcome.index);
    Ok(Marked { anchors, transactions })
}

async fn mark_roots(tx: &mut Tx, call: &Call, roots: &[(usize, Written)]) -> Result<Vec<MarkOutcome>, Problem> {
    let mut outcomes = Vec::new();
    for (index, root) in roots {
        let hash = root.root.as_ref().map(|hash| hash.0.as_str());
        let found = sql::sealed(tx, hash, root.batch_date.map(|day| day.0)).await?;
        let blockchain_tx_id = root.blockchain_tx_id.as_str();
        outcomes.push(match found {
            None => {
                MarkOutcome::refused(*index, "not_found", "No sealed batch has this root and day: see GET /anchors.")
            }
            Some(batch) if batch.blockchain_tx_id.as_deref().is_some_and(|known| known != blockchain_tx_id) => {
                MarkOutcome::refused(
                    *index,
                    "already_anchored",
                    "Another blockchain transaction is known to hold it: see GET /anchors for which.",
                )
            }
            Some(batch) => {
                sql::set_anchored(tx, batch.id, blockchain_tx_id, call.now).await?;
                MarkOutcome::ok(*index)
            }
        });
    }
    Ok(outcomes)
}

async fn mark_rows(
    tx: &mut Tx,
    call: &Call,
    user_id: Uuid,
    rows: &[(usize, Mark)],
) -> Result<Vec<MarkOutcome>, Problem> {
    // The user's turn, without its number yet: who asks again for what is so already changes nothing.
    Turn::wait(tx, user_id).await?;
    let ids: Vec<_> = rows.iter().map(|(_, row)| row.transaction_id).collect();
    let mut known: BTreeMap<_, _> =
        sql::standing(tx, user_id, &ids).await?.into_iter().map(|standing| (standing.id, standing)).collect();
    let (mut outcomes, mut turn) = (Vec::new(), None);
    for (index, row) in rows {
        let Some(standing) = known.get_mut(&row.transaction_id) else {
            outcomes.push(MarkOutcome::refused(
                *index,
                "not_found",
                "The user has no such transaction: check both ids.",
            ));
            continue;
        };
        let hash = row.blockchain_hash.as_ref().map(|hash| hash.0.clone()).or_else(|| standing.blockchain_hash.clone());
        let cid = row.ipfs_cid.as_ref().map(|cid| cid.0.clone()).or_else(|| standing.ipfs_cid.clone());
        // Only what the user sees is a change that clients and the next tree have to hear of.
        let visible = cid != standing.ipfs_cid;
        if visible && turn.is_none() {
            turn = Some(Turn::take(tx, user_id, call.now).await?);
        }
        let changed_seq = turn.as_ref().filter(|_| visible).map(|turn| turn.changed_seq);
        if visible || hash != standing.blockchain_hash {
            (standing.blockchain_hash, standing.ipfs_cid) = (hash, cid);
            sql::mark(tx, user_id, standing, changed_seq, call.now).await?;
        }
        outcomes.push(MarkOutcome::ok(*index));
    }
    if let Some(turn) = turn {
        turn.finish(tx).await?;
    }
    Ok(outcomes)
}
