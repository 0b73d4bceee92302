//! What everybody is told at once.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Good to know.
    Info,
    /// Something will not work, or not as usual.
    Warning,
    /// Something has to be done at once.
    Critical,
}

/// What is told: the `data` of its frame. It is for everybody, so it may stand in a task's arguments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// Its id.
    pub id: Uuid,
    /// How much it matters.
    pub level: Level,
    /// In a few words.
    pub title: String,
    /// In full.
    pub text: String,
}
