//! Tokens: one that is not byte for byte what we signed is none.

use super::{feed, keys, recipe::Recipe};
use crate::platform::jwt::{ISSUER, KeySet, kid};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

fn claims() -> Value {
    let now = crate::platform::clock::epoch();
    json!({"iss": ISSUER, "aud": ISSUER, "sub": "somebody", "iat": now, "exp": now + 3600, "type": "access"})
}

fn open(keys: &KeySet, token: &str) -> Option<Value> {
    keys.open(&kid(token)?, token)
}

/// Headers that forgers try, before the very same claims and signature.
const HEADERS: &[&str] = &[
    r#"{"alg":"none","kid":"new"}"#,
    r#"{"alg":"HS384","kid":"new"}"#,
    r#"{"alg":"RS256","kid":"new"}"#,
    r#"{"alg":"HS256"}"#,
    r#"{"alg":"HS256","kid":"old"}"#,
    r#"{"alg":"HS256","kid":"other"}"#,
    r#"{"alg":"HS256","kid":"new","jku":"https://example.com/keys"}"#,
    r#"{"alg":"HS256","kid":"new","alg":"none"}"#,
    r#"{"typ":"JWT","alg":"HS256","kid":"new","crit":["b64"],"b64":false}"#,
];

fn forged(recipe: &mut Recipe, valid: &str) -> String {
    let mut parts: Vec<String> = valid.split('.').map(ToOwned::to_owned).collect();
    match recipe.byte() % 6 {
        0 => parts[0] = URL_SAFE_NO_PAD.encode(recipe.of(HEADERS)),
        1 => parts[2] = String::new(),
        2 => {
            let (one, two) = (recipe.below(3), recipe.below(3));
            parts.swap(one, two);
        }
        3 => parts.push(parts[recipe.below(3)].clone()),
        4 => {
            let payload = URL_SAFE_NO_PAD.decode(&parts[1]).unwrap();
            let payload = recipe.edited(&[payload], &[b"0", b"\"", b",\"exp\":99999999999", b"admin"]);
            parts[1] = URL_SAFE_NO_PAD.encode(payload);
        }
        // Signs for signs: other spellings of the same bytes among them.
        _ => {
            let mut token = valid.as_bytes().to_vec();
            for _ in 0..=recipe.below(3) {
                let reach = if recipe.byte().is_multiple_of(2) { 3 } else { token.len() };
                let at = token.len() - 1 - recipe.below(reach);
                token[at] = recipe.of(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=.+/ \n");
            }
            return String::from_utf8(token).unwrap();
        }
    }
    parts.join(".")
}

#[test]
fn must_hold_01_no_token_opens_but_the_very_one_that_was_signed() {
    let (keys, others) = (keys(false), keys(true));
    let valid = keys.sign(&claims()).unwrap();
    assert_eq!(open(&keys, &valid), Some(claims_of(&valid)));
    let foreign = others.sign(&claims()).unwrap();
    assert_eq!(open(&keys, &foreign), None);
    feed(|bytes| {
        let mut recipe = Recipe(bytes);
        let token = match recipe.byte() % 8 {
            0 => String::from_utf8_lossy(recipe.0).into_owned(),
            1 => forged(&mut recipe, &foreign),
            _ => forged(&mut recipe, &valid),
        };
        assert_eq!(open(&keys, &token).is_some(), token == valid, "{token}");
    });
}

fn claims_of(token: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}
