//! Reading bodies and queries field by field, so that an answer can name every bad field at once. Deserialising a whole
//! struct stops at the first.

use super::problem::{FieldError, Problem};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, MapAccess, Visitor},
};
use serde_json::{Value, value::RawValue};
use std::{borrow::Cow, fmt};
use uuid::Uuid;

/// Why a value was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// A stable code.
    pub code: &'static str,
    /// What to send instead.
    pub detail: Cow<'static, str>,
}

impl Fault {
    /// A fault with its sentence.
    pub fn new(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into() }
    }
}

/// A value that cannot be wrong once it was read.
pub trait Field: Sized {
    /// Reads it from text: a JSON string, or a query parameter.
    fn from_text(text: &str) -> Result<Self, Fault>;

    /// Reads it from a JSON value as it was written. Strings alone, unless a type says otherwise.
    fn from_json(raw: &str) -> Result<Self, Fault> {
        Self::from_text(&string(raw)?)
    }
}

/// The text of a JSON string.
pub fn string(raw: &str) -> Result<String, Fault> {
    let text = serde_json::from_str::<String>(raw).map_err(|_| Fault::new("not_text", "Send a string."))?;
    if text.contains('\0') {
        return Err(Fault::new("nul_character", "The text holds NUL, which cannot be stored: leave it out."));
    }
    Ok(text)
}

/// A JSON object that can be stored: none of its texts holds NUL.
pub fn object(raw: &str) -> Result<Value, Fault> {
    match serde_json::from_str::<Value>(raw) {
        Ok(object) if !object.is_object() => Err(Fault::new("not_an_object", "Send a JSON object.")),
        Ok(object) if holds_nul(&object) => {
            Err(Fault::new("nul_character", "The text holds NUL, which cannot be stored: leave it out."))
        }
        Ok(object) => Ok(object),
        Err(_) => Err(Fault::new("not_an_object", "Send a JSON object.")),
    }
}

fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(holds_nul),
        Value::Object(members) => members.iter().any(|(name, value)| name.contains('\0') || holds_nul(value)),
        _ => false,
    }
}

fn json<T: DeserializeOwned>(raw: &str, what: &'static str) -> Result<T, Fault> {
    serde_json::from_str(raw).map_err(|_| Fault::new("wrong_type", what))
}

impl Field for bool {
    fn from_text(text: &str) -> Result<Self, Fault> {
        text.parse().map_err(|_| Fault::new("not_boolean", "Send true or false."))
    }
    fn from_json(raw: &str) -> Result<Self, Fault> {
        json(raw, "Send true or false.")
    }
}

impl Field for Uuid {
    fn from_text(text: &str) -> Result<Self, Fault> {
        Self::try_parse(text).map_err(|_| Fault::new("not_uuid", "Send a UUID."))
    }
}

/// A whole number within bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounded<const MIN: i64, const MAX: i64>(pub i64);

impl<const MIN: i64, const MAX: i64> Field for Bounded<MIN, MAX> {
    fn from_text(text: &str) -> Result<Self, Fault> {
        match text.parse::<i64>() {
            Ok(n) if (MIN..=MAX).contains(&n) => Ok(Self(n)),
            _ => Err(Fault::new("out_of_range", format!("Send a whole number from {MIN} to {MAX}."))),
        }
    }
    fn from_json(raw: &str) -> Result<Self, Fault> {
        Self::from_text(raw)
    }
}

/// Text of a bounded number of characters, without white space around it or control characters in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text<const MIN: usize, const MAX: usize>(String);

impl<const MIN: usize, const MAX: usize> Text<MIN, MAX> {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MIN: usize, const MAX: usize> Field for Text<MIN, MAX> {
    fn from_text(text: &str) -> Result<Self, Fault> {
        let text = text.trim();
        if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
            return Err(Fault::new("control_character", "Leave control characters out."));
        }
        if !(MIN..=MAX).contains(&text.chars().count()) {
            return Err(Fault::new("wrong_length", format!("Send {MIN} to {MAX} characters.")));
        }
        Ok(Self(text.to_owned()))
    }
}

/// A JSON value as it was written.
struct Inner(String);

