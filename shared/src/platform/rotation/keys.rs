//! Changing the key that signs tokens, without any token being refused on the way.
//!
//! A new key verifies before it signs: each rotation adds one, which signs after the next rotation, when every environment has
//! had it for long. The one that signed before goes on verifying until the last token that it signed has ended.

use super::{Rotates, malformed, parsed};
use crate::platform::{
    clock,
    config::ConfigError,
    function::{Env, Grant, Port},
    jwt::{self, KeySet},
    problem::Problem,
    secrets::Secret,
};
use serde_json::{Value, json};
use std::sync::Arc;

/// How long a cached secret may serve, and the longest that a function works with one it has taken: after so many seconds
/// nobody is without a key that was added.
const WAIT_S: i64 = 360;
/// The life of the longest token there is, a session's, and a day to spare.
const VERIFIES_S: i64 = 31 * 24 * 3600;

/// The keys that sign tokens, for whoever may change them.
pub struct SigningKeys {
    env: Arc<Env>,
    secret: String,
}

/// What was done, by the keys' names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// The key that signs from now on.
    pub signs: String,
    /// The keys that verify besides, the next one to sign last.
    pub verify: Vec<String>,
}

impl Port for SigningKeys {
    fn grants() -> Vec<Grant> {
        vec![Grant::RotateKeys]
    }
    fn open(env: &Arc<Env>) -> Result<Self, ConfigError> {
        Ok(Self { env: env.clone(), secret: env.config.require("KEYS_SECRET")? })
    }
}

impl SigningKeys {
    /// Does a step that Secrets Manager asks for.
    pub async fn step(&self, asked: &super::Asked) -> Result<(), Problem> {
        super::step(&self.env, &Next, asked).await
    }

    /// Rotates at once, all steps of it.
    pub async fn rotate(&self) -> Result<Rotated, Problem> {
        self.through(&Next).await
    }

    /// Takes every key out of use, and with them every token there is: for keys that somebody else may know.
    pub async fn revoke(&self) -> Result<Rotated, Problem> {
        self.through(&Anew).await
    }

    async fn through(&self, what: &impl Rotates) -> Result<Rotated, Problem> {
        super::through(&self.env, what, &self.secret).await.map(|keys| Rotated::read(&keys))
    }
}

impl Rotated {
    fn read(keys: &Value) -> Self {
        let mut names = keys.get("jwt").and_then(Value::as_array).into_iter().flatten().map(name);
        Self { signs: names.next().unwrap_or_default(), verify: names.collect() }
    }
}

/// The next key signs.
struct Next;

impl Rotates for Next {
    fn next(&self, mut keys: Value) -> Result<Value, Problem> {
        rotate(&mut keys, clock::epoch())?;
        Ok(keys)
    }
    async fn set(&self, _: &Value) -> Result<(), Problem> {
        Ok(())
    }
    async fn test(&self, next: &Value) -> Result<(), Problem> {
        usable(next)
    }
}

/// Other keys, and none of those there were.
struct Anew;

impl Rotates for Anew {
    fn next(&self, mut keys: Value) -> Result<Value, Problem> {
        let now = clock::epoch();
        let mut signs = key(now)?;
        settle(&mut signs);
        *list(&mut keys)? = vec![signs, key(now)?];
        // Cursors and the tokens that follow a refresh come from this one.
        *keys.get_mut("app").ok_or_else(malformed)? = jwt::hex(&jwt::random::<32>()?).into();
        Ok(keys)
    }
    async fn set(&self, _: &Value) -> Result<(), Problem> {
        Ok(())
    }
    async fn test(&self, next: &Value) -> Result<(), Problem> {
        usable(next)
    }
}

/// Whether functions would accept the keys, and what one signs with them.
fn usable(keys: &Value) -> Result<(), Problem> {
    let set: KeySet = parsed(&keys.to_string())?;
    set.check().map_err(Problem::internal)?;
    let now = clock::epoch();
    let claims = json!({"iss": jwt::ISSUER, "aud": jwt::ISSUER, "sub": "rotation", "nbf": now.saturating_sub(1), "exp": now.saturating_add(60)});
    let token = set.sign(&claims)?;
    let opened = jwt::kid(&token).and_then(|kid| set.open::<Value>(&kid, &token));
    opened.map(drop).ok_or_else(|| Problem::internal("a token of the new keys does not open"))
}

fn list(keys: &mut Value) -> Result<&mut Vec<Value>, Problem> {
    keys.get_mut("jwt").and_then(Value::as_array_mut).ok_or_else(malformed)
}

