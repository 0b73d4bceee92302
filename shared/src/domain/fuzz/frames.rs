//! Frames that clients send over a socket.

use super::{feed, recipe::Recipe};
use crate::domain::live::{Frame, read};
use serde_json::Value;
use std::{cell::RefCell, collections::HashSet};

const FRAMES: [&[u8]; 7] = [
    br#"{"type": "hello", "last_seq": 12, "previous_connection_id": "abc="}"#,
    br#"{"type": "resume", "last_seq": 9223372036854775807}"#,
    br#"{"type": "resume", "last_message_id": "0198c0de-0000-7000-8000-000000000001:12"}"#,
    br#"{"type": "subscribe", "types": ["budget_alert"]}"#,
    br#"{"type": "unsubscribe", "types": ["budget_alert"]}"#,
    br#"{"type": "ping"}"#,
    br#"{"type": "pong", "data": {"at": 1}}"#,
];

const SCRAPS: &[&[u8]] = &[
    b"\"",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b"null",
    b"-1",
    b"1e3",
    b"99999999999999999999",
    b"\\u0000",
    b"\xff",
    b"\"type\"",
    b"$disconnect",
    b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    b"true",
    b" ",
];

#[test]
fn must_hold_43_whatever_is_sent_is_a_frame_that_says_so_itself_or_is_refused_with_a_code() {
    let seeds = FRAMES.map(<[u8]>::to_vec);
    let kinds = RefCell::new(HashSet::new());
    feed(|bytes| {
        let sent = String::from_utf8(Recipe(bytes).edited(&seeds, SCRAPS)).ok();
        let kind = match read(sent.as_deref()) {
            Ok(frame) => {
                let said: Value = serde_json::from_str(sent.as_deref().unwrap()).unwrap();
                let kind = match frame {
                    Frame::Hello { last_seq, .. } => ("hello", last_seq == said["last_seq"].as_i64()),
                    Frame::Resume { last_seq, .. } => ("resume", last_seq == said["last_seq"].as_i64()),
                    Frame::Subscribe { types } => {
                        ("subscribe", !types.is_empty() || said["types"] == Value::Array(Vec::new()))
                    }
                    Frame::Unsubscribe { .. } => ("unsubscribe", true),
                    Frame::Ping => ("ping", true),
                    Frame::Pong => ("pong", true),
                };
                assert_eq!((said["type"].as_str(), kind.1), (Some(kind.0), true), "{sent:?}");
                kind.0.to_owned()
            }
            Err(answer) => {
                assert_eq!(answer["type"], "error");
                assert!(answer["data"]["detail"].is_string());
                answer["data"]["code"].as_str().unwrap().to_owned()
            }
        };
        kinds.borrow_mut().insert(kind);
    });
    for kind in ["ping", "hello", "resume", "subscribe", "bad_frame", "binary_frame"] {
        assert!(kinds.borrow().contains(kind), "the edits never made a {kind}: {kinds:?}");
    }
}
