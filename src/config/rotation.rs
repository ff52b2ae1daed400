//! The part of the file that becomes the [`Policy`].

use std::sync::Arc;

use super::section::Section;
use super::values;
use crate::core::calendar::{
    CronLine, Freeze, Freezes, MARGIN, Schedule, Window, WindowState, Windows, Zone,
};
use crate::core::policy::{BreakerRule, Lead, Limits, Match, Override, Policy, Rules, RulesPatch};
use crate::core::selector::{NamespacePattern, Selector};
use crate::core::time::Time;

/// Reads everything that decisions go by.
pub(super) fn policy(root: &Section<'_>) -> Policy {
    let default = Policy::default();
    let rotation = root.section("rotation");
    let (patch, windows) = rules_patch(&rotation);
    let mut rules = Rules::default();
    rules.apply(&patch);
    check_rules(&rotation, &rules, &windows);
    if rules.windows.is_always() {
        rotation.warning("windows", "no window: rotations may start at any time");
    }
    let overrides = root.sections("overrides").unwrap_or_default();
    Policy {
        mode: root.word("mode").unwrap_or(default.mode),
        watch: matching(&root.section("watch")),
        overrides: overrides.iter().map(|section| one_override(section, &rules)).collect(),
        limits: limits(&rotation.section("limits"), default.limits),
        breaker: breaker(&rotation.section("breaker"), default.breaker),
        rules: Arc::new(rules),
    }
}

fn matching(section: &Section<'_>) -> Match {
    let namespaces = section.values("namespaces", |text, _| NamespacePattern::parse(text));
    let selector = section.value("selector", |text, _| Selector::parse(text));
    Match { namespaces: namespaces.unwrap_or_default(), selector: selector.unwrap_or_default() }
}

fn limits(section: &Section<'_>, default: Limits) -> Limits {
    Limits {
        total: section.count("total").unwrap_or(default.total),
        per_namespace: section.count("perNamespace").unwrap_or(default.per_namespace),
        per_issuer: section.count("perIssuer").unwrap_or(default.per_issuer),
    }
}

fn breaker(section: &Section<'_>, default: BreakerRule) -> BreakerRule {
    let rule = BreakerRule {
        failures: section.count("failures").unwrap_or(default.failures),
        of: section.count("of").unwrap_or(default.of),
        pause: section.duration("pause").unwrap_or(default.pause),
    };
    if rule.failures > rule.of {
        let BreakerRule { failures, of, .. } = rule;
        let wrong = if section.has("failures") { "failures" } else { "of" };
        section.problem(wrong, format!("{failures} failures of {of} attempts cannot be"));
    }
    rule
}

fn one_override(section: &Section<'_>, base: &Rules) -> Override {
    let matches = section.section("match");
    let says_nothing = matches.is_blank("namespaces") && matches.is_blank("selector");
    if section.has("match") && !matches.is_broken() && says_nothing {
        let message = "matches every database; name namespaces or a selector, or write these \
                       settings under `rotation`";
        section.problem("match", message);
    }
    if section.names().all(|name| name == "match") {
        section.warning("match", "nothing is set beside it, so this override changes nothing");
    }
    let (patch, windows) = rules_patch(section);
    let mut rules = base.clone();
    rules.apply(&patch);
    check_rules(section, &rules, &windows);
    Override { matches: matching(&matches), rules: patch }
}

/// A window and the section that it was read from.
type Placed<'t> = (Window, Section<'t>);

fn rules_patch<'t>(section: &Section<'t>) -> (RulesPatch, Vec<Placed<'t>>) {
    let emergency = section.section("emergency");
    let retry = section.section("retry");
    let backoff = retry.section("backoff");
    let lead = |section: &Section<'_>, name| section.value(name, |text, _| values::lead(text));
    let yields = emergency.words("overrides");
    let windows: Option<Vec<_>> = section
        .sections("windows")
        .map(|items| items.into_iter().filter_map(|item| Some((window(&item)?, item))).collect());
    let union = |placed: &Vec<Placed<'_>>| {
        let windows = Windows::new(placed.iter().map(|(window, _)| window.clone()).collect());
        windows.map_err(|error| section.problem("windows", error.to_string())).ok()
    };
    let patch = RulesPatch {
        renew_before: lead(section, "renewBefore"),
        emergency_before: lead(&emergency, "before"),
        emergency_overrides: yields
            .map(|words| (words.contains(&"windows"), words.contains(&"freezes"))),
        windows: windows.as_ref().and_then(union),
        freezes: section
            .sections("freezes")
            .map(|items| Freezes::new(items.iter().filter_map(freeze).collect())),
        schedule: section.has("schedule").then(|| schedule(section)),
        on_issuer_change: section.word("onIssuerChange"),
        on_ca_change: section.word("onCaChange"),
        expected_duration: section.duration("expectedDuration"),
        min_interval: section.duration("minInterval"),
        pick_up_within: section.duration("pickUpWithin"),
        timeout: section.duration("timeout"),
        retry_attempts: retry.count("attempts"),
        retry_backoff_from: backoff.duration("from"),
        retry_backoff_to: backoff.duration("to"),
        honour_auto_ops_disabled: section.switch("honourAutoOpsDisabled"),
    };
    (patch, windows.unwrap_or_default())
}

