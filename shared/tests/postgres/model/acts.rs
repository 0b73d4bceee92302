//! What can be done, in words that neither the model nor the code under test owns.

use std::rc::Rc;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

/// A merchant's text: its normalised form, and the merchant that it names with that one's category.
#[derive(Debug, PartialEq, Eq)]
pub struct Text {
    pub raw: &'static str,
    pub key: &'static str,
    pub merchant: Option<(&'static str, &'static str)>,
}

/// Fields of a transaction: all but the category for a new one, any for a change.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fields {
    pub cents: Option<i64>,
    pub date: Option<Date>,
    pub text: Option<&'static Text>,
    pub currency: Option<&'static str>,
    pub category: Option<&'static str>,
}

/// A row of a bank's file.
#[derive(Clone, Debug)]
pub struct FileRow {
    pub date: Date,
    pub cents: i64,
    pub currency: &'static str,
    pub text: &'static Text,
    /// The bank's own id.
    pub external: Option<String>,
}

/// A bank's file.
pub struct File(pub Vec<FileRow>);

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.len() < 20 { f.debug_list().entries(&self.0).finish() } else { write!(f, "{} rows", self.0.len()) }
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Limit {
    pub category: &'static str,
    pub currency: &'static str,
    pub days: (Date, Date),
    pub cents: i64,
}

/// A commit.
#[derive(Clone, Debug)]
pub enum Act {
    Create(Uuid, Fields),
    /// With the instant it was asked for: corrections go by it.
    Update(Uuid, Fields, OffsetDateTime),
    Delete(Uuid),
    Restore(Uuid),
    Keep(Uuid),
    Budget(Limit),
    Start {
        import: Uuid,
        file: Rc<File>,
        policy: &'static str,
    },
    /// An import stored its file's rows up to this one.
    Chunk {
        import: Uuid,
        to: usize,
    },
    Ask(Uuid),
    /// A revert took the import's rows up to this one back.
    Back {
        import: Uuid,
        to: Option<Uuid>,
        ended: bool,
    },
}
