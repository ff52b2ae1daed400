//! Making the client: which cluster, no hidden retries, a deadline on every call.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Uri};
use kube::client::{Body, ClientBuilder};
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use rustls::crypto::ring;
use tokio::time::timeout;
use tower::{BoxError, service_fn};
use tower_http::timeout::TimeoutBody;

pub use super::failure::{ApiFailure, within};
pub use super::meter::{ApiLayer, ApiMetrics};

/// Which cluster to speak to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// The kubeconfig file; without it `$KUBECONFIG`, `~/.kube/config`, then the pod's own account.
    pub kubeconfig: Option<PathBuf>,
    /// The context in it; without it the current one.
    pub context: Option<String>,
}

/// Why no client could be made. Nothing has been sent yet.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Neither a kubeconfig nor a service account was found.
    #[error(
        "no service account here, and no kubeconfig: {kubeconfig}; \
         name one with --kubeconfig or in $KUBECONFIG"
    )]
    Nowhere {
        /// Why there is no kubeconfig.
        kubeconfig: String,
    },
    /// The kubeconfig, or the context in it, cannot be used.
    #[error("cannot use the kubeconfig")]
    Kubeconfig(#[source] Box<KubeconfigError>),
    /// What the kubeconfig says cannot be turned into a client.
    #[error("cannot make a client from the kubeconfig")]
    Client(#[source] Box<kube::Error>),
}

/// Makes ring the provider of all TLS in this process. First thing in `main`.
pub fn install_tls_provider() {
    if ring::default_provider().install_default().is_err() {
        tracing::debug!("a TLS provider was installed before");
    }
}

/// A client for `target`, with every call passing through `layer`.
///
/// Its default namespace is that of the context, or in a pod that of the pod.
pub async fn connect(target: &Target, layer: ApiLayer) -> Result<Client, ConnectError> {
    let mut config = configuration(target).await?;
    // kube would repeat refused calls up to 15 times, evictions and lease renewals included; here
    // whoever knows what a call means decides whether to repeat it.
    config.default_retry = false;
    config.connect_timeout = Some(Duration::from_secs(5));
    let builder = ClientBuilder::try_from(config)
        .map_err(|error| ConnectError::Client(Box::new(error)))?
        .with_layer(&layer);
    Ok(builder.build())
}

async fn configuration(target: &Target) -> Result<Config, ConnectError> {
    let options =
        KubeConfigOptions { context: target.context.clone(), ..KubeConfigOptions::default() };
    let config = match (&target.kubeconfig, &target.context) {
        (None, None) => {
            let inferred = Config::infer().await;
            return inferred.map_err(|error| ConnectError::Nowhere {
                kubeconfig: Kubeconfig::read().err().map_or_else(
                    // It can be read and yet not be used.
                    || error.to_string(),
                    |error| error.to_string(),
                ),
            });
        }
        (None, Some(_)) => Config::from_kubeconfig(&options).await,
        (Some(path), _) => match Kubeconfig::read_from(path) {
            Ok(kubeconfig) => Config::from_custom_kubeconfig(kubeconfig, &options).await,
            Err(error) => Err(error),
        },
    };
    config.map_err(|error| ConnectError::Kubeconfig(Box::new(error)))
}

/// When a watch in which nothing happens has been ended, by the apiserver or by kube: 295 s.
const WATCH_ENDS: Duration = Duration::from_secs(300);

/// Whether a request is for a watch, whose answer goes on.
pub(super) fn is_watch(uri: &Uri) -> bool {
    let query = uri.query().unwrap_or_default();
    query.split('&').any(|pair| matches!(pair, "watch=true" | "watch=1"))
}

/// How calls are made: each with a deadline, each failure counted.
#[derive(Clone)]
pub struct Calls {
    deadline: Duration,
    metrics: Arc<dyn ApiMetrics>,
}

impl Calls {
    /// Calls of at most `deadline` each.
    pub fn new(deadline: Duration, metrics: Arc<dyn ApiMetrics>) -> Self {
        Self { deadline, metrics }
    }

    /// The same, but each of at most this deadline too.
    #[must_use]
    pub fn at_most(self, deadline: Duration) -> Self {
        let deadline = self.deadline.min(deadline);
        Self { deadline, ..self }
    }

    /// The same client, except that no answer is waited for for ever: it begins within the
    /// deadline, and goes on within it too. Kube's watches call the apiserver by themselves,
    /// beginning with a list, and one that falls silent would blind them.
    ///
    /// A watch may have nothing to say for a while.
    pub fn impatient(&self, client: &Client) -> Client {
        let (inner, deadline) = (client.clone(), self.deadline);
        let service = service_fn(move |request: Request<Body>| {
            let inner = inner.clone();
            async move {
                let pause =
                    if is_watch(request.uri()) { WATCH_ENDS.max(deadline) } else { deadline };
                let answer = timeout(deadline, inner.send(request)).await??;
                Ok::<_, BoxError>(answer.map(|body| TimeoutBody::new(pause, body)))
            }
        });
        Client::new(service, client.default_namespace())
    }

    /// Awaits one call; `verb` is that of the API: `get`, `list`, `create`, `update`, …
    pub async fn run<T>(
        &self,
        verb: &str,
        call: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, ApiFailure> {
        let answer = within(self.deadline, call).await;
        if let Err(failure) = &answer {
            self.metrics.failed(verb, failure.class());
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::clock::{Offset, SystemClock};

    const KUBECONFIG: &str = r"
apiVersion: v1
kind: Config
current-context: one
clusters: [{name: here, cluster: {server: 'http://127.0.0.1:1'}}]
users: [{name: me, user: {}}]
contexts:
- {name: one, context: {cluster: here, user: me, namespace: databases}}
- {name: two, context: {cluster: here, user: me, namespace: others}}
";

    fn layer() -> ApiLayer {
        ApiLayer::new(Arc::new(SystemClock), Arc::new(Offset::default()), Arc::new(()))
    }

    #[tokio::test]
    async fn the_context_is_chosen_by_name() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(KUBECONFIG.as_bytes()).unwrap();
        for (context, namespace) in [(None, "databases"), (Some("two"), "others")] {
            let target = Target {
                kubeconfig: Some(file.path().to_owned()),
                context: context.map(ToOwned::to_owned),
            };
            let client = connect(&target, layer()).await.unwrap();
            assert_eq!(client.default_namespace(), namespace);
        }

        let target =
            Target { kubeconfig: Some(file.path().to_owned()), context: Some("three".to_owned()) };
        let error = connect(&target, layer()).await.err().unwrap();
        assert_eq!(error.to_string(), "cannot use the kubeconfig");
    }

    #[tokio::test(start_paused = true)]
    async fn an_impatient_client_does_not_wait_for_ever() {
        let silent = service_fn(|_: Request<Body>| {
            std::future::pending::<Result<http::Response<Body>, BoxError>>()
        });
        let client = Client::new(silent, "here");
        let impatient = Calls::new(Duration::from_secs(5), Arc::new(())).impatient(&client);
        assert_eq!(impatient.default_namespace(), "here");
        let failure = ApiFailure::from(impatient.list_api_groups().await.unwrap_err());
        assert_eq!(failure.class(), "unavailable");
    }
}
