//! Merchants from a CSV file: `canonical_name,category,aliases,country,tags`.

use super::sql;
use crate::{
    domain::imports::statement::alias_key,
    platform::{
        db::{Db, Tx},
        problem::Problem,
    },
};
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashSet;
use uuid::Uuid;

/// Rows a transaction takes: few enough that a fault costs little, many enough to be quick.
const BATCH: usize = 100;

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

/// A merchant that was found right.
pub(super) struct Row {
    pub id: Uuid,
    pub canonical_name: String,
    pub category: String,
    pub country: Option<String>,
    pub aliases: Vec<String>,
    pub tags: Value,
    /// The normalised names; the first is the canonical one's.
    pub keys: Vec<String>,
}

/// What became of a file.
#[derive(Debug, Default)]
pub struct Report {
    /// Merchants that are new.
    pub imported: usize,
    /// Merchants known already, or twice in the file.
    pub skipped: usize,
    /// Rows that were refused.
    pub refused: usize,
    /// A line for each row that was not imported.
    pub log: Vec<String>,
}

impl Line {
    fn check(self, categories: &HashSet<String>) -> Result<Row, String> {
        let name = self.canonical_name.split_whitespace().collect::<Vec<_>>().join(" ");
        if !(3..=255).contains(&name.chars().count()) {
            return Err("canonical_name must have 3 to 255 characters".into());
        }
        if !categories.contains(&self.category) {
            return Err(format!("{:?} is no system category", self.category));
        }
        let country = self.country.trim().to_owned();
        if !country.is_empty() && (country.len() != 2 || !country.bytes().all(|b| b.is_ascii_uppercase())) {
            return Err(format!("country {country:?} must be two capital letters, or empty"));
        }
        let tags: Value = match self.tags.trim() {
            "" => Value::Object(serde_json::Map::new()),
            text => serde_json::from_str(text).map_err(|error| format!("tags is not JSON: {error}"))?,
        };
        if !tags.is_object() {
            return Err("tags must be a JSON object".into());
        }
        let mut aliases: Vec<_> =
            self.aliases.split('|').map(str::trim).filter(|alias| !alias.is_empty()).map(ToOwned::to_owned).collect();
        aliases.sort();
        aliases.dedup();
        if aliases.len() > 50 {
            return Err("at most 50 aliases".into());
        }
        let mut keys = vec![alias_key(&name)];
        for alias in &aliases {
            let key = alias_key(alias);
            if !key.is_empty() && !keys.contains(&key) {
                keys.push(key);
            }
        }
        if keys.first().is_none_or(String::is_empty) {
            return Err("canonical_name has no letters or digits".into());
        }
        if keys.iter().any(|key| key.chars().count() > 255) {
            return Err("an alias may have at most 255 characters".into());
        }
        let nul = |text: &str| text.contains('\0') || text.contains("\\u0000");
        if nul(&name) || nul(&tags.to_string()) || aliases.iter().any(|alias| nul(alias)) {
            return Err("NUL cannot be stored".into());
        }
        let country = (!country.is_empty()).then_some(country);
        Ok(Row { id: Uuid::now_v7(), canonical_name: name, category: self.category, country, aliases, tags, keys })
    }
}

/// Loads a file in batches. Rows that are wrong, or known already, are passed over and said so; the rest goes in.
pub async fn import_csv(db: &Db, text: &str, progress: impl Fn(usize)) -> Result<Report, Problem> {
    let categories = db.tx(async |tx: &mut Tx| Ok::<_, Problem>(sql::system_categories(tx).await?)).await?;
    let categories: HashSet<_> = categories.into_iter().collect();
    let (mut report, mut seen, mut rows) = (Report::default(), HashSet::new(), Vec::new());
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    for (index, line) in reader.deserialize::<Line>().enumerate() {
        let row = line.map_err(|error| error.to_string()).and_then(|line| line.check(&categories));
        match row {
            Err(why) => {
                report.refused = report.refused.saturating_add(1);
                report.log.push(format!("row {}: refused: {why}", index.saturating_add(1)));
            }
            Ok(row) if row.keys.iter().any(|key| seen.contains(key)) => {
                report.skipped = report.skipped.saturating_add(1);
                report.log.push(format!(
                    "row {}: skipped: a name of {:?} stands in this file before",
                    index.saturating_add(1),
                    row.canonical_name
                ));
            }
            Ok(row) => {
                seen.extend(row.keys.iter().cloned());
                rows.push((index, row));
            }
        }
    }
    let mut done = 0_usize;
    while !rows.is_empty() {
        let batch: Vec<_> = rows.drain(..rows.len().min(BATCH)).collect();
        done = done.saturating_add(batch.len());
        let keys: Vec<_> = batch.iter().flat_map(|(_, row)| row.keys.iter().cloned()).collect();
        let (imported, known) = db
            .tx(async |tx: &mut Tx| {
                let taken: HashSet<_> = sql::taken(tx, &keys).await?.into_iter().collect();
                let (known, new): (Vec<_>, Vec<_>) =
                    batch.into_iter().partition(|(_, row)| row.keys.iter().any(|key| taken.contains(key)));
                let new: Vec<_> = new.into_iter().map(|(_, row)| row).collect();
                sql::insert(tx, &new).await?;
                Ok::<_, Problem>((new.len(), known))
            })
            .await?;
        report.imported = report.imported.saturating_add(imported);
        report.skipped = report.skipped.saturating_add(known.len());
        let said = known.into_iter().map(|(index, row)| {
            format!("row {}: skipped: a name of {:?} is known already", index.saturating_add(1), row.canonical_name)
        });
        report.log.extend(said);
        progress(done);
    }
    Ok(report)
}