impl Field for Inner {
    fn from_text(_: &str) -> Result<Self, Fault> {
        Err(Fault::new("not_an_object", "Send a JSON object."))
    }
    fn from_json(raw: &str) -> Result<Self, Fault> {
        Ok(Self(raw.to_owned()))
    }
}

/// Reads itself from fields. `None` when a field it needs was refused: the refusal is noted already.
pub trait Read: Sized {
    /// Takes each field it knows; what is left over is refused.
    fn read(fields: &mut Fields) -> Option<Self>;
}

/// No field at all.
pub struct Nothing;

impl Read for Nothing {
    fn read(_: &mut Fields) -> Option<Self> {
        Some(Self)
    }
}

/// The fields of a body or query, and what was wrong with them so far.
pub struct Fields {
    values: Vec<(String, Raw)>,
    prefix: &'static str,
    errors: Vec<FieldError>,
}

enum Raw {
    Json(Box<RawValue>),
    Text(String),
}

impl Fields {
    /// The members of a JSON object.
    pub fn from_json(body: &[u8]) -> Result<Self, Problem> {
        let text = std::str::from_utf8(body).map_err(|_| Problem::malformed("The body is not UTF-8."))?;
        let Members(members) = serde_json::from_str(text).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => Problem::malformed("Send a JSON object."),
            _ => Problem::malformed(format!(
                "The body is not valid JSON at line {} column {}.",
                error.line(),
                error.column()
            )),
        })?;
        Ok(Self::of(members.into_iter().map(|(name, raw)| (name, Raw::Json(raw))).collect(), "/"))
    }

    /// The parameters of a query string.
    pub fn from_query(query: &str) -> Result<Self, Problem> {
        let values: Vec<_> = form_urlencoded::parse(query.as_bytes())
            .map(|(name, value)| (name.into_owned(), Raw::Text(value.into_owned())))
            .collect();
        let nul = |(_, raw): &(String, Raw)| matches!(raw, Raw::Text(text) if text.contains('\0'));
        if values.iter().any(nul) {
            return Err(Problem::malformed("The query holds NUL: leave it out."));
        }
        Ok(Self::of(values, "?"))
    }

    fn of(values: Vec<(String, Raw)>, prefix: &'static str) -> Self {
        let mut fields = Self { values, prefix, errors: Vec::new() };
        let mut names: Vec<_> = fields.values.iter().map(|(name, _)| name.clone()).collect();
        names.sort_unstable();
        let twice: Vec<_> =
            names.windows(2).filter(|pair| pair.first() == pair.last()).filter_map(<[_]>::first).cloned().collect();
        for name in twice {
            fields.refuse(&name, Fault::new("duplicate_field", "Send this field once."));
        }
        fields
    }

    /// Notes that a field is refused, for a rule that spans several.
    pub fn refuse(&mut self, name: &str, fault: Fault) {
        let name = name.replace('~', "~0").replace('/', "~1");
        let pointer = format!("{}{name}", self.prefix).chars().take(100).collect();
        self.errors.push(FieldError { pointer, code: fault.code.into(), detail: fault.detail.into_owned() });
    }

    /// A field that may be absent or null.
    pub fn optional<T: Field>(&mut self, name: &str) -> Option<T> {
        let place = self.values.iter().position(|(known, _)| known == name)?;
        let value = match self.values.swap_remove(place).1 {
            Raw::Json(raw) if raw.get() == "null" => return None,
            Raw::Json(raw) => T::from_json(raw.get()),
            Raw::Text(text) => T::from_text(&text),
        };
        value.map_err(|fault| self.refuse(name, fault)).ok()
    }

    /// Whether a field was sent, null or not.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.values.iter().any(|(known, _)| known == name)
    }

    /// A field of a change: left out, emptied by null, or set.
    pub fn nullable<T: Field>(&mut self, name: &str) -> Option<Option<T>> {
        let null = |raw: &Raw| matches!(raw, Raw::Json(raw) if raw.get() == "null");
        if self.values.iter().any(|(known, raw)| known == name && null(raw)) {
            self.values.retain(|(known, raw)| known != name || !null(raw));
            return Some(None);
        }
        self.optional(name).map(Some)
    }

    /// A field of a change that cannot be emptied.
    pub fn changed<T: Field>(&mut self, name: &str) -> Option<T> {
        let value = self.nullable(name)?;
        if value.is_none() {
            self.refuse(name, Fault::new("not_nullable", "Send a value, or leave this field out."));
        }
        value
    }

    /// A member that is an object of its own, read with every fault named at its place.
    pub fn within<T: Read>(&mut self, name: &str) -> Option<T> {
        let Inner(raw) = self.changed(name)?;
        match Fields::from_json(raw.as_bytes()).and_then(Fields::read) {
            Ok(inner) => return Some(inner),
            Err(problem) if problem.errors.is_empty() => {
                self.refuse(name, Fault::new("not_an_object", "Send a JSON object."));
            }
            Err(problem) => self.refuse_within(name, problem.into_errors()),
        }
        None
    }

    /// Notes what was refused within the member at `place`, such as `list/0`.
    pub fn refuse_within(&mut self, place: &str, errors: Vec<FieldError>) {
        let prefix = self.prefix;
        self.errors.extend(errors.into_iter().map(|error| {
            let pointer = format!("{prefix}{place}{}", error.pointer).chars().take(100).collect();
            FieldError { pointer, ..error }
        }));
    }

    /// A field that must be there.
    pub fn required<T: Field>(&mut self, name: &str) -> Option<T> {
        let null = |raw: &Raw| matches!(raw, Raw::Json(raw) if raw.get() == "null");
        if self.values.iter().any(|(known, raw)| known == name && !null(raw)) {
            return self.optional(name);
        }
        self.values.retain(|(known, _)| known != name);
        self.refuse(name, Fault::new("required", "This field is required."));
        None
    }

    /// Reads a whole, and refuses it with everything that was wrong.
    pub fn read<T: Read>(mut self) -> Result<T, Problem> {
        let whole = T::read(&mut self);
        for (name, _) in std::mem::take(&mut self.values) {
            self.refuse(&name, Fault::new("unknown_field", "There is no such field here: leave it out."));
        }
        match whole {
            Some(whole) if self.errors.is_empty() => Ok(whole),
            _ => {
                self.errors.sort_by(|a, b| a.pointer.cmp(&b.pointer));
                self.errors.dedup();
                Err(Problem::invalid(self.errors))
            }
        }
    }
}

