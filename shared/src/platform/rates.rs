//! How many requests a caller may make in a minute: by the caller's tier and by what the request costs.

use serde::Deserialize;

/// The window that requests are counted in, in seconds.
pub const WINDOW_S: i64 = 60;

/// What a request costs. Each class is counted apart, so that an app that writes much can still read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Reads: counted while the handler runs, which then may have run in vain.
    Read,
    /// Writes: counted before the handler runs.
    Write,
    /// Starts work on thousands of rows: files to import and to export, and taking an import back. Thirty a minute are more
    /// than any person sends, while six hundred would be a whole processor for hours.
    Heavy,
    /// What a user's open apps send over their connections, answers to `resume` of up to 32 KB among it.
    Frame,
}

impl Class {
    /// The class of a method, unless the route's row says that it is heavy.
    #[must_use]
    pub fn of(method: &str) -> Self {
        if method == "GET" { Self::Read } else { Self::Write }
    }

    /// The policy's name in the `RateLimit` fields.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Heavy => "heavy",
            Self::Frame => "frame",
        }
    }
}

/// How much a user is allowed. It stands in the access token, so that no request has to look it up: another tier counts
/// from the next token on, within the hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum Tier {
    /// Everybody.
    #[default]
    Default,
    /// Who was promised more.
    Plus,
    /// Our own programs and tests: as much as one item of the limits' table can count.
    Internal,
}

impl Tier {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Default, Self::Plus, Self::Internal];

    /// Its name in `users.tier`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Plus => "plus",
            Self::Internal => "internal",
        }
    }

    /// The tier of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tier| tier.name() == name)
    }

    /// Requests of a class in a window.
    #[must_use]
    pub fn most(self, class: Class) -> u32 {
        match (self, class) {
            (Self::Default, Class::Read | Class::Write) => 600,
            (Self::Default, Class::Heavy) => 30,
            (Self::Default, Class::Frame) => 240,
            (Self::Plus, Class::Read | Class::Write) => 2400,
            (Self::Plus, Class::Heavy) => 120,
            (Self::Plus, Class::Frame) => 960,
            (Self::Internal, Class::Read | Class::Write) => 30_000,
            (Self::Internal, Class::Heavy | Class::Frame) => 3000,
        }
    }
}

/// A tier that is not known any more is the default one: nobody is locked out by its name.
impl From<String> for Tier {
    fn from(name: String) -> Self {
        Self::named(&name).unwrap_or_default()
    }
}

/// Where a caller stands within a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The limit's name.
    pub policy: &'static str,
    /// How many are allowed.
    pub most: u32,
    /// In so many seconds.
    pub window_s: i64,
    /// How many are left.
    pub left: u32,
    /// Seconds until all of them are there again.
    pub resets_s: u32,
}

impl Standing {
    /// The fields of the IETF's draft (draft-ietf-httpapi-ratelimit-headers).
    #[must_use]
    pub fn headers(&self) -> [(&'static str, String); 2] {
        let Self { policy, most, window_s, left, resets_s } = self;
        [
            ("ratelimit-policy", format!("\"{policy}\";q={most};w={window_s}")),
            ("ratelimit", format!("\"{policy}\";r={left};t={resets_s}")),
        ]
    }
}

/// Whose requests of which class are counted.
#[derive(Clone, Debug)]
pub struct Place {
    who: String,
    /// The class.
    pub class: Class,
    /// How many are allowed in a window.
    pub most: u32,
}

/// A window that requests are counted in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// The key of its count: no two windows share one, so that nothing has to be reset.
    pub key: String,
    /// Seconds until it is over.
    pub left_s: i64,
}

impl Place {
    /// The place of a caller.
    #[must_use]
    pub fn of(who: String, class: Class, tier: Tier) -> Self {
        Self { who, class, most: tier.most(class) }
    }

    /// The window of a moment. Each caller's begin at another second: else all that were refused would come back at once.
    #[must_use]
    pub fn window(&self, now: i64) -> Window {
        let shift = self.who.bytes().map(i64::from).sum::<i64>();
        let shifted = now.saturating_add(shift);
        let number = shifted.div_euclid(WINDOW_S);
        Window {
            key: format!("rate:{}:{}:{number}", self.who, self.class.name()),
            left_s: WINDOW_S.saturating_sub(shifted.rem_euclid(WINDOW_S)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tier_is_told_by_its_name_and_an_unknown_one_is_the_default() {
        for tier in Tier::ALL {
            assert_eq!(Tier::named(tier.name()), Some(tier));
        }
        assert_eq!(Tier::from("gold".to_owned()), Tier::Default);
        assert_eq!(Tier::Default.most(Class::Read), 600);
    }

    #[test]
    fn must_hold_32_each_minute_has_a_key_of_its_own() {
        let place = Place::of("a".into(), Class::Write, Tier::Default);
        let (start, other) = (place.window(0), Place::of("b".into(), Class::Write, Tier::Default).window(0));
        assert_ne!(start.left_s, other.left_s, "callers' windows begin at other seconds");
        let last = place.window(start.left_s - 1);
        assert_eq!((&last.key, last.left_s), (&start.key, 1));
        let next = place.window(start.left_s);
        assert_ne!(next.key, start.key);
        assert_eq!(next.left_s, WINDOW_S);
        assert_ne!(
            Place::of("a".into(), Class::Read, Tier::Default).window(0).key,
            start.key,
            "classes are counted apart"
        );
    }
}
