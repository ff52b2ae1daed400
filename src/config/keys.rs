//! Every setting: one table that the reader, the JSON schema, the documentation and the tests use.

use std::fmt;

use crate::core::time::Span;

/// A setting.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Where it stands, such as `rotation.windows[].open`; `[]` is each item of a list.
    pub path: &'static str,
    /// What may stand there.
    pub kind: Kind,
    /// What holds when it is not set, as YAML; none: it must be set.
    pub default: Option<&'static str>,
    /// What it means, in a sentence.
    pub about: &'static str,
}

/// What may stand as the value of a setting. Its `Display` says what is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Where a server listens.
    Address,
    /// A number of things, from 1.
    Count {
        /// The largest number.
        most: u32,
    },
    /// A crontab line.
    Cron,
    /// A calendar day.
    Date,
    /// A length of time.
    Duration {
        /// The shortest.
        least: Span,
        /// The longest.
        most: Span,
    },
    /// A share of a certificate's lifetime, or a length of time before its end.
    Lead,
    /// The name of an installation.
    Name,
    /// A list of namespaces or patterns of them.
    Namespaces,
    /// A group of settings.
    Section,
    /// A list of groups of settings.
    Sections {
        /// The most items.
        most: usize,
    },
    /// A label selector.
    Selector,
    /// Yes or no.
    Switch,
    /// What a person reads.
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Some of these words.
    Words(&'static [&'static str]),
    /// A time zone.
    Zone,
}

/// The longest that any setting may ask for: ten years.
pub(super) const LONGEST: Span = Span::days(3_650);
/// The longest text, in characters.
pub(super) const MOST_TEXT: usize = 200;

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address => f.write_str("an IP address and a port, such as `127.0.0.1:9441`"),
            Self::Count { most } => write!(f, "a whole number from 1 to {most}"),
            Self::Cron => f.write_str("a crontab line, such as `0 2 * * SAT,SUN`"),
            Self::Date => f.write_str("a day, such as `2026-12-20`"),
            Self::Duration { least, most } => {
                write!(f, "a duration from {least} to {most}, such as `1h30m`")
            }
            Self::Lead => write!(f, "`1%` to `99%`, or a duration from 1m to {LONGEST}"),
            Self::Name => f.write_str("1 to 63 of a-z, 0-9 and `-`, no `-` at either end"),
            Self::Namespaces => f.write_str("a list of names or patterns, such as `[prod-*]`"),
            Self::Section => f.write_str("a section"),
            Self::Sections { most } => write!(f, "a list of at most {most} sections"),
            Self::Selector => f.write_str("a label selector, such as `tier=gold`"),
            Self::Switch => f.write_str("`true` or `false`"),
            Self::Text => write!(f, "one line of at most {MOST_TEXT} characters"),
            Self::Word([first @ .., last]) => write!(f, "`{}` or `{last}`", first.join("`, `")),
            Self::Word([]) => f.write_str("nothing"),
            Self::Words(words) => write!(f, "a list of none or some of `{}`", words.join("`, `")),
            Self::Zone => f.write_str("an IANA time zone, such as `Europe/Berlin`"),
        }
    }
}

/// Where overrides stand; what they may set besides `match` stands under [`ROTATION`].
pub(super) const OVERRIDE: &str = "overrides[]";
const ROTATION: &str = "rotation";
/// These are about the whole fleet, so an override cannot set them.
const WHOLE_FLEET: [&str; 2] = ["rotation.limits", "rotation.breaker"];

impl Key {
    /// What follows the last dot.
    pub fn name(&self) -> &'static str {
        self.path.rsplit_once('.').map_or(self.path, |(_, name)| name)
    }

    /// The path of the section that it is in; empty at the top.
    pub fn parent(&self) -> &'static str {
        self.path.rsplit_once('.').map_or("", |(parent, _)| parent)
    }

    /// Whether it stands under `rotation` and may also stand in an override.
    pub fn overridable(&self) -> bool {
        self.parent() == ROTATION && !WHOLE_FLEET.contains(&self.path)
    }
}

/// The settings of one section, in the order of the table.
pub(super) fn children(parent: &str) -> impl Iterator<Item = &'static Key> {
    KEYS.iter()
        .filter(move |key| key.parent() == parent || (parent == OVERRIDE && key.overridable()))
}

