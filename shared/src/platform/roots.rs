//! Whom the connections to AWS trust: Amazon's own authorities and nobody else's. Reading the system's whole store takes
//! ten milliseconds of every cold start.

use aws_smithy_http_client::{
    Builder, Connector,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::http::{HttpConnectorSettings, SharedHttpClient};
use std::time::Duration;

/// As the SDKs have it.
const CONNECT: Duration = Duration::from_millis(3100);

/// Amazon Root CA 1 to 4 and Starfield Services Root G2, which every endpoint of AWS is signed under.
const AMAZON: &str = include_str!("amazon_roots.pem");

fn trusted() -> TlsContext {
    let trust = TrustStore::empty().with_pem_certificate(AMAZON);
    TlsContext::builder().with_trust_store(trust).build().unwrap_or_default()
}

/// The client that every SDK of a function shares.
#[must_use]
pub fn https_client() -> SharedHttpClient {
    Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).tls_context(trusted()).build_https()
}

/// The same for requests that no SDK makes.
#[must_use]
pub fn connector() -> Connector {
    let times = HttpConnectorSettings::builder().connect_timeout(CONNECT).build();
    let connector = Connector::builder().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).tls_context(trusted());
    connector.connector_settings(times).build()
}

/// For servers that are not AWS's: whom the system trusts. Read when the first one is asked.
#[must_use]
pub fn public_connector() -> Connector {
    let times = HttpConnectorSettings::builder().connect_timeout(CONNECT).build();
    let connector = Connector::builder().tls_provider(Provider::Rustls(CryptoMode::AwsLc));
    connector.connector_settings(times).build()
}

#[cfg(test)]
mod tests {
    use rustls::{
        RootCertStore,
        pki_types::{CertificateDer, pem::PemObject},
    };

    #[test]
    fn the_proxys_authorities_are_among_those_that_sqlx_trusts() {
        let mut amazon = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(super::AMAZON.as_bytes()) {
            amazon.add(certificate.unwrap()).unwrap();
        }
        assert!(amazon.roots.iter().all(|anchor| webpki_roots::TLS_SERVER_ROOTS.contains(anchor)), "{amazon:?}");
    }

    #[test]
    fn five_authorities_are_trusted_and_the_client_is_made_of_them() {
        assert_eq!(super::AMAZON.matches("BEGIN CERTIFICATE").count(), 5);
        let _ = (super::https_client(), super::connector(), super::public_connector());
    }
}
