//! Requests to servers that are not AWS's, and to our own API as its clients reach it.

use super::{problem::Problem, roots};
use aws_smithy_http_client::Connector;
use aws_smithy_runtime_api::client::{
    http::HttpConnector as _,
    orchestrator::{HttpRequest, HttpResponse},
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use http::Uri;
use std::{sync::OnceLock, time::Duration};
use tokio::time::timeout;

/// Whoever takes longer is away.
const PATIENCE: Duration = Duration::from_secs(10);

/// A client for them. It follows no redirect, and says of a failure what happened but never where: an address may be a
/// secret.
pub struct Outside {
    connector: OnceLock<Connector>,
    is_local: bool,
}

impl Outside {
    /// On the local stage servers of this machine may be asked in the clear.
    #[must_use]
    pub const fn new(is_local: bool) -> Self {
        Self { connector: OnceLock::new(), is_local }
    }

    /// Whether an address may be asked: HTTPS alone, and without a password in it.
    fn address(&self, url: &str) -> Result<Uri, Problem> {
        let refused = || Problem::new(422, "not_https", "The address must begin with https:// and hold no password.");
        let uri: Uri = url.parse().map_err(|_| refused())?;
        let host = uri.host().unwrap_or_default();
        let clear = self.is_local && uri.scheme_str() == Some("http") && host == "127.0.0.1";
        let plain = !host.is_empty() && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        if plain && (clear || uri.scheme_str() == Some("https")) { Ok(uri) } else { Err(refused()) }
    }

    async fn ask(&self, method: &str, url: &str, json: Option<String>) -> Result<HttpResponse, Problem> {
        let mut request = http::Request::builder().method(method).uri(self.address(url)?);
        request = request.header("user-agent", "Tallybook");
        if json.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = json.map_or_else(SdkBody::empty, SdkBody::from);
        let request = request.body(body).map_err(Problem::internal)?;
        let request = HttpRequest::try_from(request).map_err(Problem::internal)?;
        let connector = self.connector.get_or_init(roots::public_connector);
        // What the connector says may quote the address.
        let answer = connector.call(request).await;
        answer.map_err(|error| Problem::unavailable(if error.is_timeout() { "timed out" } else { "no answer" }))
    }

    /// The status of what is there.
    pub async fn head(&self, url: &str) -> Result<u16, Problem> {
        within(async { Ok(self.ask("HEAD", url, None).await?.status().as_u16()) }).await
    }

    /// Sends JSON; what the answer holds besides its status is left unread.
    pub async fn post(&self, url: &str, json: String) -> Result<u16, Problem> {
        within(async { Ok(self.ask("POST", url, Some(json)).await?.status().as_u16()) }).await
    }

    /// What an address of ours answers.
    pub async fn get(&self, url: &str) -> Result<Vec<u8>, Problem> {
        within(async {
            let answer = self.ask("GET", url, None).await?;
            let body = ByteStream::new(answer.into_body()).collect().await;
            body.map(|body| body.into_bytes().into()).map_err(|_| Problem::unavailable("the answer broke off"))
        })
        .await
    }
}

async fn within<T>(work: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    timeout(PATIENCE, work).await.unwrap_or_else(|_| Err(Problem::unavailable("timed out")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn must_hold_45_only_https_is_asked_and_this_machine_on_the_local_stage() {
        let (local, prod) = (Outside::new(true), Outside::new(false));
        for url in ["https://hooks.example.com/services/T0/B0/x", "https://10.0.0.7:8443/x?y=z"] {
            assert!(prod.address(url).is_ok() && local.address(url).is_ok(), "{url}");
        }
        let refused =
            ["http://hooks.example.com/", "ftp://x/", "https://me:secret@x/", "//x", "x", "", "http://127.0.0.1@x/"];
        for url in refused {
            assert!(prod.address(url).is_err() && local.address(url).is_err(), "{url}");
        }
        assert!(local.address("http://127.0.0.1:9/x").is_ok() && prod.address("http://127.0.0.1:9/x").is_err());
        let said = prod.address("https://me:secret@x/").unwrap_err().to_string();
        assert!(!said.contains("secret"), "{said}");
    }

    #[tokio::test]
    async fn must_hold_50_what_is_said_of_a_server_that_is_away_does_not_name_it() {
        let away = Outside::new(true).post("http://127.0.0.1:9/secret-path", "{}".into()).await.unwrap_err();
        assert_eq!((away.status, away.to_string().as_str()), (503, "503 unavailable: no answer"));
    }
}
