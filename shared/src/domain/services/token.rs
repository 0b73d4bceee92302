//! The secret itself.

use crate::platform::{
    gate::SERVICE_PREFIX,
    jwt::{random, sha256},
    problem::Problem,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// A service token: 256 random bits behind a prefix that scanners for leaked secrets know it by.
pub(super) struct ServiceToken(String);

impl ServiceToken {
    pub fn random() -> Result<Self, Problem> {
        Ok(Self(format!("{SERVICE_PREFIX}{}", URL_SAFE_NO_PAD.encode(random::<32>()?))))
    }

    /// What is kept of it.
    pub fn hash(&self) -> [u8; 32] {
        sha256(self.0.as_bytes())
    }

    pub fn text(self) -> String {
        self.0
    }
}
