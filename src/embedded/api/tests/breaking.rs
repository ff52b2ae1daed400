//! What the fault layer does to requests.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::PostParams;
use kube::{Api, Client};
use serde_json::json;
use tokio::time::timeout;
use tower::Layer as _;

use super::server;
use crate::embedded::api::{Failure, Fault, FaultLayer};

#[tokio::test(start_paused = true)]
async fn requests_are_lost_refused_and_repeated_as_planned() {
    let map: ConfigMap = serde_json::from_value(json!({"metadata": {"name": "a"}})).unwrap();
    let unavailable = Failure::new(503, "ServiceUnavailable", "no");
    for (fault, committed, expected) in [
        (Fault::None, 1, "done"),
        (Fault::Delay(Duration::from_secs(3)), 1, "done"),
        (Fault::Refuse(unavailable), 0, "503"),
        (Fault::LoseRequest, 0, "broken"),
        (Fault::LoseReply, 1, "broken"),
        (Fault::HangBefore, 0, "silence"),
        (Fault::HangAfter, 1, "silence"),
        (Fault::Twice, 1, "409"),
    ] {
        let server = server();
        let calls = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&calls);
        let planned = fault.clone();
        let layer = FaultLayer::new(move |call| {
            seen.lock().unwrap().push(call.to_string());
            planned.clone()
        });
        let client = Client::new(layer.layer(server.service("me")), "default");
        let api: Api<ConfigMap> = Api::default_namespaced(client);
        let before = server.revision();
        let params = PostParams::default();
        let answer = timeout(Duration::from_secs(60), api.create(&params, &map)).await;
        let answer = match answer {
            Ok(Ok(_)) => "done".to_owned(),
            Ok(Err(kube::Error::Api(status))) => status.code.to_string(),
            Ok(Err(_)) => "broken".to_owned(),
            Err(_) => "silence".to_owned(),
        };
        assert_eq!(answer, expected, "{fault:?}");
        assert_eq!(server.commits_after(before).len(), committed, "{fault:?}");
        assert_eq!(*calls.lock().unwrap(), ["create configmaps default"]);
    }
}
