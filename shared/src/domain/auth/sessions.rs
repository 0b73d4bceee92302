//! Beginning, refreshing and ending sessions.

use super::{
    credentials::{Email, Given, Password, dummy_hash},
    sign_ins, sql,
    tokens::{RefreshClaims, RefreshId, SESSION, Session, TokenPair, pair},
};
use crate::{
    domain::{
        audit,
        mails::{self, Kind},
    },
    platform::{
        db::{Db, Tx},
        fields::{Fields, Read, Text},
        http::Call,
        jwt::{KeySet, Keys, same},
        limits::{Limit, Limits, by_address, by_network},
        problem::Problem,
        telemetry,
    },
};
use time::Duration;
use uuid::Uuid;

/// How long after a rotation the old token still gets the same successor.
const REPLAY: Duration = Duration::seconds(10);
/// Enough for a household or a classroom, too few to ask for addresses.
const REGISTRATIONS: Limit = Limit { most: 20, window_s: 3600 };
pub(super) const FAILURES: Limit = Limit { most: 5, window_s: 15 * 60 };
/// Failures on one account in an hour after which its owner hears of it.
const BURST: u32 = 100;

/// What `register` takes.
pub struct Registration {
    email: Email,
    password: Password,
    full_name: Text<1, 255>,
    phone: Option<Text<3, 32>>,
}

impl Read for Registration {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (email, password) = (fields.required("email"), fields.required("password"));
        let (full_name, phone) = (fields.required("full_name"), fields.optional("phone"));
        Some(Self { email: email?, password: password?, full_name: full_name?, phone })
    }
}

/// The form of [`Registration`], for the OpenAPI document.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct RegisterBody {
    /// The address.
    #[schema(example = "ada@example.com")]
    email: String,
    /// 8 characters to 71 bytes of UTF-8, and not a common one.
    #[schema(example = "correct horse battery")]
    password: String,
    /// 1 to 255 characters.
    #[schema(example = "Ada Example")]
    full_name: String,
    /// A phone number.
    phone: Option<String>,
}

/// What `login` takes.
pub struct Login {
    email: Email,
    password: Given,
}

impl Read for Login {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (email, password) = (fields.required("email"), fields.required("password"));
        Some(Self { email: email?, password: password? })
    }
}

/// The form of [`Login`], for the OpenAPI document.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct LoginBody {
    /// The address.
    #[schema(example = "ada@example.com")]
    email: String,
    /// The password.
    #[schema(example = "correct horse battery")]
    password: String,
}

async fn begin(tx: &mut Tx, keys: &KeySet, call: &Call, user_id: Uuid) -> Result<TokenPair, Problem> {
    let (id, refresh, expires_at) = (Uuid::now_v7(), RefreshId::random()?, call.now.saturating_add(SESSION));
    let row = sql::NewSession {
        user_id,
        id,
        token_hash: &refresh.hash(),
        user_agent: call.header("user-agent").map(|agent| agent.get(..200).unwrap_or(agent)),
        ip: &call.source_ip,
        now: call.now,
        expires_at,
    };
    let tier = sql::insert_session(tx, &row).await?;
    pair(keys, call, &Session { user_id, id, rotated_at: call.now, expires_at, tier }, &refresh)
}

/// An account to be made, its password hashed.
pub struct NewAccount {
    email: Email,
    hashed_password: String,
    full_name: Text<1, 255>,
    phone: Option<Text<3, 32>>,
}

impl Registration {
    /// With this hash of its password.
    #[must_use]
    pub fn hashed(self, hashed_password: String) -> NewAccount {
        NewAccount { email: self.email, hashed_password, full_name: self.full_name, phone: self.phone }
    }
}

/// An account that was made.
pub struct Registered {
    /// Its first session.
    pub tokens: TokenPair,
    /// The mail with the link that proves its address.
    pub mail_id: Uuid,
}

