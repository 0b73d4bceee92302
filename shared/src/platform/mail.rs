//! Sending mail through SES.

use super::{
    config::ConfigError,
    function::{Env, Grant, Port},
    problem::Problem,
};
use aws_sdk_sesv2::{
    Client,
    error::{BuildError, ProvideErrorMetadata},
    types::{Body, Content, Destination, EmailContent, Message, MessageHeader},
};
use std::sync::Arc;
use tokio::sync::OnceCell;

/// A mail as it is sent.
#[derive(Clone, Debug)]
pub struct Letter {
    /// To whom.
    pub to: String,
    /// What about.
    pub subject: String,
    /// What it says.
    pub text: String,
    /// The same for who sees HTML.
    pub html: String,
    /// Where mails of its kind are switched off by one click; none where they cannot be.
    pub unsubscribe: Option<String>,
}

/// What links in mails begin with: from configuration, never from what a request says its host is.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// The app.
    pub app: String,
    /// The API with its stage.
    pub api: String,
}

impl Addresses {
    /// The app's first page.
    #[must_use]
    pub fn app(&self) -> String {
        format!("{}/", self.app.trim_end_matches('/'))
    }

    /// A link into the app. The token is of letters that need no escape.
    #[must_use]
    pub fn link(&self, path: &str, token: &str) -> String {
        format!("{}/{path}?token={token}", self.app.trim_end_matches('/'))
    }

    /// Where a kind of mail is switched off.
    #[must_use]
    pub fn unsubscribe(&self, token: &str) -> String {
        format!("{}/mail/unsubscribe?token={token}", self.api.trim_end_matches('/'))
    }
}

/// The sender.
pub struct Mail {
    /// What links in mails begin with.
    pub addresses: Addresses,
    env: Arc<Env>,
    from: String,
    client: OnceCell<Client>,
}

impl Port for Mail {
    fn grants() -> Vec<Grant> {
        vec![Grant::Mail]
    }
    fn open(env: &Arc<Env>) -> Result<Self, ConfigError> {
        let from = env.config.require("MAIL_FROM")?;
        let addresses = Addresses { app: env.config.require("APP_URL")?, api: env.config.require("API_URL")? };
        Ok(Self { addresses, env: env.clone(), from, client: OnceCell::new() })
    }
}

/// The headers by which mail programs offer to switch a kind of mail off (RFC 8058).
fn headers(unsubscribe: &str) -> Result<Vec<MessageHeader>, BuildError> {
    let header = |name: &str, value: &str| MessageHeader::builder().name(name).value(value).build();
    Ok(vec![
        header("List-Unsubscribe", &format!("<{unsubscribe}>"))?,
        header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")?,
    ])
}

fn message(letter: &Letter) -> Result<EmailContent, BuildError> {
    let content = |data: &str| Content::builder().data(data).charset("UTF-8").build();
    let body = Body::builder().text(content(&letter.text)?).html(content(&letter.html)?).build();
    let headers = letter.unsubscribe.as_deref().map(headers).transpose()?;
    let message = Message::builder().subject(content(&letter.subject)?).body(body).set_headers(headers);
    Ok(EmailContent::builder().simple(message.build()).build())
}

impl Mail {
    /// Sends a mail.
    pub async fn send(&self, letter: &Letter) -> Result<(), Problem> {
        let client = self.client.get_or_init(async || Client::new(self.env.aws())).await;
        let content = message(letter).map_err(Problem::internal)?;
        let send = client.send_email().from_email_address(&self.from).content(content);
        let send = send.destination(Destination::builder().to_addresses(&letter.to).build());
        // The message of a refusal may quote the address.
        send.send().await.map(drop).map_err(|error| match error.code() {
            Some(code @ ("MessageRejected" | "BadRequestException" | "MailFromDomainNotVerifiedException")) => {
                Problem::new(422, "mail_refused", "The mail was refused: see the sender's address and standing.")
                    .because(format_args!("mail: {code}"))
            }
            code => Problem::unavailable(format!("mail: {}", code.unwrap_or("no answer"))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(unsubscribe: Option<&str>) -> Letter {
        Letter {
            to: "ada@example.com".into(),
            subject: "Your week".into(),
            text: "12.50 EUR".into(),
            html: "<p>12.50 EUR</p>".into(),
            unsubscribe: unsubscribe.map(ToOwned::to_owned),
        }
    }

    #[test]
    fn a_mail_has_a_text_an_html_part_and_the_headers_of_one_click() {
        let sent = message(&letter(Some("https://api.example.com/v1/mail/unsubscribe?token=a"))).unwrap();
        let sent = sent.simple().unwrap();
        let body = sent.body().unwrap();
        assert_eq!(body.text().unwrap().data(), "12.50 EUR");
        assert_eq!(body.html().unwrap().data(), "<p>12.50 EUR</p>");
        let headers: Vec<_> = sent.headers().iter().map(|one| (one.name(), one.value())).collect();
        let expected = [
            ("List-Unsubscribe", "<https://api.example.com/v1/mail/unsubscribe?token=a>"),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ];
        assert_eq!(headers, expected);
        assert!(message(&letter(None)).unwrap().simple().unwrap().headers().is_empty());
    }

    #[test]
    fn links_begin_with_what_was_configured() {
        let addresses = Addresses { app: "https://app.example.com/".into(), api: "https://api.example.com/v1".into() };
        assert_eq!(addresses.app(), "https://app.example.com/");
        assert_eq!(addresses.link("verify-email", "a"), "https://app.example.com/verify-email?token=a");
        assert_eq!(addresses.unsubscribe("b"), "https://api.example.com/v1/mail/unsubscribe?token=b");
    }
}
