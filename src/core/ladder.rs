//! The escalation ladder: how pressing a rotation is, from what is left of a certificate's life.

use super::fleet::{Certificate, Database, Issued, LeafId};
use super::policy::Rules;
use super::record::Wishes;
use super::time::{Span, Time};
use super::vocabulary::Stage;

/// How long before the end of a certificate each rung begins, clamped to its lifetime.
///
/// Always `emergency ≤ urgent ≤ renew`: a policy written for 90-day certificates must not make
/// one-hour certificates emergencies from birth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leads {
    /// A rotation is due.
    pub renew: Span,
    /// Half-way from there to the emergency.
    pub urgent: Span,
    /// The last rung before expiry.
    pub emergency: Span,
}

impl Leads {
    /// For a certificate that lives `lifetime`; one that ends before it begins has no life at all.
    pub fn of(rules: &Rules, wishes: &Wishes, lifetime: Span) -> Self {
        let lifetime = lifetime.max(Span::ZERO);
        let emergency =
            rules.emergency.before.of(lifetime).clamp(Span::ZERO, lifetime.scaled(1, 6));
        let wanted = wishes.renew_before.unwrap_or(rules.renew_before).of(lifetime);
        let renew = wanted.min(lifetime.scaled(2, 3)).max(emergency);
        let urgent = emergency + (renew - emergency).scaled(1, 2);
        Self { renew, urgent, emergency }
    }

    /// When a rotation of this leaf becomes due.
    pub fn renew_at(&self, leaf: &LeafId) -> Time {
        leaf.not_after - self.renew
    }

    /// The rung that this leaf is on, and when it will be on the next.
    pub fn stage(&self, leaf: &LeafId, now: Time) -> (Stage, Option<Time>) {
        let rungs = [
            (leaf.not_after, Stage::Expired),
            (leaf.not_after - self.emergency, Stage::Emergency),
            (leaf.not_after - self.urgent, Stage::Urgent),
        ];
        let mut next = None;
        for (begins, stage) in rungs {
            if begins <= now {
                return (stage, next);
            }
            next = Some(begins);
        }
        (Stage::Normal, next)
    }
}

/// The highest rung of any certificate of a database, when it changes, and the soonest notAfter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The highest rung.
    pub stage: Stage,
    /// When a certificate reaches its next rung.
    pub changes: Option<Time>,
    /// The soonest notAfter of a leaf in use.
    pub expires: Option<Time>,
    /// When a rotation becomes due by age.
    pub renew_at: Option<Time>,
    /// When the first certificate reaches its emergency.
    pub emergency_at: Option<Time>,
}

impl Standing {
    /// Of a database under these rules.
    pub fn of(database: &Database, rules: &Rules, wishes: &Wishes, now: Time) -> Self {
        let mut standing = Self {
            stage: Stage::Normal,
            changes: None,
            expires: None,
            renew_at: None,
            emergency_at: None,
        };
        for (alias, certificate) in &database.certificates {
            for leaf in database.leaves_in_use(alias, certificate) {
                let leads = Leads::of(rules, wishes, leaf.lifetime());
                let (stage, changes) = leads.stage(&leaf, now);
                standing.stage = standing.stage.max(stage);
                soonest(&mut standing.changes, changes);
                soonest(&mut standing.expires, Some(leaf.not_after));
                soonest(&mut standing.renew_at, Some(leads.renew_at(&leaf)));
                soonest(&mut standing.emergency_at, Some(leaf.not_after - leads.emergency));
            }
            standing.stage = standing.stage.max(floor(certificate));
        }
        if database.chain_untrusted() {
            standing.stage = standing.stage.max(Stage::Urgent);
        }
        standing
    }
}

/// A certificate that is missing or unreadable has no dates; it is urgent.
const fn floor(certificate: &Certificate) -> Stage {
    match certificate.issued {
        Issued::Missing | Issued::Malformed(_) => Stage::Urgent,
        Issued::Unknown | Issued::Leaf(_) => Stage::Normal,
    }
}

/// Keeps the earlier of two moments.
pub fn soonest(kept: &mut Option<Time>, candidate: Option<Time>) {
    if let Some(candidate) = candidate {
        *kept = Some(kept.map_or(candidate, |kept| kept.min(candidate)));
    }
}

#[cfg(test)]
mod tests {
    use super::super::policy::Lead;
    use super::*;

    #[test]
    fn leads_clamp_to_the_lifetime() {
        let rules = Rules::default();
        let wish = |lead| Wishes { renew_before: Some(lead), ..Wishes::default() };
        for (name, lifetime, wishes, renew, emergency) in [
            (
                "90 days: 45 % and 72 h",
                Span::days(90),
                Wishes::default(),
                Span::hours(972),
                Span::hours(72),
            ),
            (
                "one hour: a sixth",
                Span::HOUR,
                Wishes::default(),
                Span::minutes(27),
                Span::minutes(10),
            ),
            (
                "a wish above two thirds",
                Span::days(90),
                wish(Lead::Length(Span::days(80))),
                Span::days(60),
                Span::hours(72),
            ),
            (
                "a wish below the emergency",
                Span::days(90),
                wish(Lead::Length(Span::HOUR)),
                Span::hours(72),
                Span::hours(72),
            ),
            (
                "to the end of time",
                Time::MAX.since(Time::from_unix(0)),
                Wishes::default(),
                Time::MAX.since(Time::from_unix(0)).scaled(45, 100),
                Span::hours(72),
            ),
        ] {
            let leads = Leads::of(&rules, &wishes, lifetime);
            assert_eq!((leads.renew, leads.emergency), (renew, emergency), "{name}");
            assert!(leads.emergency <= leads.urgent && leads.urgent <= leads.renew, "{name}");
        }
    }

    #[test]
    fn each_rung_begins_exactly_when_it_says() {
        let not_before = Time::from_unix(0);
        let leaf = LeafId { not_before, not_after: not_before + Span::days(90), fingerprint: None };
        let leads = Leads::of(&Rules::default(), &Wishes::default(), leaf.lifetime());
        let mut now = not_before;
        let mut seen = vec![];
        loop {
            let (stage, next) = leads.stage(&leaf, now);
            seen.push(stage);
            let Some(next) = next else { break };
            assert_eq!(leads.stage(&leaf, next - Span::seconds(1)).0, stage);
            now = next;
        }
        assert_eq!(seen, Stage::ALL);
        assert_eq!(now, leaf.not_after);
    }
}
