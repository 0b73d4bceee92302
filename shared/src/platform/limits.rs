//! Counting limits, in DynamoDB: what is lost with a count is a few tries, so it need not be in Postgres.

use super::{
    ahead::Ahead,
    clock,
    config::ConfigError,
    function::{Env, Grant, Port},
    problem::Problem,
    rates::{Place, Standing, WINDOW_S, Window},
};
use aws_sdk_dynamodb::{
    Client,
    config::{Builder, timeout::TimeoutConfig},
    error::{DisplayErrorContext, SdkError},
    operation::update_item::UpdateItemError,
    types::{AttributeValue as Av, ReturnValue},
};
use std::{net::IpAddr, sync::Arc, time::Duration};
use tokio::sync::OnceCell;

/// A request waits for its count: one that gets no answer is refused while the client still waits, and a connection that
/// died while the environment slept is given up early enough to try another.
const ATTEMPT: Duration = Duration::from_millis(1400);
const ALL_ATTEMPTS: Duration = Duration::from_millis(2900);

/// At most `most` in `window_s` seconds, counted from the first.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// How many.
    pub most: u32,
    /// Over how long.
    pub window_s: i64,
}

/// The limits' table.
pub struct Limits {
    env: Arc<Env>,
    table: String,
    client: OnceCell<Client>,
    ahead: Ahead,
}

impl Port for Limits {
    fn grants() -> Vec<Grant> {
        vec![Grant::Limits]
    }
    fn open(env: &Arc<Env>) -> Result<Self, ConfigError> {
        let table = env.config.require("LIMITS_TABLE")?;
        Ok(Self { env: env.clone(), table, client: OnceCell::new(), ahead: Ahead::default() })
    }
}

impl Limits {
    async fn client(&self) -> &Client {
        let client = async || {
            let timeouts =
                TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT).operation_timeout(ALL_ATTEMPTS).build();
            Client::from_conf(Builder::from(self.env.aws()).timeout_config(timeouts).build())
        };
        self.client.get_or_init(client).await
    }

    /// Takes one place under `key`, or refuses with 429. Atomic: of any number at once, exactly `most` get through.
    /// Fails closed: without the table nobody gets through.
    pub async fn take(&self, key: &str, limit: Limit, now: i64) -> Result<u32, Problem> {
        // Two conditional writes cover all cases: count on in a running window, or start a new one. Losing the start
        // of a window to another call means that a window runs now, so the first is tried once more.
        for _ in 0..2 {
            let on = self.write(key, "ADD n :one", "resets > :now AND n < :most", limit, now).await?;
            if let Some(count) = on {
                return Ok(count);
            }
            let start = "SET n = :one, resets = :resets, #ttl = :resets";
            if let Some(count) =
                self.write(key, start, "attribute_not_exists(pk) OR resets <= :now", limit, now).await?
            {
                return Ok(count);
            }
        }
        let Limit { most, window_s } = limit;
        let resets_s = self.wait(key, limit, now).await;
        Err(Problem::too_many(Standing { policy: "tries", most, window_s, left: 0, resets_s }))
    }

    /// Counts a request in its window, or refuses it with 429. While little of the limit is used most requests are counted
    /// here first and told to the table together; from half on each is told, by one atomic write whatever comes of it: of
    /// any number at once, exactly as many get through as are left. Fails closed.
    pub async fn count(&self, place: &Place, window: &Window) -> Result<Standing, Problem> {
        let count = match self.ahead.count(place, window) {
            Some(count) => count,
            None => Box::pin(self.tell(window)).await?,
        };
        let standing = Standing {
            policy: place.class.name(),
            most: place.most,
            window_s: WINDOW_S,
            left: place.most.saturating_sub(count),
            resets_s: u32::try_from(window.left_s).unwrap_or(1),
        };
        if count > place.most { Err(Problem::too_many(standing)) } else { Ok(standing) }
    }

    /// Adds this request, and those that were kept back, to the table's count.
    async fn tell(&self, window: &Window) -> Result<u32, Problem> {
        let (due, now) = (self.ahead.due(window), clock::epoch());
        let client = self.client().await;
        let update = client.update_item().table_name(&self.table).key("pk", Av::S(window.key.clone()));
        let update = update.update_expression("SET #ttl = if_not_exists(#ttl, :ttl) ADD n :due");
        let update = update.expression_attribute_names("#ttl", "ttl").return_values(ReturnValue::UpdatedNew);
        let ttl = now.saturating_add(WINDOW_S.saturating_mul(2));
        let update = update.expression_attribute_values(":ttl", Av::N(ttl.to_string()));
        let update = update.expression_attribute_values(":due", Av::N(due.to_string()));
        let answer = update.send().await.map_err(|error| Problem::unavailable(DisplayErrorContext(&error)))?;
        let count = number(answer.attributes().and_then(|item| item.get("n")))
            .ok_or_else(|| Problem::unavailable("no count"))?;
        let count = u32::try_from(count.max(0)).unwrap_or(u32::MAX);
        self.ahead.told(window, due, count, now);
        Ok(count)
    }

    async fn wait(&self, key: &str, limit: Limit, now: i64) -> u32 {
        let item = self.client().await.get_item().table_name(&self.table).key("pk", Av::S(key.into())).send().await;
        let resets = item.ok().and_then(|answer| answer.item).and_then(|item| number(item.get("resets")));
        let wait = resets.map_or(limit.window_s, |resets| resets.saturating_sub(now));
        u32::try_from(wait.clamp(1, limit.window_s)).unwrap_or(1)
    }

    /// Whether the table answers.
    pub async fn probe(&self) -> Result<(), Problem> {
        let get = self.client().await.get_item().table_name(&self.table).key("pk", Av::S("probe".into()));
        get.send().await.map(drop).map_err(|error| Problem::unavailable(DisplayErrorContext(&error)))
    }

    /// Gives a place back, for a try that turned out to be none.
    pub async fn give_back(&self, key: &str) -> Result<(), Problem> {
        if self.ahead.give_back(key) {
            return Ok(());
        }
        let client = self.client().await;
        let update = client.update_item().table_name(&self.table).key("pk", Av::S(key.into()));
        let update = update.update_expression("ADD n :minus").condition_expression("n > :zero");
        let update = update.expression_attribute_values(":minus", Av::N("-1".into()));
        match update.expression_attribute_values(":zero", Av::N("0".into())).send().await {
            Ok(_) => Ok(()),
            Err(error) if refused(&error) => Ok(()),
            Err(error) => Err(Problem::unavailable(DisplayErrorContext(&error))),
        }
    }

    async fn write(&self, key: &str, set: &str, only_if: &str, limit: Limit, now: i64) -> Result<Option<u32>, Problem> {
        let client = self.client().await;
        let mut update = client.update_item().table_name(&self.table).key("pk", Av::S(key.into()));
        update = update.update_expression(set).condition_expression(only_if).return_values(ReturnValue::UpdatedNew);
        update = update.expression_attribute_values(":one", Av::N("1".into()));
        update = update.expression_attribute_values(":now", Av::N(now.to_string()));
        if only_if.contains(":most") {
            update = update.expression_attribute_values(":most", Av::N(limit.most.to_string()));
        }
        if set.contains(":resets") {
            let resets = now.saturating_add(limit.window_s);
            update = update.expression_attribute_values(":resets", Av::N(resets.to_string()));
            update = update.expression_attribute_names("#ttl", "ttl");
        }
        match update.send().await {
            Ok(answer) => {
                let count = number(answer.attributes().and_then(|item| item.get("n")));
                Ok(Some(count.and_then(|n| u32::try_from(n).ok()).unwrap_or(1)))
            }
            Err(error) if refused(&error) => Ok(None),
            Err(error) => Err(Problem::unavailable(DisplayErrorContext(&error))),
        }
    }
}

