//! Where in the API each kind lives, and which version of it we read.

use kube::discovery::ApiResource;

/// A kind that certrotor watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its API group.
    pub group: &'static str,
    /// The versions that we can read, the preferred one first.
    pub versions: &'static [&'static str],
    /// Its kind.
    pub kind: &'static str,
    /// Its name in URLs and RBAC rules.
    pub plural: &'static str,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// Whether certrotor can work without it.
    pub optional: bool,
}

/// MySQL, KubeDB's database. Read as v1, in installations before v2024.8.21 as v1alpha2.
pub const MYSQL: Source = source("kubedb.com", &["v1", "v1alpha2"], "MySQL", "mysqls");
/// MySQLOpsRequest, what certrotor creates.
pub const OPS_REQUEST: Source =
    source("ops.kubedb.com", &["v1alpha1"], "MySQLOpsRequest", "mysqlopsrequests");
/// Rotation, certrotor's own record.
pub const ROTATION: Source = source("certrotor.dev", &["v1alpha1"], "Rotation", "rotations");
/// Certificate, what cert-manager keeps issued.
pub const CERTIFICATE: Source = source("cert-manager.io", &["v1"], "Certificate", "certificates");
/// `CertificateRequest`, one issuance.
pub const CERTIFICATE_REQUEST: Source =
    source("cert-manager.io", &["v1"], "CertificateRequest", "certificaterequests");
/// Issuer, who signs in one namespace.
pub const ISSUER: Source = source("cert-manager.io", &["v1"], "Issuer", "issuers");
/// `ClusterIssuer`, who signs anywhere.
pub const CLUSTER_ISSUER: Source = Source {
    namespaced: false,
    ..source("cert-manager.io", &["v1"], "ClusterIssuer", "clusterissuers")
};
/// Pod, what a server runs in. Every cluster has it: it is not among [`SOURCES`].
pub const POD: Source = source("", &["v1"], "Pod", "pods");
/// What keeps the pods of a database: `PetSet`s of KubeDB, before v2024.8.21 `StatefulSet`s. They are
/// read by name alone, so they are not among [`SOURCES`] either.
pub const WORKLOADS: [Source; 2] = [
    source("apps.k8s.appscode.com", &["v1"], "PetSet", "petsets"),
    source("apps", &["v1"], "StatefulSet", "statefulsets"),
];
/// Recommendation, what Supervisor means to do.
pub const RECOMMENDATION: Source = Source {
    optional: true,
    ..source("supervisor.appscode.com", &["v1alpha1"], "Recommendation", "recommendations")
};
/// What is backed up: by `KubeStash`, and by its forerunner Stash.
pub const BACKUP_CONFIGURATIONS: [Source; 2] =
    backup("BackupConfiguration", "backupconfigurations");
/// One run of a backup: of `KubeStash`, and of Stash.
pub const BACKUP_SESSIONS: [Source; 2] = backup("BackupSession", "backupsessions");
/// One run of a restore: of `KubeStash`, and of Stash.
pub const RESTORE_SESSIONS: [Source; 2] = backup("RestoreSession", "restoresessions");

/// Every kind above, for discovery and for the test that RBAC covers them.
pub const SOURCES: [Source; 14] = [
    MYSQL,
    OPS_REQUEST,
    ROTATION,
    CERTIFICATE,
    CERTIFICATE_REQUEST,
    ISSUER,
    CLUSTER_ISSUER,
    RECOMMENDATION,
    BACKUP_CONFIGURATIONS[0],
    BACKUP_CONFIGURATIONS[1],
    BACKUP_SESSIONS[0],
    BACKUP_SESSIONS[1],
    RESTORE_SESSIONS[0],
    RESTORE_SESSIONS[1],
];

impl Source {
    /// The kind in the version we like best among those that serve it; none when none does.
    pub fn choose<S: AsRef<str>>(&self, served: &[S]) -> Option<ApiResource> {
        let is_served = |version: &str| served.iter().any(|served| served.as_ref() == version);
        let version = self.versions.iter().find(|version| is_served(version))?;
        Some(self.in_version(version))
    }

    /// The kind in one version.
    pub fn in_version(&self, version: &str) -> ApiResource {
        ApiResource {
            group: self.group.to_owned(),
            version: version.to_owned(),
            api_version: format!("{}/{version}", self.group),
            kind: self.kind.to_owned(),
            plural: self.plural.to_owned(),
        }
    }
}

const fn source(
    group: &'static str,
    versions: &'static [&'static str],
    kind: &'static str,
    plural: &'static str,
) -> Source {
    Source { group, versions, kind, plural, namespaced: true, optional: false }
}

const fn backup(kind: &'static str, plural: &'static str) -> [Source; 2] {
    [
        Source { optional: true, ..source("core.kubestash.com", &["v1alpha1"], kind, plural) },
        Source { optional: true, ..source("stash.appscode.com", &["v1beta1"], kind, plural) },
    ]
}

/// Implements `kube::Resource` for a type that is always read in one version.
macro_rules! fixed_resource {
    ($type:ty, $source:expr, $scope:ty) => {
        impl kube::Resource for $type {
            type DynamicType = ();
            type Scope = $scope;

            fn kind((): &()) -> std::borrow::Cow<'_, str> {
                $source.kind.into()
            }

            fn group((): &()) -> std::borrow::Cow<'_, str> {
                $source.group.into()
            }

            fn version((): &()) -> std::borrow::Cow<'_, str> {
                $source.versions[0].into()
            }

            fn plural((): &()) -> std::borrow::Cow<'_, str> {
                $source.plural.into()
            }

            fn meta(&self) -> &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
                &self.metadata
            }

            fn meta_mut(
                &mut self,
            ) -> &mut k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
                &mut self.metadata
            }
        }
    };
}
pub(super) use fixed_resource;

/// Implements `kube::Resource` for a type whose group or version discovery decides.
macro_rules! discovered_resource {
    ($type:ty) => {
        impl kube::Resource for $type {
            type DynamicType = kube::discovery::ApiResource;
            type Scope = kube::core::DynamicResourceScope;

            fn kind(resource: &Self::DynamicType) -> std::borrow::Cow<'_, str> {
                resource.kind.as_str().into()
            }

            fn group(resource: &Self::DynamicType) -> std::borrow::Cow<'_, str> {
                resource.group.as_str().into()
            }

            fn version(resource: &Self::DynamicType) -> std::borrow::Cow<'_, str> {
                resource.version.as_str().into()
            }

            fn plural(resource: &Self::DynamicType) -> std::borrow::Cow<'_, str> {
                resource.plural.as_str().into()
            }

            fn meta(&self) -> &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
                &self.metadata
            }

            fn meta_mut(
                &mut self,
            ) -> &mut k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
                &mut self.metadata
            }
        }
    };
}
pub(super) use discovered_resource;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preferred_version_that_is_served() {
        for (served, chosen) in [
            (&["v1", "v1alpha2"][..], Some("kubedb.com/v1")),
            (&["v1alpha2"][..], Some("kubedb.com/v1alpha2")),
            (&["v1alpha2", "v2", "v1"][..], Some("kubedb.com/v1")),
            (&["v2"][..], None),
            (&[][..], None),
        ] {
            let resource = MYSQL.choose(served);
            assert_eq!(resource.map(|resource| resource.api_version).as_deref(), chosen);
        }
    }

    #[test]
    fn no_kind_is_listed_twice() {
        let mut names: Vec<_> =
            SOURCES.iter().map(|source| (source.group, source.plural)).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), SOURCES.len());
    }
}
