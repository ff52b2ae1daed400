//! POST and PUT: names, versions, generations, the status apart, dry runs.

use serde_json::{Value, json};

use super::kinds::{LEASE, MAP, MYSQL, POD, REQUEST, ROTATION, SECRET, SERVICE, SET, pod};
use super::target::{MERGE, Target, version};

cases! {
    an_object_is_created_once,
    a_name_is_generated,
    names_must_be_names,
    what_belongs_to_the_server_cannot_be_set,
    nothing_is_created_elsewhere,
    a_put_needs_the_newest_version,
    a_put_that_changes_nothing_makes_no_version,
    a_put_of_another_uid_conflicts,
    a_put_of_what_is_not_there_is_not_found,
    names_and_namespaces_of_url_and_body_agree,
    the_generation_counts_what_is_wished,
    the_status_is_written_apart,
    the_status_of_a_built_in_kind_is_written_apart,
    an_old_object_is_kept_in_a_dry_run,
    a_secret_takes_plain_text,
    defaults_of_built_in_kinds_are_filled_in,
    unknown_parameters_are_refused,
    what_cannot_be_changed_is_kept,
}

/// API conventions: HTTP status codes (409 `StatusConflict`), Unique names.
async fn an_object_is_created_once(target: Target) {
    let made = target.create(MAP, json!({"metadata": {"name": "a"}, "data": {"k": "v"}})).await;
    assert_eq!(made["metadata"]["namespace"], json!(target.namespace));
    assert_eq!(made["metadata"]["uid"].as_str().unwrap().len(), 36);
    assert!(made["metadata"]["creationTimestamp"].is_string());
    assert_eq!(target.read(MAP, "a").await, made);
    let again = target.post(MAP, "", json!({"metadata": {"name": "a"}})).await;
    again.refused(409, "AlreadyExists");
    assert_eq!(again.body["message"], "configmaps \"a\" already exists");
    assert_eq!(again.body["details"], json!({"name": "a", "kind": "configmaps"}));
    let missing = target.get(ROTATION, "a").await;
    missing.refused(404, "NotFound");
    assert_eq!(missing.body["message"], "rotations.certrotor.dev \"a\" not found");
}

/// API conventions: Idempotency (`generateName`).
async fn a_name_is_generated(target: Target) {
    let first = target.create(MAP, json!({"metadata": {"generateName": "a-"}})).await;
    let second = target.create(MAP, json!({"metadata": {"generateName": "a-"}})).await;
    let name = |object: &Value| object["metadata"]["name"].as_str().unwrap().to_owned();
    assert!(name(&first).starts_with("a-") && name(&first).len() == 7, "{first}");
    assert_ne!(name(&first), name(&second));
    assert_eq!(first["metadata"]["generateName"], "a-");
    let long = "x".repeat(200);
    let cut = target.create(MAP, json!({"metadata": {"generateName": long}})).await;
    assert_eq!(name(&cut).len(), 63);
    let both = json!({"metadata": {"name": "own", "generateName": "a-"}});
    assert_eq!(name(&target.create(MAP, both).await), "own");
}

/// API conventions: Names and identifiers (RFC 1123), Required fields.
async fn names_must_be_names(target: Target) {
    let refused = target.post(MAP, "", json!({"metadata": {"name": "A_b"}})).await;
    refused.refused(422, "Invalid");
    assert_eq!(refused.causes(), [("FieldValueInvalid", "metadata.name")]);
    let refused = target.post(MAP, "", json!({"metadata": {}})).await;
    refused.refused(422, "Invalid");
    assert_eq!(refused.causes(), [("FieldValueRequired", "metadata.name")]);
    let labels = json!({"metadata": {"name": "a", "labels": {"ok": "not ok!"}}});
    let refused = target.post(MAP, "", labels).await;
    refused.refused(422, "Invalid");
    assert_eq!(refused.causes(), [("FieldValueInvalid", "metadata.labels")]);
    let refused = target.post(ROTATION, "", json!({"metadata": {"name": "a b"}})).await;
    refused.refused(422, "Invalid");
    assert_eq!(refused.body["details"]["kind"], "Rotation");
    assert_eq!(refused.body["details"]["group"], "certrotor.dev");
}

