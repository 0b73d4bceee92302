//! Saved mappings: how a user's bank writes its files.

use super::{sql, statement::Mapping};
use crate::{
    domain::auth::Me,
    platform::{
        db::Tx,
        fields::{Fault, Field, Fields, Read, Text, object},
        problem::Problem,
    },
};
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

/// Mappings a user may save; nobody has so many banks.
const MOST: i64 = 100;

impl Field for Mapping {
    fn from_text(_: &str) -> Result<Self, Fault> {
        Err(Fault::new("not_a_mapping", "Send an object."))
    }
    fn from_json(raw: &str) -> Result<Self, Fault> {
        let object = object(raw)?;
        serde_json::from_value(object)
            .map_err(|error| Fault::new("not_a_mapping", format!("This is no mapping: {error}.")))
    }
}

/// What `POST /transactions/mappings` takes.
pub struct NewMapping {
    name: Text<1, 100>,
    mapping: Mapping,
}

impl Read for NewMapping {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (name, mapping) = (fields.required("name"), fields.required("mapping"));
        Some(Self { name: name?, mapping: mapping? })
    }
}

/// The form of [`NewMapping`], for the OpenAPI document.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct NewMappingBody {
    /// 1 to 100 characters; a mapping of that name is replaced.
    #[schema(example = "My bank")]
    name: String,
    /// Which column is what, by its name or its number from 1. What is left out is found in each file.
    #[schema(example = json!({"date": "Date", "amount": "Amount", "description": ["Details"], "date_order": "dmy"}))]
    mapping: Value,
}

/// A saved mapping.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SavedMapping {
    /// Its id: send it as `?mapping=` with a file.
    pub id: Uuid,
    /// Its name.
    #[schema(example = "My bank")]
    pub name: String,
    /// Which column is what.
    #[schema(value_type = HashMap<String, Value>, example = json!({"date": "Date", "amount": "Amount", "description": ["Details"], "date_order": "dmy"}))]
    pub mapping: Value,
    /// When it was first saved.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it was last saved.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
}

/// A user's mappings.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Mappings {
    /// All of them, by name.
    pub data: Vec<SavedMapping>,
}

/// The user's mappings by name.
pub async fn mappings(tx: &mut Tx, user_id: Uuid) -> Result<Mappings, Problem> {
    Ok(Mappings { data: sql::mappings(tx, user_id, MOST).await? })
}

/// Saves a mapping, in place of one with the same name.
pub async fn save_mapping(tx: &mut Tx, me: &Me, new: &NewMapping) -> Result<SavedMapping, Problem> {
    let mapping = serde_json::to_value(&new.mapping).map_err(Problem::internal)?;
    let saved = sql::save_mapping(tx, me.user_id, new.name.as_str(), &mapping, me.now, MOST).await?;
    saved.ok_or_else(|| {
        Problem::conflict("too_many_mappings", "There are 100 mappings already: send the name of one to replace it.")
    })
}

/// One of the user's mappings.
pub(super) async fn find(tx: &mut Tx, user_id: Uuid, id: Uuid) -> Result<Option<Mapping>, Problem> {
    let stored = sql::mapping(tx, user_id, id).await?;
    // What serde says of it would quote the user's headers.
    let mapping = stored.map(serde_json::from_value).transpose();
    mapping.map_err(|_| Problem::internal("a stored mapping that cannot be read"))
}
