//! Mails about accounts.

use super::{Addresses, Kind, Letter, Wanted, letter, page::Page, page::Part, sql};
use crate::platform::{db::Tx, problem::Problem};
use time::OffsetDateTime;

/// What a mail says: its subject, its text, and the label of its link.
struct Said(&'static str, &'static str, Option<(&'static str, &'static str)>);

const fn said(kind: Kind) -> Said {
    match kind {
        Kind::VerifyEmail => Said(
            "Confirm your address for Tallybook",
            "Welcome to Tallybook. Please confirm that this address is yours. The link works for a day. If you did not make \
             an account, do nothing.",
            Some(("Confirm this address", "verify-email")),
        ),
        Kind::ChangeEmail => Said(
            "Confirm your new address for Tallybook",
            "Please confirm that this is the address your Tallybook account is to have. The link works for a day, and \
             until you follow it nothing changes. If it was not you who asked, do nothing.",
            Some(("Use this address", "verify-email")),
        ),
        Kind::ResetPassword => Said(
            "Set a new password for Tallybook",
            "Somebody, you we hope, asked to set a new password for your Tallybook account. The link works once and for an \
             hour, and logs all devices out. If it was not you, do nothing: your password stays as it is.",
            Some(("Set a new password", "reset-password")),
        ),
        Kind::EmailChangeBegun => Said(
            "Your Tallybook address is about to change",
            "Somebody who knows your password asked to give your Tallybook account another address. If it was you, follow \
             the link that was sent there. If it was not, change your password now: the change of address is void then.",
            None,
        ),
        Kind::EmailChanged => Said(
            "Your Tallybook address has changed",
            "Your Tallybook account has another address from now on, and nothing will be sent to this one any more. If that \
             was not you, answer this mail at once.",
            None,
        ),
        Kind::PasswordChanged => Said(
            "Your Tallybook password has changed",
            "The password of your Tallybook account was changed. Other devices are logged out. If that was not you, set a \
             new one with \"forgot password\", and change the password of your mailbox, too.",
            None,
        ),
        Kind::ManyFailures => Said(
            "Many failed logins on your Tallybook account",
            "Somebody tried many wrong passwords on your account in the last hour. Nobody got in and you are not locked \
             out. If it was not you, choose a long password that you use nowhere else.",
            None,
        ),
        Kind::ManySignIns => Said(
            "Several new logins on your Tallybook account",
            "In the last hour your account was logged in to from several devices or networks that it was not used from \
             before. If that was you, do nothing. If it was not, change your password now: that logs all other devices out.",
            None,
        ),
        _ => Said(
            "Your Tallybook account is closed",
            "Your Tallybook account is closed, and what belonged to it is being deleted. This is the last mail to this \
             address.",
            None,
        ),
    }
}

const WHY: &str = "You get this because the address belongs to a Tallybook account, or was given for one.";

fn page(kind: Kind, link: impl Fn(&str) -> String) -> Page {
    let Said(subject, text, button) = said(kind);
    Page {
        subject: subject.into(),
        lead: text.into(),
        parts: button.iter().map(|(label, path)| Part::Button(label, link(path))).collect(),
        why: WHY.into(),
        unsubscribe: None,
    }
}

/// The mail as it is true now; none for an address without an account, or when there is nothing left to prove.
pub(super) async fn compose(
    tx: &mut Tx,
    addresses: &Addresses,
    token: &impl AsyncFn(&mut Tx, &Wanted<'_>) -> Result<Option<String>, Problem>,
    kind: Kind,
    mail: &sql::Waiting,
    now: OffsetDateTime,
) -> Result<Option<Letter>, Problem> {
    let tell = |to: &str| Some(letter(to.to_owned(), &page(kind, |_| String::new())));
    if kind == Kind::AccountClosed {
        return Ok(tell(&mail.email));
    }
    // To the address as its owner wrote it, never as a stranger did.
    let account = match mail.user_id {
        Some(user_id) => Some(user_id),
        None => sql::account(tx, &mail.email).await?,
    };
    let Some(user_id) = account else { return Ok(None) };
    let Some(user) = sql::lock_user(tx, user_id).await? else { return Ok(None) };
    let email = match kind {
        Kind::VerifyEmail if !user.is_verified && user.email == mail.email => user.email,
        Kind::ChangeEmail if user.pending_email.as_ref() == Some(&mail.email) => mail.email.clone(),
        Kind::VerifyEmail | Kind::ChangeEmail => return Ok(None),
        Kind::ResetPassword => user.email,
        Kind::EmailChangeBegun | Kind::EmailChanged => return Ok(tell(&mail.email)),
        _ => return Ok(tell(&user.email)),
    };
    let token = token(tx, &Wanted { kind, user_id, email: &email, now }).await?;
    Ok(token.map(|token| letter(email, &page(kind, |path| addresses.link(path, &token)))))
}
