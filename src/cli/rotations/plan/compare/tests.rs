use super::*;
use crate::core::policy::Rules;
use crate::core::sample::{Db, NOW, at, fleet, policy, windows};
use crate::report::outlook;

fn forecast(change: impl FnOnce(&mut Rules), suspended: bool) -> Outlook {
    let fleet = fleet([
        Db::named("shop/orders").lives("-70d..+20d"),
        Db::named("web/blog").lives("-10d..+80d").wishes(|wishes| wishes.suspend = suspended),
    ]);
    let policy = policy(|_, rules| change(rules));
    let view = crate::daemon::View {
        plan: Some(crate::core::plan::plan(&fleet, &policy, NOW).into()),
        fleet: fleet.into(),
        policy: Some(policy.into()),
        at: Some(NOW),
        ..crate::daemon::View::default()
    };
    outlook(&view, Span::days(60)).unwrap()
}

#[test]
fn what_is_the_same_is_only_counted() {
    let same = Difference::between(&forecast(|_| {}, false), &forecast(|_| {}, false));
    assert_eq!(same.in_words(), "nothing is different\n3 rotations are the same\n");
}

#[test]
fn what_begins_at_another_moment_and_what_is_held_is_told() {
    let nightly = |rules: &mut Rules| rules.windows = windows("0 2 * * *", "4h");
    let found = Difference::between(&forecast(|_| {}, false), &forecast(nightly, true));
    let text = found.in_words();
    let (now, night) = (at("0"), "2026-06-04T0");
    assert!(text.starts_with(&format!("~ shop/orders   {now} → {night}")), "{text}");
    assert!(text.contains(" later\n") && text.contains("- web/blog   2026-"), "{text}");
    assert!(text.contains("! web/blog   held by nothing → Suspended\n"), "{text}");
}
