//! Mails about accounts. Each is written down in the transaction it tells of and sent by a task; the sweeper finds those
//! whose task was lost. A link's token is made when its mail is sent, and is nowhere else but in that mail.

use super::{
    links::{self, Purpose},
    sql::{self, links::lock_user, mails as rows},
};
use crate::platform::{
    clock,
    db::{Db, Tx},
    mail::Mail,
    problem::Problem,
};
use time::{Duration, OffsetDateTime};
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
    /// The account is no more.
    AccountClosed,
}

const KINDS: [(Kind, &str); 8] = [
    (Kind::VerifyEmail, "verify_email"),
    (Kind::ChangeEmail, "change_email"),
    (Kind::ResetPassword, "reset_password"),
    (Kind::EmailChangeBegun, "email_change_begun"),
    (Kind::EmailChanged, "email_changed"),
    (Kind::PasswordChanged, "password_changed"),
    (Kind::ManyFailures, "many_failures"),
    (Kind::AccountClosed, "account_closed"),
];

impl Kind {
    fn name(self) -> &'static str {
        KINDS.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }
}

/// Writes a mail down; queue a task with its id after the commit.
pub async fn write(
    tx: &mut Tx,
    kind: Kind,
    email: &str,
    user_id: Option<Uuid>,
    now: OffsetDateTime,
) -> Result<Uuid, Problem> {
    let id = Uuid::now_v7();
    rows::insert(tx, id, kind.name(), email, user_id, now).await?;
    Ok(id)
}

/// Mails that nobody sent: those whose task was lost, or whose sending failed.
pub async fn unsent(tx: &mut Tx, now: OffsetDateTime) -> Result<Vec<Uuid>, Problem> {
    // A mail just written has its task on the way.
    Ok(rows::unsent(tx, now.saturating_sub(Duration::MINUTE), TRIES).await?)
}

/// A mail as it is sent.
#[derive(Clone, Debug)]
pub struct Letter {
    /// To whom.
    pub to: String,
    /// What about.
    pub subject: &'static str,
    /// What it says.
    pub text: String,
}

/// Sends a mail. Twice at once sends it once; killed between sending and noting it, it is sent once more.
pub async fn send(db: &Db, post: &Mail, id: Uuid) -> Result<(), Problem> {
    let send = async |letter: &Letter| post.send(&letter.to, letter.subject, &letter.text).await;
    send_by(db, |path, token| post.link(path, token), send, id, clock::now()).await
}

/// [`send`], by another way.
pub async fn send_by(
    db: &Db,
    link: impl Fn(&str, &str) -> String,
    send: impl AsyncFn(&Letter) -> Result<(), Problem>,
    id: Uuid,
    now: OffsetDateTime,
) -> Result<(), Problem> {
    let letter = db
        .tx(async |tx: &mut Tx| {
            let Some(mail) = rows::claim(tx, id, now, now.saturating_add(AGAIN)).await? else { return Ok(None) };
            let Some((kind, _)) = KINDS.iter().find(|(_, name)| *name == mail.kind) else {
                return Err(Problem::internal("a mail of a kind that comes with a newer release"));
            };
            let letter = compose(tx, &link, *kind, &mail, now).await?;
            if letter.is_none() {
                rows::delete(tx, id).await?;
            }
            Ok(letter)
        })
        .await?;
    let Some(letter) = letter else { return Ok(()) };
    if let Err(problem) = send(&letter).await {
        // The next try need not wait until this one would have come back.
        db.tx(async |tx: &mut Tx| Ok::<_, Problem>(rows::release(tx, id, now).await?)).await?;
        return Err(problem);
    }
    db.tx(async |tx: &mut Tx| Ok::<_, Problem>(rows::delete(tx, id).await?)).await
}

/// The mail as it is true now; none for an address without an account, or when there is nothing to say any more.
async fn compose(
    tx: &mut Tx,
    link: &impl Fn(&str, &str) -> String,
    kind: Kind,
    mail: &rows::Waiting,
    now: OffsetDateTime,
) -> Result<Option<Letter>, Problem> {
    let letter = |to: &str, subject, text: &str| Some(Letter { to: to.to_owned(), subject, text: text.to_owned() });
    if kind == Kind::AccountClosed {
        return Ok(letter(&mail.email, "Your Tallybook account is closed", CLOSED));
    }
    // To the address as its owner wrote it, never as a stranger did.
    let account = match mail.user_id {
        Some(user_id) => Some(user_id),
        None => sql::account(tx, &mail.email).await?.map(|account| account.id),
    };
    let Some(user_id) = account else { return Ok(None) };
    let Some(user) = lock_user(tx, user_id).await? else { return Ok(None) };
    let to = user.email.as_str();
    let (purpose, to, subject, path, text) = match kind {
        Kind::VerifyEmail if !user.is_verified && to == mail.email => {
            (Purpose::VerifyEmail, to, "Confirm your address for Tallybook", "verify-email", VERIFY)
        }
        Kind::ChangeEmail if user.pending_email.as_ref() == Some(&mail.email) => (
            Purpose::ChangeEmail,
            mail.email.as_str(),
            "Confirm your new address for Tallybook",
            "verify-email",
            CHANGE,
        ),
        Kind::ResetPassword => {
            (Purpose::ResetPassword, to, "Set a new password for Tallybook", "reset-password", RESET)
        }
        Kind::EmailChangeBegun => return Ok(letter(&mail.email, "Your Tallybook address is about to change", BEGUN)),
        Kind::EmailChanged => return Ok(letter(&mail.email, "Your Tallybook address has changed", CHANGED)),
        Kind::PasswordChanged => return Ok(letter(to, "Your Tallybook password has changed", PASSWORD)),
        Kind::ManyFailures => return Ok(letter(to, "Many failed logins on your Tallybook account", FAILURES)),
        Kind::VerifyEmail | Kind::ChangeEmail | Kind::AccountClosed => return Ok(None),
    };
    let token = links::issue(tx, user_id, purpose, to, now).await?;
    Ok(token.and_then(|token| letter(to, subject, &text.replace("{link}", &link(path, &token)))))
}

const VERIFY: &str = "Welcome to Tallybook. Please confirm that this address is yours:\n\n{link}\n\nThe link works for a \
                      day. If you did not make an account, do nothing.";
const CHANGE: &str = "Please confirm that this is the address your Tallybook account is to have:\n\n{link}\n\nThe link \
                      works for a day. Until you follow it nothing changes. If it was not you who asked, do nothing.";
const RESET: &str = "Somebody, you we hope, asked to set a new password for your Tallybook account. Follow this link to \
                     do so:\n\n{link}\n\nIt works once and for an hour, and logs all devices out. If it was not you, do \
                     nothing: your password stays as it is.";
const BEGUN: &str = "Somebody who knows your password asked to give your Tallybook account another address. If it was \
                     you, follow the link that was sent there. If it was not, change your password now: the change of \
                     address is void then.";
const CHANGED: &str = "Your Tallybook account has another address from now on, and nothing will be sent to this one any \
                       more. If that was not you, answer this mail at once.";
const PASSWORD: &str = "The password of your Tallybook account was changed. Other devices are logged out. If that was not \
                        you, set a new one with \"forgot password\", and change the password of your mailbox, too.";
const FAILURES: &str = "Somebody tried many wrong passwords on your account in the last hour. Nobody got in and you are \
                        not locked out. If it was not you, choose a long password that you use nowhere else.";
const CLOSED: &str = "Your Tallybook account is closed, and what belonged to it is being deleted. This is the last mail to \
                      this address.";
