//! Merchants from a CSV file: `canonical_name,category,aliases,country,tags`.

use super::{
    new::{Aliases, Country, Name, NewMerchant, NewRow, Tags},
    sql,
};
use crate::{
    domain::{audit, auth::Me, categories::Category},
    platform::{
        clock,
        db::{Db, Tx},
        fields::{Fault, Field},
        http::Call,
        problem::Problem,
    },
};
use serde::{Deserialize, Serialize};
use std::{collections::HashSet, fmt};

/// The largest file that comes in a request's body.
pub const BODY_LIMIT: usize = 1024 * 1024;
/// Rows that one statement stores: few enough that a fault of the command costs little, many enough to be quick.
const BATCH: usize = 100;
/// Rows that a request may bring: they are stored in one transaction, in the time of one request.
const ROWS: usize = 5000;
/// The columns; a file may leave out all but the first two.
const COLUMNS: [&str; 5] = ["canonical_name", "category", "aliases", "country", "tags"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    canonical_name: String,
    category: String,
    #[serde(default)]
    aliases: String,
    #[serde(default)]
    country: String,
    #[serde(default)]
    tags: String,
}

impl Line {
    fn read(&self) -> Result<NewMerchant, String> {
        let mut faults = Vec::new();
        let mut note = |column: &str, fault: Fault| faults.push(format!("{column}: {}", fault.detail));
        let name = Name::from_text(&self.canonical_name).map_err(|fault| note("canonical_name", fault)).ok();
        let category = Category::from_text(&self.category).map_err(|fault| note("category", fault)).ok();
        let aliases = self.aliases.split('|').filter(|alias| !alias.trim().is_empty());
        let aliases = Aliases::of(aliases).map_err(|fault| note("aliases", fault)).ok();
        let country = Some(self.country.trim()).filter(|country| !country.is_empty());
        let country = country.map(|text| Country::from_text(text).map_err(|fault| note("country", fault)).ok());
        let tags = match self.tags.trim() {
            "" => Some(Tags::default()),
            text => Tags::from_text(text).map_err(|fault| note("tags", fault)).ok(),
        };
        match (name, category, aliases, tags) {
            (Some(name), Some(category), Some(aliases), Some(tags)) if faults.is_empty() => {
                Ok(NewMerchant { name, category, aliases, country: country.flatten(), tags })
            }
            _ => Err(faults.join(" ")),
        }
    }
}

/// A row that did not become a merchant.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Left {
    /// Which, counted from 1 below the header.
    #[schema(example = 3)]
    pub row: usize,
    /// `skipped`: known already; `refused`: wrong.
    #[schema(example = "skipped")]
    pub outcome: &'static str,
    /// Why.
    #[schema(example = "It is known already.")]
    pub reason: String,
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "row {}: {}: {}", self.row, self.outcome, self.reason)
    }
}

/// What became of a file.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
pub struct Report {
    /// Merchants that are new.
    #[schema(example = 2)]
    pub imported: usize,
    /// Merchants known already, or twice in the file.
    #[schema(example = 1)]
    pub skipped: usize,
    /// Rows that were refused.
    #[schema(example = 0)]
    pub refused: usize,
    /// Each row that was not imported.
    pub rows: Vec<Left>,
}

impl Report {
    fn skip(&mut self, row: usize, reason: String) {
        self.skipped = self.skipped.saturating_add(1);
        self.rows.push(Left { row, outcome: "skipped", reason });
    }

    fn refuse(&mut self, row: usize, reason: String) {
        self.refused = self.refused.saturating_add(1);
        self.rows.push(Left { row, outcome: "refused", reason });
    }

    fn sorted(mut self) -> Self {
        self.rows.sort_by_key(|left| left.row);
        self
    }
}

