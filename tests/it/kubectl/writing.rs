//! Commands that change something.

use super::desk::at_desk;
use super::scene::{BUILTIN, DATABASES, ROTATION, create};

#[test]
fn objects_are_applied_by_the_client() {
    at_desk(|desk| {
        let apply = "apply -f -";
        assert_eq!(
            desk.out_with(apply, DATABASES),
            "mysql.kubedb.com/blog created\nmysql.kubedb.com/shop created\n"
        );
        assert_eq!(
            desk.out_with(apply, &DATABASES.replace("replicas: 3", "replicas: 5")),
            "mysql.kubedb.com/blog unchanged\nmysql.kubedb.com/shop configured\n"
        );
        let dropped = DATABASES.replace("  replicas: 3\n", "");
        desk.out_with(apply, &dropped);
        let replicas = desk.out_of(&["get", "mysql", "shop", "-o=jsonpath={.spec.replicas}"]);
        assert_eq!(replicas, "");
        desk.out_with(apply, BUILTIN);
        let changed = BUILTIN.replace("a: \"1\"", "a: \"3\"").replace("exporter:1", "exporter:2");
        let said = desk.out_with(apply, &changed);
        assert!(said.contains("configmap/settings configured\n"), "{said}");
        assert!(said.contains("statefulset.apps/shop configured\n"), "{said}");
        assert!(
            said.contains("secret/password configured") || said.contains("unchanged"),
            "{said}"
        );
    });
}

#[test]
fn objects_are_applied_by_the_server() {
    at_desk(|desk| {
        let apply = "apply --server-side -f -";
        assert_eq!(
            desk.out_with(apply, ROTATION),
            "rotation.certrotor.dev/shop serverside-applied\n"
        );
        let other = "apply --server-side --field-manager=gitops -f -";
        let changed = ROTATION.replace("30d", "20d");
        let said = desk.said_with(other, &changed);
        assert_eq!(said.code, Some(1));
        assert!(said.err.contains("Apply failed with 1 conflict"), "{said:?}");
        desk.out_with(&format!("{other} --force-conflicts"), &changed);
        let before = desk.out_of(&["get", "rot", "shop", "-o=jsonpath={.spec.renewBefore}"]);
        assert_eq!(before, "20d");

        // From the client's hands into the server's.
        desk.out_with("apply -f -", DATABASES);
        desk.out_with(apply, DATABASES);
        desk.out_with(apply, BUILTIN);
        let fields = desk.out("get rotation shop -o yaml --show-managed-fields");
        assert!(fields.contains("f:renewBefore: {}"), "{fields}");
        let differs = desk.said_with("diff --server-side --force-conflicts -f -", ROTATION);
        assert_eq!(differs.code, Some(1), "{differs:?}");
        assert!(
            differs.out.contains("\n-  renewBefore: 20d\n+  renewBefore: 30d\n"),
            "{differs:?}"
        );
        let same = desk.said_with("diff --server-side --field-manager=gitops -f -", &changed);
        assert_eq!((same.out.as_str(), same.code), ("", Some(0)), "{same:?}");
    });
}

