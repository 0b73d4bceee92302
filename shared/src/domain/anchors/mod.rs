//! Proof that a transaction was as it is: each day's revisions are leaves of one Merkle tree, whose root is made public.

mod gather;
mod marks;
mod sql;
pub mod tree;

use super::{
    auth::Me,
    pages::{Page, PageQuery, Place, iso},
};
use crate::platform::{
    db::Tx,
    fields::{Fault, Field, Fields, Read},
    jwt::{KeySet, hex, sha256},
    problem::Problem,
};
pub use gather::anchor;
pub use marks::{Marked, Marks, MarksBody, mark};
use serde::Serialize;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

/// The root of a day's tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Anchor {
    /// The batch's id.
    pub id: Uuid,
    /// The day on which it was gathered, in UTC.
    #[serde(with = "iso")]
    #[schema(value_type = String, format = Date, example = "2026-01-31")]
    pub batch_date: Date,
    /// The tree's root.
    #[schema(example = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328")]
    pub root_hash: String,
    /// Leaves of the tree: revisions of transactions.
    pub transaction_count: i32,
    /// When its root was computed: nothing is added since.
    #[serde(with = "time::serde::rfc3339")]
    pub sealed_at: OffsetDateTime,
    /// The blockchain's transaction that holds the root.
    #[schema(example = "0x9fc76417374aa880d4449a1f7f31ec597f00b1f6f3dd2d66f4c9c6c445836d8b")]
    pub blockchain_tx_id: Option<String>,
    /// When we were told of it.
    #[serde(with = "time::serde::rfc3339::option")]
    pub anchored_at: Option<OffsetDateTime>,
}

/// What `GET /anchors` takes.
pub struct List(PageQuery);

impl Read for List {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self(PageQuery::read(fields)))
    }
}

/// A page of roots, the newest first.
pub async fn list(tx: &mut Tx, keys: &KeySet, me: &Me, asked: &List) -> Result<Page<Anchor>, Problem> {
    const LIST: &str = "anchors";
    let List(page) = asked;
    let before = page.place(keys, me.user_id, LIST)?.map(|place| place.date);
    let data = sql::list(tx, before, page.wanted(), page.offset).await?;
    let total = page.total(&data, sql::count(tx)).await?;
    let place = |last: &Anchor| Place { date: last.batch_date, id: last.id };
    Ok(page.page(keys, me.user_id, LIST, total, data, place))
}

/// Which roots a program asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    /// No blockchain's transaction is known to hold them.
    Pending,
    /// One is.
    Anchored,
}

impl Field for Which {
    fn from_text(text: &str) -> Result<Self, Fault> {
        match text {
            "pending" => Ok(Self::Pending),
            "anchored" => Ok(Self::Anchored),
            _ => Err(Fault::new("not_a_status", "Send pending or anchored.")),
        }
    }
}

/// What `GET /ingest/anchors` takes.
pub struct Handed {
    which: Option<Which>,
    page: PageQuery,
}

impl Read for Handed {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self { which: fields.optional("status"), page: PageQuery::read(fields) })
    }
}

/// The form of [`Handed`], for the OpenAPI document, beside that of every page.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct HandedQuery {
    /// `pending` for roots that no blockchain's transaction is known to hold, `anchored` for the others; both when left
    /// out.
    #[param(example = "pending")]
    status: Option<String>,
}

/// A page of roots for a program, the newest first. A cursor is not for one token: its successor reads on.
pub async fn handed(tx: &mut Tx, keys: &KeySet, asked: &Handed) -> Result<Page<Anchor>, Problem> {
    let list = format!("ingest anchors {:?}", asked.which);
    let Handed { which, page } = asked;
    let before = page.place(keys, Uuid::nil(), &list)?.map(|place| place.date);
    let anchored = which.map(|which| which == Which::Anchored);
    let data = sql::handed(tx, anchored, before, page.wanted(), page.offset).await?;
    let total = page.total(&data, sql::count_handed(tx, anchored)).await?;
    let place = |last: &Anchor| Place { date: last.batch_date, id: last.id };
    Ok(page.page(keys, Uuid::nil(), &list, total, data, place))
}