/// API conventions: Metadata (fields that are populated by the system).
async fn what_belongs_to_the_server_cannot_be_set(target: Target) {
    let made = target
        .create(
            ROTATION,
            json!({"metadata": {"name": "a", "generation": 7, "uid": "mine",
            "creationTimestamp": "2001-01-01T00:00:00Z"}, "status": {"state": "Idle"}}),
        )
        .await;
    assert_ne!(made["metadata"]["uid"], "mine");
    assert_ne!(made["metadata"]["creationTimestamp"], "2001-01-01T00:00:00Z");
    assert_eq!(made["metadata"]["generation"], 1);
    assert!(made["status"].is_null(), "{made}");
    let versioned = json!({"metadata": {"name": "b", "resourceVersion": "5"}});
    let refused = target.post(MAP, "", versioned).await;
    assert_eq!(refused.code, 500, "{refused:?}");
    assert_eq!(
        refused.body["message"],
        "resourceVersion should not be set on objects to be created"
    );
}

/// API conventions: HTTP status codes (404 `StatusNotFound`), Namespaces.
async fn nothing_is_created_elsewhere(target: Target) {
    let object = MAP.object(json!({"metadata": {"name": "a"}}));
    let path = MAP.path("nowhere-to-be-found");
    let refused = target.call(http::Method::POST, &path, "application/json", &object).await;
    refused.refused(404, "NotFound");
    assert_eq!(refused.body["message"], "namespaces \"nowhere-to-be-found\" not found");
}

/// API conventions: Concurrency control and consistency.
async fn a_put_needs_the_newest_version(target: Target) {
    for kind in [MAP, ROTATION] {
        let made = target.create(kind, json!({"metadata": {"name": "a"}})).await;
        let mut labelled = made.clone();
        labelled["metadata"]["labels"] = json!({"a": "1"});
        let changed = target.put(kind, "a", &labelled).await.fine();
        assert_ne!(version(&changed), version(&made));
        labelled["metadata"]["labels"] = json!({"a": "2"});
        let stale = target.put(kind, "a", &labelled).await;
        stale.refused(409, "Conflict");
        assert!(stale.body["message"].as_str().unwrap().contains("the object has been modified"));
        assert_eq!(target.read(kind, "a").await, changed);
    }
    // A kind may take a PUT without a version, or not.
    let blind = MAP.object(json!({"metadata": {"name": "a"}, "data": {"k": "v"}}));
    assert_eq!(target.put(MAP, "a", &blind).await.fine()["data"]["k"], "v");
    let blind = ROTATION.object(json!({"metadata": {"name": "a"}}));
    let refused = target.put(ROTATION, "a", &blind).await;
    refused.refused(422, "Invalid");
    assert_eq!(refused.causes(), [("FieldValueInvalid", "metadata.resourceVersion")]);
}

/// API conventions: Concurrency control and consistency (a write that changes nothing).
async fn a_put_that_changes_nothing_makes_no_version(target: Target) {
    for (kind, object) in [
        (MAP, json!({"data": {"k": "v"}})),
        (ROTATION, json!({"spec": {"suspend": true}})),
        (POD, pod("a", None)),
        (MYSQL, json!({"spec": {"version": "9.1.0"}})),
    ] {
        let mut object = object;
        object["metadata"]["name"] = json!("a");
        let made = target.create(kind, object).await;
        let same = target.put(kind, "a", &made).await.fine();
        assert_eq!(same, made);
        let same = target.patch(kind, "a", MERGE, json!({"metadata": {"name": "a"}})).await.fine();
        assert_eq!(same, made);
    }
}

/// API conventions: Concurrency control and consistency (`metadata.uid` as a precondition).
async fn a_put_of_another_uid_conflicts(target: Target) {
    let mut object = target.create(MAP, json!({"metadata": {"name": "a"}})).await;
    object["metadata"]["uid"] = json!("00000000-0000-0000-0000-000000000000");
    let refused = target.put(MAP, "a", &object).await;
    refused.refused(409, "Conflict");
    let message = refused.body["message"].as_str().unwrap();
    assert!(message.contains("Precondition failed: UID in precondition"), "{message}");
}

