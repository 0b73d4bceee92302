//! Through everybody's connections, a page a message: ending those whose time is over, and announcements.

use super::{ANNOUNCEMENT, Courier, reconnect};
use crate::{
    domain::events::{Delivery, Walk},
    platform::{
        clock,
        live::{Connection, Place},
        problem::Problem,
        telemetry,
    },
};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

/// The gateway ends a connection after two hours. Ten minutes before that clients are asked to come again …
const OLD_S: i64 = 110 * 60;
/// … not all of those that came in one minute in one minute, too.
const SPREAD_S: i64 = 8 * 60;
/// The gateway's own end; what is still known of it then is a row without a connection.
const OVER_S: i64 = 2 * 3600 + 60;
/// Connections served side by side. A page of two hundred dead ones takes five seconds then.
const ABREAST: usize = 40;

/// What is to be done with a connection of a certain age.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Stays,
    ComesAgain,
    Ends(&'static str),
}

fn fate(one: &Connection, now: i64, heartbeat_s: u32) -> Fate {
    let age = now.saturating_sub(one.opened);
    let spread = one.id.bytes().map(i64::from).sum::<i64>().rem_euclid(SPREAD_S);
    match () {
        () if one.holder.expires <= now => Fate::Ends("token expired"),
        () if age > OVER_S => Fate::Ends("two hours"),
        () if now.saturating_sub(one.heard) > i64::from(heartbeat_s).saturating_mul(2) => Fate::Ends("silent"),
        () if age > OLD_S.saturating_add(spread) => Fate::ComesAgain,
        () => Fate::Stays,
    }
}

fn stamped(frame: &Value, connection_id: &str) -> String {
    let mut frame = frame.clone();
    if let Some(object) = frame.as_object_mut() {
        object.insert("connection_id".into(), connection_id.into());
    }
    frame.to_string()
}

impl Courier<'_> {
    pub(super) async fn walk(&self, id: String, what: Walk, place: Option<Place>) -> Result<(), Problem> {
        let (page, next) = self.all.after(place.as_ref()).await?;
        // A minute's sweep tells its pages, and their sum is how many there are.
        if matches!(what, Walk::Sweep) {
            telemetry::count("Sockets", page.len().try_into().unwrap_or(u64::MAX));
        }
        let now = clock::epoch();
        let stamp = clock::now().format(&Rfc3339).unwrap_or_default();
        let mut frame = match &what {
            Walk::Sweep => reconnect("max_age"),
            Walk::Announce(data) => json!({"type": ANNOUNCEMENT, "id": data.id, "data": data}),
        };
        if let Some(object) = frame.as_object_mut() {
            object.insert("timestamp".into(), stamp.into());
        }
        let meet = async |one: Connection| {
            let text = || std::iter::once(stamped(&frame, &one.id));
            match (&what, fate(&one, now, self.heartbeat_s)) {
                (_, Fate::Ends(reason)) => self.end(&one, reason).await,
                (Walk::Sweep, Fate::ComesAgain) => self.post(&one, text(), now).await,
                (Walk::Announce(_), _) if one.wants(ANNOUNCEMENT) => self.post(&one, text(), now).await,
                _ => Ok(()),
            }
        };
        stream::iter(page.into_iter().map(meet)).buffer_unordered(ABREAST).try_collect::<()>().await?;
        match next {
            Some(next) => Delivery::walk(self.deliver, id, what, Some(next)).await,
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::live::Holder;
    use uuid::Uuid;

    const NOW: i64 = 1_000_000;

    fn aged(opened: i64, heard: i64, expires: i64) -> Connection {
        let holder = Holder { user_id: Uuid::nil(), session_id: Uuid::nil(), expires: NOW + expires };
        Connection { id: "a".into(), holder, opened: NOW - opened, heard: NOW - heard, types: None }
    }

    #[test]
    fn a_connection_ends_with_its_token_its_silence_or_its_two_hours_and_is_told_before() {
        for (opened, heard, expires, expected) in [
            (0, 0, 60, Fate::Stays),
            (6000, 60, 60, Fate::Stays),
            (6000, 61, 60, Fate::Ends("silent")),
            (10, 0, 0, Fate::Ends("token expired")),
            (OLD_S + 97, 0, 60, Fate::Stays),
            (OLD_S + 98, 0, 60, Fate::ComesAgain),
            (OVER_S, 0, 60, Fate::ComesAgain),
            (OVER_S + 1, 0, 60, Fate::Ends("two hours")),
        ] {
            assert_eq!(fate(&aged(opened, heard, expires), NOW, 30), expected, "{opened} {heard} {expires}");
        }
    }
}
