//! Signed tokens, made and taken apart by hand.

use super::aws;
use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// What a token says, unchecked.
pub fn claims(token: &str) -> Value {
    part(token, 1)
}

pub fn header(token: &str) -> Value {
    part(token, 0)
}

fn part(token: &str, n: usize) -> Value {
    let part = token.split('.').nth(n).expect("a token has three parts");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// A token with the given header and claims, signed by HS256 whatever the header says.
pub fn sign(header: &Value, claims: &Value, secret: &str) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let content = format!("{}.{}", encode(header), encode(claims));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&key, content.as_bytes()));
    format!("{content}.{signature}")
}

/// The keys that tokens are signed with now: each a `kid` and a secret, the first of them signs.
pub fn keys() -> Vec<(String, String)> {
    let secret = aws::call("secretsmanager", "GetSecretValue", &json!({"SecretId": super::setting("KEYS_SECRET")}));
    let keys: Value = serde_json::from_str(secret["SecretString"].as_str().unwrap()).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    keys["jwt"].as_array().unwrap().iter().map(|key| (text(&key["kid"]), text(&key["secret"]))).collect()
}

/// The same token with other claims, properly signed.
pub fn with_claims(token: &str, change: &Value) -> String {
    let (mut claims, header) = (claims(token), header(token));
    for (name, value) in change.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    let kid = header["kid"].as_str().unwrap();
    let (_, secret) = keys().into_iter().find(|(known, _)| known == kid).expect("its key is live");
    sign(&header, &claims, &secret)
}
