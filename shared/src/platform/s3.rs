//! Talking to S3. The eight calls that are needed are signed here and sent through the HTTP client that the SDKs have in
//! common: the SDK of S3 alone would be a seventh of the bootstrap.

use super::{
    clock,
    function::Env,
    jwt::{hex, sha256},
    problem::Problem,
    roots,
};
use aws_credential_types::{Credentials, provider::ProvideCredentials};
use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation,
        SigningInstructions, SigningParams, SigningSettings, UriPathNormalizationMode, sign,
    },
    sign::v4,
};
use aws_smithy_http_client::Connector;
use aws_smithy_runtime_api::client::{
    http::HttpConnector as _,
    orchestrator::{HttpRequest, HttpResponse},
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use std::{
    borrow::Cow,
    fmt::Write as _,
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::time::{sleep, timeout};

/// A part of eight megabytes takes a second; an answer that is later than this will not come.
const ATTEMPT: Duration = Duration::from_secs(9);
/// Waited before the second and the third attempt. Every call here may be made twice.
const AGAIN: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(300)];

/// One bucket.
pub(super) struct Bucket {
    env: Arc<Env>,
    region: String,
    /// The bucket's address, without a slash at its end.
    base: String,
    connector: Connector,
}

/// What is asked of it. Names and values of the query are encoded when it is sent.
#[derive(Default)]
pub(super) struct Ask<'a> {
    pub method: &'static str,
    pub key: &'a str,
    pub query: Vec<(&'static str, Cow<'a, str>)>,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

/// What came back.
pub(super) struct Answer {
    pub status: u16,
    pub etag: Option<String>,
    pub body: Vec<u8>,
}

impl Answer {
    /// What stands in the first element of this name.
    pub fn text(&self, element: &str) -> Option<String> {
        let body = String::from_utf8_lossy(&self.body);
        elements(&body, element).next()
    }

    /// What stands in each element of this name.
    pub fn texts(&self, element: &str) -> Vec<String> {
        elements(&String::from_utf8_lossy(&self.body), element).collect()
    }
}

/// S3's own answers are flat enough to be read without a parser.
fn elements(xml: &str, name: &str) -> impl Iterator<Item = String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let inner = xml.split(&open).skip(1).filter_map(|rest| rest.split_once(&close).map(|(inner, _)| unescape(inner)));
    inner.collect::<Vec<_>>().into_iter()
}

fn unescape(text: &str) -> String {
    let plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'");
    // Last, so that what it brings forth is not read once more.
    plain.replace("&amp;", "&")
}

/// As a signature wants it: everything but letters, digits and `-._~` by its bytes; in a path the slash stays, too.
fn encode(text: &str, path: bool) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(byte.into()),
            b'/' if path => encoded.push('/'),
            _ => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
        encoded
    })
}

/// A bucket's address: below its own host name, as S3 wants it, or in the path where an endpoint is named, which has no host
/// name per bucket.
fn address(bucket: &str, region: &str, endpoint: Option<&str>) -> String {
    match endpoint {
        Some(endpoint) => format!("{}/{bucket}", endpoint.trim_end_matches('/')),
        None if region.starts_with("cn-") => format!("https://{bucket}.s3.{region}.amazonaws.com.cn"),
        None => format!("https://{bucket}.s3.{region}.amazonaws.com"),
    }
}

impl Bucket {
    pub fn new(env: Arc<Env>, bucket: &str) -> Self {
        let region = env.config.optional("AWS_REGION").unwrap_or_else(|| "us-east-1".into());
        let base = address(bucket, &region, env.config.optional("AWS_ENDPOINT_URL").as_deref());
        Self { env, region, base, connector: roots::connector() }
    }

    fn url(&self, ask: &Ask) -> String {
        let mut url = format!("{}/{}", self.base, encode(ask.key, true));
        for (i, (name, value)) in ask.query.iter().enumerate() {
            url.push(if i == 0 { '?' } else { '&' });
            let _ = write!(url, "{name}={}", encode(value, false));
        }
        url
    }

    async fn credentials(&self) -> Result<Credentials, Problem> {
        let provider = self.env.aws().credentials_provider().ok_or_else(|| Problem::internal("no credentials"))?;
        provider.provide_credentials().await.map_err(Problem::unavailable)
    }

