//! That the oracles which judge a run as a whole see what they are for: O5 to O8.

use std::sync::Arc;
use std::time::Duration;

use certrotor::clock::PausedClock;
use certrotor::embedded::api::ApiServer;
use serde_json::json;

use super::heard::Heard;
use super::history::{counts, writes_of_ours};
use super::oracles::{Violation, differences, judge};
use super::plan::{Deed, Happening, Plan};
use super::runner::run;
use super::scene;

fn seen(violations: &[Violation]) -> Vec<&str> {
    violations.iter().map(|violation| violation.oracle).collect()
}

#[test]
fn a_rotation_that_does_not_come_is_seen() {
    let impatient = run(&Plan { patience: Duration::from_secs(5), ..Plan::calm("no time") });
    assert!(seen(&judge(&impatient)).contains(&"O5 lost"), "{:?}", judge(&impatient));
}

#[test]
fn a_rotation_too_many_is_seen_in_the_end_state_and_in_the_counts() {
    let calm = run(&Plan::calm("calm"));
    assert_eq!(seen(&differences(&calm, &calm)), [""; 0]);
    let by_hand = (Duration::from_secs(4), Happening::Deed(Deed::RotateByHand(0)));
    let twice = run(&Plan { happenings: vec![by_hand], ..Plan::calm("twice") });
    assert_eq!(seen(&judge(&twice)), [""; 0], "a person may");
    assert_eq!(seen(&differences(&twice, &calm)), ["O5 end state", "O7 counts"]);
}

#[tokio::test]
async fn a_write_of_ours_is_seen_and_nobody_elses() {
    let server = ApiServer::new(Arc::new(PausedClock::new(scene::birth()))).unwrap();
    for (who, kind, path) in [
        ("person", "ConfigMap", "configmaps"),
        ("certrotor-0-1", "ConfigMap", "configmaps"),
        ("certrotor-0-1", "Event", "events"),
        ("executor-1-2", "ConfigMap", "configmaps"),
    ] {
        let mut body =
            json!({"apiVersion": "v1", "kind": kind, "metadata": {"generateName": "a-"}});
        if kind == "Event" {
            body["involvedObject"] = json!({});
        }
        let body = body.to_string();
        let request = http::Request::post(format!("/api/v1/namespaces/default/{path}"));
        let request = request.header("Content-Type", "application/json");
        let request = request.body(body.into_bytes()).unwrap();
        let created = server.client(who, "default").request::<serde_json::Value>(request).await;
        created.unwrap();
    }
    let commits = server.commits_after(0);
    let ours = writes_of_ours(&commits);
    assert_eq!(ours.len(), 2, "{ours:?}");
    assert_eq!(counts(&commits)["configmaps created"], 3);
}

#[test]
fn an_error_in_the_log_is_seen() {
    let heard = Heard::default();
    let guard = heard.listen(false);
    tracing::warn!("a write failed");
    tracing::error!(database = "blog", "something cannot be");
    drop(guard);
    let errors = heard.take().errors;
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].contains("something cannot be"), "{errors:?}");
}
