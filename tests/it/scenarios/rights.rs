//! The daemon's rights: no Secrets, nothing beyond what the file says, and what it lacks it names.

use serde_json::{Value, json};

use super::stage::{OwnDaemon, Stage};
use crate::actor::Wanted;
use crate::support::kubectl::kubectl;
use crate::support::lab::on_cluster;
use crate::support::rbac;

/// What a list of words in a rule says, as texts.
fn words(rule: &Value, key: &str) -> Vec<String> {
    let words = rule[key].as_array().into_iter().flatten();
    words.map(|word| word.as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_file_grants_no_verb_on_secrets_and_no_wildcard() {
    for rule in rbac::rules() {
        let resources = words(&rule, "resources");
        assert!(!resources.iter().any(|it| it.starts_with("secrets")), "{rule}");
        for key in ["apiGroups", "resources", "verbs"] {
            assert!(!words(&rule, key).iter().any(|word| word.contains('*')), "{rule}");
        }
        for verb in ["deletecollection", "impersonate", "escalate", "bind"] {
            assert!(!words(&rule, "verbs").iter().any(|word| word == verb), "{rule}");
        }
    }
}

#[test]
fn the_account_may_not_read_secrets() {
    on_cluster(async |lab| {
        let namespace = format!("daemon-{}", lab.name);
        lab.admin.create_namespace(&namespace).await;
        rbac::apply(&lab.admin, &namespace).await;
        let folder = lab.plane.folder();
        let account = format!("--as=system:serviceaccount:{namespace}:{}", rbac::account());
        for verb in ["get", "list", "watch", "create", "update", "patch", "delete"] {
            let can = ["auth", "can-i", verb, "secrets", "-n", &namespace, &account];
            let said = kubectl(folder, &folder.join("admin.kubeconfig"), &can);
            // kubectl exits with 1 when the answer is no.
            assert!(said.is_err(), "{verb}: {said:?}");
        }
    });
}

#[test]
fn a_whole_rotation_is_never_refused_anything() {
    on_cluster(async |lab| {
        let own = OwnDaemon::start(&lab, &json!({})).await;
        let stage = Stage::new(&lab, &own.daemon, &lab.name).await;
        let database = stage.database("db", &Wanted::due()).await;
        let request = stage.one_request(&database, "RenewalDue").await;
        database.carry_out(&request).await;
        stage.closed(&database, "RenewalDue", "verified").await;
        stage.still(&database, 1).await;

        let calls = own.proxy.calls();
        let refused = calls.iter().filter(|it| matches!(it.status, Some(401 | 403)));
        let refused: Vec<_> = refused.collect();
        assert!(refused.is_empty(), "{refused:?}");
        assert!(!calls.iter().any(|call| call.path.contains("/secrets")), "{calls:?}");
        // What people own is never written.
        let others = ["/mysqls", "/certificates", "/certificaterequests", "/issuers", "/pods"];
        let wrong = calls.iter().filter(|call| {
            call.method != "GET" && others.iter().any(|part| call.path.contains(part))
        });
        assert_eq!(wrong.count(), 0, "{calls:?}");
        let spec = calls.iter().filter(|call| {
            ["PUT", "PATCH"].contains(&&*call.method)
                && call.path.contains("/rotations/")
                && !call.path.ends_with("/status")
        });
        assert_eq!(spec.count(), 0, "{calls:?}");
    });
}
