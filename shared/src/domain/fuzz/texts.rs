//! What is made of a bank's words, and what may be an idempotency key.

use super::{feed, feed_with};
use crate::{
    domain::{
        idempotency::key_of,
        imports::statement::{alias_key, candidates, merchant_key_text},
    },
    platform::http::Call,
};
use lambda_http::{aws_lambda_events::apigw::ApiGatewayV2httpRequest, http::HeaderValue};
use time::OffsetDateTime;

#[test]
fn names_by_which_merchants_are_known_are_their_own_names() {
    feed_with(&".{0,120}", |raw: String| {
        let raw = raw.as_str();
        let key = alias_key(raw);
        assert_eq!(alias_key(&key), key, "{raw:?}");
        assert!(!key.starts_with(' ') && !key.ends_with(' ') && !key.contains("  "), "{raw:?}");
        assert!(key.chars().all(|c| c == ' ' || !(c.is_control() || c.is_whitespace())), "{raw:?}");
        assert_eq!(alias_key(&raw.to_lowercase()), key, "{raw:?}");
        let text = merchant_key_text(raw);
        assert!(text.is_empty() || !alias_key(raw).is_empty(), "{raw:?}");
        let runs = candidates(raw);
        assert!(runs.len() <= 64 && runs.iter().all(|run| text.contains(run.as_str())), "{raw:?}");
    });
}

#[test]
fn must_hold_19_31_a_key_is_1_to_255_printable_characters_and_nothing_else() {
    feed(|bytes| {
        // Most are of letters: of random bytes hardly any would be a key.
        let (kind, rest) = bytes.split_first().unwrap_or((&0, &[]));
        let key: Vec<u8> =
            rest.iter().take(300).map(|byte| if kind % 4 == 0 { *byte } else { 0x20 + byte % 0x5f }).collect();
        let Ok(value) = HeaderValue::from_bytes(&key) else { return };
        let mut event = ApiGatewayV2httpRequest::default();
        event.headers.insert("idempotency-key", value);
        let call = Call::from_event(event, "request".into(), OffsetDateTime::UNIX_EPOCH).unwrap();
        let printable = !key.is_empty() && key.len() <= 255 && key.iter().all(|byte| matches!(byte, b' '..=b'~'));
        match key_of(&call) {
            Ok(read) => assert_eq!(read.map(str::as_bytes), printable.then_some(key.as_slice())),
            Err(problem) => assert!(!printable && problem.status == 422, "{key:?}"),
        }
    });
}
