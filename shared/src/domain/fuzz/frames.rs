//! Frames that clients send over a socket.

use super::{feed, recipe::Recipe};
use crate::{
    domain::{events::FRAME_LIMIT, live},
    platform::{
        clock,
        config::Config,
        db::ReadDb,
        function::{Env, Port},
        live::Connections,
        serve::SocketCall,
    },
};
use serde_json::Value;
use std::{
    cell::{Cell, RefCell},
    collections::HashSet,
    sync::OnceLock,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    runtime::Builder,
};

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

/// A table in which nothing is found, whoever asks for what.
async fn empty_table(listener: TcpListener) {
    const FOUND: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: 2\r\n\r\n{}";
    while let Ok((mut socket, _)) = listener.accept().await {
        tokio::spawn(async move {
            let mut asked = [0; 8192];
            while let Ok(1..) = socket.read(&mut asked).await {
                if socket.write_all(FOUND).await.is_err() {
                    return;
                }
            }
        });
    }
}

/// Where the table listens.
static PORT: OnceLock<u16> = OnceLock::new();

fn setting(name: &str) -> Option<String> {
    match name {
        "STAGE" => Some("local".into()),
        "_HANDLER" => Some("test".into()),
        "CONNECTIONS_TABLE" => Some("connections".into()),
        "AWS_REGION" => Some("us-east-1".into()),
        "AWS_ENDPOINT_URL" => PORT.get().map(|port| format!("http://127.0.0.1:{port}")),
        _ => None,
    }
}

#[test]
fn must_hold_43_whatever_is_sent_is_answered_by_one_small_frame_of_a_kind_that_is_known() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    PORT.set(listener.local_addr().unwrap().port()).unwrap();
    runtime.spawn(empty_table(listener));
    let env = Env::new(Config::read(setting).unwrap());
    let connections = Connections::open(&env).unwrap();
    // Nobody listens there: of a connection that nobody holds nothing is looked up.
    let db = ReadDb::from_options("postgres://127.0.0.1:9/none".parse().unwrap());
    let seeds = FRAMES.map(<[u8]>::to_vec);
    let (asked, kinds) = (Cell::new(0), RefCell::new(HashSet::new()));
    feed(|bytes| {
        let sent = Recipe(bytes).edited(&seeds, SCRAPS);
        let frame = String::from_utf8(sent).ok();
        let call = SocketCall {
            connection_id: "connection".into(),
            ticket: None,
            token: None,
            frame: frame.clone(),
            now: clock::now(),
        };
        let answer = match runtime.block_on(live::answer(&db, &connections, 30, &call)) {
            Ok(answer) => answer,
            // Without credentials in the environment the table cannot be asked.
            Err(problem) => return assert_eq!(problem.status, 503, "{frame:?}"),
        };
        asked.set(asked.get() + 1);
        assert!(answer.len() <= FRAME_LIMIT, "{frame:?}");
        if answer.is_empty() {
            return;
        }
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let kind = answer["type"].as_str().unwrap().to_owned();
        assert!(["error", "pong", "subscribed"].contains(&kind.as_str()), "{frame:?} {answer}");
        assert_eq!(answer["connection_id"], "connection");
        kinds.borrow_mut().insert(kind);
    });
    assert!(asked.get() == 0 || kinds.borrow().contains("pong"), "the edits leave no frame whole: {kinds:?}");
}
