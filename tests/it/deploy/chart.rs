//! The chart: what it refuses, what it renders, and that an apiserver takes it.

use serde_json::{Value, json};

use super::alerts::promtool;
use super::helm::{CHART, Helm, NAMESPACE, objects, of_kind};
use super::plane::{PLANE, with_plane};
use super::{files, held, read};
use crate::support::api::{POD, name};
use crate::support::lab::test_name;
use crate::support::parts;
use crate::support::process::Scratch;

/// Files of values, each for a way to install it.
const VALUES: &str = "tests/it/deploy/values";
/// Values that must be refused.
const WRONG: &str = include_str!("wrong-values.yaml");
/// The chart rendered, for those without Helm.
const MANIFESTS: &str = "deploy/manifests.yaml";
/// What it adds for an executor.
const EXECUTOR: &str = "deploy/executor.yaml";

/// Runs a test that needs Helm, or says why it is skipped.
fn with_helm(run: impl FnOnce(Helm)) {
    match Helm::find() {
        Ok(helm) => run(helm),
        Err(missing) => parts::skipped(&test_name(), &missing.to_string()),
    }
}

/// Each file of values, with what Helm makes of it for a namespace.
fn rendered(helm: &Helm, namespace: &str) -> Vec<(String, Vec<Value>)> {
    let files = files(VALUES, ".yaml").into_iter().map(|file| {
        let made = helm.template(namespace, &["--values", &format!("{VALUES}/{file}")]);
        let made = made.unwrap_or_else(|error| panic!("{file}: {error}"));
        (file, objects(&made))
    });
    files.collect()
}

fn refused(helm: &Helm, case: &Value) -> Option<String> {
    let settings = case["set"].as_array().unwrap().iter();
    let settings = settings.flat_map(|set| ["--set-json", set.as_str().unwrap()]);
    let settings: Vec<&str> = settings.collect();
    let says = case["says"].as_str().unwrap();
    match helm.template(NAMESPACE, &settings) {
        Ok(_) => Some(format!("{settings:?} is taken")),
        Err(said) if !said.contains(says) => Some(format!("{settings:?}: {said}")),
        Err(_) => None,
    }
}

#[test]
fn wrong_values_are_refused_and_named() {
    with_helm(|helm| {
        let cases: Vec<Value> = serde_saphyr::from_str(WRONG).unwrap();
        assert!(cases.len() >= 40);
        let taken: Vec<String> = std::thread::scope(|scope| {
            let halves = cases.chunks(cases.len().div_ceil(2));
            let runs = halves.map(|half| {
                let helm = helm.clone();
                scope.spawn(move || half.iter().filter_map(|case| refused(&helm, case)).collect())
            });
            let runs: Vec<_> = runs.collect();
            runs.into_iter().flat_map(|run| -> Vec<String> { run.join().unwrap() }).collect()
        });
        assert!(taken.is_empty(), "{}", taken.join("\n"));
    });
}

#[test]
fn every_file_of_values_is_free_of_lint_and_renders() {
    with_helm(|helm| {
        for (file, objects) in rendered(&helm, NAMESPACE) {
            let values = format!("{VALUES}/{file}");
            let lint = helm.run(&["lint", CHART, "--strict", "--values", &values]);
            lint.unwrap_or_else(|error| panic!("{file}: {error}"));
            let executor = file == "executor.yaml";
            assert_eq!(of_kind(&objects, "Deployment").len(), 1 + usize::from(executor), "{file}");
            for object in &objects {
                let labels = &object["metadata"]["labels"]["app.kubernetes.io/instance"];
                let extra = name(object).ends_with("-note");
                assert!(labels == "certrotor" || extra, "{file}: {object}");
            }
        }
    });
}

