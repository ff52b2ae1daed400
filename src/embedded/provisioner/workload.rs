//! The `StatefulSet` whose pods are a database's servers.

use serde_json::{Value, json};

use super::database::Database;
use super::network::PORT;
use crate::api::desired::list;
use crate::api::mysql::StorageType;
use crate::api::names;
use crate::embedded::pods::GROUP_NAME;

const CERTIFICATES: (&str, &str) = ("tls-volume", "/etc/mysql/certs");
const DATA: (&str, &str) = ("data", "/var/lib/mysql");

/// The whole `StatefulSet`, its pods bound to `node`.
///
/// With `OnDelete` a change of the template restarts nothing: that is the executor's to do, in its
/// order.
pub(super) fn stateful_set(database: &Database, node: &str) -> Value {
    json!({
        "metadata": database.metadata(database.name()),
        "spec": {
            "replicas": database.mysql.replicas(),
            "serviceName": names::governing_service(database.name()),
            "podManagementPolicy": "OrderedReady",
            "updateStrategy": {"type": "OnDelete", "rollingUpdate": null},
            "selector": {"matchLabels": database.selector()},
            "template": {
                "metadata": {"labels": database.labels()},
                "spec": pod(database, node),
            },
            "volumeClaimTemplates": claims(database),
        },
    })
}

/// What of it may change: the rest is settled at its creation, as the apiserver has it.
pub(super) fn changeable(mut stateful_set: Value) -> Value {
    for settled in ["serviceName", "podManagementPolicy", "selector", "volumeClaimTemplates"] {
        if let Some(spec) = stateful_set["spec"].as_object_mut() {
            spec.remove(settled);
        }
    }
    stateful_set
}

/// What of it may change while certificates are missing: servers with the old template may come
/// and go.
pub(super) fn scale(database: &Database) -> Value {
    json!({
        "metadata": database.metadata(database.name()),
        "spec": {"replicas": database.mysql.replicas()},
    })
}

fn pod(database: &Database, node: &str) -> Value {
    let version = database.mysql.spec.version.as_deref().unwrap_or("latest");
    let tls = database.has_tls();
    let mount = |(name, path): (&str, &str)| json!({"name": name, "mountPath": path});
    let mounts = [DATA].into_iter().chain(tls.then_some(CERTIFICATES)).map(mount);
    json!({
        "nodeName": node,
        "containers": [{
            "name": "mysql",
            "image": format!("mysql:{version}"),
            "args": list(args(database)),
            "env": [
                from_auth_secret(database, "MYSQL_ROOT_USERNAME", "username"),
                from_auth_secret(database, "MYSQL_ROOT_PASSWORD", "password"),
            ],
            "ports": [{"name": PORT.1, "containerPort": PORT.0, "protocol": "TCP"}],
            "volumeMounts": list(mounts),
        }],
        "volumes": list(volumes(database)),
    })
}

fn args(database: &Database) -> Vec<String> {
    let mut args = Vec::from_iter(group(database));
    if !database.has_tls() {
        return args;
    }
    if !args.is_empty() {
        // As KubeDB has it: its members trust each other's CA, and not any certificate.
        args.push("--loose-group_replication_ssl_mode=VERIFY_CA".to_owned());
    }
    let folder = CERTIFICATES.1;
    args.extend([
        format!("--ssl-capath={folder}"),
        format!("--ssl-ca={folder}/ca.crt"),
        format!("--ssl-cert={folder}/server.crt"),
        format!("--ssl-key={folder}/server.key"),
    ]);
    if database.mysql.spec.require_ssl {
        args.push("--require-secure-transport=ON".to_owned());
    }
    args
}

/// The option that names the replication group. A server that knows no groups passes over it.
fn group(database: &Database) -> Option<String> {
    let topology = database.mysql.spec.topology.as_ref()?;
    let chosen = topology.group.name.as_deref().filter(|name| !name.is_empty());
    let name = chosen.unwrap_or(&database.owner.uid);
    let is_group = database.mysql.is_single_primary_group();
    is_group.then(|| format!("{GROUP_NAME}={name}"))
}

fn from_auth_secret(database: &Database, variable: &str, key: &str) -> Value {
    let secret = database.mysql.auth_secret_name();
    json!({"name": variable, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}})
}

fn volumes(database: &Database) -> Vec<Value> {
    let mut volumes = Vec::new();
    if is_ephemeral(database) {
        volumes.push(json!({"name": DATA.0, "emptyDir": {}}));
    }
    if database.has_tls() {
        let item = |(key, path): (&str, &str)| json!({"key": key, "path": path});
        let source = |alias: &str, items: &[(&str, &str)]| {
            let items: Vec<Value> = items.iter().copied().map(item).collect();
            json!({"secret": {"name": database.mysql.secret_name(alias), "items": items}})
        };
        let server = [("ca.crt", "ca.crt"), ("tls.crt", "server.crt"), ("tls.key", "server.key")];
        let client = [("tls.crt", "client.crt"), ("tls.key", "client.key")];
        let sources = [source("server", &server), source("client", &client)];
        volumes.push(json!({"name": CERTIFICATES.0, "projected": {"sources": sources}}));
    }
    volumes
}

