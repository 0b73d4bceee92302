//! Signed tokens: HS256 alone, two live keys told apart by `kid`.

use super::{
    clock,
    config::ConfigError,
    function::{Env, Grant, Port},
    problem::Problem,
    secrets::{Secret, SecretCell},
};
use aws_lc_rs::{constant_time, hmac};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{fmt::Write as _, sync::Arc};

/// Issuer and audience of every token.
pub const ISSUER: &str = "tallybook";

/// The signing keys as Secrets Manager holds them: the first signs, all verify.
#[derive(Deserialize)]
pub struct KeySet {
    jwt: Vec<Key>,
    app: String,
}

#[derive(Deserialize)]
struct Key {
    kid: String,
    secret: String,
}

impl Secret for KeySet {
    fn check(&self) -> Result<(), String> {
        if self.jwt.is_empty() {
            return Err("jwt lists no key".into());
        }
        let long_enough = |text: &str| text.len() >= 64 && text.bytes().any(|b| Some(b) != text.bytes().next());
        if self.jwt.iter().any(|key| key.kid.is_empty() || !long_enough(&key.secret)) {
            return Err("each jwt key needs a kid and a random secret of at least 64 characters".into());
        }
        if !long_enough(&self.app) {
            return Err("app must be a random value of at least 64 characters".into());
        }
        Ok(())
    }
}

impl KeySet {
    /// Signs claims with the first key.
    pub fn sign<C: Serialize>(&self, claims: &C) -> Result<String, Problem> {
        let key = self.jwt.first().ok_or_else(|| Problem::internal("no signing key"))?;
        let header = Header { kid: Some(key.kid.clone()), ..Header::new(Algorithm::HS256) };
        jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(key.secret.as_bytes()))
            .map_err(Problem::internal)
    }

    /// The claims of a token that its key signed; `None` for any bad one.
    pub(crate) fn open<C: DeserializeOwned>(&self, kid: &str, token: &str) -> Option<C> {
        let key = self.jwt.iter().find(|key| key.kid == kid)?;
        decode(token, key.secret.as_bytes())
    }

    /// A keyed hash over parts: for cursors, and for whatever must be derived but not guessed.
    #[must_use]
    pub fn mac(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.app.as_bytes());
        let mut context = hmac::Context::with_key(&key);
        for part in std::iter::once(purpose.as_bytes()).chain(parts.iter().copied()) {
            context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(part);
        }
        let mut out = [0; 32];
        out.copy_from_slice(context.sign().as_ref());
        out
    }
}

/// Compares in constant time.
#[must_use]
pub fn same(a: &[u8], b: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(a, b).is_ok()
}

/// SHA-256.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref());
    out
}

/// Bytes in hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len().saturating_mul(2)), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Random bytes from the operating system.
pub fn random<const N: usize>() -> Result<[u8; N], Problem> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Problem::internal("no randomness"))?;
    Ok(bytes)
}

/// The signing keys, cached.
pub struct Keys(SecretCell<KeySet>);

impl Port for Keys {
    fn grants() -> Vec<Grant> {
        vec![Grant::Keys]
    }
    fn open(env: &Arc<Env>) -> Result<Self, ConfigError> {
        SecretCell::open(env, "KEYS_SECRET").map(Self)
    }
}

impl Keys {
    /// The current keys.
    pub async fn get(&self) -> Result<Arc<KeySet>, Problem> {
        self.0.get().await
    }

    /// The keys as they were at `since`, in seconds since the epoch, or later.
    pub async fn get_since(&self, since: i64) -> Result<Arc<KeySet>, Problem> {
        self.0.get_since(since).await
    }

    /// Checks signature, algorithm, issuer, audience and times, and returns the claims; `None` for any bad token.
    pub async fn verify<C: DeserializeOwned>(&self, token: &str) -> Result<Option<C>, Problem> {
        let Some(kid) = kid(token) else { return Ok(None) };
        let mut keys = self.0.get().await?;
        if !keys.jwt.iter().any(|key| key.kid == kid) {
            // Perhaps a key from a rotation just now: look again, but not for every forged token.
            keys = self.0.get_since(clock::epoch().saturating_sub(10)).await?;
        }
        Ok(keys.open(&kid, token))
    }
}

/// The key that a token says it was signed with.
pub(crate) fn kid(token: &str) -> Option<String> {
    let header = jsonwebtoken::decode_header(token).ok()?;
    // A token that brings its own key, or says where to fetch one, is never honest.
    let brings_a_key = header.jku.is_some() || header.jwk.is_some() || header.x5u.is_some() || header.x5c.is_some();
    header.kid.filter(|_| !brings_a_key)
}

