//! A plan as it is kept: nodes, indexes and conditions, and nothing that differs from run to run.

use std::{collections::BTreeSet, fmt};

/// Tables that grow with use. The others are read from end to end because they are small.
const GROWING: [&str; 14] = [
    "transactions",
    "transaction_totals",
    "merchant_master",
    "merchant_aliases",
    "user_corrections",
    "embeddings",
    "events",
    "imports",
    "import_errors",
    "budgets",
    "budget_periods",
    "users",
    "sessions",
    "user_seq",
];

/// A statement and how it is gone about.
pub struct Plan {
    /// On one line.
    pub sql: String,
    lines: Vec<String>,
}

impl Plan {
    pub fn of(sql: &str, lines: &[String]) -> Self {
        Self { sql: one_line(sql), lines: lines.iter().map(|line| without_values(line)).collect() }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "-- {}", self.sql)?;
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// Plans as they were kept.
pub fn parsed(text: &str) -> Vec<Plan> {
    let mut plans: Vec<Plan> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(sql) = line.strip_prefix("-- ") {
            plans.push(Plan { sql: sql.to_owned(), lines: Vec::new() });
        } else if let Some(plan) = plans.last_mut() {
            plan.lines.push(line.to_owned());
        }
    }
    plans
}

/// A statement without its line breaks.
pub fn one_line(sql: &str) -> String {
    sql.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The growing tables that a plan reads from end to end.
pub fn scans(plan: &Plan) -> BTreeSet<String> {
    let scanned = plan.lines.iter().filter_map(|line| line.split_once("Seq Scan on "));
    let tables = scanned.filter_map(|(_, rest)| rest.split_whitespace().next());
    let parent = |table: &str| if table.starts_with("events_") { "events".to_owned() } else { table.to_owned() };
    tables.map(parent).filter(|table| GROWING.contains(&table.as_str())).collect()
}

/// A line without the values it was planned for, and without the day of a partition.
fn without_values(line: &str) -> String {
    let (mut kept, mut rest) = (String::new(), line.trim_end());
    while let Some((before, quoted)) = rest.split_once('\'') {
        kept.push_str(before);
        kept.push('?');
        let mut after = quoted;
        // Two quotation marks in a row are one of the text's.
        while let Some((_, next)) = after.split_once('\'') {
            after = next;
            match next.strip_prefix('\'') {
                Some(inside) => after = inside,
                None => break,
            }
        }
        rest = after;
    }
    kept.push_str(rest);
    let mut parts = kept.split("events_2");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |kept, day| kept + "events_DAY" + day.trim_start_matches(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(lines: &[&str]) -> Plan {
        Plan::of("SELECT\n  1", &lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn what_differs_from_run_to_run_is_not_kept() {
        let one = plan(&["Filter: ((user_id = '0199'::uuid) AND (name = 'it''s'::text) AND (n > 5))"]);
        assert_eq!(one.lines, ["Filter: ((user_id = ?::uuid) AND (name = ?::text) AND (n > 5))"]);
        let day = plan(&["  ->  Index Scan using events_20261123_pkey on events_20261123 events_1"]);
        assert_eq!(day.lines, ["  ->  Index Scan using events_DAY_pkey on events_DAY events_1"]);
    }

    #[test]
    fn plans_read_back_as_they_were_kept() {
        let kept = plan(&["Limit", "  ->  Seq Scan on transactions t"]);
        let text = format!("{kept}\n{}", plan(&["Result"]));
        let read = parsed(&text);
        assert_eq!(read.len(), 2);
        assert_eq!(read[0].to_string(), kept.to_string());
    }

    #[test]
    fn a_growing_table_read_from_end_to_end_is_seen() {
        let found = plan(&[
            "Append",
            "  ->  Parallel Seq Scan on transactions t",
            "  ->  Seq Scan on events_default events_5",
            "  ->  Seq Scan on categories",
            "  ->  Index Scan using transactions_pkey on transactions",
        ]);
        assert_eq!(scans(&found).into_iter().collect::<Vec<_>>(), ["events", "transactions"]);
    }
}
