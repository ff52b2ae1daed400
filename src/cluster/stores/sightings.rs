//! What the wire probe saw, and what it did not.

use super::links::Linked as _;
use super::{Kind, Stores};
use crate::core::fleet::{Key, Missed, Sighting, Text};

/// How many sightings of a pod are kept: drift takes two.
const SIGHTINGS: usize = 3;

impl Stores {
    /// Whether the probe looks at servers at all.
    pub fn set_probed(&mut self, probed: bool) {
        if std::mem::replace(&mut self.probed, probed) != probed {
            self.touch_all();
            self.changed = true;
        }
    }

    /// The probe saw this on a pod. Only sightings of the pod as it is now are kept. Says whether it
    /// is news: not when the look before showed the same.
    pub fn saw(&mut self, namespace: &str, pod: &str, sighting: Sighting) -> bool {
        let key = Key::new(namespace, pod);
        if !self.touch_pod(&key, &sighting.pod_uid) {
            return false;
        }
        let missed = self.missed.remove(&key).is_some();
        let seen = self.sightings.entry(key).or_default();
        seen.retain(|other| other.pod_uid == sighting.pod_uid);
        let same = |last: &Sighting| (last.leaf, last.trusted) == (sighting.leaf, sighting.trusted);
        let news = missed || !seen.last().is_some_and(same);
        seen.push(sighting);
        seen.sort_by_key(|sighting| sighting.began);
        let surplus = seen.len().saturating_sub(SIGHTINGS);
        seen.drain(..surplus);
        news
    }

    /// The probe saw nothing on a pod. Says whether that is news.
    pub fn missed(&mut self, namespace: &str, pod: &str, missed: Missed) -> bool {
        let key = Key::new(namespace, pod);
        let known = self.missed.get(&key) == Some(&missed);
        let news = !known && self.touch_pod(&key, &missed.pod_uid);
        if news {
            self.missed.insert(key, missed);
        }
        news
    }

    /// The database of a pod is to be built again, if the pod is still this one.
    fn touch_pod(&mut self, key: &Key, uid: &Text) -> bool {
        let Some(facts) = self.tables.pods.get(key).filter(|facts| facts.uid == *uid) else {
            return false;
        };
        facts.link(key, Kind::Pod, &mut self.links, true);
        self.changed = true;
        true
    }
}
