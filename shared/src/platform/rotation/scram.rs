//! What Postgres keeps of a password. Made here, so that no statement, and no log of statements, ever holds the password.

use crate::platform::{
    jwt::{random, sha256},
    problem::Problem,
};
use aws_lc_rs::{hmac, pbkdf2};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::num::NonZeroU32;

/// As many as Postgres itself takes.
const ITERATIONS: NonZeroU32 = NonZeroU32::MIN.saturating_add(4095);

/// The verifier of a password of printable ASCII, for which SCRAM's normalisation changes nothing.
pub(super) fn verifier(password: &str) -> Result<String, Problem> {
    if !password.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Problem::internal("a database password is of printable ASCII"));
    }
    Ok(with_salt(password, &random::<16>()?))
}

fn with_salt(password: &str, salt: &[u8]) -> String {
    let mut salted = [0; 32];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ITERATIONS, salt, password.as_bytes(), &mut salted);
    let key = hmac::Key::new(hmac::HMAC_SHA256, &salted);
    let stored = sha256(hmac::sign(&key, b"Client Key").as_ref());
    let server = hmac::sign(&key, b"Server Key");
    let text = |bytes: &[u8]| STANDARD.encode(bytes);
    format!("SCRAM-SHA-256${ITERATIONS}:{}${}:{}", text(salt), text(&stored), text(server.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_is_what_the_example_of_rfc_7677_leads_to() {
        // User "user", password "pencil"; the keys follow from the example's salt and proof.
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        assert_eq!(
            with_salt("pencil", &salt),
            "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
        );
    }

    #[test]
    fn two_verifiers_of_a_password_have_salts_of_their_own() {
        assert_ne!(verifier("0123456789abcdef").unwrap(), verifier("0123456789abcdef").unwrap());
        assert!(verifier("naïve").is_err());
    }
}