#[test]
fn namespaces_that_are_named_make_roles_and_leave_cluster_issuers_alone_to_the_cluster() {
    with_helm(|helm| {
        let files = rendered(&helm, NAMESPACE);
        let of = |wanted: &str| files.iter().find(|(file, _)| file == wanted).unwrap().1.clone();
        let resources = |role: &Value| -> Vec<String> {
            let rules = role["rules"].as_array().unwrap().iter();
            let all = rules.flat_map(|rule| rule["resources"].as_array().unwrap().clone());
            all.map(|resource| resource.as_str().unwrap().to_owned()).collect()
        };
        let named = of("everything.yaml");
        let cluster = of_kind(&named, "ClusterRole").into_iter().find(|it| name(it) == "certrotor");
        assert_eq!(resources(cluster.unwrap()), ["clusterissuers"]);
        let roles = of_kind(&named, "Role");
        let places: Vec<&Value> = roles.iter().map(|role| &role["metadata"]["namespace"]).collect();
        assert_eq!(places, [&json!("prod"), &json!("stage"), &json!(NAMESPACE)]);

        // Both ways together grant the same.
        let whole = of("defaults.yaml");
        let whole = of_kind(&whole, "ClusterRole").into_iter().find(|it| name(it) == "certrotor");
        let parts = [resources(cluster.unwrap()), resources(roles[0])].concat();
        assert_eq!(parts, resources(whole.unwrap()));
    });
}

#[test]
fn alerts_can_be_changed_and_left_out_one_by_one() {
    with_helm(|helm| {
        let (_, objects) = rendered(&helm, NAMESPACE)
            .into_iter()
            .find(|(file, _)| file == "everything.yaml")
            .unwrap();
        let rule = of_kind(&objects, "PrometheusRule")[0];
        let groups = rule["spec"]["groups"].as_array().unwrap();
        let rules = groups.iter().flat_map(|group| group["rules"].as_array().unwrap());
        let alerts: Vec<&Value> = rules.filter(|rule| rule["alert"].is_string()).collect();
        assert_eq!(alerts.len() + 1, super::rules::alerts().len());
        assert!(!alerts.iter().any(|alert| alert["alert"] == "CertrotorClockOff"));
        let changed = alerts.iter().find(|it| it["alert"] == "CertrotorCertificateExpiring");
        let labels = json!({"severity": "info", "team": "dba"});
        assert_eq!(
            (&changed.unwrap()["labels"], &changed.unwrap()["for"]),
            (&labels, &json!("5m"))
        );
        let scratch = Scratch::new("chart-rules");
        let file = scratch.file("rules.yaml", &rule["spec"].to_string());
        promtool(&["check", "rules", &file.to_string_lossy()]).unwrap();
        let boards = of_kind(&objects, "ConfigMap");
        let boards = boards.iter().filter(|it| name(it).ends_with("-dashboard"));
        assert_eq!(boards.count(), 3);
    });
}

#[test]
fn the_schema_of_config_is_the_programs_own() {
    const FILE: &str = "deploy/helm/certrotor/values.schema.json";
    let mut config = certrotor::config::schema::json();
    let config = config.as_object_mut().unwrap();
    config.remove("$schema");
    config.remove("title");
    config["type"] = json!("object");
    // Where it listens is for the chart to say.
    config["properties"].as_object_mut().unwrap().remove("server").unwrap();
    let mut schema: Value = serde_json::from_str(&read(FILE)).unwrap();
    schema["properties"]["config"] = Value::Object(config.clone());
    held(FILE, &format!("{schema:#}\n"));
}

#[test]
fn the_manifests_are_what_the_chart_makes_of_its_defaults() {
    const HEAD: &str = "\
# What the Helm chart makes of its defaults, for those without Helm: `kubectl apply --server-side -f deploy/manifests.yaml`.
# Put your image into the Deployment, and your settings into the ConfigMap. A test writes this file.
apiVersion: v1
kind: Namespace
metadata:
  name: certrotor-system
  labels:
    pod-security.kubernetes.io/enforce: restricted
";
    with_helm(|helm| {
        let made = helm.template(NAMESPACE, &[]).unwrap();
        // What only Helm is interested in.
        let of_helm = ["# Source: ", "app.kubernetes.io/managed-by: Helm", "helm.sh/"];
        let kept = made.lines().filter(|line| !of_helm.iter().any(|word| line.contains(word)));
        let kept: String = kept.flat_map(|line| [line, "\n"]).collect();
        held(MANIFESTS, &(HEAD.to_owned() + &kept));
    });
}

