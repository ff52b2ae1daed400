//! Loading a certificate and its key, as mysqld does when it starts.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::NoServerSessionStorage;

use super::log::{Log, Priority};
use super::options::Options;
use crate::embedded::pods::mounts::Files;
use crate::embedded::pods::runtime::Presented;

/// What is loaded.
pub(super) struct Tls {
    /// With the private key.
    pub(super) config: Arc<ServerConfig>,
    pub(super) presents: Presented,
}

/// Loads what the options name. mysqld starts *without* TLS, and logs why, when the pair does not
/// match or a part of it is missing or unreadable; a leaf that is expired, or that `--ssl-ca` has
/// not signed, it presents all the same.
pub(super) fn load(options: &Options, files: &Files, log: &Log) -> Option<Tls> {
    let (cert, key) = (options.cert.as_deref()?, options.key.as_deref()?);
    match read(options.ca.as_deref(), cert, key, files) {
        Ok(tls) => Some(tls),
        Err(why) => {
            let text = "Failed to initialize TLS for channel: mysql_main. See below for the \
                        description of exact issue.";
            log.write(Priority::Warning, "MY-013595", text);
            let text =
                format!("Failed to set up SSL because of the following SSL library error: {why}");
            log.write(Priority::Warning, "MY-010069", &text);
            None
        }
    }
}

fn read(ca: Option<&str>, cert: &str, key: &str, files: &Files) -> Result<Tls, &'static str> {
    const NO_CA: &str = "SSL_CTX_set_default_verify_paths failed";
    const NO_CERTIFICATE: &str = "Unable to get certificate";
    const NO_KEY: &str = "Unable to get private key";

    if let Some(ca) = ca {
        certificates(&files.read(ca).ok_or(NO_CA)?).ok_or(NO_CA)?;
    }
    let chain = files.read(cert).as_deref().and_then(certificates).ok_or(NO_CERTIFICATE)?;
    let key = files.read(key).ok_or(NO_KEY)?;
    let key = PrivateKeyDer::from_pem_slice(&key).or(Err(NO_KEY))?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS12, &rustls::version::TLS13])
        .or(Err(NO_CERTIFICATE))?
        .with_no_client_auth()
        .with_single_cert(chain.clone(), key);
    let mut config = config.or(Err(NO_KEY))?;
    // Nobody comes back for a session; nothing is kept for them.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Tls { config: Arc::new(config), presents: Presented::new(chain) })
}

/// The certificates in a PEM text; none when there is none, or one cannot be read.
fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    all.ok().filter(|all| !all.is_empty())
}