const fn key(
    path: &'static str,
    kind: Kind,
    default: Option<&'static str>,
    about: &'static str,
) -> Key {
    Key { path, kind, default, about }
}

const fn duration(least: Span, most: Span) -> Kind {
    Kind::Duration { least, most }
}

const SECOND: Span = Span::seconds(1);
const WEEK: Span = Span::days(7);
const MONTH: Span = Span::days(30);
const YEAR: Span = Span::days(366);
const SECTION: Option<&str> = Some("{}");
const LIST: Option<&str> = Some("[]");
const CHANGE: Kind = Kind::Word(&["rotate", "report"]);
const CA_CHANGE: Kind = Kind::Word(&["auto", "rotate", "report"]);
const COUNT: Kind = Kind::Count { most: 10_000 };

/// Every setting there is.
#[rustfmt::skip]
pub static KEYS: &[Key] = &[
    key("mode", Kind::Word(&["enforce", "report"]), Some("enforce"),
        "`enforce` rotates; `report` decides and reports, and creates and deletes nothing."),
    key("installation", Kind::Name, Some("certrotor"),
        "The id of this installation. Each of several in one cluster needs its own. Read at the start."),
    key("watch", Kind::Section, SECTION, "Which databases are certrotor's business."),
    key("watch.namespaces", Kind::Namespaces, LIST,
        "Their namespaces; `*` stands for any characters. None: every namespace."),
    key("watch.selector", Kind::Selector, Some("\"\""),
        "The labels of the MySQL, as `kubectl -l` takes them. Empty: every MySQL."),
    key("rotation", Kind::Section, SECTION, "When and how to rotate."),
    key("rotation.renewBefore", Kind::Lead, Some("45%"),
        "Rotate when less than this is left of a certificate's life. At most two thirds of the lifetime are used."),
    key("rotation.emergency", Kind::Section, SECTION, "The last rung before a certificate ends."),
    key("rotation.emergency.before", Kind::Lead, Some("72h"),
        "An emergency begins when less than this is left. At most a sixth of the lifetime is used."),
    key("rotation.emergency.overrides", Kind::Words(&["windows", "freezes"]), Some("[windows, freezes]"),
        "What yields to an emergency. Limits never do."),
    key("rotation.windows", Kind::Sections { most: 16 }, LIST,
        "When rotations may start and must have ended; together they are one calendar. None: always."),
    key("rotation.windows[].open", Kind::Cron, None, "When the window opens."),
    key("rotation.windows[].for", duration(Span::MINUTE, YEAR), None, "How long it stays open."),
    key("rotation.windows[].timezone", Kind::Zone, Some("UTC"), "The zone that `open` is meant in."),
    key("rotation.freezes", Kind::Sections { most: 100 }, LIST,
        "Days on which every window stays closed."),
    key("rotation.freezes[].from", Kind::Date, None, "The first day."),
    key("rotation.freezes[].to", Kind::Date, None, "The last day; it belongs to the freeze."),
    key("rotation.freezes[].timezone", Kind::Zone, Some("UTC"), "The zone whose days these are."),
    key("rotation.freezes[].reason", Kind::Text, Some("\"\""), "What people are told while it lasts."),
    key("rotation.schedule", Kind::Section, Some("null"),
        "Rotate at these times, whatever is left of a certificate's life. `null`: never for that reason."),
    key("rotation.schedule.cron", Kind::Cron, None, "When."),
    key("rotation.schedule.timezone", Kind::Zone, Some("UTC"), "The zone that `cron` is meant in."),
    key("rotation.onIssuerChange", CHANGE, Some("rotate"),
        "What to do when a database names another issuer than the one that signed."),
    key("rotation.onCaChange", CA_CHANGE, Some("auto"),
        "What to do when the CA of an issuer has another key. `auto` rotates, but reports for a group whose \
         members verify each other, unless certrotor's own executor runs."),
    key("rotation.expectedDuration", duration(SECOND, WEEK), Some("10m"),
        "How long a rotation takes, until one of that database was seen."),
    key("rotation.minInterval", duration(Span::ZERO, YEAR), Some("6h"),
        "At least so long between two rotations of one database. Never yields."),
    key("rotation.pickUpWithin", duration(SECOND, WEEK), Some("15m"),
        "A request that its operator has not started after this long is taken back."),
    key("rotation.timeout", duration(SECOND, WEEK), Some("10m"),
        "`spec.timeout` of the requests: KubeDB's limit for each step."),
    key("rotation.limits", Kind::Section, SECTION, "How many rotations may be in flight. Never yield."),
    key("rotation.limits.total", COUNT, Some("2"), "In the whole fleet."),
    key("rotation.limits.perNamespace", COUNT, Some("1"), "In one namespace."),
    key("rotation.limits.perIssuer", COUNT, Some("2"), "With one issuer."),
    key("rotation.retry", Kind::Section, SECTION, "What to do when a rotation fails."),
    key("rotation.retry.attempts", Kind::Count { most: 100 }, Some("3"),
        "So many failures, then a person is asked."),
    key("rotation.retry.backoff", Kind::Section, SECTION, "How long to wait before the next attempt."),
    key("rotation.retry.backoff.from", duration(SECOND, MONTH), Some("15m"),
        "After the first failure; it doubles each time."),
    key("rotation.retry.backoff.to", duration(SECOND, MONTH), Some("6h"), "The longest wait."),
    key("rotation.breaker", Kind::Section, SECTION,
        "Stop all rotations of an issuer or operator when too many fail."),
    key("rotation.breaker.failures", Kind::Count { most: 1_000 }, Some("3"), "It opens at so many failures …"),
    key("rotation.breaker.of", Kind::Count { most: 1_000 }, Some("5"), "… among so many of the newest attempts."),
    key("rotation.breaker.pause", duration(SECOND, MONTH), Some("1h"),
        "So long after the newest of them, one rotation is let through to try."),
    key("rotation.honourAutoOpsDisabled", Kind::Switch, Some("false"),
        "Whether `spec.autoOps.disabled` of a MySQL stops certrotor too, and not only KubeDB."),
    key("overrides", Kind::Sections { most: 100 }, LIST,
        "Exceptions for some databases. All that match apply, the later wins, lists replace."),
    key("overrides[].match", Kind::Section, None,
        "For which databases; beside it stands any setting of `rotation` but `limits` and `breaker`."),
    key("overrides[].match.namespaces", Kind::Namespaces, LIST, "As `watch.namespaces`."),
    key("overrides[].match.selector", Kind::Selector, Some("\"\""), "As `watch.selector`."),
    key("probe", Kind::Section, SECTION, "How to look at what the servers serve."),
    key("probe.enabled", Kind::Switch, Some("true"), "Whether to look at all."),
    key("probe.every", duration(SECOND, MONTH), Some("1h"), "How often to look at each server."),
    key("probe.concurrency", Kind::Count { most: 1_000 }, Some("50"), "At so many servers at once."),
    key("probe.login", Kind::Section, Some("null"),
        "An account that looks log in with, so that they leave no trace on the servers. It needs no privilege. \
         `null`: each look ends with a refused login of a name that nobody has."),
    key("probe.login.user", Kind::Text, None, "Its name."),
    key("probe.login.passwordFile", Kind::Text, None,
        "The file whose first line is its password. Only servers with a certificate of the published CA get it."),
    key("server", Kind::Section, SECTION, "What certrotor serves itself. Read at the start."),
    key("server.metrics", Kind::Address, Some("0.0.0.0:9440"), "Metrics and health checks."),
    key("server.page", Kind::Address, Some("127.0.0.1:9441"), "The status page and its JSON. They show every database, so the default is this machine alone."),
    key("executor", Kind::Section, SECTION, "For `certrotor operate` alone."),
    key("executor.issueWith", Kind::Word(&["certManager", "self"]), Some("certManager"),
        "Who issues: cert-manager, or the executor itself with the CA in the Issuer's Secret."),
    key("executor.reload", Kind::Word(&["auto", "never"]), Some("auto"),
        "`auto` reloads certificates without a restart where that is enough; `never` always restarts."),
    key("executor.caOverlap", duration(Span::ZERO, WEEK), Some("2m"),
        "How long clients have to read a new CA from the bundle before a certificate of it is served."),
];