/// The members of an object in the order they were written, doubles included.
struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Pair {
        name: Text<1, 5>,
        size: Option<Bounded<1, 9>>,
    }
    impl Read for Pair {
        fn read(fields: &mut Fields) -> Option<Self> {
            let (name, size) = (fields.required("name"), fields.optional("size"));
            Some(Self { name: name?, size })
        }
    }

    fn codes(body: &[u8]) -> Vec<String> {
        let problem = Fields::from_json(body).and_then(Fields::read::<Pair>).unwrap_err();
        problem.errors.iter().map(|error| format!("{} {}", error.pointer, error.code)).collect()
    }

    #[test]
    fn every_bad_field_is_named_at_once() {
        assert_eq!(
            codes(br#"{"size": 10, "is_admin": true}"#),
            ["/is_admin unknown_field", "/name required", "/size out_of_range"]
        );
        assert_eq!(codes(br#"{"name": "a", "name": "b"}"#), ["/name duplicate_field", "/name unknown_field"]);
        assert_eq!(codes(br#"{"name": "\ud800"}"#), ["/name not_text"]);
        assert_eq!(codes(br#"{"name": "a\u0000"}"#), ["/name nul_character"]);
        let pair: Pair = Fields::from_query("name=+a%20&size=9").and_then(Fields::read).unwrap();
        assert_eq!((pair.name.as_str(), pair.size.unwrap().0), ("a", 9));
    }

    #[test]
    fn must_hold_19_hostile_json_is_refused() {
        for body in [&b"\xff"[..], b"[]", b"", b"{", b"{\"name\":1}x"] {
            assert_eq!(Fields::from_json(body).map(|_| ()).unwrap_err().status, 400);
        }
        let deep = format!("{{\"name\":{}1{}}}", "[".repeat(50_000), "]".repeat(50_000));
        assert_eq!(codes(deep.as_bytes()), ["/name not_text"]);
    }
}