    /// An address that whoever has it may use for a while, with these headers and no others.
    pub async fn presign(&self, ask: &Ask<'_>, lasts: Duration) -> Result<String, Problem> {
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(lasts);
        let credentials = self.credentials().await?;
        let mut url = self.url(ask);
        let signed = self.sign(ask, &url, SignableBody::UnsignedPayload, settings, credentials, clock::now().into())?;
        for (name, value) in signed.params() {
            let mark = if url.contains('?') { '&' } else { '?' };
            let _ = write!(url, "{mark}{name}={}", encode(value, false));
        }
        Ok(url)
    }

    fn sign(
        &self,
        ask: &Ask,
        url: &str,
        body: SignableBody<'_>,
        mut settings: SigningSettings,
        credentials: Credentials,
        at: SystemTime,
    ) -> Result<SigningInstructions, Problem> {
        // S3 signs the path as it is sent, where other services encode it once more.
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        let identity = credentials.into();
        let params = v4::SigningParams::builder().identity(&identity).region(&self.region).name("s3");
        let params = params.time(at).settings(settings).build().map_err(Problem::internal)?;
        let headers = ask.headers.iter().map(|(name, value)| (*name, value.as_str()));
        let request = SignableRequest::new(ask.method, url, headers, body).map_err(Problem::internal)?;
        let signed = sign(request, &SigningParams::V4(params)).map_err(Problem::internal)?;
        Ok(signed.into_parts().0)
    }

    /// Sends it, up to three times as long as nobody answers or the answer is that S3 is at fault. What else it says, a
    /// refusal too, is the caller's to judge.
    pub async fn send(&self, mut ask: Ask<'_>) -> Result<Answer, Problem> {
        let (url, body) = (self.url(&ask), SdkBody::from(std::mem::take(&mut ask.body)));
        let hash = hex(&sha256(body.bytes().unwrap_or_default()));
        let mut pauses = AGAIN.into_iter();
        loop {
            let body = body.try_clone().ok_or_else(|| Problem::internal("a body that cannot be sent twice"))?;
            let request = self.request(&ask, &url, body, &hash).await?;
            let failed = match timeout(ATTEMPT, self.once(request)).await {
                Ok(Ok(answer)) if answer.status < 500 && answer.status != 429 => return Ok(answer),
                Ok(Ok(answer)) => refused(ask.method, &answer),
                Ok(Err(problem)) => problem,
                Err(_) => Problem::unavailable(format!("s3 {}: timed out", ask.method)),
            };
            match pauses.next() {
                Some(pause) => sleep(pause).await,
                None => return Err(failed),
            }
        }
    }

    async fn request(&self, ask: &Ask<'_>, url: &str, body: SdkBody, hash: &str) -> Result<HttpRequest, Problem> {
        let mut settings = SigningSettings::default();
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        let (credentials, hash) = (self.credentials().await?, SignableBody::Precomputed(hash.to_owned()));
        let signed = self.sign(ask, url, hash, settings, credentials, clock::now().into())?;
        let mut request = ::http::Request::builder().method(ask.method).uri(url);
        let own = ask.headers.iter().map(|(name, value)| (*name, value.as_str()));
        for (name, value) in own.chain(signed.headers()) {
            request = request.header(name, value);
        }
        let request = request.body(body).map_err(Problem::internal)?;
        HttpRequest::try_from(request).map_err(Problem::internal)
    }

    async fn once(&self, request: HttpRequest) -> Result<Answer, Problem> {
        let answer: HttpResponse = self.connector.call(request).await.map_err(Problem::unavailable)?;
        let (status, etag) = (answer.status().as_u16(), answer.headers().get("etag").map(ToOwned::to_owned));
        let body = ByteStream::new(answer.into_body()).collect().await.map_err(Problem::unavailable)?;
        Ok(Answer { status, etag, body: body.into_bytes().into() })
    }
}

