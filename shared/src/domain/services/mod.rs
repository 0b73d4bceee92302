//! Other teams' programs: what tokens they come with, and what those may do.

mod sql;
mod token;

use super::{
    audit,
    auth::Me,
    pages::{Instant, Page, PageQuery, Place},
};
use crate::platform::{
    db::{Db, Tx},
    fields::{Fault, Field, Fields, Read, Text},
    http::Call,
    jwt::KeySet,
    problem::Problem,
};
use serde::Serialize;
use std::collections::BTreeSet;
use time::OffsetDateTime;
use token::ServiceToken as Secret;
use uuid::Uuid;

/// What a service token may be allowed to do: a scope for each hand-over.
pub const SCOPES: [&str; 5] =
    ["transactions:write", "anomalies:write", "anchors:write", "corrections:read", "embeddings:write"];

/// Scopes, each once and sorted; one at least.
struct Scopes(BTreeSet<&'static str>);

impl Field for Scopes {
    fn from_text(_: &str) -> Result<Self, Fault> {
        Err(not_scopes())
    }
    fn from_json(raw: &str) -> Result<Self, Fault> {
        let names = serde_json::from_str::<Vec<String>>(raw).map_err(|_| not_scopes())?;
        let known = |name: &String| SCOPES.into_iter().find(|scope| scope == name).ok_or_else(not_scopes);
        let scopes = names.iter().map(known).collect::<Result<BTreeSet<_>, _>>()?;
        if scopes.is_empty() { Err(not_scopes()) } else { Ok(Self(scopes)) }
    }
}

fn not_scopes() -> Fault {
    Fault::new("not_scopes", format!("Send a list of one or more of {}.", SCOPES.join(", ")))
}

/// What `POST /admin/service-tokens` takes.
pub struct NewToken {
    name: Text<1, 100>,
    scopes: Scopes,
    expires_at: Option<Instant>,
}

impl Read for NewToken {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (name, scopes, expires_at) =
            (fields.required("name"), fields.required("scopes"), fields.optional("expires_at"));
        Some(Self { name: name?, scopes: scopes?, expires_at })
    }
}

/// The form of [`NewToken`], for the OpenAPI document.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct NewTokenBody {
    /// What it is for: 1 to 100 characters.
    #[schema(example = "nightly training")]
    name: String,
    /// `transactions:write`, `anomalies:write`, `anchors:write`, `corrections:read`, `embeddings:write`: one at least.
    #[schema(example = json!(["corrections:read"]))]
    scopes: Vec<String>,
    /// When it ends by itself; never when left out.
    #[schema(format = DateTime, example = "2027-01-31T12:00:00Z")]
    expires_at: Option<String>,
}

/// A service token as it is kept: without what opens anything.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Token {
    /// Revoke it by this id.
    pub id: Uuid,
    /// What it is for.
    #[schema(example = "nightly training")]
    pub name: String,
    /// What it may do.
    #[schema(example = json!(["corrections:read"]))]
    pub scopes: Vec<String>,
    /// The administrator who made it; null when the account is gone.
    pub created_by: Option<Uuid>,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it ends by itself.
    #[serde(with = "time::serde::rfc3339::option")]
    pub expires_at: Option<OffsetDateTime>,
    /// When it was last used, to five minutes.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(example = "2026-01-31T03:00:00Z")]
    pub last_used_at: Option<OffsetDateTime>,
    /// When it was revoked.
    #[serde(with = "time::serde::rfc3339::option")]
    pub revoked_at: Option<OffsetDateTime>,
}

/// A token that was just made.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Issued {
    /// What is kept of it.
    #[serde(flatten)]
    pub kept: Token,
    /// Send it as `Authorization: Bearer`. Said this once: a replay for the same `Idempotency-Key` says null.
    #[schema(example = "tbs_0sWBrnyyqAAZHDxBTl3hfKEaBTdBoPTZyFJH5sWEmU8")]
    pub token: Option<String>,
}

/// Makes a token. It is returned beside what may be stored: only its hash is kept.
pub async fn issue(tx: &mut Tx, me: &Me, call: &Call, new: &NewToken) -> Result<(Token, String), Problem> {
    let expires_at = new.expires_at.map(|at| at.0);
    if expires_at.is_some_and(|at| at <= me.now) {
        return Err(Problem::field("/expires_at", "in_the_past", "Send an instant in the future, or leave it out."));
    }
    let secret = Secret::random()?;
    let kept = Token {
        id: Uuid::now_v7(),
        name: new.name.as_str().to_owned(),
        scopes: new.scopes.0.iter().map(|scope| (*scope).to_owned()).collect(),
        created_by: Some(me.user_id),
        created_at: me.now,
        expires_at,
        last_used_at: None,
        revoked_at: None,
    };
    sql::insert(tx, &kept, &secret.hash()).await?;
    audit::record(tx, call, me.user_id, "service_token.created", Some(kept.id)).await?;
    Ok((kept, secret.text()))
}

/// What `GET /admin/service-tokens` takes.
pub struct List(PageQuery);

impl Read for List {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self(PageQuery::read(fields)))
    }
}

/// A page of all service tokens, the last made first.
pub async fn list(tx: &mut Tx, keys: &KeySet, me: &Me, asked: &List) -> Result<Page<Token>, Problem> {
    const LIST: &str = "service tokens";
    let List(page) = asked;
    let after = page.place(keys, me.user_id, LIST)?.map(|place| place.id);
    let data = sql::list(tx, after, page.wanted(), page.offset).await?;
    let total = page.total(&data, sql::count(tx)).await?;
    let place = |last: &Token| Place { date: last.created_at.date(), id: last.id };
    Ok(page.page(keys, me.user_id, LIST, total, data, place))
}

/// Revokes a token, from the next request on. One that is revoked already stays so.
pub async fn revoke(tx: &mut Tx, me: &Me, call: &Call, id: Uuid) -> Result<(), Problem> {
    if sql::revoke(tx, id, me.now).await? {
        return audit::record(tx, call, me.user_id, "service_token.revoked", Some(id)).await;
    }
    if sql::exists(tx, id).await? { Ok(()) } else { Err(Problem::not_found()) }
}

/// Runs `work` for the program of a call. The first statement of every such transaction looks its token up, so that one
/// that was revoked or has ended opens nothing. The role that writes, for reading routes, too: the use is noted.
pub async fn with_service<T>(
    db: &Db,
    call: &Call,
    work: impl AsyncFnOnce(&mut Tx) -> Result<T, Problem>,
) -> Result<T, Problem> {
    let asked = || Problem::internal("a user's route asked for its service");
    let (hash, scope) = (call.service.ok_or_else(asked)?, call.scope.ok_or_else(asked)?);
    db.tx(async |tx: &mut Tx| {
        let live = sql::live(tx, &hash, call.now).await?.ok_or_else(|| {
            Problem::unauthorized(
                "invalid_token",
                "This service token is not valid, or not any more: ask an administrator for another.",
            )
        })?;
        if !live.scopes.iter().any(|one| one == scope) {
            return Err(Problem::missing_scope(scope));
        }
        if live.stale {
            sql::touch(tx, live.id, call.now).await?;
        }
        work(tx).await
    })
    .await
}
