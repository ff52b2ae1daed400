//! The messages of Kubernetes' `generated.proto` files that kubectl sends.

use self::Type::{Bytes, Flag, Message as Of, Moment, Text, Whole, WholeOrText};
use super::malformed;
use crate::embedded::api::failure::Failure;

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Bytes,
    Flag,
    Message(&'static str),
    Moment,
    Text,
    Whole,
    WholeOrText,
}

/// How often a field may be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Many {
    /// A pointer in Go: it may be there and empty.
    Kept,
    List,
    /// By texts.
    Map,
    One,
}

/// A field of a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    number: u64,
    pub(super) name: &'static str,
    pub(super) of: Type,
    pub(super) many: Many,
}

/// A message and its fields.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message {
    name: &'static str,
    /// It is an object that may be sent by itself.
    root: bool,
    fields: &'static [Field],
}

impl Message {
    /// The field of this number.
    pub(super) fn field(&self, number: u64) -> Result<&Field, Failure> {
        let found = self.fields.iter().find(|field| field.number == number);
        found.ok_or_else(|| malformed(&format!("{} has no field {number}", self.name)))
    }
}

/// Whether objects of this kind are sent.
pub(super) fn is_root(kind: &str) -> bool {
    MESSAGES.iter().any(|message| message.root && message.name == kind)
}

/// A message by its name.
pub(super) fn find(name: &str) -> Result<&'static Message, Failure> {
    let found = MESSAGES.iter().find(|message| message.name == name);
    found.ok_or_else(|| malformed(&format!("no message is called {name}")))
}

const fn one(number: u64, name: &'static str, of: Type) -> Field {
    Field { number, name, of, many: Many::One }
}

const fn kept(number: u64, name: &'static str, of: Type) -> Field {
    Field { number, name, of, many: Many::Kept }
}

const fn list(number: u64, name: &'static str, of: Type) -> Field {
    Field { number, name, of, many: Many::List }
}

const fn map(number: u64, name: &'static str, of: Type) -> Field {
    Field { number, name, of, many: Many::Map }
}

const fn object(name: &'static str, fields: &'static [Field]) -> Message {
    Message { name, root: true, fields }
}

const fn part(name: &'static str, fields: &'static [Field]) -> Message {
    Message { name, root: false, fields }
}

const META: Field = one(1, "metadata", Of("ObjectMeta"));

