//! The model against what users see and what is kept.

use super::{
    acts::{Act, File},
    frames,
    ledger::{Ledger, Row},
};
use crate::support::{amount, keys, query};
use serde_json::Value;
use shared::{
    domain::{
        auth::Me,
        budgets,
        transactions::{self, Transaction},
    },
    platform::{
        db::{ReadDb, Tx},
        problem::Problem,
    },
};
use sqlx::{AssertSqlSafe, PgConnection};
use std::{
    collections::{BTreeMap, HashMap},
    rc::Rc,
};
use time::Date;
use uuid::Uuid;

/// Remembers each commit that moves an import: nobody can say from outside how far a killed one came.
const LOG: &str = "
    CREATE TABLE model_log (
        user_id uuid, seq bigint, kind text, id uuid, status text, next_row bigint, reverted_to uuid, imported bigint,
        duplicates bigint, reverted bigint, PRIMARY KEY (user_id, seq)
    );
    GRANT SELECT ON model_log TO tallybook_read;
    CREATE FUNCTION model_log() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        INSERT INTO model_log VALUES (
            NEW.user_id, NEW.changed_seq,
            CASE WHEN TG_OP = 'INSERT' THEN 'start'
                 WHEN NEW.revert_asked_at IS DISTINCT FROM OLD.revert_asked_at THEN 'ask'
                 WHEN NEW.revert_asked_at IS NOT NULL THEN 'back' ELSE 'chunk' END,
            NEW.id, NEW.status, NEW.next_row, NEW.reverted_to, NEW.rows_imported, NEW.rows_duplicate, NEW.rows_reverted
        );
        RETURN NULL;
    END $$;
    CREATE TRIGGER model_log AFTER INSERT OR UPDATE ON imports FOR EACH ROW EXECUTE FUNCTION model_log();";

pub async fn keep_log(conn: &mut PgConnection) {
    sqlx::raw_sql(AssertSqlSafe(LOG)).execute(conn).await.unwrap();
}

/// What an import must say of itself after a commit: status, rows read, imported, duplicates, reverted.
pub type Counts = (String, i64, i64, i64, i64);

/// What is kept beside the rows.
#[derive(Default)]
pub struct Kept {
    /// Category, currency, month, count and sum.
    totals: Vec<String>,
    /// The highest threshold told about in each period: what is armed shows only with the next alert.
    told: Vec<String>,
    /// Live transactions and frames, as counted.
    counted: (i64, i64),
    /// Frames after those seen before.
    pub frames: Vec<(i64, String)>,
    /// Commits of imports and reverts.
    pub acts: BTreeMap<i64, (Act, Counts)>,
    /// The ids of each import's rows.
    pub given: HashMap<Uuid, Vec<Uuid>>,
}

impl Kept {
    /// Compares what is counted and summed ahead.
    pub fn compare(&self, ledger: &Ledger) {
        let live = i64::try_from(ledger.live().count()).unwrap();
        assert_eq!(self.counted.0, live, "live transactions counted");
        let periods = ledger.budgets.iter().flat_map(|(of, periods)| periods.iter().map(move |period| (of, period)));
        let told = periods
            .map(|((category, currency), period)| format!("{category} {currency} {} {}", period.days.0, period.told));
        let mut told: Vec<_> = told.collect();
        told.sort();
        assert_eq!(self.told, told, "thresholds told about");
        let mut sums = BTreeMap::<_, (i64, i64)>::new();
        for row in ledger.live() {
            let month = format!("{:04}-{:02}", row.date.year(), u8::from(row.date.month()));
            let sum = sums.entry((row.category, row.currency, month)).or_default();
            *sum = (sum.0 + 1, sum.1 + row.cents);
        }
        let mut wanted: Vec<_> = sums
            .into_iter()
            .map(|((category, currency, month), (count, sum))| {
                format!("{category} {currency} {month} {count} {}", amount(sum))
            })
            .collect();
        wanted.sort();
        assert_eq!(self.totals, wanted, "totals by month");
    }
}

