//! The subresource `scale`: how many replicas there should be, and are, whatever the kind.

use std::sync::Arc;

use serde_json::{Value, json};

use super::failure::{Cause, Failure};
use super::form;
use super::kind::Resource;
use super::labels;
use super::object;
use super::work::{Answer, Work};

/// Where an object keeps what `scale` shows, as paths such as `.spec.replicas`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scale {
    pub(super) wanted: String,
    pub(super) present: String,
    /// A label selector, or a text that is one.
    pub(super) selector: Option<String>,
}

impl Scale {
    /// How many replicas an object wants.
    pub(super) fn replicas(&self, object: &Value) -> i64 {
        at(object, &self.wanted).as_i64().unwrap_or(0)
    }

    /// The `Scale` of an object.
    pub(super) fn of(&self, object: &Value) -> Value {
        let mut scale = json!({
            "kind": "Scale",
            "apiVersion": "autoscaling/v1",
            "metadata": {},
            "spec": {},
            "status": {"replicas": at(object, &self.present).as_i64().unwrap_or(0)},
        });
        for field in ["creationTimestamp", "name", "namespace", "resourceVersion", "uid"] {
            object::copy_field(&object["metadata"], &mut scale["metadata"], field);
        }
        let wanted = self.replicas(object);
        if wanted != 0 {
            scale["spec"]["replicas"] = json!(wanted);
        }
        let selector = self.selector.as_ref().and_then(|path| {
            let selector = at(object, path);
            selector.as_str().map(str::to_owned).or_else(|| labels::text(selector))
        });
        if let Some(selector) = selector {
            scale["status"]["selector"] = json!(selector);
        }
        scale
    }
}

/// The value at a path such as `.spec.replicas`; null when there is none.
fn at<'a>(object: &'a Value, path: &str) -> &'a Value {
    steps(path).fold(object, |at, step| &at[step])
}

fn steps(path: &str) -> impl Iterator<Item = &str> {
    path.split('.').filter(|step| !step.is_empty())
}

/// How objects of this kind are scaled.
pub(super) fn scale_of(resource: &Resource) -> Result<&Scale, Failure> {
    resource.version().scale.as_ref().ok_or_else(Failure::no_such_path)
}

impl Work<'_> {
    /// Scales the object that the URL names to what `change` makes of its `Scale`.
    pub(super) fn scale(
        &mut self,
        change: impl FnOnce(&Self, Value) -> Result<Value, Failure>,
    ) -> Result<Answer, Failure> {
        let scale = scale_of(self.resource)?;
        let (key, old) = self.existing()?;
        let mut value = form::present(self.resource, &old);
        let wished = change(self, scale.of(&value))?;
        self.check_scale(&wished)?;
        let version = wished["metadata"]["resourceVersion"].clone();
        object::set_meta(&mut value, "resourceVersion", Some(version));
        let replicas = json!(wished["spec"]["replicas"].as_i64().unwrap_or(0));
        *steps(&scale.wanted).fold(&mut value, |at, step| &mut at[step]) = replicas;
        let scaled = self.replace(&key, &Arc::clone(&old), value)?;
        Ok(Answer::ok(scale.of(&scaled)))
    }

    /// What applying a `Scale` applies to the object that is scaled.
    pub(super) fn scale_applied(&self, scale: &Value) -> Result<Value, Failure> {
        self.check_scale(scale)?;
        let mut applied = json!({
            "apiVersion": self.resource.api_version(),
            "kind": self.resource.kind.kind,
            "metadata": {"name": self.call.name},
        });
        object::copy_field(&scale["metadata"], &mut applied["metadata"], "resourceVersion");
        let replicas = scale["spec"]["replicas"].clone();
        if !replicas.is_null() {
            let path = &scale_of(self.resource)?.wanted;
            *steps(path).fold(&mut applied, |at, step| &mut at[step]) = replicas;
        }
        Ok(applied)
    }

    fn check_scale(&self, scale: &Value) -> Result<(), Failure> {
        let text = |field: &str| scale[field].as_str().unwrap_or_default();
        let (api_version, kind) = (text("apiVersion"), text("kind"));
        if (api_version, kind) != ("autoscaling/v1", "Scale") {
            return Err(Failure::bad_request(format!(
                "the body is an autoscaling/v1 Scale, not a {api_version} {kind}"
            )));
        }
        if !matches!(object::name(scale), name if name.is_empty() || *name == self.call.name) {
            return Err(Failure::bad_request(format!(
                "the name of the object ({}) does not match the name on the URL ({})",
                object::name(scale),
                self.call.name
            )));
        }
        let replicas = scale["spec"]["replicas"].as_i64().unwrap_or(0);
        if replicas < 0 {
            let why = "must be greater than or equal to 0";
            let cause = Cause::invalid("spec.replicas", &json!(replicas), why);
            let about = super::failure::About {
                group: "autoscaling",
                resource: "Scale",
                name: &self.call.name,
            };
            return Err(Failure::invalid(about, &[cause]));
        }
        Ok(())
    }
}
