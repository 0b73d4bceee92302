//! The pair of tokens a session hands out.

use crate::platform::{
    http::Call,
    jwt::{ISSUER, KeySet, random, sha256},
    problem::Problem,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// How long an access token lives, in seconds.
pub const ACCESS_S: i64 = 3600;
/// A token is good so many seconds before it was made: the next function's clock may be behind this one's, and a token
/// that is refused right after the login is no token.
const CLOCKS_APART_S: i64 = 60;
/// When a session ends, however often it is refreshed.
pub const SESSION: Duration = Duration::days(30);

#[derive(Serialize)]
struct AccessClaims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: Uuid,
    sid: Uuid,
    jti: Uuid,
    iat: i64,
    nbf: i64,
    exp: i64,
    #[serde(rename = "type")]
    kind: &'a str,
    tier: &'a str,
}

/// What a refresh token says.
#[derive(Clone, Serialize, Deserialize)]
pub struct RefreshClaims {
    iss: String,
    aud: String,
    #[serde(rename = "sub")]
    pub(super) user_id: Uuid,
    #[serde(rename = "sid")]
    pub(super) session_id: Uuid,
    pub(super) jti: String,
    iat: i64,
    exp: i64,
    #[serde(rename = "type")]
    pub(super) kind: String,
}

/// What register, login and refresh answer with.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct TokenPair {
    /// Send it as `Authorization: Bearer`.
    #[schema(example = "eyJhbGciOiJIUzI1NiIsImtpZCI6ImsxIn0.eyJ0eXBlIjoiYWNjZXNzIn0.c2lnbmF0dXJl")]
    pub access_token: String,
    /// Works once, at `POST /auth/refresh`.
    #[schema(example = "c2l4dGVlbiBieXRlcyBvZiBhIHRva2VuIG5vYm9keSBoYXM")]
    pub refresh_token: String,
    /// Always `bearer`.
    #[schema(example = "bearer")]
    pub token_type: &'static str,
    /// Seconds until the access token ends.
    #[schema(example = 3600)]
    pub expires_in: i64,
}

/// The secret inside a refresh token; its hash is all that is stored.
pub(super) struct RefreshId(pub String);

impl RefreshId {
    pub fn random() -> Result<Self, Problem> {
        Ok(Self(URL_SAFE_NO_PAD.encode(random::<32>()?)))
    }

    /// The one after this. Derived, so that a client whose answer was lost can be given the same successor again
    /// although only its hash is known here.
    pub fn successor(&self, keys: &KeySet) -> Self {
        Self(URL_SAFE_NO_PAD.encode(keys.mac("refresh successor", &[self.0.as_bytes()])))
    }

    pub fn hash(&self) -> [u8; 32] {
        sha256(self.0.as_bytes())
    }
}

/// A session as its tokens need it.
pub(super) struct Session {
    pub user_id: Uuid,
    pub id: Uuid,
    pub rotated_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
    /// How much its user is allowed.
    pub tier: String,
}

/// Signs the pair of a session.
pub(super) fn pair(keys: &KeySet, call: &Call, session: &Session, refresh: &RefreshId) -> Result<TokenPair, Problem> {
    let now = call.now.unix_timestamp();
    let ends = session.expires_at.unix_timestamp();
    let expires_in = ACCESS_S.min(ends.saturating_sub(now));
    let access_token = keys.sign(&AccessClaims {
        iss: ISSUER,
        aud: ISSUER,
        sub: session.user_id,
        sid: session.id,
        jti: Uuid::now_v7(),
        iat: now,
        nbf: now.saturating_sub(CLOCKS_APART_S),
        exp: now.saturating_add(expires_in),
        kind: "access",
        tier: &session.tier,
    })?;
    let refresh_token = keys.sign(&RefreshClaims {
        iss: ISSUER.into(),
        aud: ISSUER.into(),
        user_id: session.user_id,
        session_id: session.id,
        jti: refresh.0.clone(),
        // Of the rotation and not of this call: a replay gets the very same token.
        iat: session.rotated_at.unix_timestamp(),
        exp: ends,
        kind: "refresh".into(),
    })?;
    Ok(TokenPair { access_token, refresh_token, token_type: "bearer", expires_in })
}
