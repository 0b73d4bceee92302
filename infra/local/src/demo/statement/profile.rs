//! What the sample statement is made of; the JSON explains itself.

use anyhow::{Context, Result};
use serde::Deserialize;

use super::super::cents::Cents;

#[derive(Deserialize)]
pub struct Profile {
    pub file: File,
    pub rules: Rules,
    pub recurring: Vec<Recurring>,
    pub everyday: Vec<Everyday>,
}

#[derive(Deserialize)]
pub struct File {
    pub line_end: String,
    pub delimiter: String,
    pub preamble: Vec<String>,
    pub header: String,
    pub thousands: String,
    pub currency: String,
    pub opening_balance: Cents,
}

#[derive(Deserialize)]
pub struct Rules {
    pub rows_per_day: RowsPerDay,
}

#[derive(Deserialize)]
pub struct RowsPerDay {
    pub monday_first: [(i64, i64); 7],
}

#[derive(Deserialize)]
pub struct Recurring {
    pub descriptor: String,
    pub kind: Kind,
    pub min: Cents,
    pub max: Cents,
    pub day: u8,
    pub months: Vec<u8>,
    pub shift: Shift,
}

#[derive(Deserialize)]
pub struct Everyday {
    pub kind: Kind,
    pub weight: u64,
    pub min: Cents,
    pub max: Cents,
    /// In percent, Monday first.
    pub weekdays: [u64; 7],
    pub hours: (i64, i64),
    pub patterns: Vec<String>,
    #[serde(default)]
    pub terminals: Vec<String>,
    #[serde(default)]
    pub branches: Vec<String>,
    #[serde(default)]
    pub prices: Vec<Cents>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Income,
    Expense,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shift {
    Next,
    Previous,
}

impl Profile {
    pub fn sample() -> Result<Self> {
        serde_json::from_str(include_str!("../../../../data/sample-profile.json"))
            .context("the sample profile does not read")
    }
}
