//! Money in cents. The demo only adds and compares, so an integer is exact and enough.

use std::fmt;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Cents(pub i64);

impl Cents {
    /// `1234.56`, as the API writes an amount.
    pub fn parse(text: &str) -> Result<Self> {
        let read = || {
            let digits = text.strip_prefix('-').unwrap_or(text);
            let (whole, part) = digits.split_once('.')?;
            let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            if !plain(whole) || !plain(part) || part.len() != 2 {
                return None;
            }
            let cents = whole.parse::<i64>().ok()?.checked_mul(100)?.checked_add(part.parse().ok()?)?;
            Some(Self(if digits.len() < text.len() { -cents } else { cents }))
        };
        read().with_context(|| format!("`{text}` is no amount with two decimals"))
    }

    /// This many percent, cut to the cent.
    pub fn percent(self, percent: i64) -> Result<Self> {
        let whole = self.0.checked_mul(percent);
        Ok(Self(whole.context("an amount too large to take a share of")? / 100))
    }

    /// `1.234,56`, as an Austrian bank prints it; with `thousands` empty, `1234,56`.
    pub fn printed(self, thousands: &str) -> String {
        let (sign, whole, part) = self.parts();
        let digits = whole.to_string();
        let mut grouped = String::new();
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                grouped.push_str(thousands);
            }
            grouped.push(digit);
        }
        format!("{sign}{grouped},{part:02}")
    }

    fn parts(self) -> (&'static str, u64, u64) {
        let cents = self.0.unsigned_abs();
        (if self.0 < 0 { "-" } else { "" }, cents / 100, cents % 100)
    }
}

impl fmt::Display for Cents {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, whole, part) = self.parts();
        out.pad(&format!("{sign}{whole}.{part:02}"))
    }
}

impl TryFrom<String> for Cents {
    type Error = anyhow::Error;

    fn try_from(text: String) -> Result<Self> {
        let amount = Self::parse(&text)?;
        ensure!(amount.to_string() == text, "`{text}` is not how {amount} is written");
        Ok(amount)
    }
}

#[cfg(test)]
mod tests {
    use super::Cents;

    #[test]
    fn an_amount_survives_the_wire() {
        for (text, cents) in [("0.05", 5), ("-0.05", -5), ("-12.50", -1250), ("999999999999.99", 99_999_999_999_999)] {
            assert_eq!(Cents::parse(text).unwrap(), Cents(cents));
            assert_eq!(Cents(cents).to_string(), text);
        }
        for text in ["", "-", "1", "1.5", "1.234", "1,50", "--1.00", "+1.00", ".50", "1.-5"] {
            assert!(Cents::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_bank_groups_thousands() {
        let printed = [5, -1250, 12_345, 123_456, -123_456_789].map(|cents| Cents(cents).printed("."));
        assert_eq!(printed, ["0,05", "-12,50", "123,45", "1.234,56", "-1.234.567,89"]);
        assert_eq!(Cents(123_456).printed(""), "1234,56");
    }

    #[test]
    fn a_share_is_cut_to_the_cent() {
        assert_eq!(Cents(999).percent(85).unwrap(), Cents(849));
        assert!(Cents(i64::MAX).percent(2).is_err());
    }
}