/// API conventions: Verbs on resources (PUT).
async fn a_put_of_what_is_not_there_is_not_found(target: Target) {
    let map = MAP.object(json!({"metadata": {"name": "a"}}));
    target.put(MAP, "a", &map).await.refused(404, "NotFound");
    // Leases are created by a PUT.
    let lease = LEASE.object(json!({"metadata": {"name": "a"}}));
    assert_eq!(target.put(LEASE, "a", &lease).await.code, 201);
}

/// API conventions: HTTP status codes (400 `StatusBadRequest`).
async fn names_and_namespaces_of_url_and_body_agree(target: Target) {
    let made = target.create(MAP, json!({"metadata": {"name": "a"}})).await;
    for (field, value) in [("name", "b"), ("namespace", "default")] {
        let mut object = made.clone();
        object["metadata"][field] = json!(value);
        target.put(MAP, "a", &object).await.refused(400, "BadRequest");
        let patch = json!({"metadata": {field: value}});
        target.patch(MAP, "a", MERGE, patch).await.refused(400, "BadRequest");
    }
    let foreign = json!({"metadata": {"name": "b", "namespace": "default"}});
    target.post(MAP, "", foreign).await.refused(400, "BadRequest");
    let other = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "c"}});
    target.post(MAP, "", other).await.refused(400, "BadRequest");
    let other = json!({"apiVersion": "v2", "kind": "ConfigMap", "metadata": {"name": "c"}});
    target.post(MAP, "", other).await.refused(400, "BadRequest");
}

/// API conventions: Metadata (`generation`: a sequence number of the desired state).
async fn the_generation_counts_what_is_wished(target: Target) {
    let generation = |object: &Value| object["metadata"]["generation"].as_i64();
    let made = target.create(ROTATION, json!({"metadata": {"name": "a"}})).await;
    assert_eq!(generation(&made), Some(1));
    let labelled = json!({"metadata": {"labels": {"a": "b"}}});
    let patched = target.patch(ROTATION, "a", MERGE, labelled).await.fine();
    assert_eq!(generation(&patched), Some(1));
    let status = json!({"status": {"state": "Idle"}});
    let patched = target.patch(ROTATION, "a/status", MERGE, status).await.fine();
    assert_eq!(generation(&patched), Some(1));
    let spec = json!({"spec": {"suspend": true}});
    let patched = target.patch(ROTATION, "a", MERGE, spec).await.fine();
    assert_eq!(generation(&patched), Some(2));
    let map = target.create(MAP, json!({"metadata": {"name": "a"}})).await;
    assert_eq!(generation(&map), None);
    let set = json!({"metadata": {"name": "a"}, "spec": {"replicas": 0, "serviceName": "a",
        "selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}},
        "spec": {"containers": [{"name": "c", "image": "i"}]}}}});
    assert_eq!(generation(&target.create(SET, set).await), Some(1));
    let scaled = json!({"spec": {"updateStrategy": {"type": "OnDelete", "rollingUpdate": null}}});
    assert_eq!(generation(&target.patch(SET, "a", MERGE, scaled).await.fine()), Some(2));
}

/// API conventions: Spec and status (the `/status` subresource).
async fn the_status_is_written_apart(target: Target) {
    let made = target
        .create(
            REQUEST,
            json!({"metadata": {"name": "a"},
        "spec": {"type": "Restart", "databaseRef": {"name": "db"}}}),
        )
        .await;
    let both = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"timeout": "5m"},
        "status": {"phase": "Failed"}});
    let patched = target.patch(REQUEST, "a", MERGE, both.clone()).await.fine();
    assert_eq!(patched["spec"]["timeout"], "5m");
    assert_ne!(patched["status"]["phase"], "Failed");
    let both = json!({"metadata": {"labels": {"a": "c"}}, "spec": {"timeout": "6m"},
        "status": {"phase": "Failed"}});
    let patched = target.patch(REQUEST, "a/status", MERGE, both).await.fine();
    assert_eq!(patched["spec"]["timeout"], "5m");
    assert_eq!(patched["metadata"]["labels"]["a"], "b");
    assert_eq!(patched["status"]["phase"], "Failed");
    assert_eq!(target.get(REQUEST, "a/status").await.fine(), patched);
    let mut put = made;
    put["status"] = json!({"phase": "Successful"});
    target.put(REQUEST, "a/status", &put).await.refused(409, "Conflict");
    put["metadata"]["resourceVersion"] = patched["metadata"]["resourceVersion"].clone();
    let put = target.put(REQUEST, "a/status", &put).await.fine();
    assert_eq!(put["status"]["phase"], "Successful");
    assert_eq!(put["spec"]["timeout"], "5m");
}

