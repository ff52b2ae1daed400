//! Reaching the cluster as kubectl does, and saying in one line why that failed.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use kube::api::DynamicObject;
use kube::discovery::ApiResource;
use kube::{Api, Client};

use crate::api::resources::{ROTATION, Source};
use crate::clock::{Offset, SystemClock};
use crate::cluster::client::{ApiFailure, ApiLayer, Calls, Target, connect, install_tls_provider};

/// How long one call to the apiserver may take.
const CALL_DEADLINE: Duration = Duration::from_secs(15);

/// Which cluster.
#[derive(Clone, Debug, Args)]
pub(super) struct Cluster {
    /// The kubeconfig file [default: as kubectl finds it]
    #[arg(long, value_name = "FILE", global = true)]
    kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig file [default: its current one]
    #[arg(long, value_name = "NAME", global = true)]
    context: Option<String>,
}

/// A cluster that can be spoken to.
#[derive(Clone)]
pub(super) struct Reached {
    pub(super) client: Client,
    pub(super) calls: Calls,
}

impl Cluster {
    /// Runs a command on the cluster.
    pub(super) fn run<T>(
        &self,
        command: impl AsyncFnOnce(Reached) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        install_tls_provider();
        block_on(async {
            let layer =
                ApiLayer::new(Arc::new(SystemClock), Arc::new(Offset::default()), Arc::new(()));
            let target =
                Target { kubeconfig: self.kubeconfig.clone(), context: self.context.clone() };
            let client = connect(&target, layer).await?;
            let calls = Calls::new(CALL_DEADLINE, Arc::new(()));
            command(Reached { client, calls }).await
        })
    }
}

/// Runs something that needs no cluster.
pub(super) fn block_on<T>(command: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("could not start the runtime")?;
    runtime.block_on(command)
}

impl Reached {
    /// Where objects of a kind are found; no namespace: in all of them.
    pub(super) fn api(
        &self,
        resource: &ApiResource,
        namespace: Option<&str>,
    ) -> Api<DynamicObject> {
        // Whatever calls by itself, such as a watch, must not wait for ever either.
        let client = self.calls.impatient(&self.client);
        match namespace {
            Some(namespace) => Api::namespaced_with(client, namespace, resource),
            None => Api::all_with(client, resource),
        }
    }

    /// Where Rotations are found.
    pub(super) fn rotations(&self, namespace: Option<&str>) -> Api<DynamicObject> {
        self.api(&ROTATION.in_version(ROTATION.versions[0]), namespace)
    }

    /// Every object of a kind, in the newest version of it that is served.
    pub(super) async fn list(
        &self,
        source: &Source,
        namespace: Option<&str>,
        selector: Option<&str>,
    ) -> anyhow::Result<Vec<DynamicObject>> {
        let params = kube::api::ListParams {
            label_selector: selector.map(str::to_owned),
            ..kube::api::ListParams::default()
        };
        let mut failure = ApiFailure::NotFound;
        for version in source.versions {
            let api = self.api(&source.in_version(version), namespace);
            match self.calls.run("list", api.list(&params)).await {
                Ok(list) => return Ok(list.items),
                Err(error) => failure = error,
            }
            if failure != ApiFailure::NotFound {
                break;
            }
        }
        Err(advise(&failure, source))
    }

    /// Makes one call about a Rotation.
    pub(super) async fn call<T>(
        &self,
        verb: &str,
        call: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, ApiFailure> {
        self.calls.run(verb, call).await
    }
}

/// What went wrong with a kind, and what to do.
pub(super) fn advise(failure: &ApiFailure, source: &Source) -> anyhow::Error {
    let (plural, group) = (source.plural, source.group);
    match failure {
        ApiFailure::NotFound if group == ROTATION.group => anyhow::anyhow!(
            "the cluster does not serve {plural}.{group}: is certrotor installed? \
             certrotor crds | kubectl apply --server-side -f - installs the kind"
        ),
        ApiFailure::NotFound => anyhow::anyhow!("the cluster does not serve {plural}.{group}"),
        ApiFailure::Forbidden(message) => anyhow::anyhow!("not allowed: {message}"),
        ApiFailure::Unavailable { message, .. } => {
            anyhow::anyhow!("the cluster cannot be reached: {message}")
        }
        ApiFailure::Timeout => anyhow::anyhow!("the cluster does not answer"),
        ApiFailure::AlreadyExists
        | ApiFailure::Conflict
        | ApiFailure::DisruptionBudget(_)
        | ApiFailure::Gone
        | ApiFailure::Other(_)
        | ApiFailure::Rejected(_) => anyhow::anyhow!("{plural}.{group}: {failure}"),
    }
}
