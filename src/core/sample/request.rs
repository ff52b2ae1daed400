//! One MySQLOpsRequest.

use super::{Carried, Database, INSTALLATION, Request, RequestContent, RequestPhase, Text, at};

/// A request of somebody else, in that phase, created an hour ago.
pub fn request(phase: RequestPhase) -> Request {
    Request {
        uid: "request".into(),
        resource_version: "1".into(),
        created: at("-1h"),
        phase,
        started: None,
        ended: None,
        deleting: false,
        content: RequestContent::Rotate,
        carried: None,
        message: "".into(),
    }
}

impl Request {
    /// Changed in any way.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Made for the open rotation of this database.
    #[must_use]
    pub fn made_for(mut self, database: &Database) -> Self {
        let rotation = database.rotation.as_ref().expect("a Rotation");
        let current = rotation.record.current.as_ref().expect("an open rotation");
        self.carried = Some(Carried {
            installation: INSTALLATION.into(),
            database_uid: Text::clone(&database.uid),
            opened: current.opened,
            attempt: current.attempt,
            failures: current.failures,
            stage: current.request.stage,
            causes: current.causes.clone(),
            requested_at: current.requested_at.clone(),
            occurrence: current.occurrence,
            baseline: current.baseline.clone(),
        });
        self
    }
}