/// API conventions: Spec and status (built-in kinds).
async fn the_status_of_a_built_in_kind_is_written_apart(target: Target) {
    target.create(POD, pod("a", Some("nowhere"))).await;
    let running = json!({"status": {"phase": "Running", "podIP": "10.1.1.1",
        "conditions": [{"type": "Ready", "status": "True"}]}});
    let same = target.patch(POD, "a", MERGE, running.clone()).await.fine();
    assert_eq!(same["status"]["phase"], "Pending");
    let patched = target.patch(POD, "a/status", MERGE, running).await.fine();
    assert_eq!(patched["status"]["phase"], "Running");
    assert_eq!(patched["status"]["conditions"][0]["type"], "Ready");
    let labels = json!({"metadata": {"labels": {"kubedb.com/role": "primary"}}});
    let patched = target.patch(POD, "a", MERGE, labels).await.fine();
    assert_eq!(patched["status"]["phase"], "Running");
    assert_eq!(patched["metadata"]["labels"]["kubedb.com/role"], "primary");
    target.get(MAP, "a/status").await.refused(404, "NotFound");
}

/// API concepts: Dry-run.
async fn an_old_object_is_kept_in_a_dry_run(target: Target) {
    let made = target.post(MAP, "?dryRun=All", json!({"metadata": {"name": "a"}})).await.fine();
    assert_eq!(made["metadata"]["name"], "a");
    target.get(MAP, "a").await.refused(404, "NotFound");
    let made = target.create(MAP, json!({"metadata": {"name": "a"}, "data": {"k": "1"}})).await;
    let again = target.post(MAP, "?dryRun=All", json!({"metadata": {"name": "a"}})).await;
    again.refused(409, "AlreadyExists");
    let patch = json!({"data": {"k": "2"}});
    let patched = target.patch(MAP, "a?dryRun=All", MERGE, patch).await.fine();
    assert_eq!(patched["data"]["k"], "2");
    assert_eq!(version(&patched), version(&made));
    let mut put = made.clone();
    put["data"] = json!({"k": "3"});
    assert_eq!(target.put(MAP, "a?dryRun=All", &put).await.fine()["data"]["k"], "3");
    let applied = json!({"metadata": {"name": "a"}, "data": {"other": "4"}});
    let applied = target.apply(MAP, "a?dryRun=All", "me", applied).await.fine();
    assert_eq!(applied["data"]["other"], "4");
    target.delete(MAP, "a?dryRun=All", json!(null)).await.fine();
    target.delete(MAP, "a", json!({"dryRun": ["All"]})).await.fine();
    target.delete(MAP, "?dryRun=All", json!(null)).await.fine();
    assert_eq!(target.read(MAP, "a").await, made);
}

/// API conventions: Defaulting (write-only convenience fields).
async fn a_secret_takes_plain_text(target: Target) {
    let secret = json!({"metadata": {"name": "a"}, "stringData": {"user": "root"}});
    let made = target.create(SECRET, secret).await;
    assert_eq!(made["data"], json!({"user": "cm9vdA=="}));
    assert!(made["stringData"].is_null());
    assert_eq!(made["type"], "Opaque");
}

