//! Amounts and currencies that cannot be wrong.

use crate::platform::fields::{Fault, Field, string};
use rust_decimal::Decimal;
use serde::{Serialize, Serializer};

/// An amount with two decimals. Never a float: it is read from the text as it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Money(Decimal);

/// The largest amount that `NUMERIC(14,2)` holds: 999,999,999,999.99.
const MAX_CENTS: i64 = 99_999_999_999_999;

impl Money {
    /// Takes a sum from the database, which may be zero.
    #[must_use]
    pub fn of(amount: Decimal) -> Self {
        let mut amount = amount;
        amount.rescale(2);
        Self(amount)
    }

    /// The number.
    #[must_use]
    pub fn amount(self) -> Decimal {
        self.0
    }

    /// Reads digits, at most one point, at most two decimals, and a sign; nothing else.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let not_a_number = || {
            Fault::new(
                "not_an_amount",
                "Send an amount such as \"12.50\": digits, and a point before at most two decimals.",
            )
        };
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !plain(whole) || !plain(decimals) {
            return Err(not_a_number());
        }
        if decimals.len() > 2 {
            return Err(Fault::new("too_many_decimals", "Send at most two decimals: nothing is rounded."));
        }
        let whole = whole.trim_start_matches('0');
        if whole.len() > 12 {
            return Err(Fault::new("too_large", "Send an amount of at most 999999999999.99."));
        }
        let cents = format!("0{whole}{decimals:0<2}").parse::<i64>().map_err(|_| not_a_number())?;
        match cents {
            0 => Err(Fault::new("zero_amount", "Send an amount other than zero.")),
            1..=MAX_CENTS => {
                Ok(Self(Decimal::new(if text.starts_with('-') { cents.saturating_neg() } else { cents }, 2)))
            }
            _ => Err(Fault::new("too_large", "Send an amount of at most 999999999999.99.")),
        }
    }
}

impl Field for Money {
    fn from_text(text: &str) -> Result<Self, Fault> {
        Self::parse(text)
    }
    fn from_json(raw: &str) -> Result<Self, Fault> {
        if raw.starts_with('"') { Self::parse(&string(raw)?) } else { Self::parse(raw) }
    }
}

/// A JSON string with two decimals.
impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// An amount above zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PositiveMoney(pub Money);

impl Field for PositiveMoney {
    fn from_text(text: &str) -> Result<Self, Fault> {
        Money::from_text(text).and_then(Self::checked)
    }
    fn from_json(raw: &str) -> Result<Self, Fault> {
        Money::from_json(raw).and_then(Self::checked)
    }
}

impl PositiveMoney {
    fn checked(money: Money) -> Result<Self, Fault> {
        if money.0.is_sign_negative() {
            return Err(Fault::new("not_positive", "Send an amount above zero."));
        }
        Ok(Self(money))
    }
}

/// What something cost or is worth: zero is an amount here, and nothing is below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Worth(pub Money);

impl Worth {
    fn checked(read: Result<Money, Fault>) -> Result<Self, Fault> {
        match read {
            Err(fault) if fault.code == "zero_amount" => Ok(Self(Money::of(Decimal::ZERO))),
            Ok(money) if money.0.is_sign_negative() => {
                Err(Fault::new("negative", "Send an amount that is not below zero."))
            }
            other => other.map(Self),
        }
    }
}

impl Field for Worth {
    fn from_text(text: &str) -> Result<Self, Fault> {
        Self::checked(Money::from_text(text))
    }
    fn from_json(raw: &str) -> Result<Self, Fault> {
        Self::checked(Money::from_json(raw))
    }
}

/// An ISO 4217 code of a currency with at most two minor digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Currency(String);

impl Currency {
    /// The code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Field for Currency {
    fn from_text(text: &str) -> Result<Self, Fault> {
        if super::imports::statement::is_supported(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Fault::new(
                "unsupported_currency",
                "Send an ISO 4217 code with at most two minor digits, such as \"EUR\".",
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn must_hold_23_odd_numbers_are_refused_never_rounded() {
        let refused = [
            ("NaN", "not_an_amount"),
            ("1e3", "not_an_amount"),
            ("1_000", "not_an_amount"),
            ("+1", "not_an_amount"),
            (" 1", "not_an_amount"),
            ("1.", "not_an_amount"),
            (".5", "not_an_amount"),
            ("", "not_an_amount"),
            ("-", "not_an_amount"),
            ("١", "not_an_amount"),
            ("1.005", "too_many_decimals"),
            ("0", "zero_amount"),
            ("-0.00", "zero_amount"),
            ("1000000000000", "too_large"),
        ];
        for (text, code) in refused {
            assert_eq!(Money::from_json(text).unwrap_err().code, code, "{text}");
            assert_eq!(Money::from_json(&format!("\"{text}\"")).unwrap_err().code, code, "{text}");
        }
        for (text, shown) in
            [("12.5", "12.50"), ("-0.01", "-0.01"), ("007", "7.00"), ("999999999999.99", "999999999999.99")]
        {
            assert_eq!(Money::from_json(text).unwrap().amount().to_string(), shown);
        }
        assert_eq!(Money::from_json("true").unwrap_err().code, "not_an_amount");
        assert_eq!(PositiveMoney::from_text("-1").unwrap_err().code, "not_positive");
        assert_eq!(Worth::from_json("-0.01").unwrap_err().code, "negative");
        assert_eq!(Worth::from_json("0").unwrap().0.amount().to_string(), "0.00");
    }
}
