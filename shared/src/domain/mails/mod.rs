//! Mails. Each is written down in the transaction it tells of, composed and sent by a task, and then forgotten; the sweeper
//! finds those whose task was lost. What it says is true when it is sent, not when it was written down. A link's token is
//! made when its mail is sent, and is nowhere else but in that mail.

mod account;
mod budget;
mod figures;
mod html;
mod monthly;
mod page;
mod parts;
mod sql;
mod summaries;
mod unsubscribe;
mod weekly;

pub use crate::platform::mail::{Addresses, Letter};
use crate::platform::{
    clock,
    db::{Db, Tx},
    mail::Mail,
    problem::Problem,
};
pub use budget::{Exceeded, write_exceeded};
use page::Page;
use serde_json::{Value, json};
pub use summaries::{Summary, write_due};
use time::{Duration, OffsetDateTime};
pub use unsubscribe::{Link, ask, unsubscribe};
use uuid::Uuid;

/// After this long a mail whose sender did not come back is tried again.
const AGAIN: Duration = Duration::minutes(5);
/// A mail that could not be sent so often is left to its task among the dead letters.
const TRIES: i32 = 3;

/// What a mail is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The link that proves a new account's address.
    VerifyEmail,
    /// The link that proves the address to come.
    ChangeEmail,
    /// The link that sets a password. Asked for by anybody.
    ResetPassword,
    /// To the old address: another is about to replace it.
    EmailChangeBegun,
    /// To the old address: another has replaced it.
    EmailChanged,
    /// The password is another one now.
    PasswordChanged,
    /// Many wrong passwords. Caused by anybody.
    ManyFailures,
    /// Several logins from places the account was not used from before.
    ManySignIns,
    /// The account is no more.
    AccountClosed,
    /// A budget is used up.
    BudgetExceeded,
    /// The week before.
    WeeklySummary,
    /// The month before.
    MonthlyReport,
}

const KINDS: [(Kind, &str); 12] = [
    (Kind::VerifyEmail, "verify_email"),
    (Kind::ChangeEmail, "change_email"),
    (Kind::ResetPassword, "reset_password"),
    (Kind::EmailChangeBegun, "email_change_begun"),
    (Kind::EmailChanged, "email_changed"),
    (Kind::PasswordChanged, "password_changed"),
    (Kind::ManyFailures, "many_failures"),
    (Kind::ManySignIns, "many_sign_ins"),
    (Kind::AccountClosed, "account_closed"),
    (Kind::BudgetExceeded, "budget_exceeded"),
    (Kind::WeeklySummary, "weekly_summary"),
    (Kind::MonthlyReport, "monthly_report"),
];

impl Kind {
    fn name(self) -> &'static str {
        KINDS.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }

    fn of(name: &str) -> Option<Self> {
        KINDS.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind)
    }

    /// The switch among the user's notifications that such mails wait for, and what they are called. What is about the
    /// account itself cannot be switched off.
    fn switch(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::BudgetExceeded => Some(("budget_mails", "mails about budgets")),
            Self::WeeklySummary => Some(("weekly_summary", "weekly summaries")),
            Self::MonthlyReport => Some(("monthly_report", "monthly reports")),
            _ => None,
        }
    }
}

/// Writes a mail about an account down; queue a task with its id after the commit.
pub async fn write(
    tx: &mut Tx,
    kind: Kind,
    email: &str,
    user_id: Option<Uuid>,
    now: OffsetDateTime,
) -> Result<Uuid, Problem> {
    let id = Uuid::now_v7();
    let new = sql::New { id, kind: kind.name(), email, user_id, about: &json!({}), due_at: now, now };
    sql::insert(tx, &new).await?;
    Ok(id)
}

/// Writes down what must not come more often than once in an hour; none if it did.
pub async fn write_hourly(
    tx: &mut Tx,
    kind: Kind,
    email: &str,
    user_id: Uuid,
    now: OffsetDateTime,
) -> Result<Option<Uuid>, Problem> {
    if sql::mark(tx, user_id, kind.name(), now, now.saturating_sub(Duration::HOUR)).await? {
        return write(tx, kind, email, Some(user_id), now).await.map(Some);
    }
    Ok(None)
}

/// Mails that nobody sent: those whose task was lost, or whose sending failed.
pub async fn unsent(tx: &mut Tx, now: OffsetDateTime) -> Result<Vec<Uuid>, Problem> {
    // A mail just written has its task on the way.
    Ok(sql::unsent(tx, now.saturating_sub(Duration::MINUTE), TRIES).await?)
}

/// A token that a mail's link is to carry.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// For a mail of this kind.
    pub kind: Kind,
    /// Whose account it opens.
    pub user_id: Uuid,
    /// To where it is sent.
    pub email: &'a str,
    /// When.
    pub now: OffsetDateTime,
}