/// Reads a file of at most so many rows; what is wrong in itself, or twice in it, is told apart from what may go in.
fn read(text: &str, categories: &[String], most: usize) -> Result<(Report, Vec<(usize, NewRow)>), Problem> {
    let categories: HashSet<_> = categories.iter().map(String::as_str).collect();
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let headers: Vec<_> = reader.headers().map(|row| row.iter().map(str::to_owned).collect()).unwrap_or_default();
    let known = headers.iter().all(|name| COLUMNS.contains(&name.as_str()));
    if !known || COLUMNS.iter().take(2).any(|name| headers.iter().filter(|header| header == name).count() != 1) {
        return Err(Problem::new(
            422,
            "bad_header",
            "Begin the file with the line canonical_name,category,aliases,country,tags; the last three may be left out.",
        ));
    }
    let (mut report, mut seen, mut rows) = (Report::default(), HashSet::new(), Vec::new());
    for (index, line) in reader.deserialize::<Line>().enumerate() {
        let number = index.saturating_add(1);
        if number > most {
            return Err(Problem::new(413, "too_many_rows", format!("Send at most {most} merchants at once.")));
        }
        let row = line.map_err(|error| error.to_string()).and_then(|line| line.read()).map(NewMerchant::row);
        match row {
            Err(why) => report.refuse(number, why),
            Ok(row) if !categories.contains(row.category.as_str()) => {
                report.refuse(number, format!("category: {:?} is none of the system's.", row.category));
            }
            Ok(row) if row.keys.iter().any(|key| seen.contains(key)) => {
                report.skip(number, format!("A name of {:?} stands in this file before.", row.canonical_name));
            }
            Ok(row) => {
                seen.extend(row.keys.iter().cloned());
                rows.push((number, row));
            }
        }
    }
    Ok((report, rows))
}

/// Stores what is new of a batch.
async fn store(tx: &mut Tx, batch: Vec<(usize, NewRow)>, report: &mut Report) -> Result<(), Problem> {
    let keys: Vec<_> = batch.iter().flat_map(|(_, row)| row.keys.iter().cloned()).collect();
    let taken: HashSet<_> = sql::taken(tx, &keys).await?.into_iter().collect();
    let (known, new): (Vec<_>, Vec<_>) =
        batch.into_iter().partition(|(_, row)| row.keys.iter().any(|key| taken.contains(key)));
    let new: Vec<_> = new.into_iter().map(|(_, row)| row).collect();
    sql::insert(tx, &new, clock::now()).await?;
    report.imported = report.imported.saturating_add(new.len());
    for (number, row) in known {
        report.skip(number, format!("A name of {:?} is known already.", row.canonical_name));
    }
    Ok(())
}

/// Loads a file, a transaction a batch. Rows that are wrong, or known already, are passed over and said so; the rest goes
/// in.
pub async fn import_csv(db: &Db, text: &str, progress: impl Fn(usize)) -> Result<Report, Problem> {
    let categories = db.tx(async |tx: &mut Tx| Ok::<_, Problem>(sql::system_categories(tx).await?)).await?;
    let (mut report, mut rows) = read(text, &categories, usize::MAX)?;
    let mut done = 0_usize;
    while !rows.is_empty() {
        let batch: Vec<_> = rows.drain(..rows.len().min(BATCH)).collect();
        done = done.saturating_add(batch.len());
        db.tx(async |tx: &mut Tx| store(tx, batch, &mut report).await).await?;
        progress(done);
    }
    Ok(report.sorted())
}

/// Loads the file of a request, whole or not at all: its answer is kept with it.
pub async fn import(tx: &mut Tx, me: &Me, call: &Call) -> Result<Report, Problem> {
    let text =
        std::str::from_utf8(call.file(BODY_LIMIT)?).map_err(|_| Problem::malformed("Send the file in UTF-8."))?;
    let (mut report, mut rows) = read(text, &sql::system_categories(tx).await?, ROWS)?;
    while !rows.is_empty() {
        let batch = rows.drain(..rows.len().min(BATCH)).collect();
        store(tx, batch, &mut report).await?;
    }
    audit::record(tx, call, me.user_id, "merchants.imported", None).await?;
    Ok(report.sorted())
}