fn decode<C: DeserializeOwned>(token: &str, secret: &[u8]) -> Option<C> {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[ISSUER]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.validate_nbf = true;
    validation.leeway = 0;
    jsonwebtoken::decode(token, &DecodingKey::from_secret(secret), &validation).ok().map(|data| data.claims)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kid: &str, secret: &str, app: &str) -> Result<(), String> {
        let keys = serde_json::json!({"jwt": [{"kid": kid, "secret": secret}], "app": app});
        serde_json::from_value::<KeySet>(keys).unwrap().check()
    }

    #[test]
    fn must_hold_46_short_and_default_keys_are_refused() {
        let good = "0123456789abcdef".repeat(4);
        assert_eq!(check("a", &good, &good), Ok(()));
        assert!(check("", &good, &good).is_err(), "a key without a kid");
        assert!(check("a", &good[..63], &good).is_err(), "a short secret");
        assert!(check("a", &good, &good[..63]).is_err(), "a short app key");
        assert!(check("a", &"0".repeat(64), &good).is_err(), "a default secret");
        let none = serde_json::from_str::<KeySet>(&format!(r#"{{"jwt": [], "app": "{good}"}}"#)).unwrap();
        assert!(none.check().is_err(), "no key at all");
        let said = check("a", "hunter2", &good).unwrap_err();
        assert!(!said.contains("hunter2"), "{said}");
    }

    fn keys() -> KeySet {
        let (one, two) = ("0123456789abcdef".repeat(4), "fedcba9876543210".repeat(4));
        let jwt = serde_json::json!([{"kid": "new", "secret": one}, {"kid": "old", "secret": two}]);
        serde_json::from_value(serde_json::json!({"jwt": jwt, "app": one})).unwrap()
    }

    fn claims() -> serde_json::Value {
        let now = clock::epoch();
        serde_json::json!({"iss": ISSUER, "aud": ISSUER, "sub": "x", "iat": now, "nbf": now, "exp": now + 60})
    }

    /// Whether a token opens that is signed by one of our own keys.
    fn opens(change: impl FnOnce(&mut Header), claims: &serde_json::Value, signer: usize) -> bool {
        let keys = keys();
        let mut header = Header { kid: Some(keys.jwt[signer].kid.clone()), ..Header::new(Algorithm::HS256) };
        change(&mut header);
        let secret = EncodingKey::from_secret(keys.jwt[signer].secret.as_bytes());
        let token = jsonwebtoken::encode(&header, claims, &secret).unwrap();
        kid(&token).and_then(|kid| keys.open::<serde_json::Value>(&kid, &token)).is_some()
    }

    #[test]
    fn must_hold_01_what_one_of_our_keys_signed_opens_by_its_kid_and_hs256_alone() {
        assert!(opens(|_| (), &claims(), 0) && opens(|_| (), &claims(), 1), "two keys live");
        assert!(!opens(|header| header.alg = Algorithm::HS384, &claims(), 0), "another algorithm");
        assert!(!opens(|header| header.alg = Algorithm::HS512, &claims(), 0), "another algorithm");
        assert!(!opens(|header| header.kid = None, &claims(), 0), "no kid");
        assert!(!opens(|header| header.kid = Some("old".into()), &claims(), 0), "another key's kid");
        assert!(!opens(|header| header.kid = Some("lost".into()), &claims(), 0), "an unknown kid");
        assert!(!opens(|header| header.jku = Some("https://example.com/keys".into()), &claims(), 0), "a jku");
        assert!(!opens(|header| header.x5u = Some("https://example.com/keys".into()), &claims(), 0), "an x5u");
        assert!(!opens(|header| header.x5c = Some(vec!["MIIB".into()]), &claims(), 0), "an x5c");
    }

    #[test]
    fn must_hold_02_times_issuer_and_audience_are_enforced_to_the_second() {
        let now = clock::epoch();
        for (name, value) in [("exp", now - 1), ("nbf", now + 5)] {
            let mut odd = claims();
            odd[name] = value.into();
            assert!(!opens(|_| (), &odd, 0), "{name}");
        }
        for name in ["iss", "aud"] {
            let mut odd = claims();
            odd[name] = "another".into();
            assert!(!opens(|_| (), &odd, 0), "{name}");
        }
        for name in ["exp", "iss", "aud", "sub"] {
            let mut odd = claims();
            odd.as_object_mut().unwrap().remove(name);
            assert!(!opens(|_| (), &odd, 0), "without {name}");
        }
    }

    #[test]
    fn a_keyed_hash_keeps_its_parts_and_purposes_apart() {
        let good = "0123456789abcdef".repeat(4);
        let keys: KeySet = serde_json::from_value(serde_json::json!({"jwt": [], "app": good})).unwrap();
        assert_ne!(keys.mac("a", &[b"bc", b"d"]), keys.mac("a", &[b"b", b"cd"]));
        assert_ne!(keys.mac("a", &[b"b"]), keys.mac("ab", &[]));
        assert_eq!(keys.mac("a", &[b"b"]), keys.mac("a", &[b"b"]));
    }
}
