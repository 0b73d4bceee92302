//! What Postgres stores of a password. A password that is sent as it is may stand in the server's log; this may stand there.

use crate::platform::{jwt::random, problem::Problem};
use aws_lc_rs::{
    digest::{SHA256, digest},
    hmac, pbkdf2,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::num::NonZeroU32;

/// As Postgres does it.
const ITERATIONS: NonZeroU32 = NonZeroU32::new(4096).unwrap();

/// The verifier of RFC 5803. Generated passwords are ASCII, which `SASLprep` leaves alone.
pub fn verifier(password: &str) -> Result<String, Problem> {
    Ok(verifier_with(password, &random::<16>()?))
}

fn verifier_with(password: &str, salt: &[u8]) -> String {
    let mut salted = [0_u8; 32];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ITERATIONS, salt, password.as_bytes(), &mut salted);
    let key = hmac::Key::new(hmac::HMAC_SHA256, &salted);
    let stored = digest(&SHA256, hmac::sign(&key, b"Client Key").as_ref());
    let server = hmac::sign(&key, b"Server Key");
    let [salt, stored, server] = [salt, stored.as_ref(), server.as_ref()].map(|bytes| STANDARD.encode(bytes));
    format!("SCRAM-SHA-256${ITERATIONS}:{salt}${stored}:{server}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_is_the_one_that_another_program_makes() {
        // Python's hashlib and hmac. That Postgres takes it, the tests of migrations show.
        let salt: Vec<u8> = (0..16).collect();
        assert_eq!(
            verifier_with("correct horse", &salt),
            "SCRAM-SHA-256$4096:AAECAwQFBgcICQoLDA0ODw==$yERwYmHlx0VrpoYfOn54hMTjBUKWnmK42IDjnWgQWkk=:RQZr9F8QCYmmp35tAVzp0VB/kDwY283N+s24jDDliG4="
        );
        assert_ne!(
            verifier("correct horse").unwrap(),
            verifier("correct horse").unwrap(),
            "each has a salt of its own"
        );
    }
}
