//! Frames in short: as the model foretells them, and as they were told.

use super::ledger::{Import, Row};
use crate::support::{amount, cents};
use serde_json::Value;
use uuid::Uuid;

pub fn of_row(row: &Row) -> String {
    let Row { id, cents, currency, date, text, category, deleted, duplicate_of, .. } = row;
    format!("transaction {id} {cents} {currency} {date} {} {category} {deleted} {duplicate_of:?}", text.raw)
}

pub fn of_alert((category, currency): (&str, &str), threshold: i64, spent: i64, limit: i64) -> String {
    format!("alert {category} {currency} {threshold} {} of {}", amount(spent), amount(limit))
}

pub fn of_import(id: Uuid, import: &Import) -> String {
    let Import { status, next, imported, duplicates, reverted, .. } = import;
    format!("import {id} {status} {next} {imported} {duplicates} {reverted}")
}

/// A frame as it was told.
pub fn told(kind: &str, data: &Value) -> String {
    let text = |name: &str| data[name].as_str().unwrap_or_default();
    match kind {
        "transaction_update" => {
            let duplicate_of: Option<Uuid> = data["duplicate_of"].as_str().map(|id| id.parse().unwrap());
            let (id, cents, deleted) = (text("id"), cents(&data["amount"]), &data["is_deleted"]);
            let (currency, day, raw, category) =
                (text("currency"), text("date"), text("merchant_raw"), text("category"));
            format!("transaction {id} {cents} {currency} {day} {raw} {category} {deleted} {duplicate_of:?}")
        }
        "budget_alert" => {
            let (category, currency, threshold) = (text("category"), text("currency"), &data["threshold"]);
            format!("alert {category} {currency} {threshold} {} of {}", text("spent"), text("budget"))
        }
        _ => {
            let (rows, imported, duplicates) = (&data["rows"], &data["imported"], &data["duplicates"]);
            let (id, status, reverted) = (text("id"), text("status"), &data["reverted"]);
            format!("import {id} {status} {rows} {imported} {duplicates} {reverted}")
        }
    }
}
