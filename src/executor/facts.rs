//! From objects to what decisions look at. Pure: the same object gives the same facts.

use std::collections::BTreeMap;

use kube::ResourceExt as _;

use super::decide::notes::{Mark, Progress, Status};
use super::decide::seen::{
    Database, Issued, Life, Operation, Other, Pause, Pod, Refusal, Request, Role, Secret, Serving,
};
use super::wanted::Plan;
use crate::api::cert_manager::Certificate;
use crate::api::meta::{self, Condition, ConditionStatus};
use crate::api::mysql::MySql;
use crate::api::ops_request::{Apply, MySqlOpsRequest, OpsRequestPhase, RequestTls};
use crate::api::pod;
use crate::api::tls::{IssuerRef, TlsCertificate};
use crate::cluster::facts::mysql::phase as database_phase;
use crate::cluster::facts::request::phase as request_phase;
use crate::core::fleet::{RequestPhase, Text};
use crate::core::time::{Span, Time};
use crate::pki::{Pair, check};

/// The condition of a MySQL that asks others to leave it alone, and its reason.
pub(super) const PAUSED: &str = "Paused";
/// How the message of a pause of ours begins.
const PAUSED_FOR: &str = "Paused by certrotor operate for MySQLOpsRequest ";
/// How often KubeDB tries again where a request says nothing.
const MAX_RETRIES: i32 = 1;

/// The message of the pause for a request: by it a pause is known for ours, and whose it is.
pub(super) fn pause_message(request: &Request) -> String {
    format!("{PAUSED_FOR}{} uid {}", request.path(), request.uid)
}

/// What a pause of ours says: the name and uid of the request.
pub(super) fn paused_for(message: &str) -> Option<(&str, &str)> {
    let (path, uid) = message.strip_prefix(PAUSED_FOR)?.split_once(" uid ")?;
    let (_, name) = path.split_once('/')?;
    Some((name, uid))
}

/// The request itself.
pub(super) fn request(object: &MySqlOpsRequest) -> Request {
    let metadata = &object.metadata;
    let spec = &object.spec;
    Request {
        namespace: object.namespace().unwrap_or_default().into(),
        name: object.name_any().into(),
        uid: object.uid().unwrap_or_default().into(),
        resource_version: object.resource_version().unwrap_or_default().into(),
        database: spec.database_ref.name.as_str().into(),
        created: meta::created(metadata).unwrap_or(Time::MIN),
        deleting: meta::is_deleting(metadata),
        generation: metadata.generation.unwrap_or_default(),
        observed_generation: object.status.as_ref().and_then(|it| it.observed_generation),
        phase: request_phase(object.phase()),
        asks: asks(object),
        always: spec.apply == Some(Apply::Always),
        timeout: limit(object).unwrap_or_default(),
        max_retries: u32::try_from(spec.max_retries.unwrap_or(MAX_RETRIES)).unwrap_or(0),
        progress: progress(object.conditions()),
    }
}

/// The limit for each step, where the request names one.
fn limit(object: &MySqlOpsRequest) -> Result<Option<Span>, Refusal> {
    let Some(timeout) = &object.spec.timeout else { return Ok(None) };
    match timeout.span() {
        Some(span) if span > Span::ZERO => Ok(Some(span)),
        Some(_) | None => Err(Refusal::Timeout(timeout.to_string())),
    }
}

/// What a request asks for.
fn asks(object: &MySqlOpsRequest) -> Result<Operation, Refusal> {
    if object.spec.database_ref.name.is_empty() {
        return Err(Refusal::NoDatabase);
    }
    limit(object)?;
    operation(object.spec.tls.as_ref().ok_or(Refusal::NoTls)?)
}

