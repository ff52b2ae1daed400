//! What to do about a word: one sentence, for people who see it on a database.

use super::{Cause, Gate, Outcome, State};

impl State {
    /// What to do.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Unmanaged => "Set `spec.tls`, or widen `watch`, if it should be rotated.",
            Self::Unknown => {
                "Wait a minute; then see whether its Certificates exist and say something."
            }
            Self::Fresh => "Nothing.",
            Self::Waiting => "See what for: `certrotor explain` names every gate that is closed.",
            Self::Rotating => "Nothing; `certrotor rotate --wait` follows it.",
            Self::Verifying => "Nothing; it ends within ten minutes.",
            Self::Stuck => "Mend what failed, then ask anew with `certrotor rotate`.",
        }
    }
}

impl Cause {
    /// What to do.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Expired => "See what kept it from being rotated: that gate is closed still.",
            Self::Missing => "See what cert-manager says of the Certificate and its issuer.",
            Self::Malformed => "See the Secret and who wrote it; cert-manager's own can be read.",
            Self::ServedStale => "Nothing: it is restarted in its turn.",
            Self::IssuerChanged => "Nothing, if the change was meant; else put the issuer back.",
            Self::NamesChanged => "Nothing: the new certificate will have the name.",
            Self::RenewalDue => "Nothing: it is rotated in its window.",
            Self::ScheduleDue => "Nothing: it is rotated in its window, as the schedule asks.",
            Self::Requested => "Nothing: it is rotated as soon as every gate is open.",
        }
    }
}

impl Gate {
    /// What to do.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::NotLeader => "Ask the replica that leads.",
            Self::ReportOnly => "Set `mode: enforce` when you want it to act.",
            Self::OtherInstallation => "Let one installation watch it: see `watch` of both.",
            Self::Deleting => "Nothing: it goes.",
            Self::DatabaseMalformed => "Mend the object as the reason says.",
            Self::Suspended => "`certrotor resume` when it may go on.",
            Self::Halted => "Set `spec.halted: false` when it should run.",
            Self::Paused => "See who paused it: its condition `Paused` names the request.",
            Self::Unsatisfiable => {
                "Mend the issuer or the specification: rotating again would change nothing."
            }
            Self::IssuerChangeReported => "Rotate it yourself, or set `onIssuerChange: rotate`.",
            Self::CaChangeReported => {
                "Spread a bundle of both CAs first, then set `onCaChange: rotate`."
            }
            Self::AutoOpsDisabled => "Enable it, or set `honourAutoOpsDisabled: false`.",
            Self::ClockOff => "Mend the time of this host or of the control plane.",
            Self::RequestActive => "Wait for that request, or delete it if it hangs.",
            Self::BackupRunning => "Wait for its end.",
            Self::DatabaseNotReady => "See what is wrong with the database first.",
            Self::IssuerNotReady => "See what cert-manager says of the issuer.",
            Self::CertificateIssuing => "Wait; if it takes minutes, see its CertificateRequest.",
            Self::CertificateFailing => "See what its CertificateRequest says.",
            Self::Stuck => "Mend what failed, then ask anew with `certrotor rotate`.",
            Self::BackingOff => "Wait, or mend what the last attempt failed of.",
            Self::BreakerOpen => "See why the others failed; one is let through to try.",
            Self::RotatedRecently => "Wait; a lower `minInterval` makes it shorter.",
            Self::RecommendationActive => "Wait: the Recommendation rotates it.",
            Self::WindowClosed => "Wait for the window; `windows` says when it opens.",
            Self::Freeze => "Wait for its end; an emergency does not.",
            Self::WindowTooShort => "Wait for the next window, or make it longer.",
            Self::Spread => "Wait for its turn; `certrotor rotate` does not.",
            Self::BudgetTotal => "Wait, or raise `limits.total`.",
            Self::BudgetNamespace => "Wait, or raise `limits.perNamespace`.",
            Self::BudgetIssuer => "Wait, or raise `limits.perIssuer`.",
        }
    }
}

impl Outcome {
    /// What to do.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Verified => "Nothing: it is done.",
            Self::Unverified => "See why nobody could look; `certrotor probe` looks by hand.",
            Self::ServedOld => "See whether the servers were restarted, and the operator's log.",
            Self::PartlyServed => {
                "Restart the replicas that serve the old one, or wait for the next attempt."
            }
            Self::Failed => "See the conditions of the request; it is tried again.",
            Self::Denied => "See who denied it, and why.",
            Self::Skipped => "Nothing: it is tried again.",
            Self::Rejected => "See the reason in the log: a webhook or a quota is in the way.",
            Self::Vanished => "See who deletes requests; it is tried again.",
            Self::Withdrawn => "Nothing: it is asked for again in time.",
            Self::TimedOut => "See what its operator waits for.",
            Self::NotPickedUp => "See whether KubeDB's Ops Manager runs and is licensed.",
            Self::ForeignRequest => "See who made a request of that name.",
            Self::Moot => "Nothing.",
        }
    }
}