/// API conventions: Defaulting.
async fn defaults_of_built_in_kinds_are_filled_in(target: Target) {
    let pod = target.create(POD, pod("a", None)).await;
    assert_eq!(pod["spec"]["restartPolicy"], "Always");
    assert_eq!(pod["spec"]["terminationGracePeriodSeconds"], 30);
    assert_eq!(pod["spec"]["containers"][0]["imagePullPolicy"], "IfNotPresent");
    assert_eq!(pod["status"]["phase"], "Pending");
    assert_eq!(pod["status"]["qosClass"], "BestEffort");
    let service = json!({"metadata": {"name": "a"}, "spec": {"clusterIP": "None",
        "selector": {"a": "b"}, "ports": [{"name": "db", "port": 3306}]}});
    let service = target.create(SERVICE, service).await;
    assert_eq!(service["spec"]["type"], "ClusterIP");
    assert_eq!(service["spec"]["clusterIP"], "None");
    assert_eq!(service["spec"]["ports"][0]["protocol"], "TCP");
    assert_eq!(service["spec"]["ports"][0]["targetPort"], 3306);
}

/// API concepts: Dry-run, Field validation, Server-side apply (what parameters may be).
async fn unknown_parameters_are_refused(target: Target) {
    let object = json!({"metadata": {"name": "a"}});
    for (query, field) in [("dryRun=Some", "dryRun"), ("fieldValidation=Some", "fieldValidation")] {
        let refused = target.post(MAP, &format!("?{query}"), object.clone()).await;
        refused.refused(422, "Invalid");
        assert_eq!(refused.causes(), [("FieldValueNotSupported", field)]);
        assert_eq!(refused.body["details"]["kind"], "CreateOptions");
    }
    let long = "x".repeat(129);
    let refused = target.post(MAP, &format!("?fieldManager={long}"), object).await;
    refused.refused(422, "Invalid");
    assert_eq!(refused.causes(), [("FieldValueTooLong", "fieldManager")]);
}

/// API conventions: HTTP status codes (422), the rules of built-in kinds.
async fn what_cannot_be_changed_is_kept(target: Target) {
    target.create(POD, pod("a", Some("nowhere"))).await;
    for (spec, field) in [
        (json!({"nodeName": "elsewhere"}), "spec"),
        (json!({"containers": [{"name": "mysql", "image": "i", "args": ["a"]}]}), "spec"),
        (
            json!({"containers": [{"name": "a", "image": "i"}, {"name": "b", "image": "i"}]}),
            "spec.containers",
        ),
    ] {
        let refused = target.patch(POD, "a", MERGE, json!({"spec": spec})).await;
        refused.refused(422, "Invalid");
        assert_eq!(refused.causes(), [("FieldValueForbidden", field)]);
    }
    let nameless = json!({"metadata": {"name": "b"}, "spec": {"containers": [{"image": "i"}]}});
    let refused = target.post(POD, "", nameless).await;
    assert_eq!(refused.causes(), [("FieldValueRequired", "spec.containers[0].name")]);
    let set = |labels: Value| {
        json!({"metadata": {"name": "a"}, "spec": {"replicas": 0, "serviceName": "a",
        "selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": labels},
        "spec": {"containers": [{"name": "c", "image": "i"}]}}}})
    };
    let refused = target.post(SET, "", set(json!({"a": "c"}))).await;
    assert_eq!(refused.causes(), [("FieldValueInvalid", "spec.template.metadata.labels")]);
    target.create(SET, set(json!({"a": "b"}))).await;
    let refused = target.patch(SET, "a", MERGE, json!({"spec": {"serviceName": "b"}})).await;
    assert_eq!(refused.causes(), [("FieldValueForbidden", "spec")]);
    let secret = json!({"metadata": {"name": "a"}, "type": "kubernetes.io/tls", "immutable": true,
        "data": {"tls.crt": "", "tls.key": ""}});
    target.create(SECRET, secret).await;
    let refused = target.patch(SECRET, "a", MERGE, json!({"type": "Opaque"})).await;
    assert_eq!(refused.causes(), [("FieldValueInvalid", "type")]);
    let refused = target.patch(SECRET, "a", MERGE, json!({"data": {"a": "YQ=="}})).await;
    assert_eq!(refused.causes(), [("FieldValueForbidden", "data")]);
}
