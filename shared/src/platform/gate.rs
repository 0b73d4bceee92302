//! Who may come in, and how often: what is asked of a call before its handler is.

use super::{
    clock,
    config::ConfigError,
    function::{Access, Env, Grant, Port},
    http::Call,
    jwt::{Keys, hex, sha256},
    limits::Limits,
    problem::Problem,
    rates::{Class, Place, Standing, Tier},
};
use futures_util::future::join;
use serde::Deserialize;
use std::{future::Future, sync::Arc};
use uuid::Uuid;

/// What the tokens of other teams' programs begin with: so they are told from users' tokens, and found where they leaked.
pub const SERVICE_PREFIX: &str = "tbs_";

/// What an access token says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Claims {
    /// The user.
    #[serde(rename = "sub")]
    pub user_id: Uuid,
    /// The session.
    #[serde(rename = "sid")]
    pub session_id: Uuid,
    /// When it ends, in seconds since the epoch.
    pub exp: i64,
    /// `access`, or a token of another kind that is of no use here.
    #[serde(rename = "type")]
    pub kind: String,
    /// How much the user is allowed.
    #[serde(default)]
    pub tier: Tier,
}

/// Checks an access token; what it names must still be looked up in Postgres.
pub async fn check_access(keys: &Keys, token: &str) -> Result<Claims, Problem> {
    let claims = keys.verify::<Claims>(token).await?;
    claims.filter(|claims| claims.kind == "access").ok_or_else(|| {
        Problem::unauthorized("invalid_token", "This access token is not valid: refresh it, or log in again.")
    })
}

/// What stands before a route's handler.
pub struct Gate {
    access: Access,
    class: Class,
    keys: Option<Keys>,
    limits: Option<Limits>,
}

impl Gate {
    /// The grants that it takes.
    #[must_use]
    pub fn grants(access: Access) -> Vec<Grant> {
        match access {
            Access::Public => Vec::new(),
            Access::User | Access::Admin => vec![Grant::Keys, Grant::Limits],
            Access::Service(_) => vec![Grant::Limits],
        }
    }

    /// Makes it, without waiting for the network.
    pub fn open(env: &Arc<Env>, access: Access, class: Class) -> Result<Self, ConfigError> {
        let grants = Self::grants(access);
        let keys = grants.contains(&Grant::Keys).then(|| Keys::open(env)).transpose()?;
        let limits = grants.contains(&Grant::Limits).then(|| Limits::open(env)).transpose()?;
        Ok(Self { access, class, keys, limits })
    }

    /// Notes on the call who is calling, and says where that is counted. Whether the session or the service token still
    /// stands is the first thing that the handler's transaction looks up.
    pub async fn admit(&self, call: &mut Call) -> Result<Option<Place>, Problem> {
        if self.access == Access::Public {
            return Ok(None);
        }
        let header = call.header("authorization").and_then(|value| value.split_once(' '));
        let token = header.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
        let token = token.map(ToOwned::to_owned);
        if let Access::Service(scope) = self.access {
            let hash = service_hash(token.as_deref())?;
            (call.scope, call.service) = (Some(scope), Some(hash));
            return Ok(Some(Place::of(service(&hash), self.class, Tier::Default)));
        }
        let token = token.ok_or_else(|| {
            Problem::unauthorized("missing_token", "Send Authorization: Bearer with an access token.")
        })?;
        let keys = self.keys.as_ref().ok_or_else(|| Problem::internal("a gate without keys"))?;
        let claims = check_access(keys, &token).await?;
        let place = Place::of(claims.user_id.to_string(), self.class, claims.tier);
        call.admin = self.access == Access::Admin;
        call.claims = Some(claims);
        Ok(Some(place))
    }

    /// Counts the call and runs its handler, in the order that the class says. Also tells where the caller stands now.
    pub async fn pass<T>(
        &self,
        place: Option<Place>,
        work: impl Future<Output = Result<T, Problem>>,
    ) -> (Option<Standing>, Result<T, Problem>) {
        let (Some(place), Some(limits)) = (place, &self.limits) else { return (None, work.await) };
        let window = place.window(clock::epoch());
        let (standing, answer) = within(place.class, Box::pin(limits.count(&place, &window)), work).await;
        if standing.is_some() && answer.as_ref().is_err_and(|problem| problem.status == 401) {
            // The token is of a session that has ended: whoever holds it may not use up what is its user's.
            let _ = Box::pin(limits.give_back(&window.key)).await;
            return (None, answer);
        }
        (standing, answer)
    }
}

/// What a service token is kept as. One that has not its form needs no look-up.
fn service_hash(token: Option<&str>) -> Result<[u8; 32], Problem> {
    let token = token
        .ok_or_else(|| Problem::unauthorized("missing_token", "Send Authorization: Bearer with a service token."))?;
    if token.starts_with(SERVICE_PREFIX) && token.len() < 200 {
        return Ok(sha256(token.as_bytes()));
    }
    Err(Problem::unauthorized("invalid_token", "This is no service token: ask an administrator for one."))
}

/// Who a service token's requests are counted for: a part of its hash, which says nothing of the token.
fn service(hash: &[u8]) -> String {
    format!("service:{}", hex(hash.get(..16).unwrap_or(hash)))
}

/// A read is counted while it runs, so that counting costs it no time; all else is counted first, because what was
/// written cannot be taken back. Refused or not counted, there is no answer.
async fn within<T>(
    class: Class,
    count: impl Future<Output = Result<Standing, Problem>>,
    work: impl Future<Output = Result<T, Problem>>,
) -> (Option<Standing>, Result<T, Problem>) {
    let (counted, answer) = if class == Class::Read {
        // Awaited to its end even when the count refuses it: a transaction that is dropped stays open.
        join(count, work).await
    } else {
        match count.await {
            Ok(standing) => (Ok(standing), work.await),
            Err(refused) => return (None, Err(refused)),
        }
    };
    match counted {
        Ok(standing) => (Some(standing), answer),
        Err(refused) => (None, Err(refused)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    fn standing() -> Standing {
        Standing { policy: "read", most: 600, window_s: 60, left: 599, resets_s: 60 }
    }

    /// Whether the work ran, and the status of the answer.
    async fn run(class: Class, counted: Result<Standing, Problem>) -> (bool, u16) {
        let ran = Cell::new(false);
        let work = async {
            ran.set(true);
            Ok(())
        };
        let (standing, answer) = within(class, async { counted }, work).await;
        assert_eq!(standing.is_some(), answer.is_ok());
        (ran.get(), answer.err().map_or(200, |problem| problem.status))
    }

    #[tokio::test]
    async fn what_writes_does_not_run_when_it_is_refused_and_a_read_has_run_in_vain() {
        for class in [Class::Write, Class::Heavy] {
            assert_eq!(run(class, Err(Problem::too_many(standing()))).await, (false, 429));
        }
        assert_eq!(run(Class::Read, Err(Problem::too_many(standing()))).await, (true, 429));
        assert_eq!(run(Class::Read, Ok(standing())).await, (true, 200));
        assert_eq!(run(Class::Write, Ok(standing())).await, (true, 200));
    }

    #[tokio::test]
    async fn must_hold_48_without_a_count_nobody_gets_an_answer() {
        assert_eq!(run(Class::Read, Err(Problem::unavailable("away"))).await, (true, 503));
        assert_eq!(run(Class::Write, Err(Problem::unavailable("away"))).await, (false, 503));
    }
}
