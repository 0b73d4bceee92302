//! Switching a kind of mail off by the link in it (RFC 8058): one click, no login, as often as somebody likes.

use super::{Kind, html, sql};
use crate::{
    domain::audit,
    platform::{
        db::{Db, ReadDb, Tx},
        fields::{Fields, Read, Text},
        http::{Call, Reply},
        jwt::{random, sha256},
        problem::Problem,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use time::OffsetDateTime;
use uuid::Uuid;

/// What the link carries.
pub struct Link {
    token: Text<1, 100>,
}

impl Read for Link {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.required("token").map(|token| Self { token })
    }
}

/// What a page of ours may do in a browser: send its form back to where it came from.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

fn page(status: u16, html: String) -> Reply {
    Reply { status, ..Reply::document("text/html; charset=utf-8", html) }.with("content-security-policy", POLICY)
}

/// Makes a token; only its hash is kept.
pub(super) async fn issue(tx: &mut Tx, user_id: Uuid, kind: Kind, now: OffsetDateTime) -> Result<String, Problem> {
    let token = URL_SAFE_NO_PAD.encode(random::<32>()?);
    sql::insert_token(tx, user_id, &sha256(token.as_bytes()), kind.name(), now).await?;
    Ok(token)
}

/// The user and the kind of mail that a link is for.
async fn find(tx: &mut Tx, link: &Link) -> Result<Option<(Uuid, Kind)>, Problem> {
    let found = sql::find_token(tx, &sha256(link.token.as_str().as_bytes())).await?;
    Ok(found.and_then(|(user_id, kind)| Some((user_id, Kind::of(&kind)?))))
}

/// A page with a button. It switches nothing off: mail scanners and browsers that look ahead follow links, too.
pub async fn ask(db: &ReadDb, link: &Link) -> Result<Reply, Problem> {
    let found = db.tx(async |tx: &mut Tx| find(tx, link).await).await?;
    let what = found.and_then(|(_, kind)| kind.switch());
    Ok(what.map_or_else(|| page(404, html::unknown()), |(_, what)| page(200, html::ask(what))))
}

/// Switches a kind of mail off. Again, it is off already and stays so.
pub async fn unsubscribe(db: &Db, call: &Call, link: &Link) -> Result<Reply, Problem> {
    let done = db
        .tx(async |tx: &mut Tx| {
            let Some((user_id, kind)) = find(tx, link).await? else { return Ok::<_, Problem>(None) };
            let Some((switch, what)) = kind.switch() else { return Ok(None) };
            if sql::switch_off(tx, user_id, switch, call.now).await? {
                audit::record_named(tx, call, user_id, "mail.unsubscribed", switch).await?;
            }
            Ok(Some(what))
        })
        .await?;
    Ok(done.map_or_else(|| page(404, html::unknown()), |what| page(200, html::stopped(what))))
}
