//! `CloudFront` before the API, where there is one: it knows a key, and alone says who calls.

use super::{
    config::{Config, ConfigError},
    http::Call,
    jwt::sha256,
    problem::Problem,
};

/// What `CloudFront` adds to every request, instead of what a caller may have sent by that name.
const KEY: &str = "x-front-key";
const CALLER: &str = "cloudfront-viewer-address";

/// Hashes of the keys that a request may bring; none where nothing stands before the API.
pub struct Front(Vec<[u8; 32]>);

impl Front {
    /// From the setting `FRONT_KEYS`: SHA-256 in hexadecimal, two with a comma while one key replaces another.
    pub fn open(config: &Config) -> Result<Self, ConfigError> {
        Self::read(&config.optional("FRONT_KEYS").unwrap_or_default())
    }

    fn read(text: &str) -> Result<Self, ConfigError> {
        let hashes = text.split(',').filter(|part| !part.is_empty()).map(hash);
        hashes
            .collect::<Option<_>>()
            .map(Self)
            .ok_or_else(|| ConfigError::of("FRONT_KEYS: not hashes of SHA-256 in hexadecimal"))
    }

    /// Refuses who came past the front, and believes it about who calls: for the gateway all come from `CloudFront`.
    pub fn admit(&self, call: &mut Call) -> Result<(), Problem> {
        if self.0.is_empty() {
            return Ok(());
        }
        let key = call.header(KEY).map(|key| sha256(key.as_bytes()));
        let caller = call.header(CALLER).and_then(address).map(ToOwned::to_owned);
        match (key, caller) {
            (Some(key), Some(caller)) if self.0.contains(&key) => {
                call.source_ip = caller;
                Ok(())
            }
            _ => Err(Problem::new(403, "past_the_front", "Call the API by its public name.")),
        }
    }
}

fn hash(hex: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    for (at, byte) in bytes.iter_mut().enumerate() {
        let digits = hex.get(2 * at..2 * at + 2).filter(|digits| !digits.starts_with('+'))?;
        *byte = u8::from_str_radix(digits, 16).ok()?;
    }
    (hex.len() == 64).then_some(bytes)
}

/// The address before the port; that of IPv6 may come in brackets.
fn address(text: &str) -> Option<&str> {
    let (address, _) = text.rsplit_once(':')?;
    let address = address.trim_start_matches('[').trim_end_matches(']');
    address.parse::<std::net::IpAddr>().is_ok().then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;
    use time::OffsetDateTime;

    /// Of "key".
    const HASH: &str = "2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683";

    fn call(headers: &[(&'static str, &str)]) -> Call {
        let mut event = ApiGatewayV2httpRequest::default();
        event.request_context.http.source_ip = Some("192.0.2.1".into());
        for (name, value) in headers {
            event.headers.insert(*name, value.parse().unwrap());
        }
        Call::from_event(event, "request".into(), OffsetDateTime::UNIX_EPOCH).unwrap()
    }

    #[test]
    fn must_hold_11_only_who_knows_the_key_may_say_who_calls() {
        let other = "0".repeat(64);
        let front = Front::read(&format!("{other},{HASH}")).unwrap();
        for (said, address) in [
            ("198.51.100.10:46532", "198.51.100.10"),
            ("[2001:db8::7334]:46532", "2001:db8::7334"),
            ("2001:db8::7334:46532", "2001:db8::7334"),
        ] {
            let mut through = call(&[(KEY, "key"), (CALLER, said)]);
            front.admit(&mut through).unwrap();
            assert_eq!(through.source_ip, address);
        }
        for headers in [
            &[][..],
            &[(CALLER, "198.51.100.10:46532")],
            &[(KEY, HASH), (CALLER, "198.51.100.10:46532")],
            &[(KEY, ""), (CALLER, "198.51.100.10:46532")],
            &[(KEY, "key")],
            &[(KEY, "key"), (CALLER, "somebody:1")],
        ] {
            let mut past = call(headers);
            let problem = front.admit(&mut past).unwrap_err();
            assert_eq!((problem.status, past.source_ip.as_str()), (403, "192.0.2.1"), "{headers:?}");
        }
    }

    #[test]
    fn must_hold_11_without_a_front_nobody_says_who_calls() {
        let mut direct = call(&[(KEY, "key"), (CALLER, "198.51.100.10:46532")]);
        Front::read("").unwrap().admit(&mut direct).unwrap();
        assert_eq!(direct.source_ip, "192.0.2.1");
    }

    #[test]
    fn must_hold_46_hashes_that_are_none_are_refused() {
        for text in ["key", &HASH[1..], &format!("{HASH}0"), &format!("+{}", &HASH[1..]), &HASH.replace('2', "g")] {
            assert!(Front::read(text).is_err(), "{text}");
        }
        let said = Front::read("a secret").map(drop).unwrap_err().to_string();
        assert!(!said.contains("a secret"), "{said}");
    }
}
