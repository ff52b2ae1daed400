//! The status of a set: how many pods there are, and of which revision.

use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetStatus};

use super::plan::{Health, Member, Wanted};

/// What a set is, with these pods.
///
/// As with the real controller, `currentRevision` is the first revision, and becomes the newest
/// only when a rolling update is complete: `OnDelete` never moves it.
pub(super) fn status(
    set: &StatefulSet,
    wanted: &Wanted<'_>,
    members: &[Member],
) -> StatefulSetStatus {
    let old = set.status.clone().unwrap_or_default();
    let count = |is: &dyn Fn(&Member) -> bool| {
        i32::try_from(members.iter().filter(|member| is(member)).count()).unwrap_or(i32::MAX)
    };
    let staying_of = |revision: &str| {
        count(&|member| {
            let stays = !member.leaving && member.health != Health::Ended;
            stays && member.revision == revision
        })
    };
    let replicas = count(&|_| true);
    let ready = count(&|member| member.health >= Health::Ready);
    let updated = staying_of(wanted.revision);
    let complete = wanted.replaces
        && [replicas, ready, updated]
            .iter()
            .all(|count| u32::try_from(*count) == Ok(wanted.replicas));
    let known = old.current_revision.clone().filter(|revision| !revision.is_empty() && !complete);
    let current = known.unwrap_or_else(|| wanted.revision.to_owned());
    StatefulSetStatus {
        replicas,
        ready_replicas: Some(ready),
        available_replicas: Some(count(&|member| member.health == Health::Available)),
        current_replicas: Some(staying_of(&current)),
        updated_replicas: Some(updated),
        current_revision: Some(current),
        update_revision: Some(wanted.revision.to_owned()),
        observed_generation: set.metadata.generation,
        collision_count: Some(old.collision_count.unwrap_or(0)),
        ..old
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    fn member(ordinal: u32, revision: &str, ready: bool) -> Member {
        let revision = revision.to_owned();
        let health = if ready { Health::Available } else { Health::Unready };
        Member { ordinal, revision, leaving: false, health }
    }

    fn set(current: &str) -> StatefulSet {
        from_value(json!({"metadata": {"name": "shop", "generation": 7},
            "status": {"replicas": 0, "currentRevision": current}}))
        .unwrap()
    }

    #[test]
    fn counts() {
        let wanted = Wanted { replicas: 3, in_order: true, replaces: false, revision: "b" };
        let mut members = vec![member(0, "a", true), member(1, "b", true), member(2, "b", false)];
        let seen = status(&set("a"), &wanted, &members);
        assert_eq!((seen.replicas, seen.ready_replicas), (3, Some(2)));
        assert_eq!((seen.current_replicas, seen.updated_replicas), (Some(1), Some(2)));
        assert_eq!(seen.current_revision.as_deref(), Some("a"));
        assert_eq!(seen.update_revision.as_deref(), Some("b"));
        assert_eq!(seen.observed_generation, Some(7));
        members[0].leaving = true;
        let seen = status(&set("a"), &wanted, &members);
        assert_eq!(
            (seen.replicas, seen.ready_replicas, seen.current_replicas),
            (3, Some(2), Some(0))
        );
    }

    #[test]
    fn the_current_revision_moves_when_a_rolling_update_is_complete() {
        let members = [member(0, "b", true), member(1, "b", true)];
        for (replaces, first, expected) in
            [(true, "a", "b"), (false, "a", "a"), (true, "", "b"), (false, "", "b")]
        {
            let wanted = Wanted { replicas: 2, in_order: true, replaces, revision: "b" };
            let seen = status(&set(first), &wanted, &members);
            assert_eq!(seen.current_revision.as_deref(), Some(expected), "{replaces} {first:?}");
        }
        let wanted = Wanted { replicas: 2, in_order: true, replaces: true, revision: "b" };
        let seen = status(&set("a"), &wanted, &members[..1]);
        assert_eq!(seen.current_revision.as_deref(), Some("a"), "one is missing");
    }
}
