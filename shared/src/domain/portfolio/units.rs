//! How many of something are held.

use crate::platform::fields::{Fault, Field, string};
use rust_decimal::Decimal;
use serde::{Serialize, Serializer};

/// A number with eight decimals, not below zero. Never a float: it is read from the text as it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Units(Decimal);

const DECIMALS: u32 = 8;
/// Digits before the point, as `NUMERIC(20,8)` holds them.
const WHOLE: usize = 12;

impl Units {
    /// Takes a number from the database.
    #[must_use]
    pub fn of(units: Decimal) -> Self {
        let mut units = units;
        units.rescale(DECIMALS);
        Self(units)
    }

    /// The number.
    #[must_use]
    pub fn number(self) -> Decimal {
        self.0
    }

    /// Reads digits, at most one point and at most eight decimals; nothing else.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let not_a_number =
            || Fault::new("not_a_number", "Send a number such as \"0.5\": digits, and a point before the decimals.");
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !plain(whole.strip_prefix('-').unwrap_or(whole)) || !plain(decimals) {
            return Err(not_a_number());
        }
        if decimals.len() > 8 {
            return Err(Fault::new("too_many_decimals", "Send at most eight decimals: nothing is rounded."));
        }
        if text.starts_with('-') {
            return Err(Fault::new("negative", "Send a number that is not below zero."));
        }
        let whole = whole.trim_start_matches('0');
        if whole.len() > WHOLE {
            return Err(Fault::new("too_large", "Send a number of at most twelve digits before the point."));
        }
        let digits = format!("0{whole}{decimals:0<8}").parse::<i128>().map_err(|_| not_a_number())?;
        Decimal::try_from_i128_with_scale(digits, DECIMALS).map(Self).map_err(|_| not_a_number())
    }
}

impl Field for Units {
    fn from_text(text: &str) -> Result<Self, Fault> {
        Self::parse(text)
    }
    fn from_json(raw: &str) -> Result<Self, Fault> {
        if raw.starts_with('"') { Self::parse(&string(raw)?) } else { Self::parse(raw) }
    }
}

/// A JSON string with eight decimals.
impl Serialize for Units {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn must_hold_23_odd_units_are_refused_never_rounded() {
        for (text, code) in [
            ("NaN", "not_a_number"),
            ("1e3", "not_a_number"),
            ("1_000", "not_a_number"),
            ("+1", "not_a_number"),
            (" 1", "not_a_number"),
            ("1.", "not_a_number"),
            (".5", "not_a_number"),
            ("", "not_a_number"),
            ("-", "not_a_number"),
            ("--1", "not_a_number"),
            ("1.-5", "not_a_number"),
            ("٣", "not_a_number"),
            ("-1", "negative"),
            ("0.123456789", "too_many_decimals"),
            ("1000000000000", "too_large"),
        ] {
            assert_eq!(Units::from_json(text).unwrap_err().code, code, "{text}");
            assert_eq!(Units::from_json(&format!("\"{text}\"")).unwrap_err().code, code, "{text}");
        }
        for (text, shown) in [
            ("0", "0.00000000"),
            ("12.5", "12.50000000"),
            ("0.00000001", "0.00000001"),
            ("007", "7.00000000"),
            ("999999999999.99999999", "999999999999.99999999"),
        ] {
            assert_eq!(Units::from_json(text).unwrap().number().to_string(), shown);
        }
        assert_eq!(Units::from_json("true").unwrap_err().code, "not_a_number");
    }
}
