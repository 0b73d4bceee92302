//! Addresses and passwords.

use crate::platform::{
    fields::{Fault, Field},
    jwt::sha256,
    problem::Problem,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// bcrypt's work factor.
const COST: u32 = 12;
/// bcrypt reads 72 bytes and keeps the last for a NUL; what is longer is refused, never cut.
const MAX_BYTES: usize = 71;
/// Passwords that are tried first, of those long enough to pass the other rules.
const COMMON: &str = include_str!("common_passwords.txt");

/// An address that mail can be sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// As it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What counts for limits: addresses that differ in case are one, and the table of limits holds none of them.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        URL_SAFE_NO_PAD.encode(sha256(self.0.to_lowercase().as_bytes()))
    }
}

impl Field for Email {
    fn from_text(text: &str) -> Result<Self, Fault> {
        let text = text.trim();
        let plain = |part: &str| {
            !part.is_empty()
                && !part.starts_with('.')
                && !part.ends_with('.')
                && !part.contains("..")
                && part.chars().all(|c| !c.is_whitespace() && !c.is_control() && !r#"<>()[]\,;:""#.contains(c))
        };
        match text.rsplit_once('@') {
            Some((local, domain))
                if text.len() <= 254
                    && local.len() <= 64
                    && plain(local)
                    && !local.contains('@')
                    && plain(domain)
                    && domain.contains('.') =>
            {
                Ok(Self(text.to_owned()))
            }
            _ => Err(Fault::new("not_an_email", "Send an address such as \"name@example.com\".")),
        }
    }
}

/// A password that may be set.
#[derive(Clone)]
pub struct Password(String);

impl Field for Password {
    fn from_text(text: &str) -> Result<Self, Fault> {
        if text.len() > MAX_BYTES {
            return Err(Fault::new("too_long", "Send at most 71 bytes of UTF-8."));
        }
        if text.chars().count() < 8 {
            return Err(Fault::new("too_short", "Send at least 8 characters."));
        }
        if COMMON.lines().any(|common| common.eq_ignore_ascii_case(text)) {
            return Err(Fault::new("common_password", "This password is among those tried first: choose another."));
        }
        Ok(Self(text.to_owned()))
    }
}

impl Password {
    /// The hash to store. Slow on purpose: never call it inside a transaction.
    pub fn hash(&self) -> Result<String, Problem> {
        bcrypt::non_truncating_hash(&self.0, COST).map_err(Problem::internal)
    }
}

/// A password as somebody gave it: any text, to the letter. Rules for new ones say nothing about old ones.
pub struct Given(String);

impl Field for Given {
    fn from_text(text: &str) -> Result<Self, Fault> {
        if (1..=1000).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Fault::new("wrong_length", "Send 1 to 1000 bytes."))
        }
    }
}

impl Given {
    /// Whether it is the password of a hash. What could never have been set is no password, but takes as long. So does
    /// a wrong one whose hash was made when hashing cost less: an old account must not answer faster than none.
    #[must_use]
    pub fn opens(&self, hash: &str) -> bool {
        let fits = self.0.len() <= MAX_BYTES;
        let right = bcrypt::verify(if fits { &self.0 } else { "" }, hash).unwrap_or(false) && fits;
        if !right {
            // 2^n + (2^n + 2^(n+1) + … + 2^(COST-1)) = 2^COST rounds.
            for cost in cost_of(hash).unwrap_or(COST)..COST {
                let _ = bcrypt::verify("", &dummy(cost));
            }
        }
        right
    }

    /// The hash to store in place of one that cost more or less than hashes do now. Only of what opens the old one.
    pub(super) fn rehashed(&self, hash: &str) -> Option<Result<String, Problem>> {
        let now = cost_of(hash) == Some(COST);
        (!now).then(|| bcrypt::non_truncating_hash(&self.0, COST).map_err(Problem::internal))
    }
}

fn cost_of(hash: &str) -> Option<u32> {
    hash.split('$').nth(2)?.parse().ok()
}