/// The batch that a proof is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ProofBatch {
    /// Its id.
    pub id: Uuid,
    /// The day on which it was gathered, in UTC.
    #[serde(with = "iso")]
    #[schema(value_type = String, format = Date, example = "2026-01-31")]
    pub batch_date: Date,
    /// The blockchain's transaction that holds the root.
    pub blockchain_tx_id: Option<String>,
}

/// Proof that a revision of a transaction is a leaf of a tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Proof {
    /// Of which transaction.
    pub transaction_id: Uuid,
    /// Of which of its revisions.
    pub revision: i64,
    /// Whether the transaction has not changed since.
    pub is_current: bool,
    /// What is hashed, byte for byte in UTF-8: the transaction as it was, and a salt.
    #[schema(
        example = r#"{"v":"1","id":"0199a6b2-0000-7000-8000-000000000000","revision":"1","date":"2026-01-31","amount":"12.50","currency":"EUR","merchant_raw":"Café","category":"Dining","is_deleted":"false","salt":"00112233445566778899aabbccddeeff"}"#
    )]
    pub leaf: String,
    /// SHA-256 of a zero byte and the leaf.
    #[schema(example = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328")]
    pub leaf_hash: String,
    /// Its place among the leaves, from 0.
    pub leaf_index: i64,
    /// Leaves of the tree.
    pub tree_size: i64,
    /// What to hash it with on the way up to the root, the lowest first.
    #[schema(example = json!(["5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"]))]
    pub path: Vec<String>,
    /// What it comes to.
    #[schema(example = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328")]
    pub root_hash: String,
    /// The tree.
    pub batch: ProofBatch,
}

impl Proof {
    /// Names this state of it.
    #[must_use]
    pub fn etag(&self) -> String {
        let told = (&self.root_hash, &self.leaf_hash, self.is_current, &self.batch.blockchain_tx_id);
        let hash = sha256(format!("{told:?}").as_bytes());
        format!("\"{}\"", hex(hash.get(..8).unwrap_or_default()))
    }
}

/// The proof of a transaction's newest revision that is in a sealed tree, also of one that was deleted.
pub async fn proof(tx: &mut Tx, user_id: Uuid, id: Uuid) -> Result<Proof, Problem> {
    let proven = sql::proven(tx, user_id, id).await?.ok_or_else(Problem::not_found)?;
    if proven.revision.is_none() {
        return Err(Problem::conflict(
            "not_anchored",
            "No tree has this transaction yet: ask again after the next night.",
        ));
    }
    // A proof that proves nothing is never handed out.
    proof_of(id, proven).ok_or_else(|| Problem::internal("a leaf does not come to its root"))
}

fn proof_of(id: Uuid, proven: sql::Proven) -> Option<Proof> {
    let (leaf, leaf_index, tree_size, root_hash) =
        (proven.leaf?, proven.leaf_index?, proven.tree_size?, proven.root_hash?);
    let (index, size) = (u64::try_from(leaf_index).ok()?, u64::try_from(tree_size).ok()?);
    let tiles = proven.tiles?.iter().map(|tile| tree::hashes(tile)).collect::<Option<Vec<_>>>()?;
    let path = tree::path(&tiles, index)?;
    let leaf_hash = tree::leaf_hash(leaf.as_bytes());
    tree::root_by(leaf_hash, index, size, &path).filter(|root| hex(root) == root_hash)?;
    Some(Proof {
        transaction_id: id,
        revision: proven.revision?,
        is_current: proven.revision == Some(proven.changed_seq),
        leaf_hash: hex(&leaf_hash),
        leaf,
        leaf_index,
        tree_size,
        path: path.iter().map(|hash| hex(hash)).collect(),
        root_hash,
        batch: ProofBatch {
            id: proven.batch_id?,
            batch_date: proven.batch_date?,
            blockchain_tx_id: proven.blockchain_tx_id,
        },
    })
}
