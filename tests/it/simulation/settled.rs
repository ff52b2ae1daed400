//! Whether everything is as it should be in the end, as the apiserver and the servers see it.

use certrotor::clock::Clock as _;
use certrotor::core::time::{Span, Time};

use super::history::{has_condition, is_over};
use super::world::{NAMESPACE, World};

/// What is not as it should be in the end.
pub(crate) fn unsettled(world: &World) -> Vec<String> {
    let mut all = Vec::new();
    for database in world.databases() {
        let mysql = world.of("mysqls.kubedb.com", database);
        if mysql["status"]["phase"] != "Ready" || has_condition(&mysql, "Paused") {
            all.push(format!("mysql {database}: {}", mysql["status"]));
        }
        let rotation = world.of("rotations.certrotor.dev", database);
        let status = &rotation["status"];
        let asked = &rotation["spec"]["requestedAt"];
        let handled = asked.is_null() || *asked == status["handledRequest"];
        let seen = rotation["metadata"]["generation"] == status["observedGeneration"];
        let is_of_it = status["databaseUid"] == mysql["metadata"]["uid"];
        if !is_of_it
            || !seen
            || !status["current"].is_null()
            || status["state"] != "Fresh"
            || !handled
        {
            all.push(format!("rotation {database}: {rotation}"));
        }
        all.extend(stale_of(world, database));
        all.extend(undecided_of(world, database));
    }
    all
}

/// Of a database that has changed its CA: what it was learned by is gone, and so is the old one.
fn undecided_of(world: &World, database: &str) -> Vec<String> {
    let staging = format!("{database}-ca-staging");
    let left = ["certificates.cert-manager.io", "secrets"].into_iter().filter_map(|resource| {
        let left = world.server.get(resource, NAMESPACE, &staging).is_some();
        left.then(|| format!("{resource}/{staging} is left"))
    });
    let bundle = world.server.get("configmaps", NAMESPACE, &format!("{database}-ca-bundle"));
    let ca = bundle.map(|it| it["data"]["ca.crt"].to_string()).unwrap_or_default();
    let two = ca.matches("BEGIN CERTIFICATE").count() > 1;
    left.chain(two.then(|| format!("clients of {database} are to trust two CAs"))).collect()
}

/// The servers of a database that do not serve what was issued last, or nothing new.
fn stale_of(world: &World, database: &str) -> Vec<String> {
    let certificate = format!("{database}-server-cert");
    let issued = world.of("certificates.cert-manager.io", &certificate);
    let not_after: Option<Time> =
        issued["status"]["notAfter"].as_str().and_then(|time| time.parse().ok());
    let now = world.clock.now();
    let is_old = not_after.is_none_or(|ends| ends.since(now) < Span::days(45));
    let mut all = Vec::new();
    if is_old {
        all.push(format!("{certificate} is as old as it was: {}", issued["status"]));
    }
    let spells = world.spells();
    let last = spells.iter().filter(|spell| spell.is_of(database) && spell.until.is_none());
    for spell in last.filter(|spell| Some(spell.not_after) != not_after) {
        all.push(format!("{} serves what is not issued: {spell:?}", spell.pod));
    }
    let requests = world.server.list("mysqlopsrequests.ops.kubedb.com");
    let open = requests.iter().filter(|request| !is_over(request));
    all.extend(open.map(|request| format!("not over: {request}")));
    all
}
