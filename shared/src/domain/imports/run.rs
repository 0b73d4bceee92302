//! The task that works an import off.

use super::{
    chunk::{Counts, store},
    sql,
    statement::{self, Mapping, Options, Row, RowError},
    update,
};
use crate::{
    domain::{events::Turn, transactions::Recogniser},
    platform::{
        clock,
        db::{Db, Tx},
        problem::Problem,
        queue::Ran,
    },
};
use futures_util::future::join;
use std::time::{Duration, Instant};
use tokio::task::yield_now;
use uuid::Uuid;

/// Rows that commit together.
const CHUNK: usize = 5000;
/// A chunk is not begun with less time than this left.
const CHUNK_TIME: Duration = Duration::from_secs(8);

/// Works an import off from where it stands; `file` fetches its file, `told` is called after each commit. Rows, counts and the place to go on from commit together, so a worker
/// killed at any point loses and repeats nothing; a second worker on the same import sees the first one's place and
/// leaves the chunk to it.
pub async fn run(
    db: &Db,
    file: impl AsyncFn(&str) -> Result<Option<Vec<u8>>, Problem>,
    told: impl AsyncFn(),
    user_id: Uuid,
    id: Uuid,
    deadline: Instant,
) -> Result<Ran, Problem> {
    let job = db.tx(async |tx: &mut Tx| Ok::<_, Problem>(sql::job(tx, user_id, id).await?)).await?;
    let Some(job) = job else { return Ok(Ran::Done) };
    let Some(bytes) = file(&job.file_key).await? else {
        failed(db, user_id, id, "file_missing", "The file is gone: import it again.").await?;
        told().await;
        return Ok(Ran::Done);
    };
    // What serde says of it would quote the user's headers.
    let mapping = job.mapping.map(serde_json::from_value::<Mapping>).transpose();
    let mapping = mapping.map_err(|_| Problem::internal("a stored mapping that cannot be read"))?;
    let options = Options { mapping, default_currency: job.currency };
    let shape = match statement::detect(&bytes, &options) {
        Ok(shape) => shape,
        Err(refusal) => {
            failed(db, user_id, id, refusal.code, &refusal.detail).await?;
            told().await;
            return Ok(Ran::Done);
        }
    };
    let (mut counts, mut recogniser) = (Counts::default(), Recogniser::default());
    let mut rows = shape.rows(&bytes).peekable();
    let mut next = usize::try_from(job.next_row).unwrap_or_default();
    // Rows stored by an earlier run still count towards which of several equal ones a row is.
    rows.by_ref().take(next).flatten().for_each(|row| {
        counts.add(&row);
    });
    let mut chunk = read(&mut rows, &mut counts).await;
    loop {
        if deadline.saturating_duration_since(Instant::now()) < CHUNK_TIME {
            return Ok(Ran::More);
        }
        let ended = rows.peek().is_none();
        let from = next;
        next = next.saturating_add(chunk.len());
        let now = clock::now();
        let storing = db.tx(async |tx: &mut Tx| {
            let mut turn = Turn::take(tx, user_id, now).await?;
            let Some(mut progress) = sql::progress(tx, user_id, id, now).await? else { return Ok(false) };
            if !progress.open || usize::try_from(progress.next_row) != Ok(from) {
                return Ok(false);
            }
            let policy = job.on_duplicate.as_str();
            store(tx, &mut turn, &mut recogniser, &mut progress, user_id, id, policy, chunk, now).await?;
            progress.next_row = i32::try_from(next).unwrap_or(i32::MAX);
            sql::advance(tx, user_id, id, &progress, ended, turn.changed_seq, now).await?;
            let status = if ended { "completed" } else { "running" };
            turn.push("import_update", &update(id, status, &progress))?;
            turn.finish(tx).await?;
            Ok::<_, Problem>(true)
        });
        // Postgres is busy with the chunk for most of the time: the next one is read meanwhile.
        let (stored, following) = join(storing, read(&mut rows, &mut counts)).await;
        if !stored? {
            // Another worker has the import, or it was ended.
            return Ok(Ran::Done);
        }
        chunk = following;
        told().await;
        if ended {
            return Ok(Ran::Done);
        }
    }
}

/// Reads the next chunk, a few rows at a time: what else goes on in between does not wait for long.
async fn read(
    rows: &mut impl Iterator<Item = Result<Row, RowError>>,
    counts: &mut Counts,
) -> Vec<Result<(i32, Row), RowError>> {
    let mut chunk = Vec::with_capacity(CHUNK);
    for row in rows.take(CHUNK) {
        chunk.push(row.map(|row| (counts.add(&row), row)));
        if chunk.len() % 64 == 0 {
            yield_now().await;
        }
    }
    chunk
}

/// Ends an import as failed; what it stored so far stays, and can be reverted.
pub(super) async fn failed(db: &Db, user_id: Uuid, id: Uuid, code: &str, detail: &str) -> Result<(), Problem> {
    let now = clock::now();
    db.tx(async |tx: &mut Tx| {
        let mut turn = Turn::take(tx, user_id, now).await?;
        if let Some(progress) = sql::progress(tx, user_id, id, now).await?.filter(|progress| progress.open) {
            sql::fail(tx, user_id, id, code, detail, turn.changed_seq, now).await?;
            turn.push("import_update", &update(id, "failed", &progress))?;
        }
        turn.finish(tx).await
    })
    .await
}
