//! `kubectl get` in all its forms.

use super::desk::at_desk;
use super::scene::{BUILTIN, DATABASES, ROTATION, RUNNING, create, set_status};

#[test]
fn custom_kinds_have_the_columns_of_their_definitions() {
    at_desk(|desk| {
        create(desk, DATABASES);
        create(desk, ROTATION);
        set_status(desk, "mysql/shop", r#"{"status":{"phase":"Ready"}}"#);
        assert_eq!(
            desk.out("get mysql"),
            "NAME  VERSION  STATUS  AGE\nblog  9.1.0  AGE\nshop  8.4.3  Ready  AGE\n"
        );
        assert_eq!(desk.out("get my shop --no-headers"), "shop  8.4.3  Ready  AGE\n");
        assert_eq!(
            desk.out("get mysqls.v1alpha2.kubedb.com blog"),
            "NAME  VERSION  STATUS  AGE\nblog  9.1.0  AGE\n"
        );
        set_status(
            desk,
            "rotation/shop",
            r#"{"status":{"state":"Idle","reason":"window","expires":"2026-12-01T00:00:00Z"}}"#,
        );
        assert_eq!(
            desk.out("get rot"),
            "NAME  STATE  REASON  EXPIRES  NEXT  LAST  AGE\nshop  Idle  window  MOMENT  AGE\n"
        );
        let wide = desk.out("get rotations -o wide");
        assert!(wide.contains("AGE  SUSPENDED  MESSAGE"), "{wide}");
    });
}

#[test]
fn kubernetes_own_kinds_have_their_own_columns() {
    at_desk(|desk| {
        create(desk, BUILTIN);
        set_status(desk, "pod/shop-0", RUNNING);
        for (kind, table) in [
            ("configmap settings", "NAME  DATA  AGE\nsettings  3  AGE\n"),
            (
                "secrets",
                "NAME  TYPE  DATA  AGE\nleaf  kubernetes.io/basic-auth  2  AGE\npassword  Opaque  1  AGE\n",
            ),
            (
                "svc shop shop-pods outside",
                "NAME  TYPE  CLUSTER-IP  EXTERNAL-IP  PORT(S)  AGE\n\
                 shop  ClusterIP  ADDRESS  <none>  3306/TCP  AGE\n\
                 shop-pods  ClusterIP  None  <none>  3306/TCP  AGE\n\
                 outside  ExternalName  <none>  db.example.com  <none>  AGE\n",
            ),
            (
                "svc shop-pods -o wide",
                "NAME  TYPE  CLUSTER-IP  EXTERNAL-IP  PORT(S)  AGE  SELECTOR\n\
                 shop-pods  ClusterIP  None  <none>  3306/TCP  AGE  app=shop\n",
            ),
            (
                "sts -o wide",
                "NAME  READY  AGE  CONTAINERS  IMAGES\n\
                 shop  0/0  AGE  mysql,exporter  mysql:8.4.3,exporter:1\n",
            ),
            (
                "pdb",
                "NAME  MIN AVAILABLE  MAX UNAVAILABLE  ALLOWED DISRUPTIONS  AGE\n\
                 shop  N/A  1  0  AGE\n",
            ),
            ("lease", "NAME  HOLDER  AGE\ncertrotor  certrotor-0  AGE\n"),
            ("ns default", "NAME  STATUS  AGE\ndefault  Active  AGE\n"),
        ] {
            assert_eq!(desk.out(&format!("get {kind}")), table, "get {kind}");
        }
        let pods = desk.out("get pods");
        let row =
            pods.strip_prefix("NAME  READY  STATUS  RESTARTS  AGE\nshop-0  1/1  Running  2 (");
        assert!(row.is_some_and(|row| row.ends_with(" ago)  AGE\n")), "{pods}");
        let wide = desk.out("get pods -o wide --no-headers");
        assert!(wide.ends_with("AGE  10.1.2.3  here  <none>  <none>\n"), "{wide}");
        let definition = desk.out("get crd rotations.certrotor.dev");
        assert_eq!(definition, "NAME  CREATED AT\nrotations.certrotor.dev  MOMENT\n");
    });
}

#[test]
fn objects_are_printed_in_every_form() {
    at_desk(|desk| {
        create(desk, DATABASES);
        assert_eq!(desk.out("get mysql -o name"), "mysql.kubedb.com/blog\nmysql.kubedb.com/shop\n");
        let path = "-o=jsonpath={.items[*].spec.version}";
        assert_eq!(desk.out_of(&["get", "mysql", path]), "9.1.0 8.4.3");
        let columns = "-o=custom-columns=DB:.metadata.name,ISSUER:.spec.tls.issuerRef.name";
        assert_eq!(desk.out_of(&["get", "mysql", columns]), "DB  ISSUER\nblog  <none>\nshop  ca\n");
        let yaml = desk.out("get mysql shop -o yaml");
        for line in ["apiVersion: kubedb.com/v1", "  generation: 1", "    name: ca"] {
            assert!(yaml.contains(&format!("{line}\n")), "{yaml}");
        }
        let json = desk.out("get mysql blog -o json");
        assert!(json.contains("\"kind\": \"MySQL\""), "{json}");
        assert!(desk.out("get ns default -o yaml").contains("phase: Active"));
    });
}

#[test]
fn lists_are_narrowed_and_sorted() {
    at_desk(|desk| {
        create(desk, DATABASES);
        assert_eq!(desk.out("get mysql -l tier=gold -o name"), "mysql.kubedb.com/shop\n");
        let labelled = desk.out("get mysql -l tier!=gold -L tier");
        assert_eq!(labelled, "NAME  VERSION  STATUS  AGE  TIER\nblog  9.1.0  AGE  silver\n");
        let named = desk.out("get mysql --field-selector metadata.name=blog -o name");
        assert_eq!(named, "mysql.kubedb.com/blog\n");
        let sorted = desk.out("get mysql --sort-by=.spec.version --no-headers");
        assert_eq!(sorted, "shop  8.4.3  AGE\nblog  9.1.0  AGE\n");
        let paged = desk.out("get mysql --chunk-size=1 -o name");
        assert_eq!(paged, "mysql.kubedb.com/blog\nmysql.kubedb.com/shop\n");
        let everywhere = desk.out_here("get mysql -A");
        let namespace = &desk.namespace;
        assert_eq!(
            everywhere,
            format!(
                "NAMESPACE  NAME  VERSION  STATUS  AGE\n{namespace}  blog  9.1.0  AGE\n\
                 {namespace}  shop  8.4.3  AGE\n"
            )
        );
        let several = desk.out("get mysql/blog ns/default");
        assert!(several.contains("mysql.kubedb.com/blog"), "{several}");
        let all = desk.out_here("get all");
        assert!(all.contains("mysql.kubedb.com/blog  9.1.0"), "{all}");
    });
}

#[test]
fn what_is_not_there_is_said_as_by_a_real_server() {
    at_desk(|desk| {
        let said = desk.said("get mysql none");
        let message = "Error from server (NotFound): mysqls.kubedb.com \"none\" not found\n";
        assert_eq!((said.err.as_str(), said.code), (message, Some(1)));
        let said = desk.said("get mysql");
        assert!(said.out.is_empty() && said.code == Some(0), "{said:?}");
        assert_eq!(said.err, format!("No resources found in {} namespace.\n", desk.namespace));
        let said = desk.said("get nonsense");
        assert_eq!(said.err, "error: the server doesn't have a resource type \"nonsense\"\n");
        let said = desk.said("get pods --field-selector spec.color=red");
        assert_eq!(said.code, Some(1), "{said:?}");
    });
}

#[test]
fn a_watch_prints_a_row_for_every_change() {
    at_desk(|desk| {
        create(desk, DATABASES);
        let mut watch = desk.begin("get mysql -w");
        assert_eq!(
            watch.lines(3),
            "NAME  VERSION  STATUS  AGE\nblog  9.1.0  AGE\nshop  8.4.3  AGE\n"
        );
        set_status(desk, "mysql/blog", r#"{"status":{"phase":"Ready"}}"#);
        assert_eq!(watch.lines(1), "blog  9.1.0  Ready  AGE\n");
        desk.out("delete mysql shop");
        assert_eq!(watch.lines(1), "shop  8.4.3  AGE\n");
        watch.stop();

        let mut watch = desk.begin("get mysql blog -w --output-watch-events");
        assert_eq!(
            watch.lines(2),
            "EVENT  NAME  VERSION  STATUS  AGE\nADDED  blog  9.1.0  Ready  AGE\n"
        );
        set_status(desk, "mysql/blog", r#"{"status":{"phase":"NotReady"}}"#);
        assert_eq!(watch.lines(1), "MODIFIED  blog  9.1.0  NotReady  AGE\n");
        watch.stop();
    });
}

#[test]
fn whole_objects_are_printed_as_by_a_real_server() {
    at_desk(|desk| {
        create(desk, BUILTIN);
        create(desk, DATABASES);
        create(desk, ROTATION);
        for object in [
            "mysql shop",
            "mysqls.v1alpha2.kubedb.com shop",
            "rotation shop",
            "configmap settings",
            "secret password",
            "svc shop-pods",
            "svc shop",
            "svc outside",
            "lease certrotor",
            "pod shop-0",
        ] {
            desk.out(&format!("get {object} -o yaml"));
        }
        // Their status is a controller's.
        for object in ["sts/shop", "pdb/shop"] {
            desk.out_of(&["get", object, "-o=jsonpath={.spec}"]);
        }
    });
}
