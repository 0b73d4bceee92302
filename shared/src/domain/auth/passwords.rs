//! Changing a password, with the old one or by a mailed link.

use super::{
    audit_of,
    credentials::{Email, Given, Password},
    email::TOKENS,
    links::{self, Purpose},
    sessions::FAILURES,
    sql,
    sql::links as rows,
    with_user,
};
use crate::{
    domain::mails::{self, Kind},
    platform::{
        db::{Db, Tx},
        fields::{Fields, Read, Text},
        http::Call,
        limits::{Limit, Limits, by_address, by_network},
        problem::Problem,
    },
};
use uuid::Uuid;

/// A household may forget more than one password.
const FORGOTTEN: Limit = Limit { most: 20, window_s: 3600 };

/// The hash that a password opened a moment ago.
pub struct Confirmed(String);

/// Checks the caller's own password. Failures count by session: whoever has stolen one cannot keep the user's other
/// devices from anything.
pub async fn confirm(
    db: &Db,
    limits: &Limits,
    call: &Call,
    field: &'static str,
    given: &Given,
) -> Result<Confirmed, Problem> {
    let place = format!("confirm:{}", call.claims()?.session_id);
    let hash = with_user(db, call, async |tx, me| Ok(sql::password_hash(tx, me.user_id).await?)).await?;
    limits.take(&place, FAILURES, call.now.unix_timestamp()).await?;
    if !given.opens(&hash) {
        return Err(wrong(field));
    }
    let _ = limits.give_back(&place).await;
    Ok(Confirmed(hash))
}

fn wrong(field: &'static str) -> Problem {
    Problem::field(field, "wrong_password", "This is not your password: try again, or have it reset.")
}

impl Confirmed {
    /// Locks the user, and refuses if the password has changed since it was checked.
    pub(crate) async fn hold(&self, tx: &mut Tx, user_id: Uuid, field: &'static str) -> Result<(), Problem> {
        rows::lock_user(tx, user_id).await?;
        if sql::password_hash(tx, user_id).await? == self.0 { Ok(()) } else { Err(wrong(field)) }
    }
}

/// What a change of password takes.
pub struct PasswordChange {
    current: Given,
    new: Password,
}

impl Read for PasswordChange {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (current, new) = (fields.required("current_password"), fields.required("new_password"));
        Some(Self { current: current?, new: new? })
    }
}

/// The form of [`PasswordChange`], for the OpenAPI document.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct PasswordChangeBody {
    /// The password as it is.
    #[schema(example = "correct horse battery")]
    current_password: String,
    /// 8 characters to 71 bytes of UTF-8, and not a common one.
    #[schema(example = "staple battery horse")]
    new_password: String,
}

/// Changes the caller's password and ends the user's other sessions. Returns the mail that says so.
pub async fn change_password(db: &Db, limits: &Limits, call: &Call, change: &PasswordChange) -> Result<Uuid, Problem> {
    const FIELD: &str = "/current_password";
    let confirmed = confirm(db, limits, call, FIELD, &change.current).await?;
    let hashed_password = change.new.hash()?;
    with_user(db, call, async |tx, me| {
        confirmed.hold(tx, me.user_id, FIELD).await?;
        set(tx, call, me.user_id, &hashed_password, Some(me.session_id)).await
    })
    .await
}

/// Sets a password; ends all sessions but the one that is kept, and makes void what whoever knew the old password may
/// have asked for.
async fn set(
    tx: &mut Tx,
    call: &Call,
    user_id: Uuid,
    hashed_password: &str,
    kept: Option<Uuid>,
) -> Result<Uuid, Problem> {
    let by_link = kept.is_none();
    let email = rows::set_password(tx, user_id, hashed_password, by_link, call.now).await?;
    links::void(tx, user_id, &[Purpose::ChangeEmail, Purpose::ResetPassword], call.now).await?;
    sql::revoke_sessions(tx, user_id, None, kept, "password changed", call.now).await?;
    audit_of(tx, call, user_id, if by_link { "auth.password_reset" } else { "auth.password_changed" }).await?;
    mails::write(tx, Kind::PasswordChanged, &email, Some(user_id), call.now).await
}

/// What `forgot` takes.
pub struct Forgot {
    email: Email,
}

impl Read for Forgot {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.required("email").map(|email| Self { email })
    }
}

/// The form of [`Forgot`], for the OpenAPI document.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct ForgotBody {
    /// The account's address.
    #[schema(example = "ada@example.com")]
    email: String,
}

/// Has a link sent, if the address has an account. It is not even looked up here: that, and counting how many mails the
/// account had, is left to the task, so that every address is answered alike and in like time.
pub async fn forgot(db: &Db, limits: &Limits, call: &Call, asked: &Forgot) -> Result<Uuid, Problem> {
    let (ip, account, now) = (&call.source_ip, asked.email.fingerprint(), call.now.unix_timestamp());
    limits.take(&format!("forgot:{}", by_address(ip)), FORGOTTEN, now).await?;
    limits.take(&format!("forgot:{}:{account}", by_network(ip)), FAILURES, now).await?;
    let email = asked.email.as_str();
    db.tx(async |tx: &mut Tx| mails::write(tx, Kind::ResetPassword, email, None, call.now).await).await
}

/// What `reset` takes.
pub struct Reset {
    token: Text<1, 100>,
    new: Password,
}

impl Read for Reset {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (token, new) = (fields.required("token"), fields.required("new_password"));
        Some(Self { token: token?, new: new? })
    }
}

/// The form of [`Reset`], for the OpenAPI document.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct ResetBody {
    /// From the mailed link.
    #[schema(example = "qSDjA0lNn3x1oK2mVwZ8b0Jt5cYx7uR4eHf6gTi9PkM")]
    token: String,
    /// 8 characters to 71 bytes of UTF-8, and not a common one.
    #[schema(example = "staple battery horse")]
    new_password: String,
}

/// A password that was set by a link.
#[derive(Clone, Copy, Debug)]
pub struct WasReset {
    /// Whose.
    pub user_id: Uuid,
    /// The mail that says so.
    pub mail_id: Uuid,
}

/// Sets a password by a mailed link and ends all sessions.
pub async fn reset(db: &Db, limits: &Limits, call: &Call, asked: &Reset) -> Result<WasReset, Problem> {
    limits.take(&format!("token:{}", by_address(&call.source_ip)), TOKENS, call.now.unix_timestamp()).await?;
    let token = asked.token.as_str();
    if !db.tx(async |tx: &mut Tx| links::is_good(tx, token, Purpose::ResetPassword, call.now).await).await? {
        return Err(links::refused());
    }
    let hashed_password = asked.new.hash()?;
    db.tx(async |tx: &mut Tx| reset_by_link(tx, call, token, &hashed_password).await).await
}

/// What [`reset`] does once the password is hashed.
pub async fn reset_by_link(tx: &mut Tx, call: &Call, token: &str, hashed_password: &str) -> Result<WasReset, Problem> {
    let link = links::take(tx, token, &[Purpose::ResetPassword], call.now).await?;
    let mail_id = set(tx, call, link.user_id, hashed_password, None).await?;
    Ok(WasReset { user_id: link.user_id, mail_id })
}