/// Makes an account and its first session. That an address is taken is said openly; the limit keeps anybody from
/// asking for many.
pub async fn register(
    db: &Db,
    keys: &Keys,
    limits: &Limits,
    call: &Call,
    new: Registration,
) -> Result<Registered, Problem> {
    limits.take(&format!("register:{}", by_address(&call.source_ip)), REGISTRATIONS, call.now.unix_timestamp()).await?;
    let hashed_password = new.password.hash()?;
    let keys = keys.get().await?;
    let new = new.hashed(hashed_password);
    db.tx(async |tx: &mut Tx| create_account(tx, &keys, call, &new).await).await
}

/// What [`register`] does inside its transaction.
pub async fn create_account(tx: &mut Tx, keys: &KeySet, call: &Call, new: &NewAccount) -> Result<Registered, Problem> {
    let user = sql::NewUser {
        id: Uuid::now_v7(),
        email: new.email.as_str(),
        hashed_password: &new.hashed_password,
        full_name: new.full_name.as_str(),
        phone: new.phone.as_ref().map(Text::as_str),
    };
    sql::insert_user(tx, &user, call.now).await?;
    audit::record(tx, call, user.id, "auth.register", None).await?;
    let mail_id = mails::write(tx, Kind::VerifyEmail, user.email, Some(user.id), call.now).await?;
    Ok(Registered { tokens: begin(tx, keys, call, user.id).await?, mail_id })
}

/// The places that a failed login takes: of the address, and of the account in the address's network. Not of the
/// account alone, so that no stranger can lock its owner out.
fn places(call: &Call, email: &Email) -> [String; 2] {
    let (ip, account) = (&call.source_ip, email.fingerprint());
    [format!("login:{}", by_address(ip)), format!("login:{}:{account}", by_network(ip))]
}

/// Logs in. Unknown address and wrong password answer alike, in like time. Places are taken before the password is
/// checked and given back when it was right: of a hundred tries at once, five are checked. `told` is given a mail to send.
pub async fn login(
    db: &Db,
    keys: &Keys,
    limits: &Limits,
    call: &Call,
    grant: Login,
    told: impl AsyncFn(Uuid),
) -> Result<TokenPair, Problem> {
    let now = call.now.unix_timestamp();
    let places = places(call, &grant.email);
    for place in &places {
        limits.take(place, FAILURES, now).await?;
    }
    let keys = keys.get().await?;
    let account = db.tx(async |tx: &mut Tx| Ok::<_, Problem>(sql::account(tx, grant.email.as_str()).await?)).await?;
    let hash = account.as_ref().map_or_else(dummy_hash, |account| account.hashed_password.clone());
    let right = grant.password.opens(&hash);
    let Some(account) = account.filter(|_| right) else {
        if let Some(mail_id) = failed(db, limits, call, &grant.email).await {
            told(mail_id).await;
        }
        return Err(refused());
    };
    let rehashed = grant.password.rehashed(&hash).transpose()?;
    // The password was checked outside: it must still be the same one now.
    let (tokens, warning) = db
        .tx(async |tx: &mut Tx| {
            let unchanged = sql::account(tx, &account.email)
                .await?
                .is_some_and(|now| now.hashed_password == account.hashed_password);
            if !unchanged {
                return Err(refused());
            }
            if let Some(rehashed) = &rehashed {
                sql::rehash(tx, account.id, rehashed).await?;
            }
            audit::record(tx, call, account.id, "auth.login", None).await?;
            let tokens = begin(tx, &keys, call, account.id).await?;
            Ok((tokens, sign_ins::warn(tx, &account, call.now).await?))
        })
        .await?;
    if let Some(mail_id) = warning {
        told(mail_id).await;
    }
    for place in &places {
        // What stays taken is free again when its window ends; the login stands.
        let _ = limits.give_back(place).await;
    }
    Ok(tokens)
}

fn refused() -> Problem {
    Problem::unauthorized("invalid_credentials", "Email or password is wrong: check both, or reset the password.")
}