#[test]
fn the_executors_manifests_are_what_the_chart_adds_for_it() {
    const HEAD: &str = "\
# What the Helm chart adds with executor.enabled, for those without Helm. After deploy/manifests.yaml, whose ConfigMap it reads:
# `kubectl apply --server-side -f deploy/executor.yaml`. Put your image into the Deployment. A test writes this file.
";
    with_helm(|helm| {
        let made = helm.template(NAMESPACE, &["--set", "executor.enabled=true"]).unwrap();
        let of_helm = ["# Source: ", "app.kubernetes.io/managed-by: Helm", "helm.sh/"];
        let its = made.split("---\n").filter(|object| object.contains("/templates/executor"));
        let lines = its.flat_map(|object| std::iter::once("---").chain(object.lines()));
        let kept = lines.filter(|line| !of_helm.iter().any(|word| line.contains(word)));
        let kept: String = kept.flat_map(|line| [line, "\n"]).collect();
        held(EXECUTOR, &(HEAD.to_owned() + &kept));
    });
}

#[test]
fn nothing_that_selects_the_daemon_selects_the_executor() {
    with_helm(|helm| {
        let files = rendered(&helm, NAMESPACE);
        let (_, objects) = files.iter().find(|(file, _)| file == "executor.yaml").unwrap();
        let of = |kind| of_kind(objects, kind);
        let labels =
            |deployment: &Value| deployment["spec"]["template"]["metadata"]["labels"].clone();
        let pods: Vec<Value> = of("Deployment").into_iter().map(labels).collect();
        let selects = |selector: &Value, pod: &Value| {
            let wanted = selector.as_object().unwrap();
            wanted.iter().all(|(key, value)| pod[key] == *value)
        };
        let services = of("Service").into_iter().map(|it| it["spec"]["selector"].clone());
        let of_match = |it: &Value| it["spec"]["selector"]["matchLabels"].clone();
        let sets = of("Deployment").into_iter().chain(of("PodDisruptionBudget")).map(of_match);
        let policies = of("NetworkPolicy")
            .into_iter()
            .map(|it| it["spec"]["podSelector"]["matchLabels"].clone());
        let selectors: Vec<Value> = services.chain(sets).chain(policies).collect();
        assert_eq!(selectors.len(), 8);
        for selector in selectors {
            let selected = pods.iter().filter(|pod| selects(&selector, pod)).count();
            assert_eq!(selected, 1, "{selector}");
        }
        // Secrets are the executor's alone.
        let roles = of("ClusterRole").into_iter().chain(of("Role"));
        let of_secrets = roles.filter(|role| role["rules"].to_string().contains("\"secrets\""));
        let of_secrets: Vec<&str> = of_secrets.map(name).collect();
        assert_eq!(of_secrets, ["certrotor-executor"]);
    });
}

