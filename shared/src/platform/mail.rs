//! Sending mail through SES.

use super::{
    config::ConfigError,
    function::{Env, Grant, Port},
    problem::Problem,
};
use aws_sdk_sesv2::{
    Client,
    error::{BuildError, DisplayErrorContext},
    types::{Body, Content, Destination, EmailContent, Message},
};
use std::sync::Arc;
use tokio::sync::OnceCell;

/// The sender.
pub struct Mail {
    env: Arc<Env>,
    from: String,
    client: OnceCell<Client>,
}

impl Port for Mail {
    fn grants() -> Vec<Grant> {
        vec![Grant::Mail]
    }
    fn open(env: &Arc<Env>) -> Result<Self, ConfigError> {
        Ok(Self { env: env.clone(), from: env.config.require("MAIL_FROM")?, client: OnceCell::new() })
    }
}

fn message(subject: &str, text: &str) -> Result<EmailContent, BuildError> {
    let content = |data: &str| Content::builder().data(data).charset("UTF-8").build();
    let message = Message::builder().subject(content(subject)?).body(Body::builder().text(content(text)?).build());
    Ok(EmailContent::builder().simple(message.build()).build())
}

impl Mail {
    /// Sends a text mail.
    pub async fn send(&self, to: &str, subject: &str, text: &str) -> Result<(), Problem> {
        let client = self.client.get_or_init(async || Client::new(self.env.aws())).await;
        let content = message(subject, text).map_err(Problem::internal)?;
        let send = client.send_email().from_email_address(&self.from).content(content);
        let send = send.destination(Destination::builder().to_addresses(to).build());
        send.send().await.map(drop).map_err(|error| Problem::unavailable(DisplayErrorContext(&error)))
    }
}