/// Counts a failure on the account; at the hundredth in an hour its owner is told and nobody is locked out. Runs alike
/// for unknown addresses, and what goes wrong here changes no answer. Returns the mail to send.
async fn failed(db: &Db, limits: &Limits, call: &Call, email: &Email) -> Option<Uuid> {
    telemetry::count("LoginFailed", 1);
    let burst = Limit { most: BURST, window_s: 3600 };
    let key = format!("failures:{}", email.fingerprint());
    let count = limits.take(&key, burst, call.now.unix_timestamp()).await.ok()?;
    if count < BURST {
        return None;
    }
    let email = email.as_str();
    db.tx(async |tx: &mut Tx| mails::write(tx, Kind::ManyFailures, email, None, call.now).await).await.ok()
}

/// What `refresh` takes.
pub struct Refresh {
    refresh_token: Text<1, 2000>,
}

impl Read for Refresh {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.required("refresh_token").map(|refresh_token| Self { refresh_token })
    }
}

/// The form of [`Refresh`], for the OpenAPI document.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct RefreshBody {
    /// The refresh token of the last pair.
    refresh_token: String,
}

/// What `logout` takes.
pub struct LogoutQuery {
    /// All of the user's sessions.
    pub all: bool,
}

impl Read for LogoutQuery {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self { all: fields.optional("all").unwrap_or(false) })
    }
}

fn bad_refresh_token() -> Problem {
    Problem::unauthorized("invalid_refresh_token", "This refresh token is not valid any more: log in again.")
}

/// Trades a refresh token for the next pair. It works once; within ten seconds its reuse is taken for a lost answer
/// and gets the same successor, later for theft: the session ends.
pub async fn refresh(db: &Db, keys: &Keys, call: &Call, asked: Refresh) -> Result<TokenPair, Problem> {
    let claims = keys.verify::<RefreshClaims>(asked.refresh_token.as_str()).await?;
    let claims = claims.filter(|claims| claims.kind == "refresh").ok_or_else(bad_refresh_token)?;
    let keys = keys.get().await?;
    let tokens = db.tx(async |tx: &mut Tx| next_pair(tx, &keys, call, &claims).await).await?;
    tokens.ok_or_else(bad_refresh_token)
}

/// What [`refresh`] does inside its transaction. None when the session was ended just now: no error in there, because that
/// must be committed.
pub async fn next_pair(
    tx: &mut Tx,
    keys: &KeySet,
    call: &Call,
    claims: &RefreshClaims,
) -> Result<Option<TokenPair>, Problem> {
    let (user_id, id, shown) = (claims.user_id, claims.session_id, RefreshId(claims.jti.clone()));
    let Some(row) = sql::lock_session(tx, user_id, id, call.now).await? else {
        return Err(bad_refresh_token());
    };
    let next = shown.successor(keys);
    let session = |rotated_at| Session { user_id, id, rotated_at, expires_at: row.expires_at, tier: row.tier.clone() };
    if same(&shown.hash(), &row.token_hash) {
        sql::rotate_session(tx, user_id, id, &next.hash(), call.now).await?;
        return pair(keys, call, &session(call.now), &next).map(Some);
    }
    let lost_answer = row.previous_hash.is_some_and(|previous| same(&shown.hash(), &previous))
        && same(&next.hash(), &row.token_hash)
        && call.now <= row.rotated_at.saturating_add(REPLAY);
    if lost_answer {
        return pair(keys, call, &session(row.rotated_at), &next).map(Some);
    }
    sql::revoke_sessions(tx, user_id, Some(id), None, "refresh token reused", call.now).await?;
    audit::record(tx, call, user_id, "auth.refresh_reused", Some(id)).await?;
    Ok(None)
}

/// Ends this session, or all of the user's, at once.
pub async fn logout(tx: &mut Tx, call: &Call, me: &super::Me, all: bool) -> Result<(), Problem> {
    let session = (!all).then_some(me.session_id);
    sql::revoke_sessions(tx, me.user_id, session, None, "logout", call.now).await?;
    audit::record(tx, call, me.user_id, "auth.logout", session).await
}
