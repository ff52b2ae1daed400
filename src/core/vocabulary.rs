//! The closed vocabulary: one word for one thing, in code, log, event, metric, annotation and docs.
//!
//! Every enum here can be listed (`ALL`), written (`as_str`), explained (`meaning`) and read back
//! (`FromStr`). The sentence in each variant's documentation is what `docs/vocabulary.md` says of
//! it.

/// Declares an enum whose variants are words of the vocabulary.
macro_rules! words {
    (
        $(#[$meta:meta])*
        $name:ident { $( $(#[doc = $means:literal])+ $variant:ident = $word:literal, )+ }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $( $(#[doc = $means])+ $variant, )+ }

        impl $name {
            /// Every word, in the order in which they are declared.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )+ ];

            /// The word itself.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $word, )+ }
            }

            /// What the word means, in a sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $( Self::$variant => concat!($($means),+).trim_ascii(), )+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::core::vocabulary::UnknownWord;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $( $word => Ok(Self::$variant), )+
                    _ => Err($crate::core::vocabulary::UnknownWord(text.to_owned())),
                }
            }
        }
    };
}
pub(crate) use words;

mod advice;

/// A word that is not part of this vocabulary.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown word {0:?}")]
pub struct UnknownWord(pub String);

words! {
    /// Why a database is due for a rotation. The first that holds names it.
    Cause {
        /// A certificate has reached its notAfter.
        Expired = "Expired",
        /// A certificate that `spec.tls` asks for was never issued.
        Missing = "Missing",
        /// What was issued cannot be read as a certificate.
        Malformed = "Malformed",
        /// mysqld serves another leaf than the one issued: it was renewed and nobody restarted.
        ServedStale = "ServedStale",
        /// The issuer named by the database, or the key of its CA, is not the one that signed.
        IssuerChanged = "IssuerChanged",
        /// The certificate lacks a name that its specification asks for.
        NamesChanged = "NamesChanged",
        /// What is left of a certificate's life is below `renewBefore`.
        RenewalDue = "RenewalDue",
        /// An occurrence of `rotation.schedule` has passed and is not satisfied yet.
        ScheduleDue = "ScheduleDue",
        /// A person set `spec.requestedAt` of the Rotation.
        Requested = "Requested",
    }
}

words! {
    /// Why a database that is due is not rotated now.
    Gate {
        /// This process does not hold the lease.
        NotLeader = "NotLeader",
        /// `mode: report`: certrotor decides and reports, and creates nothing.
        ReportOnly = "ReportOnly",
        /// Another installation owns this database's Rotation.
        OtherInstallation = "OtherInstallation",
        /// The database or its namespace is being deleted.
        Deleting = "Deleting",
        /// The MySQL object cannot be read in full; it is only reported.
        DatabaseMalformed = "DatabaseMalformed",
        /// `spec.suspend` of the Rotation is true.
        Suspended = "Suspended",
        /// The database is halted.
        Halted = "Halted",
        /// The database is paused by someone else.
        Paused = "Paused",
        /// The causes still hold on the certificate that their own rotation produced.
        Unsatisfiable = "Unsatisfiable",
        /// The policy reports changes of the issuer and does not act on them.
        IssuerChangeReported = "IssuerChangeReported",
        /// A change of the CA would split a group that verifies it, so it is only reported.
        CaChangeReported = "CaChangeReported",
        /// `spec.autoOps.disabled` is set and the policy honours it.
        AutoOpsDisabled = "AutoOpsDisabled",
        /// The clocks of this host and of the apiserver differ by more than five minutes.
        ClockOff = "ClockOff",
        /// Another request is active on this database.
        RequestActive = "RequestActive",
        /// A backup or restore of this database is running.
        BackupRunning = "BackupRunning",
        /// The database is not Ready.
        DatabaseNotReady = "DatabaseNotReady",
        /// The issuer is missing or not Ready.
        IssuerNotReady = "IssuerNotReady",
        /// cert-manager is issuing one of the certificates right now.
        CertificateIssuing = "CertificateIssuing",
        /// cert-manager's last issuance of one of the certificates failed.
        CertificateFailing = "CertificateFailing",
        /// Attempts have failed as often as the policy allows at this stage.
        Stuck = "Stuck",
        /// An attempt has failed and the next is not due yet.
        BackingOff = "BackingOff",
        /// Too many of the newest rotations by this issuer or operator have failed.
        BreakerOpen = "BreakerOpen",
        /// The last rotation of this database is less than `minInterval` ago.
        RotatedRecently = "RotatedRecently",
        /// A Recommendation for this database is approved or in progress.
        RecommendationActive = "RecommendationActive",
        /// No rotation window is open.
        WindowClosed = "WindowClosed",
        /// A freeze is in force.
        Freeze = "Freeze",
        /// What is left of the window is shorter than a rotation of this database takes.
        WindowTooShort = "WindowTooShort",
        /// The window is open; this database's turn in it comes later.
        Spread = "Spread",
        /// `limits.total` rotations are in flight.
        BudgetTotal = "BudgetTotal",
        /// `limits.perNamespace` rotations are in flight in this namespace.
        BudgetNamespace = "BudgetNamespace",
        /// `limits.perIssuer` rotations are in flight with this issuer.
        BudgetIssuer = "BudgetIssuer",
    }
}

words! {
    /// How pressing a rotation is: the rungs of the escalation ladder, in order.
    Stage {
        /// In a window, in this database's turn.
        Normal = "normal",
        /// In any window that the config file gives this database.
        Urgent = "urgent",
        /// Windows and freezes yield, as far as the policy says.
        Emergency = "emergency",
        /// A certificate has ended.
        Expired = "expired",
    }
}

words! {
    /// How an attempt, and with it perhaps the rotation, ended.
    Outcome {
        /// Every replica serves the new certificate.
        Verified = "verified",
        /// The request succeeded, nobody could look, and nothing contradicts it.
        Unverified = "unverified",
        /// The request succeeded, but the old certificate is still in place.
        ServedOld = "servedOld",
        /// The request succeeded, but some replicas serve the old certificate.
        PartlyServed = "partlyServed",
        /// The request ended as Failed.
        Failed = "failed",
        /// The request ended as Denied.
        Denied = "denied",
        /// The request ended as Skipped: a newer one of its type took its place.
        Skipped = "skipped",
        /// The apiserver or an admission webhook refused the request.
        Rejected = "rejected",
        /// The request was deleted by someone else before it ended.
        Vanished = "vanished",
        /// certrotor took an unstarted request back.
        Withdrawn = "withdrawn",
        /// The request did not end within its time.
        TimedOut = "timedOut",
        /// Nobody started the request within `pickUpWithin`.
        NotPickedUp = "notPickedUp",
        /// A request of ours has the name but not the content: somebody else made it.
        ForeignRequest = "foreignRequest",
        /// No cause is left: somebody else rotated, or TLS was removed.
        Moot = "moot",
    }
}

words! {
    /// What a database is doing, in one word.
    State {
        /// It has no TLS, or certrotor is not asked to watch it.
        Unmanaged = "Unmanaged",
        /// Too little is known of its certificates to judge.
        Unknown = "Unknown",
        /// Nothing is due.
        Fresh = "Fresh",
        /// A rotation is due and a gate is closed.
        Waiting = "Waiting",
        /// A rotation is under way.
        Rotating = "Rotating",
        /// The request succeeded; certrotor is looking at what is served.
        Verifying = "Verifying",
        /// It needs a person: attempts are exhausted or the cause cannot be satisfied.
        Stuck = "Stuck",
    }
}

words! {
    /// Every write of the daemon to the cluster has one of these names; there are no others.
    WritePoint {
        /// Create the Rotation of a database that has none.
        CreateRotation = "createRotation",
        /// Start a new record: the MySQL is another one of the same name.
        ResetRecord = "resetRecord",
        /// Rebuild the record from what a request of ours carries.
        AdoptRequest = "adoptRequest",
        /// Remember under which schedule the database stands.
        NoteSchedule = "noteSchedule",
        /// Open a rotation: `current` with the name of its request.
        OpenRotation = "openRotation",
        /// Add causes, a person's request or a new stage to an open rotation.
        MergeCauses = "mergeCauses",
        /// Take and free slots.
        ChangeSlots = "changeSlots",
        /// Create the slots' ConfigMap, rebuilt from the records.
        CreateSlots = "createSlots",
        /// Create the request.
        CreateRequest = "createRequest",
        /// Remember the request's uid.
        NoteCreated = "noteCreated",
        /// Remember that the request was started.
        NoteStarted = "noteStarted",
        /// Remember when the request was seen ended, where it does not say so itself.
        NoteEnded = "noteEnded",
        /// Remember that the request is being taken back, and why.
        IntendWithdrawal = "intendWithdrawal",
        /// It was started meanwhile: it is followed after all.
        ForgetWithdrawal = "forgetWithdrawal",
        /// Delete an unstarted request.
        WithdrawRequest = "withdrawRequest",
        /// End an attempt and name the next one.
        EndAttempt = "endAttempt",
        /// Close the rotation.
        CloseRotation = "closeRotation",
        /// Delete a finished request beyond those that are kept.
        PruneRequest = "pruneRequest",
        /// Show people what changed: state, reasons, next.
        ShowStatus = "showStatus",
        /// Take, renew or release the lease.
        HoldLease = "holdLease",
        /// Write an Event.
        PostEvent = "postEvent",
    }
}

impl Outcome {
    /// These close the rotation; the others lead to another attempt.
    pub const fn closes(self) -> bool {
        matches!(self, Self::Verified | Self::Unverified | Self::Moot)
    }

    /// The word as the reason of an Event, which is written with a capital.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Verified => "Verified",
            Self::Unverified => "Unverified",
            Self::ServedOld => "ServedOld",
            Self::PartlyServed => "PartlyServed",
            Self::Failed => "Failed",
            Self::Denied => "Denied",
            Self::Skipped => "Skipped",
            Self::Rejected => "Rejected",
            Self::Vanished => "Vanished",
            Self::Withdrawn => "Withdrawn",
            Self::TimedOut => "TimedOut",
            Self::NotPickedUp => "NotPickedUp",
            Self::ForeignRequest => "ForeignRequest",
            Self::Moot => "Moot",
        }
    }

    /// These count towards `retry.attempts`; `vanished` only when the request had started.
    pub const fn counts_as_failure(self, started: bool) -> bool {
        match self {
            Self::Failed | Self::ServedOld | Self::PartlyServed | Self::TimedOut => true,
            Self::Vanished => started,
            Self::Verified
            | Self::Unverified
            | Self::Denied
            | Self::Skipped
            | Self::Rejected
            | Self::Withdrawn
            | Self::NotPickedUp
            | Self::ForeignRequest
            | Self::Moot => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back_as_itself() {
        for cause in Cause::ALL {
            assert_eq!(cause.as_str().parse(), Ok(*cause));
        }
        for gate in Gate::ALL {
            assert_eq!(gate.as_str().parse(), Ok(*gate));
        }
        for outcome in Outcome::ALL {
            assert_eq!(outcome.as_str().parse(), Ok(*outcome));
        }
        for stage in Stage::ALL {
            assert_eq!(stage.as_str().parse(), Ok(*stage));
        }
        for state in State::ALL {
            assert_eq!(state.as_str().parse(), Ok(*state));
        }
        assert!("verfied".parse::<Outcome>().is_err());
    }

    #[test]
    fn the_page_says_what_the_code_does() {
        let page = include_str!("../../docs/vocabulary.md");
        let mut rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
        macro_rules! rows_of {
            ($($words:ident)+) => { $( for word in $words::ALL {
                let row = format!("{word}` | {} |", word.meaning());
                assert_eq!(rows.next(), Some(&*row));
            } )+ };
        }
        macro_rules! advised_of {
            ($words:ident) => {
                for word in $words::ALL {
                    let row = format!("{word}` | {} | {} |", word.meaning(), word.advice());
                    assert_eq!(rows.next(), Some(&*row));
                }
            };
        }
        advised_of!(State);
        advised_of!(Cause);
        advised_of!(Gate);
        rows_of!(Stage);
        advised_of!(Outcome);
        rows_of!(WritePoint);
        assert_eq!(rows.next(), None);
    }
}