fn name(key: &Value) -> String {
    key.get("kid").and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn at(key: &Value, what: &str) -> Option<i64> {
    key.get(what).and_then(Value::as_i64)
}

/// A key that verifies and does not sign yet.
fn key(now: i64) -> Result<Value, Problem> {
    let random = jwt::hex(&jwt::random::<36>()?);
    let (kid, secret) = random.split_at(8);
    Ok(json!({"kid": kid, "secret": secret, "added_at": now}))
}

/// Of a key that signs it is of no matter any more when it was added.
fn settle(key: &mut Value) {
    if let Some(key) = key.as_object_mut() {
        key.remove("added_at");
    }
}

/// Makes the key that waits the one that signs, adds another that waits, and drops those whose last token has ended.
fn rotate(keys: &mut Value, now: i64) -> Result<(), Problem> {
    let all = list(keys)?;
    if let Some(place) = all.iter().skip(1).position(|key| at(key, "retired_at").is_none()) {
        let mut next = all.remove(place.saturating_add(1));
        let early = at(&next, "added_at").unwrap_or(0).saturating_add(WAIT_S).saturating_sub(now);
        if early > 0 {
            return Err(Problem::internal(format!("not every function has the next key yet: again in {early} s")));
        }
        settle(&mut next);
        if let Some(signed) = all.first_mut().and_then(Value::as_object_mut) {
            signed.insert("retired_at".into(), now.into());
        }
        all.insert(0, next);
    }
    let ended = |key: &Value| at(key, "retired_at").is_some_and(|retired| now.saturating_sub(retired) > VERIFIES_S);
    all.retain(|key| !ended(key));
    all.push(key(now)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(keys: &Value) -> Vec<String> {
        keys["jwt"].as_array().unwrap().iter().map(name).collect()
    }

    fn two() -> Value {
        let secret = "0123456789abcdef".repeat(4);
        json!({"jwt": [{"kid": "a", "secret": secret}, {"kid": "b", "secret": secret}], "app": secret, "kept": 1})
    }

    #[test]
    fn must_hold_44_a_new_key_verifies_before_it_signs_and_the_old_one_verifies_on() {
        let (mut keys, app) = (two(), two()["app"].clone());
        rotate(&mut keys, 1000).unwrap();
        let third = names(&keys)[2].clone();
        assert_eq!(names(&keys), ["b", "a", &third], "what every function had from the beginning signs");
        usable(&keys).unwrap();
        assert_eq!((&keys["app"], &keys["kept"]), (&app, &json!(1)), "cursors and the rest go on");

        // Again before the first one's tokens have ended: all verify.
        rotate(&mut keys, 1000 + WAIT_S).unwrap();
        let fourth = names(&keys)[3].clone();
        assert_eq!(names(&keys), [third.as_str(), "b", "a", &fourth]);
        usable(&keys).unwrap();
        // And when they have.
        rotate(&mut keys, 1000 + WAIT_S + VERIFIES_S).unwrap();
        assert_eq!(names(&keys)[..3], [fourth.as_str(), &third, "b"]);
        assert_eq!(names(&keys).len(), 4, "the first is gone");
    }

    #[test]
    fn must_hold_44_a_key_that_some_function_may_not_have_does_not_sign() {
        let mut keys = two();
        rotate(&mut keys, 1000).unwrap();
        let early = rotate(&mut keys.clone(), 1000 + WAIT_S - 1).unwrap_err();
        assert_eq!(early.cause.as_deref(), Some("not every function has the next key yet: again in 1 s"));
        rotate(&mut keys, 1000 + WAIT_S).unwrap();
    }

    #[test]
    fn one_key_alone_signs_on_while_the_next_becomes_known() {
        let mut keys = two();
        keys["jwt"].as_array_mut().unwrap().pop();
        rotate(&mut keys, 1000).unwrap();
        assert_eq!((names(&keys)[0].as_str(), names(&keys).len()), ("a", 2));
    }

    #[test]
    fn must_hold_44_revoked_keys_are_gone_with_all_that_came_from_them() {
        let keys = Anew.next(two()).unwrap();
        usable(&keys).unwrap();
        assert!(names(&keys).iter().all(|name| name != "a" && name != "b"), "{:?}", names(&keys));
        assert!(keys["app"] != two()["app"] && keys["kept"] == 1);
        let mut again = keys;
        assert!(rotate(&mut again, clock::epoch()).is_err(), "the next one waits, as ever");
    }
}
