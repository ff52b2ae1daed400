//! Large fleets, for benches.

use super::{Db, Fleet, Span, at, fleet};

/// So many databases in fifty namespaces, three certificates each, of ages from one end of their
/// life to the other: about a third of them are due. The same number gives the same fleet.
pub fn crowd(count: u32) -> Fleet {
    let databases = (0..count).map(|index| {
        let name = format!("ns-{:02}/db-{index:06}", index % 50);
        let age = Span::seconds(i64::from(index) * 5_003 % (65 * 86_400));
        let life = format!("-{}s..+{}s", age.as_seconds(), 90 * 86_400 - age.as_seconds());
        Db::named(&name)
            .servers(3)
            .lives(&life)
            .with(|database| {
                let tier = if index % 10 == 0 { "gold" } else { "iron" };
                database.labels = [
                    ("app.kubernetes.io/name".into(), "mysql".into()),
                    ("tier".into(), tier.into()),
                ]
                .into();
            })
            .remembering(index)
    });
    fleet(databases)
}

impl Db {
    /// With three attempts in its record, long ago.
    fn remembering(self, index: u32) -> Self {
        use crate::core::record::Attempt;
        use crate::core::vocabulary::Outcome;
        let issuer = self.database.server_issuer().cloned();
        self.record(|record| {
            for attempt in 0..3 {
                record.push_attempt(Attempt {
                    request: format!("db-{index:06}-rotate-{attempt:08x}").into(),
                    outcome: Outcome::Verified,
                    ended: at("-20d") - Span::days(attempt) - Span::seconds(i64::from(index)),
                    duration: Some(Span::minutes(4 + attempt)),
                    issuer: issuer.clone(),
                });
            }
            record.last_rotated = Some(at("-20d"));
        })
    }
}
