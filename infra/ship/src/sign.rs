//! Requests signed as whoever the SAM CLI would be: it finds credentials in all the places that people keep them, and what is
//! deployed and what is released must be by the same account.

use std::{
    sync::Mutex,
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context, Result, anyhow};
use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningParams, SigningSettings, sign},
    sign::v4,
};
use serde_json::Value;
use ship::aws::{Call, Signer};

use crate::local;

/// Asked for again after this long: those of a role end within the hour.
const FRESH: Duration = Duration::from_mins(5);

/// Who we are on AWS.
pub struct Identity {
    pub region: String,
    cached: Mutex<Option<(Credentials, Instant)>>,
}

fn ask() -> Result<(Credentials, String)> {
    let said = local::output(&["credentials"]).context(
        "no credentials for AWS: set AWS_PROFILE or log in (`aws sso login`), or in CI let the workflow assume its role",
    )?;
    let said: Value = serde_json::from_str(&said)?;
    let text = |name: &str| said.get(name).and_then(Value::as_str).map(str::to_owned);
    let (key, secret) = (text("access_key").context("no access key")?, text("secret_key").context("no secret key")?);
    let region = text("region").context("no region for AWS: set AWS_REGION")?;
    Ok((Credentials::new(key, secret, text("token"), None, "sam"), region))
}

impl Identity {
    pub fn find() -> Result<Self> {
        let (credentials, region) = ask()?;
        Ok(Self { region, cached: Mutex::new(Some((credentials, Instant::now()))) })
    }

    fn credentials(&self) -> Result<Credentials> {
        let mut cached = self.cached.lock().map_err(|_| anyhow!("a thread failed while it looked for credentials"))?;
        if let Some((credentials, at)) = &*cached
            && at.elapsed() < FRESH
        {
            return Ok(credentials.clone());
        }
        let (credentials, _) = ask()?;
        *cached = Some((credentials.clone(), Instant::now()));
        Ok(credentials)
    }
}

impl Signer for Identity {
    fn sign(&self, region: &str, call: &Call, url: &str) -> Result<Vec<(String, String)>> {
        signed(self.credentials()?, region, call, url, SystemTime::now())
    }
}

fn signed(
    credentials: Credentials,
    region: &str,
    call: &Call,
    url: &str,
    at: SystemTime,
) -> Result<Vec<(String, String)>> {
    let identity = credentials.into();
    let params = v4::SigningParams::builder().identity(&identity).region(region).name(call.service);
    let params = params.time(at).settings(SigningSettings::default()).build()?;
    let headers = [("content-type", call.content_type)].into_iter();
    let request = SignableRequest::new(call.method, url, headers, SignableBody::Bytes(call.body.as_bytes()))?;
    let (instructions, _) = sign(request, &SigningParams::V4(params))?.into_parts();
    Ok(instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_signed_as_botocore_signs_it() {
        let credentials = Credentials::new(
            "AKIDEXAMPLE",
            "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            Some("token".into()),
            None,
            "test",
        );
        let call = Call {
            service: "lambda",
            method: "POST",
            path: "/2015-03-31/functions/tallybook-dev-tasks-migrate/invocations?Qualifier=%24LATEST".to_owned(),
            content_type: "application/json",
            body: "{}".to_owned(),
            patience: Duration::from_secs(1),
            again: false,
        };
        let url = format!("https://lambda.eu-central-1.amazonaws.com{}", call.path);
        let at = SystemTime::UNIX_EPOCH + Duration::from_hours(490_896);
        let headers = signed(credentials, "eu-central-1", &call, &url, at).unwrap();
        let of = |name: &str| headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str());
        assert_eq!(of("x-amz-date"), Some("20260101T000000Z"));
        assert_eq!(of("x-amz-security-token"), Some("token"));
        // What `SigV4Auth` of botocore says of the same request.
        let signature = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/eu-central-1/lambda/aws4_request, \
                         SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, \
                         Signature=78002743dc92bb984c060b18cc4fdbc21f7244ea5a781559ef455bebdbc3009f";
        assert_eq!(of("authorization"), Some(signature));
    }
}
