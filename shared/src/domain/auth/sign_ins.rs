//! Logins from places that an account was not used from before.

use super::sql;
use crate::{
    domain::mails::{self, Kind},
    platform::{db::Tx, limits::by_network, problem::Problem},
};
use std::collections::HashSet;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// From so many new places in an hour the account's owner hears of it.
const PLACES: usize = 3;

/// Writes the mail that tells of several logins from new places, if there were, and not more than one in an hour. Of an
/// account that is younger than an hour every place is new, and nothing is said.
pub(super) async fn warn(tx: &mut Tx, account: &sql::Account, now: OffsetDateTime) -> Result<Option<Uuid>, Problem> {
    let since = now.saturating_sub(Duration::HOUR);
    if new_places(&sql::seen(tx, account.id, since).await?, since) < PLACES {
        return Ok(None);
    }
    mails::write_hourly(tx, Kind::ManySignIns, &account.email, account.id, now).await
}

/// Pairs of a network and a device since then, of which one was not known before.
fn new_places(seen: &[sql::Seen], since: OffsetDateTime) -> usize {
    let network = |one: &sql::Seen| by_network(one.ip.as_deref().unwrap_or_default());
    let before = || seen.iter().filter(|one| one.first_at < since);
    let networks: HashSet<_> = before().map(network).collect();
    let devices: HashSet<_> = before().map(|one| one.device.as_deref()).collect();
    let after = seen.iter().filter(|one| one.first_at >= since);
    let pairs = after.map(|one| (network(one), one.device.as_deref()));
    let new = pairs.filter(|(network, device)| !networks.contains(network) || !devices.contains(device));
    new.collect::<HashSet<_>>().len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn a_place_is_new_by_its_network_or_its_device_and_counts_once() {
        let now = datetime!(2026-03-15 12:00 UTC);
        let seen = |ip: &str, device: &str, minutes: i64| sql::Seen {
            ip: Some(ip.into()),
            device: Some(device.into()),
            first_at: now - Duration::minutes(minutes),
        };
        let all = [
            seen("192.0.2.1", "Phone", 600),
            seen("192.0.2.200", "Phone", 5),
            seen("192.0.2.1", "Laptop", 50),
            seen("198.51.100.1", "Phone", 40),
            seen("198.51.100.9", "Phone", 30),
            seen("2001:db8::1", "Tablet", 0),
            seen("203.0.113.1", "Phone", 61),
            seen("203.0.113.2", "Phone", 1),
        ];
        assert_eq!(new_places(&all, now - Duration::HOUR), 3, "a laptop, a network, and both at once");
        assert_eq!(new_places(&all[..2], now - Duration::HOUR), 0, "the same network from another address");
    }
}
