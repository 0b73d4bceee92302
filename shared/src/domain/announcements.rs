//! What everybody is told at once.

use crate::{
    domain::{
        audit,
        auth::Me,
        events::Level,
        tasks::{self, Task, Work},
    },
    platform::{
        db::Tx,
        fields::{Fault, Field, Fields, Read, Text},
        http::Call,
        problem::Problem,
    },
};
use serde::Serialize;
use uuid::Uuid;

impl Field for Level {
    fn from_text(text: &str) -> Result<Self, Fault> {
        match text {
            "info" => Ok(Self::Info),
            "warning" => Ok(Self::Warning),
            "critical" => Ok(Self::Critical),
            _ => Err(Fault::new("not_a_level", "Send info, warning or critical.")),
        }
    }
}

/// What `POST /admin/announcements` takes.
pub struct NewAnnouncement {
    level: Level,
    title: Text<1, 120>,
    text: Text<1, 2000>,
}

impl Read for NewAnnouncement {
    fn read(fields: &mut Fields) -> Option<Self> {
        let level = fields.optional("level").unwrap_or(Level::Info);
        let (title, text) = (fields.required("title"), fields.required("text"));
        Some(Self { level, title: title?, text: text? })
    }
}

/// The form of [`NewAnnouncement`], for the OpenAPI document.
#[derive(utoipa::ToSchema)]
#[schema(as = NewAnnouncement)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct NewAnnouncementBody {
    /// `info`, `warning` or `critical`.
    #[schema(default = "info", example = "warning")]
    level: Option<String>,
    /// 1 to 120 characters.
    #[schema(example = "Maintenance on Sunday")]
    title: String,
    /// 1 to 2,000 characters.
    #[schema(example = "From 02:00 to 02:30 UTC nothing can be saved.")]
    text: String,
}

/// An announcement on its way.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Announced {
    /// Its id, which stands in the frame.
    pub id: Uuid,
    /// The task that begins to tell it.
    pub task_id: Option<Uuid>,
}

/// Writes down the task that tells it; send that after the commit.
pub async fn announce(tx: &mut Tx, me: &Me, call: &Call, new: &NewAnnouncement) -> Result<(Announced, Task), Problem> {
    let id = Uuid::now_v7();
    let (title, text) = (new.title.as_str().to_owned(), new.text.as_str().to_owned());
    let work = Work::Announce { announcement_id: id, level: new.level, title, text };
    let task = tasks::write(tx, work, me.now).await?;
    audit::record(tx, call, me.user_id, "announcement.send", Some(id)).await?;
    Ok((Announced { id, task_id: task.id }, task))
}
