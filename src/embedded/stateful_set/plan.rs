//! Which pods to create and to delete now, by the rules of kube-controller-manager.

/// What a set wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted<'a> {
    /// How many pods.
    pub(super) replicas: u32,
    /// Each waits for the one before.
    pub(super) in_order: bool,
    /// Pods of another revision are replaced.
    pub(super) replaces: bool,
    /// The revision of the template as it is now.
    pub(super) revision: &'a str,
}

/// A pod as far as a plan needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) ordinal: u32,
    pub(super) revision: String,
    /// It is being deleted.
    pub(super) leaving: bool,
    pub(super) health: Health,
}

/// How well a pod is; each is better than the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Health {
    /// It has ended by itself, and is good for nothing any more.
    Ended,
    /// It may become ready.
    Unready,
    /// It is running, and its condition `Ready` is true.
    Ready,
    /// And it has been for as long as the set wants it.
    Available,
}

impl Member {
    fn is_settled(&self) -> bool {
        self.health == Health::Available && !self.leaving
    }
}

/// What to do about one pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Create(u32),
    Delete(u32),
}

/// What to do now. What must wait for that comes in a later plan.
pub(super) fn steps(wanted: &Wanted<'_>, members: &[Member]) -> Vec<Step> {
    let of = |ordinal| members.iter().find(|member| member.ordinal == ordinal);
    let mut steps = Vec::new();
    for ordinal in 0..wanted.replicas {
        let step = match of(ordinal) {
            None => Some(Step::Create(ordinal)),
            Some(member) if member.health == Health::Ended && !member.leaving => {
                Some(Step::Delete(ordinal))
            }
            Some(_) => None,
        };
        let settled = of(ordinal).is_some_and(Member::is_settled);
        steps.extend(step);
        if wanted.in_order && !settled {
            return steps;
        }
    }
    let surplus = surplus(wanted, members);
    let is_surplus = !surplus.is_empty();
    steps.extend(surplus.into_iter().flatten());
    if (wanted.in_order && is_surplus) || !wanted.replaces {
        return steps;
    }
    steps.extend(replacement(wanted, members));
    steps
}

/// For each pod beyond the last that is wanted, from the end, what to do about it; in order only
/// for the last of all, so that the next waits until that is gone.
fn surplus(wanted: &Wanted<'_>, members: &[Member]) -> Vec<Option<Step>> {
    let mut surplus: Vec<&Member> =
        members.iter().filter(|member| member.ordinal >= wanted.replicas).collect();
    surplus.sort_by_key(|member| std::cmp::Reverse(member.ordinal));
    if wanted.in_order {
        surplus.truncate(1);
    }
    let step = |member: &Member| (!member.leaving).then_some(Step::Delete(member.ordinal));
    surplus.into_iter().map(step).collect()
}

/// The last pod of another revision, unless one after it is not back yet.
fn replacement(wanted: &Wanted<'_>, members: &[Member]) -> Option<Step> {
    for ordinal in (0..wanted.replicas).rev() {
        let member = members.iter().find(|member| member.ordinal == ordinal)?;
        if member.revision != wanted.revision && !member.leaving {
            return Some(Step::Delete(ordinal));
        }
        if !member.is_settled() {
            return None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `0 1! 2x 3~`: ready pods, one that is not (`!`), one that leaves (`x`), one that has ended
    /// (`e`), one that is ready but not for long enough (`~`); `o` says that it is of an old
    /// revision.
    fn members(text: &str) -> Vec<Member> {
        let member = |word: &str| {
            let digits = word.trim_end_matches(|sign: char| !sign.is_ascii_digit());
            let signs = &word[digits.len()..];
            let has = |sign| signs.contains(sign);
            Member {
                ordinal: digits.parse().unwrap(),
                revision: if has('o') { "old" } else { "new" }.to_owned(),
                leaving: has('x'),
                health: if has('e') {
                    Health::Ended
                } else if has('!') {
                    Health::Unready
                } else if has('~') {
                    Health::Ready
                } else {
                    Health::Available
                },
            }
        };
        text.split_whitespace().map(member).collect()
    }

    fn told(replicas: u32, in_order: bool, replaces: bool, pods: &str) -> String {
        let wanted = Wanted { replicas, in_order, replaces, revision: "new" };
        let word = |step: &Step| match step {
            Step::Create(ordinal) => format!("+{ordinal}"),
            Step::Delete(ordinal) => format!("-{ordinal}"),
        };
        let steps = steps(&wanted, &members(pods));
        steps.iter().map(word).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn in_order_each_waits_for_the_one_before() {
        for (replicas, pods, expected) in [
            (3, "", "+0"),
            (3, "0!", ""),
            (3, "0~", ""),
            (3, "0", "+1"),
            (3, "0 1", "+2"),
            (3, "0 1 2", ""),
            // One that goes is replaced under its name, once it is gone.
            (3, "0 1x 2", ""),
            (3, "0 2", "+1"),
            (3, "0! 2", ""),
            (3, "0e 1", "-0"),
            (3, "0ex 1", ""),
            // Fewer: from the end, one by one, and none while one that is wanted is away.
            (1, "0 1 2", "-2"),
            (1, "0 1 2x", ""),
            (1, "0 1", "-1"),
            (1, "0! 1", ""),
            (1, "0 1!", "-1"),
            (0, "0", "-0"),
            (0, "", ""),
        ] {
            assert_eq!(told(replicas, true, false, pods), expected, "{replicas} of {pods:?}");
        }
    }

    #[test]
    fn in_parallel_nobody_waits() {
        for (replicas, pods, expected) in [
            (3, "", "+0 +1 +2"),
            (3, "0! 2x", "+1"),
            (1, "0! 1 2x 3", "-3 -1"),
            (3, "0e 1", "-0 +2"),
        ] {
            assert_eq!(told(replicas, false, false, pods), expected, "{replicas} of {pods:?}");
        }
    }

    #[test]
    fn on_delete_replaces_nothing_by_itself() {
        for in_order in [true, false] {
            assert_eq!(told(3, in_order, false, "0o 1o 2o"), "");
        }
    }

    #[test]
    fn a_rolling_update_goes_from_the_end_and_waits_for_each() {
        for (pods, expected) in [
            ("0o 1o 2o", "-2"),
            ("0o 1o 2ox", ""),
            ("0o 1o 2!", ""),
            ("0o 1o 2~", ""),
            ("0o 1o 2", "-1"),
            ("0o 1 2", "-0"),
            ("0 1 2", ""),
        ] {
            assert_eq!(told(3, true, true, pods), expected, "{pods}");
            assert_eq!(told(3, false, true, pods), expected, "{pods}");
        }
        assert_eq!(told(3, true, true, "0o 1o"), "+2");
        assert_eq!(told(2, true, true, "0o 1o 2o"), "-2", "first the surplus");
    }

    #[test]
    fn a_rolling_update_gets_past_a_pod_that_never_became_ready() {
        assert_eq!(told(2, false, true, "0o 1o!"), "-1");
    }
}
