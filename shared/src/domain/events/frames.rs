//! Frames as they go over a socket.

use super::sql::{self, Stored};
use crate::platform::{db::Tx, problem::Problem};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

/// The gateway refuses larger frames.
pub const FRAME_LIMIT: usize = 32 * 1024;
/// Frames that one answer to `resume` looks at.
const PAGE: i64 = 200;
/// Room for what stands around the frames of a page, the connection's id among it.
const ENVELOPE: usize = 512;

/// One frame.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Frame {
    /// Its number among the user's frames.
    pub seq: i64,
    /// The number of the last frame before it that goes to the same connection: a client whose last is smaller than this
    /// knows at once that it missed something.
    pub prev_seq: i64,
    /// What it tells.
    #[serde(rename = "type")]
    pub kind: String,
    /// Deduplicate by it, or by `seq`.
    pub id: String,
    /// What happened.
    pub data: Value,
    /// When.
    pub timestamp: String,
}

impl Frame {
    pub(super) fn of(user_id: Uuid, stored: Stored) -> Self {
        let mut frame = Self {
            seq: stored.seq,
            prev_seq: stored.seq.saturating_sub(1),
            kind: stored.kind,
            id: format!("{user_id}:{}", stored.seq),
            timestamp: stored.created_at.format(&Rfc3339).unwrap_or_default(),
            data: stored.data,
        };
        // What does not fit is sent as an id to fetch.
        if frame.size().saturating_add(ENVELOPE) > FRAME_LIMIT {
            frame.data = json!({"id": frame.data.get("id"), "truncated": true});
        }
        frame
    }

    fn size(&self) -> usize {
        serde_json::to_string(self).map_or(0, |text| text.len())
    }

    /// The text for one connection.
    #[must_use]
    pub fn text(&self, connection_id: &str) -> String {
        let mut frame = serde_json::to_value(self).unwrap_or_default();
        if let Some(object) = frame.as_object_mut() {
            object.insert("connection_id".into(), connection_id.into());
        }
        frame.to_string()
    }
}

/// Those of `frames` that a connection wants, each with the number of the one that it wanted before; `before` is the
/// number of the last one ahead of them all.
pub fn wanted(frames: &[Frame], mut before: i64, wants: impl Fn(&str) -> bool) -> Vec<Frame> {
    let mut wanted = Vec::new();
    for frame in frames.iter().filter(|frame| wants(&frame.kind)) {
        wanted.push(Frame { prev_seq: before, ..frame.clone() });
        before = frame.seq;
    }
    wanted
}

/// An answer to `resume`.
pub enum Page {
    /// Frames in order, and whether they reach the present.
    Frames {
        /// The frames.
        frames: Vec<Frame>,
        /// The number up to which nothing is missing now.
        to: i64,
        /// Whether that is the last.
        complete: bool,
    },
    /// What was asked for is not kept any more, or never was: fetch the state anew.
    ResyncRequired {
        /// The number of the user's last frame.
        seq: i64,
    },
}

/// The frames after `from` that fit into one answer: those that are wanted, while all of them count.
pub async fn resume(tx: &mut Tx, user_id: Uuid, from: i64, wants: impl Fn(&str) -> bool) -> Result<Page, Problem> {
    let last = sql::last_seq(tx, user_id).await?;
    if from == last {
        return Ok(Page::Frames { frames: Vec::new(), to: last, complete: true });
    }
    let stored = sql::after(tx, user_id, from, PAGE).await?;
    // The log has no gaps, so its first frame tells whether it still reaches back to what was asked; behind its end it has none.
    if stored.first().is_none_or(|first| first.seq != from.saturating_add(1)) {
        return Ok(Page::ResyncRequired { seq: last });
    }
    let (mut frames, mut size, mut to) = (Vec::new(), ENVELOPE, from);
    for frame in stored.into_iter().map(|stored| Frame::of(user_id, stored)) {
        if wants(&frame.kind) {
            size = size.saturating_add(frame.size()).saturating_add(1);
            if size > FRAME_LIMIT && !frames.is_empty() {
                break;
            }
            to = frame.seq;
            frames.push(frame);
        } else {
            to = frame.seq;
        }
    }
    let frames = wanted(&frames, from, |_| true);
    Ok(Page::Frames { frames, to, complete: to >= last })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::clock;

    #[test]
    fn a_frame_names_the_one_before_it_that_was_wanted() {
        let frame = |seq, kind: &str| {
            Frame::of(Uuid::nil(), Stored { seq, kind: kind.into(), data: json!({}), created_at: clock::now() })
        };
        let frames = [frame(5, "a"), frame(6, "b"), frame(7, "a"), frame(8, "c"), frame(9, "b")];
        let numbers = |before, wants: &[&str]| {
            let wanted = wanted(&frames, before, |kind| wants.contains(&kind));
            wanted.iter().map(|frame| (frame.prev_seq, frame.seq)).collect::<Vec<_>>()
        };
        assert_eq!(numbers(4, &["a", "b", "c"]), [(4, 5), (5, 6), (6, 7), (7, 8), (8, 9)]);
        assert_eq!(numbers(2, &["b"]), [(2, 6), (6, 9)]);
        assert_eq!(numbers(0, &["d"]), []);
    }

    #[test]
    fn must_hold_41_no_frame_is_over_the_limit() {
        let stored = |data| Stored { seq: 2, kind: "transaction_update".into(), data, created_at: clock::now() };
        let large = Frame::of(Uuid::nil(), stored(json!({"id": "t1", "note": "\u{1}".repeat(8_000)})));
        assert_eq!(large.data, json!({"id": "t1", "truncated": true}));
        let text = large.text("connection");
        assert!(text.len() <= FRAME_LIMIT);
        let said: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (&said["connection_id"], &said["seq"], &said["data"]["id"]),
            (&json!("connection"), &json!(2), &json!("t1"))
        );
        let note = |length| Frame::of(Uuid::nil(), stored(json!({"id": "t1", "note": "n".repeat(length)})));
        let room = FRAME_LIMIT - ENVELOPE - note(0).size();
        assert_eq!([room, room + 1].map(|length| note(length).data["truncated"] == true), [false, true]);
        let small = Frame::of(Uuid::nil(), stored(json!({"id": "t1"})));
        assert_eq!((small.prev_seq, small.data), (1, json!({"id": "t1"})));
    }
}