fn window(section: &Section<'_>) -> Option<Window> {
    let zone = zone(section);
    let open = section.value("open", |text, _| CronLine::parse(text));
    let length = section.duration("for");
    let window = Window::new(open?, length?, zone?);
    window.map_err(|error| section.problem("for", error.to_string())).ok()
}

fn freeze(section: &Section<'_>) -> Option<Freeze> {
    let zone = zone(section);
    let date = |name| section.value(name, |text, _| values::date(text));
    let (from, to) = (date("from"), date("to"));
    let reason = section.value("reason", |text, _| values::line(text));
    let freeze = Freeze::new(from?, to?, zone?, reason.unwrap_or_default());
    freeze.map_err(|error| section.problem("to", error.to_string())).ok()
}

fn schedule(rotation: &Section<'_>) -> Option<Schedule> {
    if rotation.is_null("schedule") {
        return None;
    }
    let section = &rotation.section("schedule");
    let zone = zone(section);
    let cron = section.value("cron", |text, _| CronLine::parse(text));
    Some(Schedule::new(cron?, zone?))
}

/// UTC when none is named; nothing when a wrong one is.
fn zone(section: &Section<'_>) -> Option<Zone> {
    if !section.has("timezone") {
        return Some(Zone::utc());
    }
    section.value("timezone", |text, _| Zone::parse(text))
}

/// What no single setting can tell.
fn check_rules(section: &Section<'_>, rules: &Rules, windows: &[Placed<'_>]) {
    check_backoff(section, rules);
    check_leads(section, rules);
    check_lengths(section, rules, windows);
    check_overlaps(section, windows);
}

fn check_backoff(section: &Section<'_>, rules: &Rules) {
    let (from, to) = (rules.retry.backoff_from, rules.retry.backoff_to);
    let backoff = section.section("retry").section("backoff");
    if from > to && !backoff.is_empty() {
        let wrong = if backoff.has("from") { "from" } else { "to" };
        backoff.problem(wrong, format!("from ({from}) is longer than to ({to})"));
    }
}

fn check_leads(section: &Section<'_>, rules: &Rules) {
    if let Lead::Percent(percent @ 67..) = rules.renew_before
        && section.has("renewBefore")
    {
        let message = format!("{percent}% is more than two thirds of the lifetime, which are used");
        section.warning("renewBefore", message);
    }
    let (Lead::Length(renew), Lead::Length(emergency)) =
        (rules.renew_before, rules.emergency.before)
    else {
        return;
    };
    if renew <= emergency && (section.has("renewBefore") || section.has("emergency")) {
        let wrong = if section.has("renewBefore") { "renewBefore" } else { "emergency" };
        let message = format!(
            "renewBefore ({renew}) is no longer than emergency.before ({emergency}): where the \
             latter is used in full, every rotation is an emergency"
        );
        section.warning(wrong, message);
    }
}

fn check_lengths(section: &Section<'_>, rules: &Rules, windows: &[Placed<'_>]) {
    if !section.has("windows") && !section.has("expectedDuration") {
        return;
    }
    for short in rules.windows.check(rules.expected_duration, MARGIN) {
        let message = format!("{short} ({} and {MARGIN} at each end)", rules.expected_duration);
        match windows.iter().find(|(window, _)| *window == short.window) {
            Some((_, place)) => place.wrong(message),
            None => section.problem("expectedDuration", message),
        }
    }
}

fn check_overlaps(section: &Section<'_>, windows: &[Placed<'_>]) {
    /// A Monday, the first day of a leap year: as good as any to look for examples from.
    const START: Time = Time::from_unix(1_704_067_200);
    const OPENINGS: usize = 32;
    let union = Windows::new(windows.iter().map(|(window, _)| window.clone()).collect());
    let Ok(union) = union else { return };
    if union.is_always() {
        return;
    }
    if matches!(union.state(START), WindowState::Open { until: None, .. }) {
        return section.warning("windows", "these windows never close");
    }
    for (index, (window, place)) in windows.iter().enumerate() {
        let schedule = Schedule::new(window.open().clone(), window.zone().clone());
        let next = |opening: &Time| schedule.next_after(*opening);
        let openings: Vec<_> =
            std::iter::successors(schedule.next_after(START), next).take(OPENINGS).collect();
        let holds = |other: &Window| {
            openings.iter().any(|opening| matches!(other.state(*opening), WindowState::Open { .. }))
        };
        let before = |other: &usize| *other != index;
        let other = (0..windows.len()).filter(before).find(|other| holds(&windows[*other].0));
        if let Some(other) = other {
            let message = format!("opens while windows[{other}] is open; together they are one");
            place.warn(message);
        }
    }
}