pub type Files = HashMap<Uuid, (Rc<File>, &'static str)>;

const KEPT: &str = "
    SELECT 'total', 0::bigint, concat_ws(' ', category, currency, to_char(month, 'YYYY-MM'), count, total), NULL::jsonb
    FROM transaction_totals WHERE user_id = $1 AND count > 0
    UNION ALL SELECT 'told', p.alerted, concat_ws(' ', b.category, b.currency, p.start_date), NULL
    FROM budget_periods p JOIN budgets b ON b.user_id = p.user_id AND b.id = p.budget_id WHERE p.user_id = $1
    UNION ALL SELECT 'seq', transactions, seq::text, NULL FROM user_seq WHERE user_id = $1
    UNION ALL (SELECT 'given', 0, id::text, to_jsonb(import_id) FROM transactions
               WHERE user_id = $1 AND import_id IS NOT NULL ORDER BY import_id, id)
    UNION ALL (SELECT 'frame', seq, type, data FROM events WHERE user_id = $1 AND seq > $2 ORDER BY seq)
    UNION ALL (SELECT 'log', seq, kind, to_jsonb(l) FROM model_log l WHERE user_id = $1 AND seq > $3 ORDER BY seq)";

/// Reads what was kept after a frame and a commit.
pub async fn kept(db: &ReadDb, me: &Me, frame: i64, seq: i64, files: &Files) -> Kept {
    let work = async |tx: &mut Tx| {
        let rows = sqlx::query_as(KEPT).bind(me.user_id).bind(frame).bind(seq).fetch_all(tx).await?;
        Ok::<Vec<(String, i64, String, Option<Value>)>, Problem>(rows)
    };
    let mut kept = Kept::default();
    for (what, n, text, data) in db.tx(work).await.unwrap() {
        let data = data.unwrap_or_default();
        match what.as_str() {
            "total" => kept.totals.push(text),
            "told" => kept.told.push(format!("{text} {n}")),
            "seq" => kept.counted = (n, text.parse().unwrap()),
            "frame" => kept.frames.push((n, frames::told(&text, &data))),
            "given" => kept.given.entry(id(&data).unwrap()).or_default().push(text.parse().unwrap()),
            _ => {
                kept.acts.insert(n, act(&text, &data, files));
            }
        }
    }
    kept.totals.sort();
    kept.told.sort();
    kept
}

fn id(data: &Value) -> Option<Uuid> {
    data.as_str().map(|id| id.parse().unwrap())
}

fn act(kind: &str, data: &Value, files: &Files) -> (Act, Counts) {
    let number = |name: &str| data[name].as_i64().unwrap();
    let (import, status) = (id(&data["id"]).unwrap(), data["status"].as_str().unwrap());
    let act = match kind {
        "start" => {
            let (file, policy) = files[&import].clone();
            Act::Start { import, file, policy }
        }
        "ask" => Act::Ask(import),
        "back" => Act::Back { import, to: id(&data["reverted_to"]), ended: status == "reverted" },
        _ => Act::Chunk { import, to: usize::try_from(number("next_row")).unwrap() },
    };
    let counts = (number("next_row"), number("imported"), number("duplicates"), number("reverted"));
    (act, (status.to_owned(), counts.0, counts.1, counts.2, counts.3))
}

/// What the model says of an import.
pub fn counts(ledger: &Ledger, import: Uuid) -> Counts {
    let import = &ledger.imports[&import];
    let number = |n: usize| i64::try_from(n).unwrap();
    let (next, imported) = (number(import.next), number(import.imported));
    (import.status.to_owned(), next, imported, number(import.duplicates), number(import.reverted))
}

/// What is told of a row, by the model and by the code.
#[derive(Debug, PartialEq)]
struct Seen<'a> {
    id: Uuid,
    cents: i64,
    currency: &'a str,
    date: Date,
    text: &'a str,
    merchant: Option<&'a str>,
    category: &'a str,
    chosen: bool,
    source: &'a str,
    duplicate_of: Option<Uuid>,
    import: Option<Uuid>,
    deleted: bool,
    changed: i64,
}

fn foretold(row: &Row) -> Seen<'_> {
    Seen {
        id: row.id,
        cents: row.cents,
        currency: row.currency,
        date: row.date,
        text: row.text.raw,
        merchant: row.text.merchant.map(|(name, _)| name),
        category: row.category,
        chosen: row.chosen,
        source: if row.import.is_some() { "csv" } else { "manual" },
        duplicate_of: row.duplicate_of,
        import: row.import,
        deleted: row.deleted,
        changed: row.changed,
    }
}

fn listed(row: &Transaction) -> Seen<'_> {
    Seen {
        id: row.id,
        cents: i64::try_from(row.amount.amount().mantissa()).unwrap(),
        currency: &row.currency,
        date: row.date,
        text: &row.merchant_raw,
        merchant: row.merchant.as_ref().map(|merchant| merchant.canonical_name.as_str()),
        category: &row.category,
        chosen: row.confidence.get("category").is_some(),
        source: &row.source,
        duplicate_of: row.duplicate_of,
        import: row.import_id,
        deleted: row.is_deleted,
        changed: row.changed_seq,
    }
}

