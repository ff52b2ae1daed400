//! The real Helm, and what it makes of the chart.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::path;
use crate::support::parts::{self, Missing};

/// Where the chart is.
pub(super) const CHART: &str = "deploy/helm/certrotor";
/// The namespace that pages and manifests speak of.
pub(super) const NAMESPACE: &str = "certrotor-system";

/// Helm.
#[derive(Clone)]
pub(super) struct Helm(PathBuf);

impl Helm {
    /// Helm, if it is on this machine.
    pub(super) fn find() -> Result<Self, Missing> {
        let program = parts::find("helm")?;
        parts::used("helm");
        Ok(Self(program))
    }

    /// Runs it in the root of the checkout: what it prints, or what is wrong.
    pub(super) fn run(&self, args: &[&str]) -> Result<String, String> {
        let mut command = Command::new(&self.0);
        command.args(args).current_dir(path("")).env_remove("KUBECONFIG");
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() {
            Ok(text(&output.stdout))
        } else {
            Err(text(&output.stderr) + &text(&output.stdout))
        }
    }

    /// The manifests of the chart for a namespace.
    pub(super) fn template(&self, namespace: &str, more: &[&str]) -> Result<String, String> {
        let args = ["template", "certrotor", CHART, "--namespace", namespace];
        self.run(&[&args[..], more].concat())
    }
}

/// The objects of manifests.
pub(super) fn objects(manifests: &str) -> Vec<Value> {
    let objects = serde_saphyr::from_multiple::<Value>(manifests);
    let mut objects = objects.unwrap_or_else(|error| panic!("no YAML: {error}\n{manifests}"));
    objects.retain(|object| !object.is_null());
    objects
}

/// The objects of a kind.
pub(super) fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|object| object["kind"] == kind).collect()
}
