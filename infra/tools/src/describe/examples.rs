//! Examples of answers, put together from those of their fields. A field whose type does not say what stands in it needs
//! one of its own: `#[schema(example = …)]`.

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

/// What every id, date and instant is in an example.
pub const ID: &str = "0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11";
const DATE: &str = "2026-01-31";
const INSTANT: &str = "2026-01-31T12:00:00Z";

/// The schemas of the document, by name.
pub struct Schemas<'a>(pub &'a Map<String, Value>);

impl Schemas<'_> {
    /// A value of this schema, which is found at `place`.
    pub fn example(&self, schema: &Value, place: &str) -> Result<Value> {
        if let Some(example) = schema.get("example") {
            return Ok(example.clone());
        }
        if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
            let name = name.trim_start_matches("#/components/schemas/");
            return self.example(self.0.get(name).with_context(|| format!("{place}: there is no {name}"))?, name);
        }
        if let Some(first) = list(schema, "enum").next() {
            return Ok(first.clone());
        }
        if schema.get("allOf").is_some() {
            return self.whole(schema, place);
        }
        // Of what may be null, what it is when it is not.
        if let Some(first) = list(schema, "oneOf").find(|one| one.get("type") != Some(&json!("null"))) {
            return self.example(first, place);
        }
        self.of_type(schema, place)
    }

    fn of_type(&self, schema: &Value, place: &str) -> Result<Value> {
        let format = schema.get("format").and_then(Value::as_str);
        Ok(match (schema.get("type").and_then(Value::as_str), format) {
            // Several types: one that may be null, and is.
            (None, _) if list(schema, "type").any(|one| one == "null") => Value::Null,
            (Some("object"), _) if schema.get("properties").is_some() => self.object(schema, place)?,
            (Some("array"), _) => {
                let items = schema.get("items").with_context(|| format!("{place} is a list of nothing"))?;
                json!([self.example(items, &format!("{place}[]"))?])
            }
            (Some("boolean"), _) => json!(false),
            (Some("integer"), _) => json!(1),
            (Some("string"), Some("uuid")) => json!(ID),
            (Some("string"), Some("date")) => json!(DATE),
            (Some("string"), Some("date-time")) => json!(INSTANT),
            _ => bail!("{place} has no example: say one with #[schema(example = …)]"),
        })
    }

    fn whole(&self, schema: &Value, place: &str) -> Result<Value> {
        let mut whole = Map::new();
        for part in list(schema, "allOf") {
            match self.example(part, place)? {
                Value::Object(members) => whole.extend(members),
                other => bail!("{place} is put together from {other}, which is no object"),
            }
        }
        Ok(whole.into())
    }

    fn object(&self, schema: &Value, place: &str) -> Result<Value> {
        let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
        let member = |(name, inner): (&String, &Value)| {
            let value = self.example(inner, &format!("{place}.{name}"))?;
            Ok::<_, anyhow::Error>((name.clone(), value))
        };
        Ok(properties.map(member).collect::<Result<Map<_, _>>>()?.into())
    }
}

fn list<'a>(schema: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    schema.get(name).and_then(Value::as_array).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(schemas: &Value, schema: &Value) -> Result<Value> {
        Schemas(schemas.as_object().unwrap()).example(schema, "Thing")
    }

    #[test]
    fn an_example_is_put_together_from_those_of_its_fields() {
        let inner = json!({"type": "object", "properties": {
            "id": {"type": "string", "format": "uuid"}, "name": {"type": "string", "example": "Netflix"}}});
        let outer = json!({"allOf": [{"$ref": "#/components/schemas/Inner"}, {"type": "object", "properties": {
            "days": {"type": "array", "items": {"type": "string", "format": "date"}},
            "note": {"type": ["string", "null"]},
            "other": {"oneOf": [{"type": "null"}, {"$ref": "#/components/schemas/Inner"}]},
            "theme": {"type": "string", "enum": ["light", "dark"]}}}]});
        let inside = json!({"id": ID, "name": "Netflix"});
        assert_eq!(
            example(&json!({"Inner": inner}), &outer).unwrap(),
            json!({"id": ID, "name": "Netflix", "days": [DATE], "note": null, "other": inside, "theme": "light"})
        );
    }

    #[test]
    fn a_field_that_its_type_says_nothing_of_needs_an_example() {
        let schema = json!({"type": "object", "properties": {"name": {"type": "string"}}});
        let refused = example(&json!({}), &schema).unwrap_err().to_string();
        assert!(refused.starts_with("Thing.name has no example"), "{refused}");
    }
}
