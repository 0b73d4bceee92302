//! Proving addresses.

use super::{
    Me, audit_of,
    links::{self, Purpose},
    sql,
    sql::links as rows,
};
use crate::{
    domain::mails::{self, Kind},
    platform::{
        db::{Db, Tx},
        fields::{Fields, Read, Text},
        http::Call,
        limits::{Limit, Limits, by_address},
        problem::Problem,
    },
};
use uuid::Uuid;

/// Tries with a token from one address; guessing one is hopeless, asking us is not free.
pub(super) const TOKENS: Limit = Limit { most: 30, window_s: 15 * 60 };

/// What `verify` takes.
pub struct Verify {
    token: Text<1, 100>,
}

impl Read for Verify {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.required("token").map(|token| Self { token })
    }
}

/// The form of [`Verify`], for the OpenAPI document.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct VerifyBody {
    /// From the mailed link.
    #[schema(example = "qSDjA0lNn3x1oK2mVwZ8b0Jt5cYx7uR4eHf6gTi9PkM")]
    token: String,
}

/// Proves an address, the account's or the one it is to have. Returns a mail to send, if there is one.
pub async fn verify(db: &Db, limits: &Limits, call: &Call, asked: &Verify) -> Result<Option<Uuid>, Problem> {
    limits.take(&format!("token:{}", by_address(&call.source_ip)), TOKENS, call.now.unix_timestamp()).await?;
    db.tx(async |tx: &mut Tx| verify_by_link(tx, call, asked.token.as_str()).await).await
}

/// What [`verify`] does inside its transaction.
pub async fn verify_by_link(tx: &mut Tx, call: &Call, token: &str) -> Result<Option<Uuid>, Problem> {
    let link = links::take(tx, token, &[Purpose::VerifyEmail, Purpose::ChangeEmail], call.now).await?;
    let (user_id, user) = (link.user_id, link.user);
    if link.purpose == Purpose::VerifyEmail {
        rows::verify(tx, user_id, &user.email, call.now).await?;
        links::void(tx, user_id, &[Purpose::VerifyEmail], call.now).await?;
        audit_of(tx, call, user_id, "auth.email_verified").await?;
        return Ok(None);
    }
    let new = user.pending_email.ok_or_else(links::refused)?;
    rows::verify(tx, user_id, &new, call.now).await?;
    // Whatever was sent to the old address opens nothing any more.
    links::void(tx, user_id, &[Purpose::VerifyEmail, Purpose::ChangeEmail, Purpose::ResetPassword], call.now).await?;
    audit_of(tx, call, user_id, "auth.email_changed").await?;
    mails::write(tx, Kind::EmailChanged, &user.email, Some(user_id), call.now).await.map(Some)
}

/// Has the link sent again that the account waits for: of a change of address, else of the address itself.
pub async fn resend(tx: &mut Tx, call: &Call, me: &Me) -> Result<Option<Uuid>, Problem> {
    let profile = sql::profile::lock(tx, me.user_id).await?;
    let (kind, email) = match &profile.pending_email {
        Some(pending) => (Kind::ChangeEmail, pending),
        None if profile.is_verified => return Ok(None),
        None => (Kind::VerifyEmail, &profile.email),
    };
    mails::write(tx, kind, email, Some(me.user_id), call.now).await.map(Some)
}