#[test]
fn an_apiserver_takes_all_of_it_without_a_warning_and_the_pods_are_restricted() {
    with_plane(async |place| {
        place.namespace("restricted").await;
        for namespace in ["prod", "stage"] {
            place.namespace(namespace).await;
        }
        let _turn = PLANE.lock().await;
        for (file, objects) in rendered(&place.helm, "restricted") {
            // The Prometheus operator's kinds are not served here; promtool has seen the rules.
            let ours = objects.iter().filter(|it| it["apiVersion"] != "monitoring.coreos.com/v1");
            let list =
                json!({"apiVersion": "v1", "kind": "List", "items": ours.collect::<Vec<_>>()});
            let dry = ["apply", "--dry-run=server", "--server-side", "-f", "-"];
            let said = place.kubectl.run_with(&dry, &list.to_string());
            assert_eq!(said.code, Some(0), "{file}: {}", said.err);
            assert!(!said.err.contains("Warning"), "{file}: {}", said.err);

            for deployment in of_kind(&objects, "Deployment") {
                let pod = pod_of(deployment);
                let taken = place.admin.try_create(POD, "restricted", pod, true).await;
                taken.unwrap_or_else(|error| panic!("{file}: {error}"));
            }
        }
        // It is the namespace that holds pods to it.
        let (_, objects) = &rendered(&place.helm, "restricted")[0];
        let mut pod = pod_of(of_kind(objects, "Deployment")[0]);
        pod["spec"]["containers"][0]["securityContext"]["capabilities"] = json!({});
        let taken = place.admin.try_create(POD, "restricted", pod, true).await;
        assert!(taken.unwrap_err().to_string().contains("violates PodSecurity"));
    });
}

/// The pod that a Deployment would make.
fn pod_of(deployment: &Value) -> Value {
    let template = &deployment["spec"]["template"];
    json!({
        "metadata": {"name": "certrotor-0", "labels": template["metadata"]["labels"]},
        "spec": template["spec"],
    })
}

#[test]
fn an_upgrade_keeps_every_object_and_an_uninstall_keeps_the_records() {
    with_plane(async |place| {
        let _turn = PLANE.lock().await;
        let kubeconfig = place.plane.folder().join("admin.kubeconfig");
        let kubeconfig = kubeconfig.to_string_lossy().into_owned();
        let helm = |args: &[&str]| {
            let whose = ["--kubeconfig", &kubeconfig, "--namespace", "life"];
            let said = place.helm.run(&[args, &whose[..]].concat());
            said.unwrap_or_else(|error| panic!("helm {args:?}: {error}"))
        };
        let ids = || {
            let kinds =
                "deployment,configmap,service,serviceaccount,role,rolebinding,networkpolicy,pdb";
            let uid =
                "-o=jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.uid}\n{end}";
            let selector = "-l=app.kubernetes.io/name=certrotor";
            let said = place.kubectl.run(&["get", kinds, "-n", "life", selector, uid]);
            assert_eq!(said.code, Some(0), "{}", said.err);
            said.out
        };
        let crd = || place.kubectl.run(&["get", "crd", "rotations.certrotor.dev", "-o=name"]).code;

        helm(&["install", "certrotor", CHART, "--create-namespace"]);
        let before = ids();
        assert_eq!(before.lines().count(), 9, "{before}");
        let record = "{apiVersion: certrotor.dev/v1alpha1, kind: Rotation, metadata: {name: db}}";
        let made = place.kubectl.run_with(&["create", "-n", "life", "-f", "-"], record);
        assert_eq!(made.code, Some(0), "{}", made.err);

        helm(&["upgrade", "certrotor", CHART, "--set", "replicaCount=3,config.mode=report"]);
        assert_eq!(ids(), before);
        let replicas =
            ["get", "deployment", "certrotor", "-n", "life", "-o=jsonpath={.spec.replicas}"];
        assert_eq!(place.kubectl.run(&replicas).out, "3");
        let wrong = [
            "upgrade",
            "certrotor",
            CHART,
            "--kubeconfig",
            &kubeconfig,
            "-n",
            "life",
            "--set",
            "replica=1",
        ];
        assert!(place.helm.run(&wrong).unwrap_err().contains("'replica' not allowed"));

        helm(&["uninstall", "certrotor"]);
        assert_eq!(ids(), "");
        let record = place.kubectl.run(&["get", "rotation", "db", "-n", "life", "-o=name"]);
        assert_eq!((record.code, crd()), (Some(0), Some(0)), "{}", record.err);
        let gone = place.kubectl.run(&["delete", "crd", "rotations.certrotor.dev"]);
        assert_eq!(gone.code, Some(0), "{}", gone.err);
    });
}