fn number(value: Option<&Av>) -> Option<i64> {
    value?.as_n().ok()?.parse().ok()
}

fn refused<R>(error: &SdkError<UpdateItemError, R>) -> bool {
    error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception)
}

/// The address as limits count it: IPv6 by its /64, which one household or server holds whole.
#[must_use]
pub fn by_address(ip: &str) -> String {
    prefix(ip, 32)
}

/// The wider neighbourhood of an address: /24, or /64 for IPv6.
#[must_use]
pub fn by_network(ip: &str) -> String {
    prefix(ip, 24)
}

fn prefix(ip: &str, v4_bits: u32) -> String {
    match ip.parse::<IpAddr>().map(|ip| ip.to_canonical()) {
        Ok(IpAddr::V4(v4)) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(v4_bits)).unwrap_or(0);
            format!("{}/{v4_bits}", std::net::Ipv4Addr::from_bits(v4.to_bits() & mask))
        }
        Ok(IpAddr::V6(v6)) => format!("{}/64", std::net::Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
        // The gateway always knows the address; all that come without one share a place.
        Err(_) => "unknown".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::{
        config::Config,
        rates::{Class, Tier},
    };

    /// Nobody listens there.
    fn away(name: &str) -> Option<String> {
        let value = match name {
            "STAGE" => "local",
            "_HANDLER" => "test",
            "LIMITS_TABLE" => "limits",
            "AWS_REGION" => "us-east-1",
            "AWS_ENDPOINT_URL" => "http://127.0.0.1:9",
            _ => return None,
        };
        Some(value.to_owned())
    }

    #[tokio::test]
    async fn must_hold_48_without_the_table_nobody_gets_through() {
        let limits = Limits::open(&Env::new(Config::read(away).unwrap())).unwrap();
        let place = Place::of("somebody".into(), Class::Write, Tier::Internal);
        let started = std::time::Instant::now();
        let refused = limits.count(&place, &place.window(0)).await.unwrap_err();
        assert_eq!((refused.status, refused.retry_after.is_some()), (503, true));
        let refused = limits.take("somebody", Limit { most: 5, window_s: 60 }, 0).await.unwrap_err();
        assert_eq!(refused.status, 503);
        assert!(started.elapsed() < ALL_ATTEMPTS * 2 + Duration::from_secs(1), "{:?}", started.elapsed());
    }

    #[test]
    fn must_hold_11_addresses_count_by_prefix() {
        assert_eq!(by_address("203.0.113.9"), "203.0.113.9/32");
        assert_eq!(by_network("203.0.113.9"), "203.0.113.0/24");
        assert_eq!(by_address("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(by_address("2001:db8:1:2:ffff::1"), by_network("2001:db8:1:2::9"));
        assert_eq!(by_address("::ffff:203.0.113.9"), "203.0.113.9/32");
        assert_eq!(by_address("not an address"), "unknown");
    }
}
