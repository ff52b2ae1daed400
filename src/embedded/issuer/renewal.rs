//! When a certificate is renewed, and when a failed issuance is tried again.

use super::matching;
use super::view::View;
use crate::api::cert_manager::CertificateSpec;
use crate::api::go_duration::GoDuration;
use crate::core::certificate::Leaf;
use crate::core::time::{Span, Time};

/// The first pause after a failure; it doubles with each further one, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Span = Span::hours(1);
const LONGEST_PAUSE: Span = Span::hours(32);

/// When a certificate is renewed: `renewBefore` its end if that is within its life, or the
/// percentage of its life before its end, or at two thirds of it. None when renewal is disabled.
pub(super) fn time(leaf: &Leaf, spec: &CertificateSpec) -> Option<Time> {
    if spec.renewal.policy.as_deref() == Some("Disabled") {
        return None;
    }
    let life = leaf.lifetime();
    let said = spec.renew_before.as_ref().and_then(GoDuration::span);
    let said = said.filter(|said| *said > Span::ZERO && *said < life);
    let percent = spec.renew_before_percentage.filter(|percent| (1..100).contains(percent));
    let before = said.or_else(|| percent.map(|percent| part(life, percent, 100)));
    Some(leaf.not_after - before.unwrap_or_else(|| part(life, 1, 3)))
}

/// Rounded up, because cert-manager rounds the moment that follows down to its second.
fn part(life: Span, numerator: i64, denominator: i64) -> Span {
    let rest = Span::ZERO - life;
    Span::ZERO - rest.scaled(numerator, denominator)
}

/// Until when a failed issuance is not tried again; none when it may be.
///
/// A request that the Certificate has been changed away from does not count. Where there is no
/// request, because none could be made, a change of the Certificate counts.
pub(super) fn pause(view: &View, now: Time) -> Option<Time> {
    let status = &view.certificate.status;
    let failed = status.last_failure_time?;
    match &view.next {
        Some(next) => match matching::request(next, &view.certificate.spec) {
            Ok(fields) if fields.is_empty() => {}
            Ok(_) | Err(_) => return None,
        },
        None if view.was_changed_since_it_failed() => return None,
        None => {}
    }
    let until = failed + pause_after(status.failed_issuance_attempts.unwrap_or(1));
    (now < until).then_some(until)
}

/// The pause after so many failures in a row: 1, 2, 4, 8, 16, 32, 32 … hours.
fn pause_after(failures: i64) -> Span {
    let doublings = u32::try_from((failures - 1).clamp(0, 5)).unwrap_or(0);
    let pause = FIRST_PAUSE.scaled(1 << doublings, 1);
    pause.min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;
    use crate::pki::{Algorithm, Authority, Entropy, Lifetime, Profile};

    const NOON: Time = Time::from_unix(1_800_000_000);

    fn leaf(life: Span) -> Leaf {
        let entropy = Entropy::seeded(1);
        let lifetime = Lifetime { not_before: NOON, not_after: NOON + life };
        let profile = Profile::authority("a");
        let root = Authority::root(&profile, Algorithm::Ed25519, lifetime, &entropy).unwrap();
        root.facts().clone()
    }

    #[test]
    fn a_third_of_the_actual_lifetime_is_left_unless_something_else_is_said() {
        let day = 86_400;
        for (life, spec, after) in [
            (90 * day, json!({}), Some(60 * day)),
            (600, json!({}), Some(400)),
            // Not a second later than cert-manager, which rounds down.
            (100, json!({}), Some(66)),
            (1, json!({}), Some(0)),
            (0, json!({}), Some(0)),
            (90 * day, json!({"renewBefore": "360h"}), Some(75 * day)),
            (600, json!({"renewBefore": "90s"}), Some(510)),
            // Not within the life of what was really issued.
            (600, json!({"renewBefore": "10m"}), Some(400)),
            (600, json!({"renewBefore": "-1m"}), Some(400)),
            (600, json!({"renewBefore": "5d"}), Some(400)),
            (600, json!({"renewBeforePercentage": 25}), Some(450)),
            (601, json!({"renewBeforePercentage": 25}), Some(450)),
            (600, json!({"renewBeforePercentage": 100}), Some(400)),
            (600, json!({"renewBeforePercentage": 0}), Some(400)),
            (600, json!({"renewBefore": "90s", "renewBeforePercentage": 25}), Some(510)),
            (600, json!({"renewal": {"policy": "Disabled"}}), None),
            (600, json!({"renewal": {"policy": "RenewBefore"}}), Some(400)),
            // More than three years, where Go's nanoseconds overflowed (cert-manager#8947).
            (3_650 * day, json!({"renewBeforePercentage": 99}), Some(3_650 * day / 100)),
        ] {
            let expected = after.map(|after| NOON + Span::seconds(after));
            let spec = from_value(spec.clone()).unwrap();
            assert_eq!(time(&leaf(Span::seconds(life)), &spec), expected, "{life} {spec:?}");
        }
    }

    #[test]
    fn the_end_of_time_is_no_trouble() {
        let leaf = leaf(Span::seconds(i64::MAX));
        assert_eq!(leaf.not_after, Time::MAX);
        let spec = from_value(json!({"renewBeforePercentage": 99})).unwrap();
        let renewed = time(&leaf, &spec).unwrap();
        assert!(NOON < renewed && renewed < Time::MAX);
    }

    #[test]
    fn pauses_double_up_to_32_hours() {
        for (failures, hours) in
            [(-1, 1), (0, 1), (1, 1), (2, 2), (3, 4), (5, 16), (6, 32), (7, 32), (i64::MAX, 32)]
        {
            assert_eq!(pause_after(failures), Span::hours(hours), "{failures}");
        }
    }
}