/// A claim for each server's data; none when it is kept in the pod.
fn claims(database: &Database) -> Value {
    if is_ephemeral(database) {
        return Value::Null;
    }
    let smallest = json!({"accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}}});
    let storage = database.mysql.spec.storage.clone().unwrap_or(smallest);
    json!([{"metadata": {"name": DATA.0, "labels": database.selector()}, "spec": storage}])
}

fn is_ephemeral(database: &Database) -> bool {
    database.mysql.spec.storage_type == Some(StorageType::Ephemeral)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedded::provisioner::database::tests::database;

    fn with_tls(mut spec: Value) -> Database {
        spec["version"] = json!("9.1.0");
        spec["tls"] = json!({"issuerRef": {"kind": "Issuer", "name": "ca"},
            "certificates": [{"alias": "client", "secretName": "own"}]});
        database("shop", spec)
    }

    #[test]
    fn servers_mount_the_certificates_that_their_arguments_name() {
        let shop = with_tls(json!({"storageType": "Ephemeral", "requireSSL": true, "replicas": 3}));
        let set = stateful_set(&shop, "loopback");
        let spec = &set["spec"];
        assert_eq!(set["metadata"]["name"], "shop");
        assert_eq!(spec["replicas"], 3);
        assert_eq!(spec["serviceName"], "shop-pods");
        assert_eq!(spec["updateStrategy"]["type"], "OnDelete");
        assert_eq!(spec["volumeClaimTemplates"], Value::Null);
        let labels = spec["template"]["metadata"]["labels"].as_object().unwrap();
        for (label, value) in spec["selector"]["matchLabels"].as_object().unwrap() {
            assert_eq!(labels.get(label), Some(value), "the pods would not be its own");
        }
        let pod = &spec["template"]["spec"];
        assert_eq!(pod["nodeName"], "loopback");
        let container = &pod["containers"][0];
        assert_eq!(container["name"], "mysql");
        assert_eq!(container["image"], "mysql:9.1.0");
        assert_eq!(container["ports"][0]["containerPort"], 3306);
        assert_eq!(container["ports"][0]["name"], "db");
        let args = json!([
            "--ssl-capath=/etc/mysql/certs",
            "--ssl-ca=/etc/mysql/certs/ca.crt",
            "--ssl-cert=/etc/mysql/certs/server.crt",
            "--ssl-key=/etc/mysql/certs/server.key",
            "--require-secure-transport=ON"
        ]);
        assert_eq!(container["args"], args);
        let volume = json!({"name": "tls-volume", "projected": {"sources": [
            {"secret": {"name": "shop-server-cert", "items": [
                {"key": "ca.crt", "path": "ca.crt"},
                {"key": "tls.crt", "path": "server.crt"},
                {"key": "tls.key", "path": "server.key"}]}},
            {"secret": {"name": "own", "items": [
                {"key": "tls.crt", "path": "client.crt"},
                {"key": "tls.key", "path": "client.key"}]}},
        ]}});
        assert_eq!(pod["volumes"], json!([{"name": "data", "emptyDir": {}}, volume]));
        let mounts = json!([{"name": "data", "mountPath": "/var/lib/mysql"},
            {"name": "tls-volume", "mountPath": "/etc/mysql/certs"}]);
        assert_eq!(container["volumeMounts"], mounts);
    }

    #[test]
    fn without_tls_there_is_no_trace_of_it() {
        let set = stateful_set(&database("shop", json!({"requireSSL": true})), "loopback");
        let pod = &set["spec"]["template"]["spec"];
        assert_eq!(pod["containers"][0]["args"], Value::Null);
        assert_eq!(pod["volumes"], Value::Null);
        assert!(!pod.to_string().contains("tls"), "{pod}");
    }

    #[test]
    fn servers_of_a_group_with_one_primary_are_told_its_name() {
        let told = |topology: Value| {
            let set = stateful_set(&database("shop", json!({"topology": topology})), "loopback");
            set["spec"]["template"]["spec"]["containers"][0]["args"][0].clone()
        };
        let of = |name| json!(format!("--loose-group-replication-group-name={name}"));
        assert_eq!(told(json!({"mode": "GroupReplication"})), of("u-1"));
        assert_eq!(told(json!({"mode": "InnoDBCluster"})), of("u-1"));
        let named = json!({"mode": "GroupReplication", "group": {"name": "dc002fc3"}});
        assert_eq!(told(named), of("dc002fc3"));
        let multi = json!({"mode": "GroupReplication", "group": {"mode": "Multi-Primary"}});
        assert_eq!(told(multi), Value::Null);
        assert_eq!(told(json!({"mode": "SemiSync"})), Value::Null);
    }

    #[test]
    fn durable_data_is_kept_in_claims() {
        let storage = json!({"storageClassName": "fast", "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "10Gi"}}});
        for (storage_type, claim) in [
            (json!("Durable"), Some(storage.clone())),
            (Value::Null, Some(storage.clone())),
            (json!("Ephemeral"), None),
        ] {
            let spec = json!({"storageType": storage_type, "storage": storage});
            let set = stateful_set(&database("shop", spec), "loopback");
            let claims = set["spec"]["volumeClaimTemplates"].as_array();
            assert_eq!(claims.map(|claims| claims[0]["spec"].clone()), claim);
        }
    }

    #[test]
    fn what_the_apiserver_lets_nobody_change_is_not_tried() {
        let set = changeable(stateful_set(&with_tls(json!({})), "loopback"));
        let fields: Vec<_> = set["spec"].as_object().unwrap().keys().collect();
        assert_eq!(fields, ["replicas", "template", "updateStrategy"]);
    }
}
