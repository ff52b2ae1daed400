//! `kubectl wait` in all its forms.

use super::desk::at_desk;
use super::scene::{DATABASES, create, set_status};

#[test]
fn kubectl_waits_for_conditions_values_creation_and_deletion() {
    at_desk(|desk| {
        let soon = "--timeout=30s";
        let created = desk.begin(&format!("wait --for=create mysql/shop {soon}"));
        create(desk, DATABASES);
        assert_eq!(created.end().out, "mysql.kubedb.com/shop condition met\n");

        let ready = desk.begin(&format!("wait --for=condition=Ready mysql/shop {soon}"));
        let phase =
            desk.begin(&format!("wait --for=jsonpath={{.status.phase}}=Ready mysql/shop {soon}"));
        let any = desk.begin(&format!("wait --for=jsonpath={{.status.phase}} mysql/shop {soon}"));
        set_status(desk, "mysql/shop", r#"{"status":{"phase":"Provisioning"}}"#);
        assert_eq!(any.end().out, "mysql.kubedb.com/shop condition met\n");
        set_status(
            desk,
            "mysql/shop",
            r#"{"status":{"phase":"Ready","conditions":[{"type":"Ready","status":"True",
                "lastTransitionTime":"2026-11-23T12:00:00Z"}]}}"#,
        );
        for waiting in [ready, phase] {
            let said = waiting.end();
            assert_eq!(said.out, "mysql.kubedb.com/shop condition met\n");
            assert!(said.err.is_empty() && said.code == Some(0), "{said:?}");
        }

        let mut gone = desk.begin(&format!("wait --for=delete mysql/shop {soon}"));
        gone.watches();
        desk.out("delete mysql --all");
        assert_eq!(gone.end().out, "mysql.kubedb.com/shop condition met\n");
    });
}

#[test]
fn kubectl_gives_up_waiting() {
    at_desk(|desk| {
        create(desk, DATABASES);
        let said = desk.said("wait --for=condition=Ready mysql/shop --timeout=1s");
        assert_eq!(said.err, "error: timed out waiting for the condition on mysqls/shop\n");
        assert_eq!(said.code, Some(1));
        let said = desk.said("wait --for=condition=Ready mysql/none --timeout=1s");
        assert_eq!(said.code, Some(1));
    });
}