fn operation(tls: &RequestTls) -> Result<Operation, Refusal> {
    if tls.remove && tls.rotate_certificates {
        return Err(Refusal::RemoveAndRotate);
    }
    let configures = [
        ("issuerRef", tls.issuer_ref.is_some()),
        ("certificates", !tls.certificates.is_empty()),
        ("requireSSL", tls.require_ssl == Some(true)),
    ];
    let beside = configures.into_iter().find(|(_, asked)| *asked);
    match beside {
        Some((what, _)) if tls.remove => return Err(Refusal::RemoveAnd(what)),
        _ if tls.remove => return Ok(Operation::Remove),
        _ => {}
    }
    if let Some(issuer) = &tls.issuer_ref {
        signs(issuer, "")?;
    }
    entries(&tls.certificates)?;
    match beside {
        Some(("issuerRef" | "certificates", _)) => Ok(Operation::Configure),
        // The certificates are the same, and yet the template changes.
        _ if tls.require_ssl.is_some() && tls.rotate_certificates => Ok(Operation::Configure),
        _ if tls.require_ssl.is_some() => Ok(Operation::Require),
        _ if tls.rotate_certificates => Ok(Operation::Rotate),
        _ => Err(Refusal::Nothing),
    }
}

/// The aliases that KubeDB has a certificate for.
const ALIASES: [&str; 4] = ["server", "client", "metrics-exporter", "router"];

fn entries(certificates: &[TlsCertificate]) -> Result<(), Refusal> {
    for (at, certificate) in certificates.iter().enumerate() {
        let alias = &certificate.alias;
        if !ALIASES.contains(&alias.as_str()) {
            return Err(Refusal::Alias(alias.clone()));
        }
        if certificates[..at].iter().any(|other| other.alias == *alias) {
            return Err(Refusal::AliasTwice(alias.clone()));
        }
        for (field, length) in
            [("duration", &certificate.duration), ("renewBefore", &certificate.renew_before)]
        {
            if let Some(length) = length.as_ref().filter(|it| it.span().is_none()) {
                let (alias, text) = (alias.clone(), length.to_string());
                return Err(Refusal::Duration { alias, field, text });
            }
        }
        if let Some(issuer) = &certificate.issuer_ref {
            signs(issuer, &format!(".certificates[{at}]"))?;
        }
    }
    Ok(())
}

fn signs(issuer: &IssuerRef, at: &str) -> Result<(), Refusal> {
    if issuer.name.is_empty() { Err(Refusal::NoIssuer(at.to_owned())) } else { Ok(()) }
}

/// Whether this executor has started a request that is not over.
pub(super) fn is_under_way(object: &MySqlOpsRequest) -> bool {
    request_phase(object.phase()) == RequestPhase::Progressing
        && progress(object.conditions()).is_ours()
}

fn progress(conditions: &[Condition]) -> Progress {
    let marks = conditions.iter().map(|condition| {
        let status = match &condition.status {
            Some(ConditionStatus::True) => Status::True,
            Some(ConditionStatus::False) => Status::False,
            Some(ConditionStatus::Unknown | ConditionStatus::Other(_)) | None => Status::Unknown,
        };
        let mark = Mark {
            status,
            reason: condition.reason.clone(),
            message: condition.message.clone(),
            since: condition.last_transition_time,
        };
        (Text::from(condition.type_.as_str()), mark)
    });
    Progress(marks.collect())
}

/// Another request for the same database.
pub(super) fn other(object: &MySqlOpsRequest) -> Other {
    let refused = object.is_reconfigure_tls() && asks(object).is_err();
    Other {
        name: object.name_any().into(),
        kind: object.spec.type_.as_ref().map_or("", |kind| kind.as_str()).into(),
        created: meta::created(&object.metadata).unwrap_or(Time::MIN),
        phase: request_phase(object.phase()),
        acceptable: !meta::is_deleting(&object.metadata) && !refused,
    }
}

/// The word for a phase; `Pending` for what is no phase that anybody writes.
pub(super) fn phase_word(phase: RequestPhase) -> OpsRequestPhase {
    match phase {
        RequestPhase::New | RequestPhase::Pending | RequestPhase::Unknown => {
            OpsRequestPhase::Pending
        }
        RequestPhase::WaitingForApproval => OpsRequestPhase::WaitingForApproval,
        RequestPhase::Approved => OpsRequestPhase::Approved,
        RequestPhase::Progressing => OpsRequestPhase::Progressing,
        RequestPhase::Successful => OpsRequestPhase::Successful,
        RequestPhase::Failed => OpsRequestPhase::Failed,
        RequestPhase::Denied => OpsRequestPhase::Denied,
        RequestPhase::Skipped => OpsRequestPhase::Skipped,
    }
}