/// Sends a mail. Twice at once sends it once; killed between sending and noting it, it is sent once more.
pub async fn send(
    db: &Db,
    post: &Mail,
    token: impl AsyncFn(&mut Tx, &Wanted<'_>) -> Result<Option<String>, Problem>,
    id: Uuid,
) -> Result<(), Problem> {
    let send = async |letter: &Letter| post.send(letter).await;
    send_by(db, &post.addresses, token, send, id, clock::now()).await
}

/// [`send`], by another way.
pub async fn send_by(
    db: &Db,
    addresses: &Addresses,
    token: impl AsyncFn(&mut Tx, &Wanted<'_>) -> Result<Option<String>, Problem>,
    send: impl AsyncFn(&Letter) -> Result<(), Problem>,
    id: Uuid,
    now: OffsetDateTime,
) -> Result<(), Problem> {
    let claimed = db
        .tx(async |tx: &mut Tx| {
            let Some(mail) = sql::claim(tx, id, now, now.saturating_add(AGAIN)).await? else {
                return Ok::<_, Problem>(None);
            };
            let kind = Kind::of(&mail.kind);
            let kind = kind.ok_or_else(|| Problem::internal("a mail of a kind that comes with a newer release"))?;
            Ok(Some((kind, mail)))
        })
        .await?;
    let Some((kind, mail)) = claimed else { return Ok(()) };
    // In a transaction of its own: a try that fails here counts as one.
    let outcome = match db.tx(async |tx: &mut Tx| compose(tx, addresses, &token, kind, &mail, now).await).await {
        Ok(None) => Ok(()),
        Ok(Some(letter)) => send(&letter).await,
        Err(problem) => Err(problem),
    };
    if let Err(problem) = outcome {
        // The next try need not wait until this one would have come back.
        db.tx(async |tx: &mut Tx| Ok::<_, Problem>(sql::release(tx, id, now).await?)).await?;
        return Err(problem);
    }
    db.tx(async |tx: &mut Tx| Ok::<_, Problem>(sql::delete(tx, id).await?)).await
}

/// The mail as it is true now; none for an address without an account, or when there is nothing to say any more.
async fn compose(
    tx: &mut Tx,
    addresses: &Addresses,
    token: &impl AsyncFn(&mut Tx, &Wanted<'_>) -> Result<Option<String>, Problem>,
    kind: Kind,
    mail: &sql::Waiting,
    now: OffsetDateTime,
) -> Result<Option<Letter>, Problem> {
    let Some((switch, _)) = kind.switch() else {
        return account::compose(tx, addresses, token, kind, mail, now).await;
    };
    let Some(user_id) = mail.user_id else { return Ok(None) };
    let Some(reader) = sql::reader(tx, user_id, switch, now).await? else { return Ok(None) };
    let about = &mail.about;
    let page = match kind {
        Kind::BudgetExceeded => budget::page(tx, user_id, about, &reader).await?,
        Kind::WeeklySummary => weekly::page(tx, user_id, about, &reader, mail.created_at, now).await?,
        _ => monthly::page(tx, user_id, about, &reader).await?,
    };
    let Some(mut page) = page else { return Ok(None) };
    page.parts.push(page::Part::Button("Open Tallybook", addresses.app()));
    page.unsubscribe = Some(addresses.unsubscribe(&unsubscribe::issue(tx, user_id, kind, now).await?));
    Ok(Some(letter(reader.email, &page)))
}

/// What is told to whoever keeps the system running, line by line.
#[must_use]
pub fn notice(to: &str, subject: &str, body: &str) -> Letter {
    let mut lines = body.lines().filter(|line| !line.trim().is_empty()).map(ToOwned::to_owned);
    let page = Page {
        subject: subject.to_owned(),
        lead: lines.next().unwrap_or_default(),
        parts: lines.map(page::Part::Text).collect(),
        why: "You get this because alerts of this deployment go to your address.".to_owned(),
        unsubscribe: None,
    };
    letter(to.to_owned(), &page)
}

fn letter(to: String, page: &Page) -> Letter {
    Letter {
        to,
        subject: page::subject(&page.subject),
        text: page.text(),
        html: page.html(),
        unsubscribe: page.unsubscribe.clone(),
    }
}

/// A member of what a mail is about, read as it was written.
fn about<T: serde::de::DeserializeOwned>(about: &Value, name: &str) -> Result<T, Problem> {
    let member = about.get(name).cloned().unwrap_or_default();
    serde_json::from_value(member).map_err(|_| Problem::internal(format!("a mail that does not say its {name}")))
}
