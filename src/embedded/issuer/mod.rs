//! An issuer that behaves as cert-manager 1.21 towards Certificates, their requests, Secrets,
//! Issuers and `ClusterIssuers`.
//!
//! [`CertManager`] runs one kube controller for each of the four kinds. Each reads one object with all
//! that belongs to it from the apiserver, uncached; asks a pure function for the one thing to do
//! next (`decide` for a Certificate); does it; and reads again until there is nothing to do. What is
//! known is what the apiserver knows, so a crash between any two writes loses nothing: whoever
//! starts next goes on from there. Status writes are compare-and-swaps, the name of a request
//! follows from its Certificate and revision, and the key of an issuance is in a Secret of its own
//! (`status.nextPrivateKeySecretName`) before anything is signed for it. So no trigger issues twice.
//!
//! What is the same, in reasons, messages, names, labels and annotations too: the triggers and their
//! order, `Issuing` set by somebody else, the backoff of 1, 2, 4 … 32 hours in the status,
//! `rotationPolicy`, `revisionHistoryLimit`, `secretTemplate`, which of two Certificates owns a
//! Secret, renewal at two thirds of the actual lifetime or as `renewBefore` and
//! `renewBeforePercentage` say, issuers of the kinds `ca` and `selfSigned`.
//!
//! What differs, and why:
//!
//! - A Certificate that names no algorithm gets [`Settings::default_algorithm`], where cert-manager
//!   makes RSA 2048: ring makes no RSA keys. One that asks for RSA by name fails, with that reason.
//! - What a Certificate asks for and is not written here fails with the field's name as the reason of
//!   `Issuing=False`, and backs off; cert-manager would do it, or say so in its log and in an Event
//!   only: `literalSubject`, `otherNames`, `nameConstraints`, `keystores`,
//!   `additionalOutputFormats`, `signatureAlgorithm`, `renewal.windows`, a subject with two values
//!   of one kind, names that cannot be encoded, a private key that may not be regenerated.
//! - An authority whose key does not belong to its certificate, or whose certificates are no chain, makes an
//!   issuer not ready; cert-manager finds out at the first signature.
//! - No Events are written.
//! - The status of a Certificate changes in fewer writes, each of which is consistent in itself.
//! - The field manager is `cert-manager` for all that it writes; upstream has one for each controller.
//! - Durations below an hour are taken: the minimum is cert-manager's webhook's.
//! - `tls.key` in the form of its kind is SEC 1 for ECDSA, as cert-manager's; Ed25519 is PKCS #8
//!   without the public key, as Go's.
//!
//! It reads and writes Secrets everywhere, so it belongs in the demo and in tests.

mod access;
mod certificates;
mod checks;
mod clock_steps;
mod decide;
mod issuance;
mod issuers;
mod matching;
mod names;
mod renewal;
mod requests;
mod secret;
mod status;
#[cfg(test)]
mod tests;
mod view;

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Client;
use kube::runtime::controller::Action;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use access::Access;

use crate::clock::Clock;
use crate::cluster::failure::ApiFailure;
use crate::embedded::repeatable;
use crate::pki::{Algorithm, Entropy, Refused};

/// How one issuer differs from another.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The namespace in which each `ClusterIssuer` finds its Secret.
    pub cluster_resource_namespace: String,
    /// The kind of key for a Certificate that names none. Ed25519 makes whole certificates
    /// reproducible when `entropy` is seeded.
    pub default_algorithm: Algorithm,
    /// Where keys and serial numbers come from.
    pub entropy: Entropy,
}

impl Default for Settings {
    /// As cert-manager is installed; ECDSA P-256; the operating system's entropy.
    fn default() -> Self {
        Self {
            cluster_resource_namespace: "cert-manager".to_owned(),
            default_algorithm: Algorithm::EcdsaP256,
            entropy: Entropy::system(),
        }
    }
}

/// The issuer.
pub struct CertManager {
    context: Context,
}

/// What its controllers share.
struct Context {
    access: Access,
    clock: Arc<dyn Clock>,
    settings: Settings,
}

impl CertManager {
    /// An issuer on the cluster that `client` speaks to, in all namespaces.
    pub fn new(client: Client, clock: Arc<dyn Clock>, settings: Settings) -> Self {
        Self { context: Context { access: Access::new(client), clock, settings } }
    }

    /// Works until it is stopped. Dropping the future is a crash: nothing goes on in the background.
    pub async fn run(self, stop: CancellationToken) {
        let context = Arc::new(self.context);
        let controllers = async {
            tokio::join!(
                issuers::run(Arc::clone(&context)),
                issuers::run_cluster(Arc::clone(&context)),
                requests::run(Arc::clone(&context)),
                certificates::run(Arc::clone(&context)),
            );
        };
        stop.run_until_cancelled(controllers).await;
    }
}

/// Why a reconciliation did not come to its end; it is tried again.
#[derive(Debug, Error)]
enum Trouble {
    /// A call failed.
    #[error(transparent)]
    Api(#[from] ApiFailure),
    /// Something is in the way that goes by itself, such as what belonged to a former object.
    #[error("an object of another owner has the name of its request or its key")]
    InTheWay,
    /// There is no key to be had.
    #[error(transparent)]
    Key(#[from] Refused),
    /// There was always something more to do.
    #[error("no rest after {0} steps")]
    Restless(usize),
}

impl Trouble {
    /// When to try again.
    fn retry(&self, object: &ObjectMeta) -> Action {
        let moved_on = matches!(
            self,
            Self::Api(ApiFailure::Conflict | ApiFailure::AlreadyExists | ApiFailure::NotFound)
        );
        let pause = if moved_on { Duration::ZERO } else { Duration::from_secs(5) };
        let (namespace, name) = (object.namespace.as_deref(), object.name.as_deref());
        let (namespace, name) = (namespace.unwrap_or_default(), name.unwrap_or_default());
        Action::requeue(pause + repeatable::apart(namespace, name))
    }

    fn log(&self, kind: &str, namespace: Option<&str>, name: Option<&str>) {
        let (namespace, name) = (namespace.unwrap_or_default(), name.unwrap_or_default());
        tracing::debug!(kind, namespace, name, error = %self, "to be tried again");
    }
}