#[test]
fn objects_are_patched_labelled_and_annotated() {
    at_desk(|desk| {
        create(desk, DATABASES);
        create(desk, BUILTIN);
        let merge = r#"--patch={"spec":{"replicas":5}}"#;
        let said = desk.out_of(&["patch", "mysql", "shop", "--type=merge", merge]);
        assert_eq!(said, "mysql.kubedb.com/shop patched\n");
        let said = desk.out_of(&["patch", "mysql", "shop", "--type=merge", merge]);
        assert_eq!(said, "mysql.kubedb.com/shop patched (no change)\n");
        let json = r#"--patch=[{"op":"replace","path":"/spec/replicas","value":3}]"#;
        desk.out_of(&["patch", "mysql", "shop", "--type=json", json]);
        let strategic = r#"--patch={"data":{"a":"5"}}"#;
        desk.out_of(&["patch", "configmap", "settings", strategic]);
        assert_eq!(desk.said("patch mysql shop --patch={}").code, Some(1));

        assert_eq!(desk.out("label mysql shop owner=me"), "mysql.kubedb.com/shop labeled\n");
        assert_eq!(desk.said("label mysql shop owner=you").code, Some(1));
        desk.out("label mysql shop owner=you --overwrite");
        desk.out("label mysql shop owner-");
        assert_eq!(desk.out("annotate mysql shop a=b"), "mysql.kubedb.com/shop annotated\n");
        desk.out("annotate mysql --all a=c --overwrite");
        desk.out("label pod shop-0 role=primary");
        let labels = desk.out_of(&["get", "pod", "shop-0", "-o=jsonpath={.metadata.labels}"]);
        assert_eq!(labels, r#"{"app":"other","role":"primary"}"#);
    });
}

#[test]
fn objects_are_edited() {
    at_desk(|desk| {
        create(desk, DATABASES);
        create(desk, BUILTIN);
        let said = desk.edited("edit mysql shop", "s/replicas: 3/replicas: 5/");
        assert_eq!((said.out.as_str(), said.code), ("mysql.kubedb.com/shop edited\n", Some(0)));
        assert!(said.err.is_empty(), "{said:?}");
        let said = desk.edited("edit mysql shop", "s/nothing/something/");
        assert_eq!(said.err + &said.out, "Edit cancelled, no changes made.\n");
        let said = desk.edited("edit configmap settings", "s/a: \"1\"/a: \"9\"/");
        assert_eq!((said.out.as_str(), said.code), ("configmap/settings edited\n", Some(0)));
    });
}

#[test]
fn what_nobody_knows_is_refused_or_warned_of() {
    at_desk(|desk| {
        let wrong = ROTATION.replace("renewBefore", "renewBefroe");
        let said = desk.said_with("create -f -", &wrong);
        assert_eq!(said.code, Some(1));
        assert!(said.err.contains("unknown field \"spec.renewBefroe\""), "{said:?}");
        let said = desk.said_with("create --validate=warn -f -", &wrong);
        assert_eq!(said.err, "Warning: unknown field \"spec.renewBefroe\"\n");
        desk.out("delete rotation shop");
        let said = desk.said_with("create --validate=ignore -f -", &wrong);
        assert!(said.err.is_empty() && said.code == Some(0), "{said:?}");

        let said = desk.said_with("create -f -", &ROTATION.replace("30d", "[]"));
        assert_eq!(said.code, Some(1), "{said:?}");
        let said = desk.said_with("create -f -", &DATABASES.replace("version: 9.1.0", ""));
        assert!(said.err.contains("spec.version: Required value"), "{said:?}");
        let pod = BUILTIN.replace("nodeName", "nodName");
        let said = desk.said_with("create -f -", &pod);
        assert!(said.err.contains("unknown field \"spec.nodName\""), "{said:?}");
    });
}

#[test]
fn objects_are_created_replaced_scaled_and_deleted() {
    at_desk(|desk| {
        assert_eq!(desk.out("create configmap one --from-literal=a=1"), "configmap/one created\n");
        let again = desk.said("create configmap one");
        assert_eq!(
            again.err,
            "error: failed to create configmap: configmaps \"one\" already exists\n"
        );
        desk.out("create secret generic two --from-literal=a=1");
        desk.out("create configmap three --dry-run=server -o yaml");
        create(desk, BUILTIN);
        create(desk, DATABASES);
        desk.out_with("replace -f -", &DATABASES.replace("replicas: 3", "replicas: 5"));
        assert_eq!(desk.out("scale sts shop --replicas=0"), "statefulset.apps/shop scaled\n");

        assert_eq!(
            desk.out("delete mysql blog"),
            format!("mysql.kubedb.com \"blog\" deleted from {} namespace\n", desk.namespace)
        );
        desk.out("delete configmap one --cascade=orphan");
        desk.out("delete mysql --all");
        desk.out("delete secret -l app=none --ignore-not-found");
        desk.said("delete pod shop-0 --grace-period=0 --force");
        let none = desk.said("delete mysql blog");
        assert_eq!(
            none.err,
            "Error from server (NotFound): mysqls.kubedb.com \"blog\" not found\n"
        );
    });
}

#[test]
fn what_people_try_next_works_too() {
    at_desk(|desk| {
        create(desk, BUILTIN);
        desk.out("rollout restart sts shop");
        desk.out("set image sts/shop mysql=mysql:9.1.0");
        desk.out("set env sts/shop --list");
        desk.out("run box --image=busybox --labels=app=box");
        desk.out("create service clusterip web --tcp=80:8080");
        desk.out("create pdb web --selector=app=web --min-available=50%");
        desk.out("get pdb web");
        desk.out("get svc web");
        desk.out("expose pod shop-0 --port=3306");
        desk.out("get pods,svc --show-labels");
        desk.out("get sts shop -o=jsonpath={.spec.template.spec.containers[*].image}");
        desk.out_with(
            "create -f -",
            r#"{"apiVersion": "v1", "kind": "List", "items": [
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}]}"#,
        );
        desk.out("delete configmap,secret --all");
        desk.out("api-resources --namespaced=false --api-group=cert-manager.io");
        desk.said("logs nobody");
        desk.out("patch pod shop-0 --type=merge --dry-run=server --patch={}");
        desk.out("delete -l app=box pod --wait=false");
        desk.said("top pods");
    });
}

#[test]
fn a_namespace_goes_with_all_that_is_in_it() {
    at_desk(|desk| {
        let other = format!("{}-2", desk.namespace);
        desk.out(&format!("create namespace {other}"));
        let there = DATABASES.replace("metadata: {", &format!("metadata: {{namespace: {other}, "));
        let said = desk.said_with("create -f -", &there);
        assert!(said.err.contains("does not match the namespace"), "{said:?}");
        desk.out("create configmap inside");
        let said = desk.said(&format!("delete namespace {other}"));
        assert_eq!(said.code, Some(0), "{said:?}");
        assert_eq!(desk.said(&format!("get namespace {other}")).code, Some(1));
    });
}
