//! Sending mail through SES.

use super::{
    config::ConfigError,
    function::{Env, Grant, Port},
    problem::Problem,
};
use aws_sdk_sesv2::{
    Client,
    error::{BuildError, ProvideErrorMetadata},
    types::{Body, Content, Destination, EmailContent, Message},
};
use std::sync::Arc;
use tokio::sync::OnceCell;

/// The sender.
pub struct Mail {
    env: Arc<Env>,
    from: String,
    app_url: String,
    client: OnceCell<Client>,
}

impl Port for Mail {
    fn grants() -> Vec<Grant> {
        vec![Grant::Mail]
    }
    fn open(env: &Arc<Env>) -> Result<Self, ConfigError> {
        let (from, app_url) = (env.config.require("MAIL_FROM")?, env.config.require("APP_URL")?);
        Ok(Self { env: env.clone(), from, app_url, client: OnceCell::new() })
    }
}

fn message(subject: &str, text: &str) -> Result<EmailContent, BuildError> {
    let content = |data: &str| Content::builder().data(data).charset("UTF-8").build();
    let message = Message::builder().subject(content(subject)?).body(Body::builder().text(content(text)?).build());
    Ok(EmailContent::builder().simple(message.build()).build())
}

impl Mail {
    /// A link into the app: from configuration, never from what a request says its host is. The token is of letters that
    /// need no escape.
    #[must_use]
    pub fn link(&self, path: &str, token: &str) -> String {
        format!("{}/{path}?token={token}", self.app_url.trim_end_matches('/'))
    }

    /// Sends a text mail.
    pub async fn send(&self, to: &str, subject: &str, text: &str) -> Result<(), Problem> {
        let client = self.client.get_or_init(async || Client::new(self.env.aws())).await;
        let content = message(subject, text).map_err(Problem::internal)?;
        let send = client.send_email().from_email_address(&self.from).content(content);
        let send = send.destination(Destination::builder().to_addresses(to).build());
        // The message of a refusal may quote the address.
        send.send().await.map(drop).map_err(|error| match error.code() {
            Some(code @ ("MessageRejected" | "BadRequestException" | "MailFromDomainNotVerifiedException")) => {
                Problem {
                    cause: Some(format!("mail: {code}")),
                    ..Problem::new(422, "mail_refused", "The mail was refused: see the sender's address and standing.")
                }
            }
            code => Problem::unavailable(format!("mail: {}", code.unwrap_or("no answer"))),
        })
    }
}
