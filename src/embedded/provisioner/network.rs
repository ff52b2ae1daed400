//! How a database is reached, and how many of its servers may be away at once.

use serde_json::{Map, Value, json};

use super::database::Database;
use super::roles::{ROLE_LABEL, Role};
use crate::api::names;

/// The port of MySQL, and what the container calls it.
pub(super) const PORT: (u16, &str) = (3306, "db");

/// The Service that leads to the primary.
pub(super) fn primary_service(database: &Database) -> Value {
    service(database, database.name(), Role::Primary)
}

/// The Service that leads to the standbys; none where there can be none.
pub(super) fn standby_service(database: &Database) -> Option<Value> {
    let name = names::standby_service(database.name());
    (database.mysql.replicas() > 1).then(|| service(database, &name, Role::Standby))
}

fn service(database: &Database, name: &str, role: Role) -> Value {
    let mut selector = database.selector();
    selector.insert(ROLE_LABEL.to_owned(), json!(role.as_str()));
    json!({
        "metadata": database.metadata(name),
        "spec": {"type": "ClusterIP", "selector": selector, "ports": [port(role.as_str())]},
    })
}

/// The headless Service that gives each pod its host name, ready or not.
pub(super) fn governing_service(database: &Database) -> Value {
    json!({
        "metadata": database.metadata(&names::governing_service(database.name())),
        "spec": {
            "type": "ClusterIP",
            "clusterIP": "None",
            "publishNotReadyAddresses": true,
            "selector": database.selector(),
            "ports": [port(PORT.1)],
        },
    })
}

fn port(name: &str) -> Value {
    json!({"name": name, "port": PORT.0, "protocol": "TCP", "targetPort": PORT.1})
}

/// Keeps a majority up; a database of one server has no budget, or it could never be restarted.
pub(super) fn disruption_budget(database: &Database) -> Option<Value> {
    let replicas = database.mysql.replicas();
    let labels: Map<String, Value> = database.selector();
    (replicas > 1).then(|| {
        json!({
            "metadata": database.metadata(database.name()),
            "spec": {
                "maxUnavailable": ((replicas - 1) / 2).max(1),
                "selector": {"matchLabels": labels},
            },
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedded::provisioner::database::tests::database;

    #[test]
    fn each_role_has_its_service_and_every_pod_a_host_name() {
        let shop = database("shop", json!({"replicas": 3}));
        let primary = primary_service(&shop);
        assert_eq!(primary["metadata"]["name"], "shop");
        assert_eq!(primary["spec"]["selector"]["kubedb.com/role"], "primary");
        assert_eq!(primary["spec"]["ports"][0]["port"], 3306);
        let standby = standby_service(&shop).unwrap();
        assert_eq!(standby["metadata"]["name"], "shop-standby");
        assert_eq!(standby["spec"]["selector"]["kubedb.com/role"], "standby");
        let pods = governing_service(&shop);
        assert_eq!(pods["metadata"]["name"], "shop-pods");
        assert_eq!(pods["spec"]["clusterIP"], "None");
        assert_eq!(pods["spec"]["selector"], Value::Object(shop.selector()));
    }

    #[test]
    fn a_majority_of_the_servers_stays_up() {
        for (replicas, away) in [(1, None), (2, Some(1)), (3, Some(1)), (5, Some(2)), (9, Some(4))]
        {
            let shop = database("shop", json!({"replicas": replicas}));
            let budget =
                disruption_budget(&shop).map(|budget| budget["spec"]["maxUnavailable"].clone());
            assert_eq!(budget, away.map(|away| json!(away)), "{replicas}");
            assert_eq!(standby_service(&shop).is_some(), away.is_some());
        }
    }
}
