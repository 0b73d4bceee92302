//! Values that programs send.

use crate::{
    domain::transactions::Source,
    platform::fields::{Fault, Field, object, string},
};
use serde_json::Value;

/// Where a program has a transaction from. What a user typed in is no program's to say.
#[derive(Clone, Copy)]
pub(super) struct Feed(pub Source);

impl Field for Feed {
    fn from_text(text: &str) -> Result<Self, Fault> {
        match Source::from_text(text) {
            Ok(source) if source != Source::Manual => Ok(Self(source)),
            _ => Err(Fault::new("not_a_source", "Send ocr, sms or csv.")),
        }
    }
}

/// A number from 0 to 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share(pub f64);

impl Field for Share {
    fn from_text(_: &str) -> Result<Self, Fault> {
        Err(Fault::new("not_a_share", "Send a number from 0 to 1."))
    }
    fn from_json(raw: &str) -> Result<Self, Fault> {
        match serde_json::from_str(raw) {
            Ok(number) if (0.0..=1.0).contains(&number) => Ok(Self(number)),
            _ => Self::from_text(raw),
        }
    }
}

/// How sure a program is of fields, by their names.
pub(super) struct Confidence(pub Value);

impl Field for Confidence {
    fn from_text(_: &str) -> Result<Self, Fault> {
        Err(Fault::new("not_confidences", "Send an object of at most 20 members, each a number from 0 to 1."))
    }
    fn from_json(raw: &str) -> Result<Self, Fault> {
        let whole = object(raw)?;
        let fits = |(name, value): (&String, &Value)| {
            (1..=50).contains(&name.chars().count()) && value.as_f64().is_some_and(|share| (0.0..=1.0).contains(&share))
        };
        match whole.as_object() {
            Some(members) if members.len() <= 20 && members.iter().all(fits) => Ok(Self(whole)),
            _ => Self::from_text(raw),
        }
    }
}

/// An address that a browser may be sent to.
pub(super) struct Link(pub String);

impl Field for Link {
    fn from_text(text: &str) -> Result<Self, Fault> {
        let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte));
        let host = text.strip_prefix("https://").and_then(|rest| rest.split(['/', '?', '#']).next());
        let named = host.is_some_and(|host| host.contains('.') && !host.contains('@'));
        if plain && named && text.len() <= 2048 {
            return Ok(Self(text.to_owned()));
        }
        Err(Fault::new("not_a_link", "Send an https address of at most 2,048 characters, encoded as in a browser."))
    }
}

/// Numbers of a vector. PostgreSQL keeps four bytes of each.
pub(super) const DIMENSIONS: usize = 384;
const LARGEST: f64 = 1e6;
const SMALLEST: f64 = 1e-6;

/// What stands for a text among others.
pub(super) struct Vector(Vec<f64>);

impl Vector {
    /// As PostgreSQL reads it.
    pub fn text(&self) -> String {
        let numbers: Vec<_> = self.0.iter().map(f64::to_string).collect();
        format!("[{}]", numbers.join(","))
    }
}

impl Field for Vector {
    fn from_text(_: &str) -> Result<Self, Fault> {
        Err(Fault::new("not_a_vector", format!("Send a list of {DIMENSIONS} numbers.")))
    }
    fn from_json(raw: &str) -> Result<Self, Fault> {
        if string(raw).is_ok() {
            return Self::from_text(raw);
        }
        let Ok(numbers) = serde_json::from_str::<Vec<f64>>(raw) else { return Self::from_text(raw) };
        if numbers.len() != DIMENSIONS {
            return Err(Fault::new("wrong_dimensions", format!("Send {DIMENSIONS} numbers, not {}.", numbers.len())));
        }
        if numbers.iter().any(|number| number.abs() > LARGEST || !number.is_finite()) {
            return Err(Fault::new("out_of_range", "Send numbers from -1000000 to 1000000."));
        }
        // It has no direction that another could be compared with.
        if numbers.iter().all(|number| number.abs() < SMALLEST) {
            return Err(Fault::new("zero_vector", "Send a vector of which one number at least is not zero."));
        }
        Ok(Self(numbers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn must_hold_19_what_a_program_sends_is_read_or_refused() {
        let vector = |numbers: &[&str]| {
            let mut all = vec!["0.5"; DIMENSIONS - numbers.len()];
            all.extend(numbers);
            Vector::from_json(&format!("[{}]", all.join(",")))
                .map(|vector| vector.text().len())
                .map_err(|fault| fault.code)
        };
        assert!(vector(&["-0.012345678", "1e-3", "7"]).is_ok());
        for (number, code) in [
            ("1e39", "out_of_range"),
            ("-1000001", "out_of_range"),
            ("NaN", "not_a_vector"),
            ("\"1\"", "not_a_vector"),
            ("null", "not_a_vector"),
        ] {
            assert_eq!(vector(&[number]), Err(code), "{number}");
        }
        let zeros = format!("[{}]", vec!["1e-30"; DIMENSIONS].join(","));
        assert_eq!(Vector::from_json(&zeros).err().unwrap().code, "zero_vector");
        assert_eq!(Vector::from_json("[1]").err().unwrap().code, "wrong_dimensions");
        for bad in ["-0.1", "1.1", "\"0.5\"", "1e999", "true", "NaN"] {
            assert_eq!(Share::from_json(bad).err().map(|fault| fault.code), Some("not_a_share"), "{bad}");
            let object = format!("{{\"category\":{bad}}}");
            assert!(Confidence::from_json(&object).is_err(), "{bad}");
        }
        assert!(Share::from_json("1").is_ok() && Confidence::from_json(r#"{"category":0.97}"#).is_ok());
        for bad in [
            "http://a.example/1",
            "javascript:alert(1)",
            "https://a@b.example/",
            "https:///x",
            "https://a.example/\"",
            "https://nowhere",
        ] {
            assert!(Link::from_text(bad).is_err(), "{bad}");
        }
        assert!(Link::from_text("https://receipts.example.com/a%20b?x=1").is_ok());
        assert!(Feed::from_text("manual").is_err() && Feed::from_text("sms").is_ok());
    }
}
