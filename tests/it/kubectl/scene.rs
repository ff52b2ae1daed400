//! What the commands are about.

use super::desk::Desk;

/// Two databases.
pub(crate) const DATABASES: &str = r"
apiVersion: kubedb.com/v1
kind: MySQL
metadata: {name: blog, labels: {tier: silver}}
spec: {version: 9.1.0}
---
apiVersion: kubedb.com/v1
kind: MySQL
metadata: {name: shop, labels: {tier: gold}}
spec:
  version: 8.4.3
  replicas: 3
  tls: {issuerRef: {apiGroup: cert-manager.io, kind: Issuer, name: ca}}
";

/// The Rotation of one of them.
pub(crate) const ROTATION: &str = r"
apiVersion: certrotor.dev/v1alpha1
kind: Rotation
metadata: {name: shop}
spec: {renewBefore: 30d}
";

/// One object of most of Kubernetes' own kinds.
pub(crate) const BUILTIN: &str = r#"
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {a: "1", b: "2"}
binaryData: {c: AAA=}
---
apiVersion: v1
kind: Secret
metadata: {name: password}
stringData: {password: secret}
---
apiVersion: v1
kind: Secret
metadata: {name: leaf}
type: kubernetes.io/basic-auth
stringData: {username: x, password: x}
---
apiVersion: v1
kind: Service
metadata: {name: shop-pods}
spec: {clusterIP: None, selector: {app: shop}, ports: [{name: db, port: 3306}]}
---
apiVersion: v1
kind: Service
metadata: {name: outside}
spec: {type: ExternalName, externalName: db.example.com}
---
apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {selector: {app: shop}, ports: [{name: db, port: 3306, targetPort: db}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: shop}
spec:
  replicas: 0
  serviceName: shop-pods
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      containers:
      - {name: mysql, image: "mysql:8.4.3"}
      - {name: exporter, image: "exporter:1"}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: shop}
spec: {maxUnavailable: 1, selector: {matchLabels: {app: shop}}}
---
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: certrotor}
spec: {holderIdentity: certrotor-0, leaseDurationSeconds: 15}
---
apiVersion: v1
kind: Pod
metadata: {name: shop-0, labels: {app: other}}
spec: {nodeName: here, containers: [{name: mysql, image: "mysql:8.4.3"}]}
"#;

/// What a kubelet would say of the pod.
pub(crate) const RUNNING: &str = r#"{"status": {"phase": "Running", "podIP": "10.1.2.3",
    "podIPs": [{"ip": "10.1.2.3"}],
    "conditions": [{"type": "Ready", "status": "True"}],
    "containerStatuses": [{"name": "mysql", "ready": true, "restartCount": 2, "image": "mysql:8.4.3",
        "imageID": "", "state": {"running": {"startedAt": "2026-11-23T12:00:00Z"}},
        "lastState": {"terminated": {"exitCode": 1, "finishedAt": "2026-11-23T11:59:00Z"}}}]}}"#;

/// Makes them.
pub(crate) fn create(desk: &Desk, manifest: &str) {
    desk.out_with("create -f -", manifest);
}

/// Sets a part of an object's status.
pub(crate) fn set_status(desk: &Desk, object: &str, status: &str) {
    let patch = format!("--patch={status}");
    desk.out_of(&["patch", object, "--subresource=status", "--type=merge", &patch]);
}
