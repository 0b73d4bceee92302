//! Accounts and sessions.

mod credentials;
mod devices;
mod email;
mod links;
mod passwords;
mod preferences;
mod profile;
mod sessions;
mod sign_ins;
mod sql;
pub mod tokens;

use super::audit;
use crate::platform::{
    db::{Postgres, Role, Tx},
    http::Call,
    live::{Holder, TICKET_S, Tickets},
    problem::Problem,
};
pub use credentials::{Email, Given, Password, dummy_hash};
pub use devices::{Device, Devices, end_session, sessions};
pub use email::{Verify, VerifyBody, resend, verify, verify_by_link};
use futures_util::future::BoxFuture;
pub use links::{AN_HOUR, forget_old as forget_old_links, of_mail as link_of_mail};
pub use passwords::{
    Confirmed, Forgot, ForgotBody, PasswordChange, PasswordChangeBody, Reset, ResetBody, WasReset, change_password,
    confirm, forgot, reset, reset_by_link,
};
pub use preferences::{NotificationsBody, Preferences, PreferencesBody, PreferencesPatch, Theme};
pub use profile::{Changed, Profile, ProfilePatch, ProfilePatchBody, knows_timezone, profile, update_profile};
use serde::Serialize;
pub use sessions::{
    Login, LoginBody, LogoutQuery, NewAccount, Refresh, RefreshBody, RegisterBody, Registered, Registration,
    create_account, login, logout, next_pair, refresh, register,
};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

/// The user of a call, whose session was found live in the transaction that serves it.
#[derive(Clone, Debug)]
pub struct Me {
    /// The user.
    pub user_id: Uuid,
    /// The session.
    pub session_id: Uuid,
    /// What amounts without a currency are in.
    pub currency: String,
    /// The date it is for the user.
    pub today: Date,
    /// When the call arrived.
    pub now: OffsetDateTime,
}

impl Me {
    /// The authority that a connection of this call's would have.
    pub fn holder(&self, call: &Call) -> Result<Holder, Problem> {
        Ok(Holder { user_id: self.user_id, session_id: self.session_id, expires: call.claims()?.exp })
    }
}

/// What opens one WebSocket.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Ticket {
    /// Connect with `?ticket=`.
    #[schema(example = "q1l9Yx0b7sTtWm3uKcE5aJ2dVhN8oRzP4iGfB6vLxQs")]
    pub ticket: String,
    /// Seconds until it is of no use.
    #[schema(example = 60)]
    pub expires_in: i64,
}

impl Ticket {
    /// Issues a ticket.
    pub async fn issue(tickets: &Tickets, holder: &Holder, now: OffsetDateTime) -> Result<Self, Problem> {
        let ticket = tickets.issue(holder, now.unix_timestamp()).await?;
        Ok(Self { ticket, expires_in: TICKET_S })
    }
}

fn ended() -> Problem {
    Problem::unauthorized("session_ended", "This session has ended: log in again.")
}

/// Runs `work` for the user of the call. The first statement of every such transaction looks the session up, so a
/// logout, a disabled account or an administrator's right taken away takes effect at once.
pub async fn with_user<R: Role, T>(
    db: &Postgres<R>,
    call: &Call,
    work: impl AsyncFnOnce(&mut Tx, &Me) -> Result<T, Problem>,
) -> Result<T, Problem> {
    with_user_locking(db, call, None, work).await
}

/// [`with_user`], holding an advisory lock besides; a lock that another transaction holds answers 409.
pub(super) async fn with_user_locking<R: Role, T>(
    db: &Postgres<R>,
    call: &Call,
    lock: Option<i64>,
    work: impl AsyncFnOnce(&mut Tx, &Me) -> Result<T, Problem>,
) -> Result<T, Problem> {
    db.tx(async |tx: &mut Tx| {
        let me = me(tx, call, lock, R::WRITES).await?;
        work(tx, &me).await
    })
    .await
}

/// Who calls. Behind a pointer: what is compiled once for each route holds a call of it.
fn me<'a>(tx: &'a mut Tx, call: &'a Call, lock: Option<i64>, writes: bool) -> BoxFuture<'a, Result<Me, Problem>> {
    Box::pin(async move {
        let claims = call.claims()?;
        let live = sql::live_session(tx, claims.user_id, claims.session_id, call.now, lock).await?.ok_or_else(ended)?;
        if call.admin && !live.is_admin {
            return Err(Problem::forbidden());
        }
        if !live.locked {
            return Err(Problem::conflict(
                "in_flight",
                "A request with this Idempotency-Key is still running: wait for its answer, then repeat it.",
            ));
        }
        let me = Me {
            user_id: claims.user_id,
            session_id: claims.session_id,
            currency: live.currency,
            today: live.today,
            now: call.now,
        };
        if writes && live.stale {
            sql::touch_session(tx, me.user_id, me.session_id, call.now).await?;
        }
        Ok(me)
    })
}

/// Whether a session still stands: for connections, whose authority outlives the call that opened them.
pub async fn session_stands<R: Role>(
    db: &Postgres<R>,
    user_id: Uuid,
    session_id: Uuid,
    now: OffsetDateTime,
) -> Result<bool, Problem> {
    db.tx(async |tx: &mut Tx| Ok(sql::live_session(tx, user_id, session_id, now, None).await?.is_some())).await
}

/// Notes what somebody did to their own account.
async fn audit_of(tx: &mut Tx, call: &Call, user_id: Uuid, action: &str) -> Result<(), Problem> {
    audit::record(tx, call, user_id, action, None).await
}
