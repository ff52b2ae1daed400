//! Commands that tell what there is: describe, events, explain, discovery, rights.

use super::desk::{Desk, at_desk};
use super::scene::{BUILTIN, DATABASES, ROTATION, RUNNING, create, set_status};

fn create_event(desk: &Desk, name: &str, reason: &str) {
    let namespace = &desk.namespace;
    desk.out_about(
        "create -f -",
        "mysql/shop",
        &format!(
            r#"{{"apiVersion": "v1", "kind": "Event", "metadata": {{"name": "{name}"}},
            "involvedObject": {{"apiVersion": "kubedb.com/v1", "kind": "MySQL", "name": "shop",
                "namespace": "{namespace}", "uid": "@UID@"}},
            "type": "Normal", "reason": "{reason}", "message": "Certificates are due",
            "source": {{"component": "certrotor"}}, "count": 2,
            "firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-02T00:00:00Z"}}"#
        ),
    );
}

#[test]
fn an_object_is_described_with_its_events() {
    at_desk(|desk| {
        create(desk, DATABASES);
        create_event(desk, "one", "RotationDue");
        let described = desk.out("describe mysql shop");
        for line in ["Name:  shop", "API Version:  kubedb.com/v1", "Replicas:  3"] {
            assert!(described.contains(line), "{described}");
        }
        assert!(described.contains("certrotor  Certificates are due"), "{described}");
        assert!(desk.out("describe mysql blog").ends_with("Events:  <none>\n"));
    });
}

#[test]
fn kubernetes_own_kinds_are_described() {
    at_desk(|desk| {
        create(desk, BUILTIN);
        create(desk, ROTATION);
        set_status(desk, "pod/shop-0", RUNNING);
        for object in [
            "ns default",
            "configmap settings",
            "secret password",
            // A real controller may have an event for a new address.
            "svc shop --show-events=false",
            "svc shop-pods --show-events=false",
            "sts shop",
            "lease certrotor",
            "pod shop-0",
            "rotation shop",
        ] {
            let described = desk.out(&format!("describe {object}"));
            assert!(described.starts_with("Name:"), "{described}");
        }
        // A real controller has events for it.
        assert!(desk.out_here("describe pdb shop").contains("Allowed disruptions:  0"));
    });
}

#[test]
fn events_are_the_same_in_both_groups() {
    at_desk(|desk| {
        create(desk, DATABASES);
        create_event(desk, "one", "RotationDue");
        create_event(desk, "two", "RotationOpened");
        let events = desk.out("get events.v1. one -o wide");
        assert_eq!(desk.out("get events.v1.events.k8s.io one -o wide"), events);
        assert!(events.contains("mysql/shop  certrotor  Certificates are due"), "{events}");
        let new = desk.out("get events.v1.events.k8s.io one -o yaml");
        assert!(new.contains("note: Certificates are due") && new.contains("regarding:"), "{new}");
        for selector in ["involvedObject.name=shop,reason=RotationDue", "source=certrotor"] {
            let found = desk.out(&format!("get events --field-selector {selector} -o name"));
            assert!(found.starts_with("event/one\n"), "{found}");
        }
        let listed = desk.out("events --for mysql/shop");
        assert_eq!(listed.lines().count(), 3, "{listed}");
        assert!(listed.contains("RotationOpened  MySQL/shop  Certificates are due"), "{listed}");
    });
}

#[test]
fn fields_are_explained() {
    at_desk(|desk| {
        let tls = desk.out("explain mysql.spec.tls");
        for line in ["GROUP:  kubedb.com", "FIELD: tls <Object>", "issuerRef\t<Object>"] {
            assert!(tls.contains(line), "{tls}");
        }
        desk.out("explain mysql.spec.tls --recursive");
        let spec = desk.out("explain rotation.spec");
        assert!(spec.contains("Do not rotate this database"), "{spec}");
        desk.out("explain rotation");
        desk.out("explain rot.status.certificates");
        let said = desk.said("explain mysql.spec.nonsense");
        assert_eq!(said.err, "error: field \"nonsense\" does not exist\n");
        // Their words change from version to version.
        for field in [
            "pod.spec.containers.ports",
            "sts.spec",
            "event.message",
            "event.note --api-version=events.k8s.io/v1",
            "crd.spec.versions",
        ] {
            let explained = desk.out_here(&format!("explain {field}"));
            assert!(explained.contains("DESCRIPTION:\n"), "{explained}");
        }
    });
}

#[test]
fn resources_and_versions_are_listed() {
    at_desk(|desk| {
        for group in ["kubedb.com", "ops.kubedb.com", "certrotor.dev", "cert-manager.io"] {
            desk.out(&format!("api-resources --api-group={group} -o wide"));
        }
        let ours = desk.out("api-resources --api-group=certrotor.dev");
        assert_eq!(
            ours,
            "NAME  SHORTNAMES  APIVERSION  NAMESPACED  KIND\n\
             rotations  rot  certrotor.dev/v1alpha1  true  Rotation\n"
        );
        let all = desk.out_here("api-resources");
        for kind in ["pods", "statefulsets", "events", "selfsubjectaccessreviews"] {
            assert!(all.contains(&format!("{kind}  ")), "{all}");
        }
        let versions = desk.out_here("api-versions");
        for version in ["apps/v1", "kubedb.com/v1", "kubedb.com/v1alpha2", "v1"] {
            assert!(versions.lines().any(|line| line == version), "{versions}");
        }
        assert!(desk.out("version").contains("Server Version: v1.36.3"));
        desk.out("get --raw=/readyz");
        desk.out("get --raw=/healthz");
        assert!(desk.out_here("cluster-info").contains("control plane"));
    });
}

#[test]
fn an_administrator_may_do_everything() {
    at_desk(|desk| {
        assert_eq!(desk.out("auth can-i create mysqlopsrequests"), "yes\n");
        assert_eq!(desk.out("auth can-i get pods --subresource=log"), "yes\n");
        desk.out("auth can-i * *");
        let rights = desk.out_here("auth can-i --list");
        assert!(rights.contains("*.*"), "{rights}");
        let who = desk.out_here("auth whoami");
        assert!(who.contains("kubernetes-admin"), "{who}");
        create(desk, ROTATION);
        desk.out_here("label rotation shop a=b --as=jane");
        let commits = desk.server.commits_after(0);
        assert_eq!(commits.last().unwrap().by.user, "jane");
    });
}
