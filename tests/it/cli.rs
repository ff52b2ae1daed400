//! The commands about rotations, as processes, on the embedded API and on the real one.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;

use certrotor::clock::SystemClock;
use certrotor::embedded::api::ApiServer;
use certrotor::embedded::api::listen::Listener;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::api::{Cluster, MYSQL, ROTATION};
use crate::support::lab::{self, Lab, runtime};
use crate::support::parts;
use crate::support::process::Scratch;
use crate::support::time::{ahead, days, minutes, rfc3339};

/// A person with certrotor and a kubeconfig.
struct Desk {
    cluster: Cluster,
    kubeconfig: PathBuf,
    namespace: String,
}

/// What a command said.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Desk {
    fn says(&self, command: &str) -> Said {
        let words = command.replace("@NS", &self.namespace);
        let mut certrotor = Command::new(env!("CARGO_BIN_EXE_certrotor"));
        certrotor.args(words.split(' ')).env("KUBECONFIG", &self.kubeconfig);
        certrotor.env("NO_COLOR", "1");
        Said::from(certrotor.output().unwrap())
    }

    /// What a command prints that succeeds and complains of nothing.
    fn out(&self, command: &str) -> String {
        let said = self.says(command);
        assert_eq!((said.code, &*said.err), (Some(0), ""), "{command}: {}", said.out);
        said.out.replace(&self.namespace, "@NS")
    }

    /// What a command complains of that fails.
    fn err(&self, command: &str) -> String {
        let said = self.says(command);
        assert_eq!(said.code, Some(1), "{command}: {said:?}");
        said.err.replace(&self.namespace, "@NS")
    }

    async fn rotation(&self, name: &str) -> Value {
        self.cluster.get(ROTATION, &self.namespace, name).await
    }

    async fn add(&self, name: &str, tier: &str, status: &Value) {
        let mysql = json!({"metadata": {"name": name, "labels": {"tier": tier}}, "spec": {"version": "9.1.0"}});
        self.cluster.create(MYSQL, &self.namespace, mysql).await;
        let rotation = json!({"metadata": {"name": name}, "spec": {}});
        self.cluster.create(ROTATION, &self.namespace, rotation).await;
        self.cluster.status(ROTATION, &self.namespace, name, status).await;
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// Runs a test on the embedded API, and on the real one where there is one.
fn at_desks(test: impl AsyncFn(Desk)) {
    let folder = Scratch::new("cli");
    let kubeconfig = folder.path().join("kubeconfig");
    runtime().block_on(async {
        let server = ApiServer::new(Arc::new(SystemClock)).unwrap();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = Listener::bind(server.clone(), any).await.unwrap();
        let namespace = lab::namespace();
        listener.kubeconfig(&namespace).write(&kubeconfig).unwrap();
        let stop = CancellationToken::new();
        let running = tokio::spawn(listener.run(stop.clone()));
        let cluster = Cluster::connect(&kubeconfig).await;
        cluster.create_namespace(&namespace).await;
        test(Desk { cluster, kubeconfig, namespace }).await;
        stop.cancel();
        running.await.unwrap();

        match Lab::open().await {
            Ok(lab) => {
                let kubeconfig = lab.plane.folder().join("admin.kubeconfig");
                let namespace = lab::namespace();
                lab.admin.create_namespace(&namespace).await;
                let cluster = Cluster::connect(&kubeconfig).await;
                test(Desk { cluster, kubeconfig, namespace }).await;
            }
            Err(why) => parts::skipped(&format!("{}: the real cluster", lab::test_name()), &why),
        }
    });
}

fn fresh() -> Value {
    json!({
        "state": "Fresh",
        "message": "nothing is due",
        "expires": rfc3339(ahead(days(30) + minutes(10))),
        "next": rfc3339(ahead(days(3) + minutes(10))),
        "lastOutcome": "verified",
    })
}

#[test]
fn status_shows_the_fleet_and_what_is_chosen_of_it() {
    at_desks(async |desk| {
        desk.add("blog", "silver", &fresh()).await;
        desk.add("shop", "gold", &json!({"state": "Waiting", "reasons": ["Expired", "Suspended"]}))
            .await;
        let heading = "NAME   STATE     REASON              EXPIRES   NEXT   LAST";
        let shop = "shop   Waiting   Expired,Suspended   –         –      –";
        let blog = "blog   Fresh     –                   30d       3d     verified";
        assert_eq!(desk.out("status -n @NS"), format!("{heading}\n{blog}\n{shop}\n"));
        let named = desk.out("status @NS/shop");
        assert_eq!(named.lines().count(), 2, "{named}");
        assert!(named.starts_with("NAMESPACE"), "{named}");
        let gold = desk.out("status -n @NS -l tier=gold -o name");
        assert_eq!(gold, "rotation.certrotor.dev/shop\n");
        let list: Value = serde_json::from_str(&desk.out("status -n @NS -o json")).unwrap();
        assert_eq!(list["items"][1]["status"]["state"], "Waiting");
        assert!(desk.out("status -A -o wide").contains("nothing is due"));
        assert!(desk.out("explain -n @NS shop").contains("Suspended: `spec.suspend`"));

        let none = desk.says("status -n nowhere");
        assert_eq!(
            (none.code, &*none.err),
            (Some(0), "No rotations found in namespace nowhere.\n")
        );
    });
}

#[test]
fn wishes_are_written_and_said_and_a_dry_run_writes_nothing() {
    at_desks(async |desk| {
        desk.add("blog", "silver", &fresh()).await;
        desk.add("shop", "gold", &fresh()).await;
        assert_eq!(
            desk.out("rotate -n @NS blog --dry-run"),
            "@NS/blog: rotation requested (dry run)\n"
        );
        assert_eq!(desk.rotation("blog").await["spec"], json!({}));
        assert_eq!(desk.out("rotate -n @NS -l tier=silver"), "@NS/blog: rotation requested\n");
        let asked = desk.rotation("blog").await["spec"]["requestedAt"].clone();
        assert_eq!(
            desk.out("rotate @NS/blog"),
            format!("@NS/blog: was asked for already, with {}\n", asked.as_str().unwrap())
        );
        assert_eq!(desk.rotation("shop").await["spec"], json!({}), "it was not chosen");

        let held = "@NS/shop: suspended: nothing rotates it until certrotor resume\n";
        assert_eq!(desk.out("suspend @NS/shop"), held);
        assert_eq!(desk.rotation("shop").await["spec"], json!({"suspend": true}));
        assert_eq!(desk.out("suspend @NS/shop"), "@NS/shop: is suspended already\n");
        assert_eq!(
            desk.out("rotate @NS/shop"),
            "@NS/shop: rotation requested, but it is suspended: certrotor resume lets it go\n"
        );
        assert_eq!(desk.out("resume @NS/shop"), "@NS/shop: resumed\n");
        assert_eq!(desk.rotation("shop").await["spec"].get("suspend"), None);
        assert_eq!(desk.out("resume @NS/shop"), "@NS/shop: is not suspended\n");
    });
}

#[test]
fn a_wish_is_waited_for() {
    at_desks(async |desk| {
        desk.add("blog", "silver", &fresh()).await;
        let kubeconfig = desk.kubeconfig.clone();
        let database = format!("{}/blog", desk.namespace);
        let waiting = tokio::task::spawn_blocking(move || {
            let mut certrotor = Command::new(env!("CARGO_BIN_EXE_certrotor"));
            certrotor.args(["rotate", &database, "--wait"]).env("KUBECONFIG", kubeconfig);
            Said::from(certrotor.output().unwrap())
        });
        let asked = loop {
            let rotation = desk.rotation("blog").await;
            if let Some(asked) = rotation["spec"]["requestedAt"].as_str() {
                break asked.to_owned();
            }
            tokio::task::yield_now().await;
        };
        let last = json!({
            "opened": asked, "closed": asked, "attempt": 1, "outcome": "verified",
            "request": {"name": "blog-rotate-1"},
        });
        let done = json!({"handledRequest": asked, "last": last});
        desk.cluster.status(ROTATION, &desk.namespace, "blog", &done).await;
        let said = waiting.await.unwrap();
        assert_eq!((said.code, &*said.err), (Some(0), ""), "{}", said.out);
        assert!(said.out.ends_with("/blog: verified\n"), "{}", said.out);

        desk.cluster
            .status(ROTATION, &desk.namespace, "blog", &json!({"handledRequest": "-"}))
            .await;
        let late = desk.err("rotate @NS/blog --wait --timeout 1s");
        assert_eq!(late, "certrotor: not done after 1s: @NS/blog\n");
    });
}

#[test]
fn what_cannot_be_is_one_clear_line() {
    at_desks(async |desk| {
        desk.add("blog", "silver", &fresh()).await;
        desk.add("misplaced", "silver", &fresh()).await;
        let cases = [
            ("explain @NS/blok", "no rotation @NS/blok; did you mean @NS/blog?"),
            (
                "status elsewhere/misplaced",
                "no rotation elsewhere/misplaced; did you mean @NS/misplaced?",
            ),
            (
                "suspend @NS/entirely-different",
                "no rotation @NS/entirely-different: certrotor makes one for each MySQL with TLS that it \
                 watches; certrotor status -A lists them",
            ),
            ("rotate", "which databases? Name them, or choose them by -l SELECTOR, or all by -A"),
            (
                "resume -n @NS -l tier=none",
                "no rotation is meant by that; certrotor status -A lists all",
            ),
            ("rotate -A blog", "with -A a database is named NAMESPACE/NAME"),
            ("status -w -o json", "--watch prints a table: leave out -o, or use -o wide"),
        ];
        for (command, line) in cases {
            assert_eq!(desk.err(command), format!("certrotor: {line}\n"), "{command}");
        }
        let selector = desk.err("status -n @NS -l =");
        assert_eq!(selector.lines().count(), 1, "{selector}");
    });
}

#[test]
fn a_cluster_that_is_not_there_is_one_clear_line() {
    let folder = Scratch::new("cli");
    let nowhere = folder.file(
        "nowhere",
        "{apiVersion: v1, kind: Config, current-context: a, \
         contexts: [{name: a, context: {cluster: a, user: a}}], users: [{name: a, user: {}}], \
         clusters: [{name: a, cluster: {server: 'http://127.0.0.1:1'}}]}",
    );
    let missing = folder.path().join("missing");
    for (kubeconfig, line) in [
        (missing, "certrotor: no service account here, and no kubeconfig: "),
        (nowhere, "certrotor: the cluster cannot be reached: "),
    ] {
        let mut certrotor = Command::new(env!("CARGO_BIN_EXE_certrotor"));
        certrotor.args(["status", "-A"]).env("KUBECONFIG", &kubeconfig);
        let said = Said::from(certrotor.output().unwrap());
        assert_eq!((said.code, said.err.lines().count()), (Some(1), 1), "{}", said.err);
        assert!(said.err.starts_with(line), "{}", said.err);
    }
}