const MESSAGES: &[Message] = &[
    object(
        "ConfigMap",
        &[META, map(2, "data", Text), map(3, "binaryData", Bytes), kept(4, "immutable", Flag)],
    ),
    object(
        "DeleteOptions",
        &[
            kept(1, "gracePeriodSeconds", Whole),
            kept(2, "preconditions", Of("Preconditions")),
            kept(3, "orphanDependents", Flag),
            kept(4, "propagationPolicy", Text),
            list(5, "dryRun", Text),
            kept(6, "ignoreStoreReadErrorWithClusterBreakingPotential", Flag),
        ],
    ),
    object("Eviction", &[META, kept(2, "deleteOptions", Of("DeleteOptions"))]),
    object(
        "Namespace",
        &[META, one(2, "spec", Of("NamespaceSpec")), one(3, "status", Of("NamespaceStatus"))],
    ),
    object(
        "PodDisruptionBudget",
        &[
            META,
            one(2, "spec", Of("PodDisruptionBudgetSpec")),
            one(3, "status", Of("PodDisruptionBudgetStatus")),
        ],
    ),
    object(
        "Secret",
        &[
            META,
            map(2, "data", Bytes),
            one(3, "type", Text),
            map(4, "stringData", Text),
            kept(5, "immutable", Flag),
        ],
    ),
    object(
        "SelfSubjectAccessReview",
        &[META, one(2, "spec", Of("AccessReviewSpec")), one(3, "status", Of("AccessReviewStatus"))],
    ),
    object("SelfSubjectReview", &[META, one(2, "status", Of("ReviewStatus"))]),
    object(
        "SelfSubjectRulesReview",
        &[META, one(2, "spec", Of("RulesReviewSpec")), one(3, "status", Of("RulesReviewStatus"))],
    ),
    object(
        "Service",
        &[META, one(2, "spec", Of("ServiceSpec")), one(3, "status", Of("ServiceStatus"))],
    ),
    part(
        "AccessReviewSpec",
        &[
            kept(1, "resourceAttributes", Of("ResourceAttributes")),
            kept(2, "nonResourceAttributes", Of("NonResourceAttributes")),
        ],
    ),
    part(
        "AccessReviewStatus",
        &[
            one(1, "allowed", Flag),
            one(2, "reason", Text),
            one(3, "evaluationError", Text),
            one(4, "denied", Flag),
        ],
    ),
    part("ClientIPConfig", &[kept(1, "timeoutSeconds", Whole)]),
    part(
        "LabelSelector",
        &[map(1, "matchLabels", Text), list(2, "matchExpressions", Of("LabelSelectorRequirement"))],
    ),
    part(
        "LabelSelectorRequirement",
        &[one(1, "key", Text), one(2, "operator", Text), list(3, "values", Text)],
    ),
    part("LoadBalancerStatus", &[]),
    part("NamespaceSpec", &[list(1, "finalizers", Text)]),
    part("NamespaceStatus", &[one(1, "phase", Text)]),
    part("NonResourceAttributes", &[one(1, "path", Text), one(2, "verb", Text)]),
    part(
        "ObjectMeta",
        &[
            one(1, "name", Text),
            one(2, "generateName", Text),
            one(3, "namespace", Text),
            one(4, "selfLink", Text),
            one(5, "uid", Text),
            one(6, "resourceVersion", Text),
            one(7, "generation", Whole),
            one(8, "creationTimestamp", Moment),
            kept(9, "deletionTimestamp", Moment),
            kept(10, "deletionGracePeriodSeconds", Whole),
            map(11, "labels", Text),
            map(12, "annotations", Text),
            list(13, "ownerReferences", Of("OwnerReference")),
            list(14, "finalizers", Text),
        ],
    ),
    part(
        "OwnerReference",
        &[
            one(1, "kind", Text),
            one(3, "name", Text),
            one(4, "uid", Text),
            one(5, "apiVersion", Text),
            kept(6, "controller", Flag),
            kept(7, "blockOwnerDeletion", Flag),
        ],
    ),
    part(
        "PodDisruptionBudgetSpec",
        &[
            kept(1, "minAvailable", WholeOrText),
            kept(2, "selector", Of("LabelSelector")),
            kept(3, "maxUnavailable", WholeOrText),
            kept(4, "unhealthyPodEvictionPolicy", Text),
        ],
    ),
    part(
        "PodDisruptionBudgetStatus",
        &[
            one(1, "observedGeneration", Whole),
            one(3, "disruptionsAllowed", Whole),
            one(4, "currentHealthy", Whole),
            one(5, "desiredHealthy", Whole),
            one(6, "expectedPods", Whole),
        ],
    ),
    part("Preconditions", &[kept(1, "uid", Text), kept(2, "resourceVersion", Text)]),
    part(
        "ResourceAttributes",
        &[
            one(1, "namespace", Text),
            one(2, "verb", Text),
            one(3, "group", Text),
            one(4, "version", Text),
            one(5, "resource", Text),
            one(6, "subresource", Text),
            one(7, "name", Text),
        ],
    ),
    part("ReviewStatus", &[one(1, "userInfo", Of("UserInfo"))]),
    part("RulesReviewSpec", &[one(1, "namespace", Text)]),
    part("RulesReviewStatus", &[one(3, "incomplete", Flag), one(4, "evaluationError", Text)]),
    part(
        "ServicePort",
        &[
            one(1, "name", Text),
            one(2, "protocol", Text),
            one(3, "port", Whole),
            one(4, "targetPort", WholeOrText),
            one(5, "nodePort", Whole),
            kept(6, "appProtocol", Text),
        ],
    ),
    part(
        "ServiceSpec",
        &[
            list(1, "ports", Of("ServicePort")),
            map(2, "selector", Text),
            one(3, "clusterIP", Text),
            one(4, "type", Text),
            list(5, "externalIPs", Text),
            one(7, "sessionAffinity", Text),
            one(8, "loadBalancerIP", Text),
            list(9, "loadBalancerSourceRanges", Text),
            one(10, "externalName", Text),
            one(11, "externalTrafficPolicy", Text),
            one(12, "healthCheckNodePort", Whole),
            one(13, "publishNotReadyAddresses", Flag),
            kept(14, "sessionAffinityConfig", Of("SessionAffinityConfig")),
            kept(17, "ipFamilyPolicy", Text),
            list(18, "clusterIPs", Text),
            list(19, "ipFamilies", Text),
            kept(20, "allocateLoadBalancerNodePorts", Flag),
            kept(21, "loadBalancerClass", Text),
            kept(22, "internalTrafficPolicy", Text),
            kept(23, "trafficDistribution", Text),
        ],
    ),
    part("ServiceStatus", &[one(1, "loadBalancer", Of("LoadBalancerStatus"))]),
    part("SessionAffinityConfig", &[kept(1, "clientIP", Of("ClientIPConfig"))]),
    part("UserInfo", &[one(1, "username", Text), one(2, "uid", Text), list(3, "groups", Text)]),
];

#[test]
fn every_message_that_a_field_names_is_there() {
    for message in MESSAGES {
        for field in message.fields {
            if let Type::Message(name) = field.of {
                assert!(find(name).is_ok(), "{} of {}", field.name, message.name);
            }
        }
    }
}
