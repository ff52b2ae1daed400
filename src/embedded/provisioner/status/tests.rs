use serde_json::{from_value, json};

use super::*;
use crate::embedded::provisioner::database::tests::database;

/// `Ready Paused=False`: these conditions, each a minute later than the one before.
fn conditions_of(text: &str) -> Vec<Condition> {
    let read = |(minute, word): (usize, &str)| {
        let (type_, status) = word.split_once('=').unwrap_or((word, "True"));
        let time = format!("2026-11-23T22:{minute:02}:00Z");
        let condition = json!({"type": type_, "status": status, "lastTransitionTime": time});
        from_value(condition).unwrap()
    };
    text.split_whitespace().enumerate().map(read).collect()
}

#[test]
fn the_phase_is_what_kubedb_makes_of_the_conditions() {
    let ready = "ProvisioningStarted ReplicaReady AcceptingConnection Ready Provisioned";
    for (conditions, expected) in [
        (String::new(), None),
        ("ProvisioningStarted".to_owned(), Some("Provisioning")),
        // Nothing but provisioning before it has been provisioned once.
        ("ProvisioningStarted AcceptingConnection=False".to_owned(), Some("Provisioning")),
        ("ProvisioningStarted ReplicaReady=False Ready=False".to_owned(), Some("Provisioning")),
        ("ProvisioningStarted Ready".to_owned(), Some("Provisioning")),
        (ready.to_owned(), Some("Ready")),
        (format!("{ready} Paused"), Some("Ready")),
        ("Provisioned Ready AcceptingConnection=False".to_owned(), Some("NotReady")),
        ("Provisioned AcceptingConnection=False ReplicaReady=False".to_owned(), Some("NotReady")),
        ("Provisioned Ready ReplicaReady=False".to_owned(), Some("Critical")),
        ("Provisioned Ready=False".to_owned(), Some("Critical")),
        ("Provisioned Ready=Unknown".to_owned(), None),
        (format!("{ready} HealthCheckPaused"), Some("Unknown")),
        (format!("{ready} HealthCheckPaused=False"), Some("Ready")),
        (format!("{ready} Halted HealthCheckPaused"), Some("Unknown")),
        (format!("{ready} Halted"), Some("Halted")),
        (format!("{ready} Halted=False"), Some("Ready")),
        (format!("{ready} DataRestoreStarted"), Some("DataRestoring")),
        (format!("{ready} DataRestoreStarted Halted"), Some("Halted")),
        (format!("{ready} DataRestoreStarted DataRestored"), Some("Ready")),
        (format!("{ready} DataRestoreStarted DataRestored=False"), Some("NotReady")),
        // The restore of now, and the end of an earlier one.
        (format!("{ready} DataRestored=False DataRestoreStarted"), Some("DataRestoring")),
        (format!("{ready} DataRestored DataRestoreStarted"), Some("DataRestoring")),
    ] {
        let found = phase(&conditions_of(&conditions));
        assert_eq!(found.as_ref().map(DatabasePhase::as_str), expected, "{conditions}");
    }
}

fn pods(ready: usize, unready: usize) -> Vec<Pod> {
    let pod = |status| {
        from_value(json!({"status": {"conditions": [{"type": "Ready", "status": status}]}}))
    };
    let ready = (0..ready).map(|_| pod("True").unwrap());
    ready.chain((0..unready).map(|_| pod("False").unwrap())).collect()
}

fn noon() -> Time {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

fn told(status: &Value) -> Vec<String> {
    let conditions = status["conditions"].as_array().unwrap().iter();
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    conditions.map(|each| format!("{} {}", word(&each["type"]), word(&each["reason"]))).collect()
}

#[test]
fn a_database_begins_as_provisioning_and_becomes_ready_when_all_its_pods_are() {
    let mut shop = database("shop", json!({"replicas": 3}));
    let begun = status(&shop, &[], true, noon());
    assert_eq!(begun["phase"], "Provisioning");
    assert_eq!(begun["observedGeneration"], 1);
    assert_eq!(
        told(&begun),
        [
            "ProvisioningStarted DatabaseProvisioningStartedSuccessfully",
            "ReplicaReady SomeReplicasNotReady",
            "AcceptingConnection DatabaseNotAcceptingConnectionRequest",
            "Ready ReadinessCheckFailed",
        ]
    );
    shop.raw["status"] = begun;
    let two = status(&shop, &pods(2, 1), true, noon());
    assert_eq!(two["phase"], "Provisioning");
    shop.raw["status"] = two;
    let all = status(&shop, &pods(3, 0), true, noon());
    assert_eq!(all["phase"], "Ready");
    assert_eq!(
        told(&all),
        [
            "ProvisioningStarted DatabaseProvisioningStartedSuccessfully",
            "ReplicaReady AllReplicasReady",
            "AcceptingConnection DatabaseAcceptingConnectionRequest",
            "Ready ReadinessCheckSucceeded",
            "Provisioned DatabaseSuccessfullyProvisioned",
        ]
    );
    shop.raw["status"] = all;
    for (ready, unready, phase) in [(2, 1, "Critical"), (0, 3, "NotReady"), (0, 0, "NotReady")] {
        assert_eq!(status(&shop, &pods(ready, unready), true, noon())["phase"], phase);
    }
}

#[test]
fn a_condition_keeps_its_time_until_it_changes_and_others_stay_as_they_are() {
    let mut shop = database("shop", json!({}));
    let foreign = json!({"type": "InternalUsersSynced", "status": "True", "severity": "info",
        "lastTransitionTime": "2026-01-01T00:00:00Z"});
    shop.raw["status"] = json!({"conditions": [foreign.clone()]});
    let first = status(&shop, &pods(1, 0), true, noon());
    assert_eq!(first["conditions"][0], foreign);

    shop.raw["status"] = first.clone();
    let later = noon() + crate::core::time::Span::HOUR;
    assert_eq!(status(&shop, &pods(1, 0), true, later), first);
    let down = status(&shop, &pods(0, 1), true, later);
    let time = |status: &Value, at: usize| status["conditions"][at]["lastTransitionTime"].clone();
    assert_eq!(time(&down, 1), time(&first, 1), "ProvisioningStarted has not changed");
    assert_eq!(time(&down, 2), json!(later), "ReplicaReady has");
}

#[test]
fn a_spec_is_observed_when_all_is_as_it_says() {
    let mut shop = database("shop", json!({}));
    shop.raw["status"] = json!({"observedGeneration": 0});
    assert_eq!(status(&shop, &[], false, noon())["observedGeneration"], 0);
    assert_eq!(status(&shop, &[], true, noon())["observedGeneration"], 1);
}

#[test]
fn a_halted_database_says_so_until_it_goes_on() {
    let mut shop = database("shop", json!({"halted": true}));
    let halted = status(&shop, &[], true, noon());
    assert_eq!(halted["phase"], "Halted");
    let mut back = database("shop", json!({"halted": false}));
    back.raw["status"] = halted.clone();
    shop.raw["status"] = halted.clone();
    assert_eq!(status(&shop, &[], true, noon()), halted);
    let going_on = status(&back, &[], true, noon());
    assert_eq!(going_on["phase"], "Provisioning");
    assert!(!told(&going_on).iter().any(|told| told.starts_with("Halted")));
}