/// The database, and whether it is as the request wants it.
pub(super) fn database(plan: &Plan) -> Database {
    let object = &plan.now;
    Database {
        tls: !object.aliases().is_empty(),
        as_wanted: plan.change.is_none(),
        resource_version: object.metadata.resource_version.as_deref().unwrap_or_default().into(),
        phase: database_phase(object.status.phase.as_ref()),
        halted: object.spec.halted,
        replicas: object.replicas(),
        pause: pause(object),
    }
}

/// Who paused the database.
pub(super) fn pause(object: &MySql) -> Option<Pause> {
    let paused = meta::condition(&object.status.conditions, PAUSED).filter(|it| it.holds())?;
    Some(match paused_for(&paused.message) {
        Some((request, uid)) => Pause::For { request: request.into(), uid: uid.into() },
        None => Pause::Foreign,
    })
}

/// A Certificate, and whether its spec is as it should be.
pub(super) fn issued(object: &Certificate, as_wanted: bool, secret: Secret) -> Issued {
    let (metadata, status) = (&object.metadata, &object.status);
    let life = status.not_before.zip(status.not_after);
    Issued {
        uid: metadata.uid.as_deref().unwrap_or_default().into(),
        resource_version: metadata.resource_version.as_deref().unwrap_or_default().into(),
        revision: status.revision.unwrap_or(0),
        as_wanted,
        ready: object.is_ready() && !is_behind(object),
        issuing: object.issuing().is_some(),
        last_failure: status.last_failure_time,
        life: life.map(|(begins, ends)| Life { begins, ends }),
        secret,
    }
}

/// What cert-manager says of it is about an earlier spec.
fn is_behind(object: &Certificate) -> bool {
    let ready = meta::condition(&object.status.conditions, "Ready");
    let observed = ready.and_then(|ready| ready.observed_generation);
    observed.is_some_and(|observed| Some(observed) < object.metadata.generation)
}

/// The names that a certificate must be good for. A wildcard stands for any host that it covers.
pub(super) fn names(object: &Certificate) -> Vec<String> {
    let hosts = object.spec.dns_names.iter().map(|name| name.replacen('*', "any", 1));
    hosts.chain(object.spec.ip_addresses.iter().cloned()).collect()
}

/// What a Secret holds. A server that is started on a bad pair serves without TLS, and says so to
/// nobody.
pub(super) fn secret(
    object: Option<&k8s_openapi::api::core::v1::Secret>,
    names: &[String],
    now: Time,
) -> Secret {
    let Some(object) = object else { return Secret::Missing };
    let part = |key| super::part(object, key);
    let pair = Pair { certificate: part("tls.crt"), key: part("tls.key"), ca: part("ca.crt") };
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    match check(pair, &names, now) {
        Ok(leaf) => Secret::Holds(Life { begins: leaf.not_before, ends: leaf.not_after }),
        Err(flaws) => Secret::Unusable(flaws.to_string()),
    }
}

/// The pods of a database by name, whatever else carries its label.
pub(super) fn pods(all: &[pod::Pod], database: &str) -> BTreeMap<Text, Pod> {
    let ours = all.iter().filter_map(|pod| {
        let role = if pod.router_of() == Some(database) {
            Role::Router
        } else if pod.server_of() == Some(database) {
            role(pod.role())
        } else {
            return None;
        };
        let facts = Pod {
            uid: pod.metadata.uid.as_deref().unwrap_or_default().into(),
            role,
            ready: pod.is_ready(),
            deleting: meta::is_deleting(&pod.metadata),
            serves: Serving::Unseen,
        };
        Some((pod.metadata.name.as_deref()?.into(), facts))
    });
    ours.collect()
}

fn role(word: Option<&str>) -> Role {
    match word {
        Some("primary") => Role::Primary,
        Some("standby" | "secondary") => Role::Standby,
        Some(_) | None => Role::Unknown,
    }
}

#[cfg(test)]
mod tests;