/// Compares what a user sees: all pages of the list, its counts, the budgets.
pub async fn compare(db: &ReadDb, me: &Me, ledger: &Ledger, deleted: bool, limit: i64) {
    let keys = keys();
    let kind = if deleted { "&include=deleted" } else { "" };
    let (mut rows, mut cursor, mut total) = (Vec::new(), String::new(), 0);
    let work = async |tx: &mut Tx| {
        loop {
            let asked = query(&format!("limit={limit}{kind}{cursor}"));
            let page = transactions::list(tx, &keys, me, &asked).await?;
            total = page.total;
            rows.extend(page.data);
            let Some(next) = page.next_cursor else { break };
            cursor = format!("&cursor={next}");
        }
        let asked = query("limit=1&category=Groceries&currency=USD");
        let some = transactions::list(tx, &keys, me, &asked).await?.total;
        Ok::<_, Problem>((some, budgets::list(tx, me, &query("period=all")).await?))
    };
    let (some, budgets) = db.tx(work).await.unwrap();
    let mut wanted: Vec<_> = ledger.rows.values().filter(|row| deleted || !row.deleted).collect();
    wanted.sort_by_key(|row| std::cmp::Reverse((row.date, row.id)));
    assert_eq!(rows.len(), wanted.len(), "rows");
    for (row, wanted) in rows.iter().zip(&wanted) {
        assert_eq!(listed(row), foretold(wanted));
    }
    let live = |count: usize| i64::try_from(count).unwrap();
    let counted = if deleted { wanted.len().min(10_000) } else { wanted.len() };
    assert_eq!(total, live(counted), "total");
    let groceries = ledger.live().filter(|row| row.category == "Groceries" && row.currency == "USD").count();
    assert_eq!(some, live(groceries), "total of a category");
    let seen = budgets.iter().map(|one| {
        let (spent, limit, left) = (one.spent.amount(), one.amount.amount(), one.remaining.amount());
        format!("{} {} {} {} {spent} of {limit}, {left}", one.category, one.currency, one.start_date, one.end_date)
    });
    let mut wanted = Vec::new();
    for ((category, currency), periods) in &ledger.budgets {
        for period in periods {
            let (spent, (first, last)) = (ledger.spent(category, currency, period.days), period.days);
            let (limit, left) = (amount(period.cents), amount(period.cents - spent));
            wanted.push(format!("{category} {currency} {first} {last} {} of {limit}, {left}", amount(spent)));
        }
    }
    wanted.sort();
    let mut seen: Vec<_> = seen.collect();
    seen.sort();
    assert_eq!(seen, wanted, "budgets");
}

/// Frames are numbered 1, 2, 3 …, and none is stored that is not counted.
pub fn gapless(kept: &Kept, after: i64) {
    assert!(kept.frames.iter().map(|(seq, _)| *seq).eq(after + 1..=kept.counted.1), "a gap after {after}");
}

/// Commits in the order of their numbers, each with the answer it was given, if there was one.
pub type Done = Vec<(i64, Act, Option<Transaction>)>;

/// Takes commits over into the model: their answers, what imports say of themselves, and the frames told must be what it
/// foretells.
pub fn settle(ledger: &mut Ledger, kept: &mut Kept, done: Done) {
    let imports = std::mem::take(&mut kept.acts).into_iter();
    let mut all: BTreeMap<_, _> = imports.map(|(seq, (act, counts))| (seq, (act, Some(counts), None))).collect();
    for (seq, act, answer) in done {
        assert!(all.insert(seq, (act, None, answer)).is_none(), "{seq} is two commits");
    }
    ledger.given = std::mem::take(&mut kept.given);
    let mut frames = kept.frames.iter().map(|(_, frame)| frame.clone());
    for (seq, (act, said, answer)) in all {
        let told = ledger.apply(seq, &act);
        let mut seen: Vec<_> = frames.by_ref().take(told.len()).collect();
        seen.sort();
        assert_eq!(seen, told, "frames of {seq}: {act:?}");
        if let Some(answer) = answer {
            assert_eq!(listed(&answer), foretold(&ledger.rows[&answer.id]), "answer to {seq}: {act:?}");
        }
        if let (
            Some(said),
            Act::Start { import, .. } | Act::Chunk { import, .. } | Act::Ask(import) | Act::Back { import, .. },
        ) = (said, &act)
        {
            assert_eq!(said, counts(ledger, *import), "import after {seq}: {act:?}");
        }
    }
    assert_eq!(frames.next(), None, "a frame too many");
}