/// The hash of no password, so that an unknown address takes as long to refuse as a known one.
#[must_use]
pub fn dummy_hash() -> String {
    dummy(COST)
}

fn dummy(cost: u32) -> String {
    format!("$2b${cost:02}$C6UzMDM.H6dfI/f/IKcEeO7ZBnyjBoeVxVxAPk4BTi4Me8Wc9GZ3K")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(text: &str) -> Given {
        Given::from_text(text).unwrap()
    }

    #[test]
    fn must_hold_07_long_passwords_are_refused_never_cut() {
        assert!(Password::from_text(&"pä".repeat(21)).is_ok(), "63 bytes");
        assert!(Password::from_text(&"x9".repeat(32)).is_ok(), "64 characters");
        let longest = "x".repeat(71);
        let hash = Password::from_text(&longest).unwrap().hash().unwrap();
        assert!(given(&longest).opens(&hash));
        assert!(!given(&format!("{longest}y")).opens(&hash), "a byte more is another password");
        assert_eq!(Password::from_text(&"x".repeat(72)).err().unwrap().code, "too_long");
        assert_eq!(Password::from_text(&"é".repeat(36)).err().unwrap().code, "too_long", "bytes count, not characters");
        assert_eq!(Password::from_text("1234567").err().unwrap().code, "too_short");
        assert_eq!(Password::from_text("Password1").err().unwrap().code, "common_password");
    }

    #[test]
    fn a_password_counts_to_the_letter() {
        let hash = Password::from_text(" with spaces\u{7} ").unwrap().hash().unwrap();
        assert!(given(" with spaces\u{7} ").opens(&hash));
        assert!(!given("with spaces\u{7}").opens(&hash));
        for text in [String::new(), "x".repeat(1001)] {
            assert_eq!(Given::from_text(&text).err().unwrap().code, "wrong_length");
        }
    }

    #[test]
    fn must_hold_08_the_dummy_hash_costs_what_a_real_one_does() {
        let real = Password::from_text("correct horse").unwrap().hash().unwrap();
        assert_eq!(cost_of(&dummy_hash()), cost_of(&real));
        assert_eq!(cost_of(&real), Some(COST));
        assert!(!given("correct horse").opens(&dummy_hash()));
        assert!(bcrypt::verify("x", &dummy_hash()).is_ok(), "it must parse, or it would answer at once");
        assert!(bcrypt::verify("x", &dummy(4)).is_ok());
    }

    #[test]
    fn must_hold_08_a_wrong_password_of_an_old_cheap_hash_is_refused_no_faster() {
        let cheap = bcrypt::hash("correct horse", COST - 3).unwrap();
        let least = |hash: &str| {
            let timed = |_| {
                let start = std::time::Instant::now();
                assert!(!given("wrong").opens(hash));
                start.elapsed()
            };
            (0..3).map(timed).min().unwrap()
        };
        let (old, unknown) = (least(&cheap), least(&dummy_hash()));
        // An eighth of the time, if nothing made up for it.
        assert!(old * 2 > unknown && unknown * 2 > old, "old {old:?}, unknown {unknown:?}");
    }

    #[test]
    fn a_hash_of_another_cost_is_made_anew_and_one_of_todays_is_kept() {
        let cheap = bcrypt::hash("correct horse", 4).unwrap();
        let new = given("correct horse").rehashed(&cheap).unwrap().unwrap();
        assert_eq!(cost_of(&new), Some(COST));
        assert!(given("correct horse").opens(&new));
        assert!(given("correct horse").rehashed(&new).is_none());
    }

    #[test]
    fn emails_are_checked_for_shape() {
        for good in ["a@b.co", "first.last+tag@sub.example.com", "ü@example.de"] {
            assert!(Email::from_text(good).is_ok(), "{good}");
        }
        for bad in ["", "a", "a@b", "@b.co", "a@", "a b@c.de", "a@b..co", "a@@b.co", "a@b.co\r\nBcc: x@y.z"] {
            assert!(Email::from_text(bad).is_err(), "{bad}");
        }
    }
}
