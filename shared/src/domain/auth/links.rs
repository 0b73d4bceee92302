//! Links that are mailed: each carries a token that works once, for a while, and for the address it was sent to.

use super::sql::links as sql;
use crate::{
    domain::mails::{Kind, Wanted},
    platform::{
        db::Tx,
        jwt::{random, sha256},
        problem::Problem,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// Links for one purpose that an account is sent in an hour: enough for whoever lost one, too few to flood a mailbox.
pub const AN_HOUR: i64 = 5;

/// What a token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Proving the account's address.
    VerifyEmail,
    /// Proving the address that becomes the account's.
    ChangeEmail,
    /// Setting a password without the old one.
    ResetPassword,
}

impl Purpose {
    /// As it is stored.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::ChangeEmail => "change_email",
            Self::ResetPassword => "reset_password",
        }
    }

    fn life(self) -> Duration {
        if self == Self::ResetPassword { Duration::HOUR } else { Duration::DAY }
    }
}

/// The token that a mail of this kind carries. `None` when the account was sent enough of them.
pub async fn of_mail(tx: &mut Tx, wanted: &Wanted<'_>) -> Result<Option<String>, Problem> {
    let purpose = match wanted.kind {
        Kind::VerifyEmail => Purpose::VerifyEmail,
        Kind::ChangeEmail => Purpose::ChangeEmail,
        Kind::ResetPassword => Purpose::ResetPassword,
        _ => return Err(Problem::internal("a mail of a kind that carries no token")),
    };
    issue(tx, wanted.user_id, purpose, wanted.email, wanted.now).await
}

/// Makes a token; only its hash is kept. `None` when the account was sent enough of them in the last hour. The user is
/// locked already, so of two makers at once the second counts what the first made.
async fn issue(
    tx: &mut Tx,
    user_id: Uuid,
    purpose: Purpose,
    email: &str,
    now: OffsetDateTime,
) -> Result<Option<String>, Problem> {
    if sql::issued(tx, user_id, purpose.name(), now.saturating_sub(Duration::HOUR)).await? >= AN_HOUR {
        return Ok(None);
    }
    let token = URL_SAFE_NO_PAD.encode(random::<32>()?);
    let new = sql::NewToken {
        user_id,
        purpose: purpose.name(),
        hash: &sha256(token.as_bytes()),
        email,
        now,
        expires_at: now.saturating_add(purpose.life()),
    };
    sql::insert(tx, &new).await?;
    Ok(Some(token))
}

/// A token that was taken, and its user, locked.
pub(super) struct Taken {
    pub user_id: Uuid,
    pub purpose: Purpose,
    pub user: sql::User,
}

pub(super) fn refused() -> Problem {
    Problem::field("/token", "invalid_token", "This link was used, is too old, or was replaced: ask for a new one.")
}

/// Whether a token would be taken now; so that a hash is not made for any text that somebody sends.
pub(super) async fn is_good(tx: &mut Tx, token: &str, purpose: Purpose, now: OffsetDateTime) -> Result<bool, Problem> {
    let found = sql::find(tx, &sha256(token.as_bytes()), now).await?;
    Ok(found.is_some_and(|found| found.purpose == purpose.name()))
}

/// Takes a token, once: of any number at the same moment one gets it. What was sent to an address that is the account's
/// no more proves nothing.
pub(super) async fn take(
    tx: &mut Tx,
    token: &str,
    purposes: &[Purpose],
    now: OffsetDateTime,
) -> Result<Taken, Problem> {
    let found = sql::find(tx, &sha256(token.as_bytes()), now).await?.ok_or_else(refused)?;
    let purpose = purposes.iter().copied().find(|one| one.name() == found.purpose).ok_or_else(refused)?;
    // The user before the token, as whoever makes tokens void does: nobody waits in a circle.
    let user = sql::lock_user(tx, found.user_id).await?.ok_or_else(refused)?;
    let now_theirs = match purpose {
        Purpose::ChangeEmail => user.pending_email.as_ref() == Some(&found.email),
        Purpose::VerifyEmail | Purpose::ResetPassword => user.email == found.email,
    };
    if !now_theirs || !sql::use_up(tx, found.user_id, found.id, now).await? {
        return Err(refused());
    }
    Ok(Taken { user_id: found.user_id, purpose, user })
}

/// Makes all tokens of these purposes void.
pub(super) async fn void(tx: &mut Tx, user_id: Uuid, purposes: &[Purpose], now: OffsetDateTime) -> Result<(), Problem> {
    let names: Vec<_> = purposes.iter().map(|purpose| purpose.name().to_owned()).collect();
    Ok(sql::void(tx, user_id, &names, now).await?)
}

/// Forgets tokens that have been of no use for a day. Not sooner: they are counted.
pub async fn forget_old(tx: &mut Tx, now: OffsetDateTime) -> Result<(), Problem> {
    Ok(sql::forget(tx, now.saturating_sub(Duration::DAY)).await?)
}