/// An answer that is none of those that were hoped for.
pub(super) fn refused(method: &str, answer: &Answer) -> Problem {
    let code = answer.text("Code").unwrap_or_default();
    Problem::unavailable(format!("s3 {method}: {} {code}", answer.status))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::config::Config;

    /// AWS's own example: the account, the day, the bucket and the addresses of its guide to signatures of S3.
    fn example(name: &str) -> Option<String> {
        let value = match name {
            "STAGE" => "prod",
            "_HANDLER" => "test",
            "AWS_REGION" => "us-east-1",
            _ => return None,
        };
        Some(value.to_owned())
    }

    fn bucket() -> Bucket {
        let mut bucket = Bucket::new(Env::new(Config::read(example).unwrap()), "examplebucket");
        // The guide's address is the old one without a region.
        bucket.base = "https://examplebucket.s3.amazonaws.com".into();
        bucket
    }

    fn credentials(session: Option<&str>) -> Credentials {
        let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        Credentials::new("AKIAIOSFODNN7EXAMPLE", secret, session.map(ToOwned::to_owned), None, "test")
    }

    fn then() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_hours(380_376)
    }

    fn signed(ask: &Ask, session: Option<&str>) -> String {
        let mut settings = SigningSettings::default();
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        let (bucket, body) = (bucket(), SignableBody::Precomputed(hex(&sha256(&ask.body))));
        let signed = bucket.sign(ask, &bucket.url(ask), body, settings, credentials(session), then()).unwrap();
        signed.headers().fold(String::new(), |said, (name, value)| said + name + ": " + value + "\n")
    }

    #[test]
    fn requests_are_signed_as_in_the_examples_of_aws() {
        let get =
            Ask { method: "GET", key: "test.txt", headers: vec![("range", "bytes=0-9".into())], ..Ask::default() };
        let said = signed(&get, None);
        assert!(said.contains("Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"), "{said}");
        let put = Ask {
            method: "PUT",
            key: "test$file.text",
            headers: vec![
                ("date", "Fri, 24 May 2013 00:00:00 GMT".into()),
                ("x-amz-storage-class", "REDUCED_REDUNDANCY".into()),
            ],
            body: b"Welcome to Amazon S3.".to_vec(),
            ..Ask::default()
        };
        let said = signed(&put, None);
        assert!(said.contains("Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"), "{said}");
        let list = [("max-keys", Cow::from("2")), ("prefix", Cow::from("J"))].to_vec();
        let said = signed(&Ask { method: "GET", query: list, ..Ask::default() }, None);
        assert!(said.contains("Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"), "{said}");
        // A function's credentials come with a token of their session, which is signed, too.
        let said = signed(&get, Some("of the session"));
        assert!(said.contains("x-amz-security-token: of the session\n"), "{said}");
        assert!(
            said.contains("SignedHeaders=host;range;x-amz-content-sha256;x-amz-date;x-amz-security-token"),
            "{said}"
        );
    }

    #[test]
    fn a_signed_address_is_that_of_the_example_of_aws() {
        let ask = Ask { method: "GET", key: "test.txt", ..Ask::default() };
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(Duration::from_hours(24));
        let (bucket, body) = (bucket(), SignableBody::UnsignedPayload);
        let signed = bucket.sign(&ask, &bucket.url(&ask), body, settings, credentials(None), then()).unwrap();
        let signature = signed.params().iter().find(|(name, _)| *name == "X-Amz-Signature").unwrap().1.clone();
        assert_eq!(signature, "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
    }

    #[test]
    fn a_bucket_is_found_by_its_region_and_in_the_path_of_a_named_endpoint() {
        assert_eq!(address("files", "eu-central-1", None), "https://files.s3.eu-central-1.amazonaws.com");
        assert_eq!(address("files", "cn-north-1", None), "https://files.s3.cn-north-1.amazonaws.com.cn");
        assert_eq!(address("files", "eu-central-1", Some("http://127.0.0.1:9/")), "http://127.0.0.1:9/files");
        assert_eq!(encode("a/ü b+c~", true), "a/%C3%BC%20b%2Bc~");
        assert_eq!(encode("a/b", false), "a%2Fb");
    }

    #[test]
    fn names_in_answers_are_read_as_they_were_given() {
        let body = "<R><Key>a&amp;lt;b</Key><Key>c&lt;d</Key><Keys>no</Keys></R>";
        let answer = Answer { status: 200, etag: None, body: body.into() };
        assert_eq!(answer.texts("Key"), ["a&lt;b", "c<d"]);
        assert_eq!((answer.text("Key").as_deref(), answer.text("Code")), (Some("a&lt;b"), None));
    }

    /// Nobody listens there.
    #[tokio::test]
    async fn must_hold_48_a_bucket_that_is_away_is_a_503() {
        let away = |name: &str| match name {
            "AWS_ENDPOINT_URL" => Some("http://127.0.0.1:9".to_owned()),
            _ => example(name),
        };
        let bucket = Bucket::new(Env::new(Config::read(away).unwrap()), "files");
        let request = ::http::Request::get(bucket.url(&Ask::default())).body(SdkBody::empty()).unwrap();
        let refused = bucket.once(HttpRequest::try_from(request).unwrap()).await.err().unwrap();
        assert_eq!((refused.status, refused.retry_after.is_some()), (503, true));
    }
}
