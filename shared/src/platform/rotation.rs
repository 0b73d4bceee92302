//! Changing the key that signs tokens, without any token being refused on the way.
//!
//! A new key verifies before it signs: it is added last, and becomes the first, which signs, only when every environment
//! must have it. The one before it goes on verifying until the last token that it signed has ended.

use super::{
    clock,
    config::{Config, ConfigError},
    function::Env,
    jwt::{self, KeySet},
    problem::Problem,
    secrets::Secret,
};
use aws_sdk_secretsmanager::{Client, error::DisplayErrorContext};
use serde_json::{Value, json};

/// How long a cached secret may serve, and the longest that a function works with one it has taken: after so many seconds
/// nobody is without a key that was added.
pub const WAIT_S: u64 = 360;
/// The life of the longest token there is, a session's, and a day to spare.
const VERIFIES_S: i64 = 31 * 24 * 3600;

/// The secret of the keys, for whoever may write it.
pub struct Rotation {
    client: Client,
    secret: String,
}

/// What was done, by the keys' names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// The key that signs from now on.
    pub signs: String,
    /// The keys that verify besides.
    pub verify: Vec<String>,
}

fn malformed() -> Problem {
    Problem::internal("the secret is not of the expected shape")
}

impl Rotation {
    /// Of the secret that `KEYS_SECRET` names, with the region, credentials and perhaps endpoint of the shell.
    pub fn open() -> Result<Self, ConfigError> {
        let env = Env::new(Config::of_command()?);
        Ok(Self { client: Client::new(env.aws()), secret: env.config.require("KEYS_SECRET")? })
    }

    /// Rotates. `pause` waits until every environment has the new key. Killed on the way, it is run again: it goes on with
    /// the key that was added.
    pub async fn rotate(&self, pause: impl AsyncFnOnce(&str)) -> Result<Rotated, Problem> {
        let mut keys = self.read().await?;
        let added = add(&mut keys, clock::epoch())?;
        self.write(&keys).await?;
        pause(&added).await;
        let mut keys = self.read().await?;
        promote(&mut keys, &added, clock::epoch())?;
        self.write(&keys).await?;
        let mut names = list(&mut keys)?.iter().map(name);
        Ok(Rotated { signs: names.next().unwrap_or_default(), verify: names.collect() })
    }

    async fn read(&self) -> Result<Value, Problem> {
        let answer = self.client.get_secret_value().secret_id(&self.secret).send().await;
        let answer = answer.map_err(|error| Problem::unavailable(DisplayErrorContext(&error)))?;
        answer.secret_string().and_then(|text| serde_json::from_str(text).ok()).ok_or_else(malformed)
    }

    /// Writes what functions would accept, and nothing else.
    async fn write(&self, keys: &Value) -> Result<(), Problem> {
        let set = serde_json::from_value::<KeySet>(keys.clone()).map_err(|_| malformed())?;
        set.check().map_err(Problem::internal)?;
        let put = self.client.put_secret_value().secret_id(&self.secret).secret_string(keys.to_string());
        put.send().await.map(drop).map_err(|error| Problem::unavailable(DisplayErrorContext(&error)))
    }
}

fn list(keys: &mut Value) -> Result<&mut Vec<Value>, Problem> {
    keys.get_mut("jwt").and_then(Value::as_array_mut).ok_or_else(malformed)
}

fn name(key: &Value) -> String {
    key.get("kid").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Adds a key that verifies and does not sign yet, and drops those that have nothing left to verify: a key that never
/// signed, and one whose last token has ended. Returns its name; that of a key which an earlier run added and left.
fn add(keys: &mut Value, now: i64) -> Result<String, Problem> {
    let random = jwt::hex(&jwt::random::<36>()?);
    let (kid, secret) = random.split_at(8);
    let all = list(keys)?;
    if let Some(waiting) = all.iter().skip(1).find(|key| key.get("added_at").is_some()) {
        return Ok(name(waiting));
    }
    let mut place = 0_usize;
    all.retain(|key| {
        place = place.saturating_add(1);
        let retired = key.get("retired_at").and_then(Value::as_i64);
        place == 1 || retired.is_some_and(|retired| now.saturating_sub(retired) <= VERIFIES_S)
    });
    all.push(json!({"kid": kid, "secret": secret, "added_at": now}));
    Ok(kid.to_owned())
}

/// Makes an added key the one that signs; the one before it verifies on.
fn promote(keys: &mut Value, kid: &str, now: i64) -> Result<(), Problem> {
    let all = list(keys)?;
    let place = all.iter().position(|key| name(key) == kid);
    let place = place.ok_or_else(|| Problem::internal("another rotation was under way: run one at a time"))?;
    let mut key = all.remove(place);
    if let Some(key) = key.as_object_mut() {
        key.remove("added_at");
    }
    if let Some(signed) = all.first_mut().and_then(Value::as_object_mut) {
        signed.insert("retired_at".into(), now.into());
    }
    all.insert(0, key);
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
        let new = add(&mut keys, 1000).unwrap();
        assert_eq!(
            names(&keys),
            ["a", &new],
            "the one that signs stays; the one that never signed has nothing to verify"
        );
        serde_json::from_value::<KeySet>(keys.clone()).unwrap().check().unwrap();
        promote(&mut keys, &new, 2000).unwrap();
        assert_eq!(names(&keys), [new.as_str(), "a"]);
        assert_eq!((&keys["app"], &keys["kept"]), (&app, &json!(1)), "cursors and the rest go on");

        // Again before the first one's tokens have ended: three verify.
        let third = add(&mut keys, 3000).unwrap();
        promote(&mut keys, &third, 4000).unwrap();
        assert_eq!(names(&keys), [third.as_str(), &new, "a"]);
        // And when they have.
        let fourth = add(&mut keys, 2000 + VERIFIES_S + 1).unwrap();
        assert_eq!(names(&keys), [third.as_str(), &new, &fourth]);
    }

    #[test]
    fn a_rotation_that_was_killed_goes_on_with_the_key_that_it_added() {
        let mut keys = two();
        let new = add(&mut keys, 1000).unwrap();
        assert_eq!(add(&mut keys, 1100).unwrap(), new);
        promote(&mut keys, &new, 1200).unwrap();
        assert_ne!(add(&mut keys, 1300).unwrap(), new, "and with another one once it signs");
        assert!(promote(&mut keys, "gone", 1400).is_err());
    }
}
