//! Whom the connections to AWS trust: Amazon's own authorities and nobody else's. Reading the system's whole store takes
//! ten milliseconds of every cold start.

use aws_smithy_http_client::{
    Builder,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

/// Amazon Root CA 1 to 4 and Starfield Services Root G2, which every endpoint of AWS is signed under.
const AMAZON: &str = include_str!("amazon_roots.pem");

/// The client that every SDK of a function shares.
#[must_use]
pub fn https_client() -> SharedHttpClient {
    let builder = Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc));
    match TlsContext::builder().with_trust_store(TrustStore::empty().with_pem_certificate(AMAZON)).build() {
        Ok(context) => builder.tls_context(context).build_https(),
        Err(_) => builder.build_https(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn five_authorities_are_trusted_and_the_client_is_made_of_them() {
        assert_eq!(super::AMAZON.matches("BEGIN CERTIFICATE").count(), 5);
        let _ = super::https_client();
    }
}
