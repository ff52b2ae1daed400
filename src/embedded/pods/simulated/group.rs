//! Replication groups of simulated servers: who is online in them, and which is the primary.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::core::digest::Digest;
use crate::embedded::pods::runtime::{Changed, Order, Part};

/// The groups of a runtime, by name. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Groups(Arc<Mutex<BTreeMap<String, Group>>>);

/// Who is online in a group, by the UUID of the server.
#[derive(Debug, Default)]
struct Group {
    members: BTreeMap<String, Changed>,
    primary: Option<String>,
}

/// A server, and its place in a group.
#[derive(Debug)]
pub(super) struct Seat {
    groups: Groups,
    /// The name of its group; none where it is to be in none.
    name: Option<String>,
    pub(super) uuid: String,
    changed: Changed,
}

impl Groups {
    pub(super) fn seat(&self, order: &Order) -> Seat {
        let Digest(number) = Digest::quick(&order.id);
        let (first, rest) = (number >> 48, number & 0xffff_ffff_ffff);
        Seat {
            groups: self.clone(),
            name: order.group().map(str::to_owned),
            uuid: format!("{first:08x}-0000-4000-8000-{rest:012x}"),
            changed: order.changed.clone(),
        }
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Group>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Group {
    /// As MySQL does it where all weigh the same: the lowest UUID.
    fn elect(&mut self) {
        self.primary = self.members.keys().next().cloned();
        self.tell();
    }

    fn tell(&self) {
        for member in self.members.values() {
            member.tell();
        }
    }
}

impl Seat {
    /// The server comes online.
    pub(super) fn join(&self) {
        let Some(name) = &self.name else { return };
        let mut groups = self.groups.all();
        let group = groups.entry(name.clone()).or_default();
        group.members.insert(self.uuid.clone(), self.changed.clone());
        if group.primary.is_none() {
            group.elect();
        }
    }

    /// The server goes; where it was the primary, another is elected.
    pub(super) fn leave(&self) {
        let Some(name) = &self.name else { return };
        let mut groups = self.groups.all();
        let Some(group) = groups.get_mut(name) else { return };
        group.members.remove(&self.uuid);
        if group.primary.as_ref() == Some(&self.uuid) {
            group.elect();
        }
        if group.members.is_empty() {
            groups.remove(name);
        }
    }

    pub(super) fn part(&self) -> Option<Part> {
        let groups = self.groups.all();
        let group = groups.get(self.name.as_ref()?)?;
        let online = group.members.contains_key(&self.uuid);
        let is_primary = group.primary.as_ref() == Some(&self.uuid);
        online.then_some(if is_primary { Part::Primary } else { Part::Secondary })
    }

    /// How many are online in the group.
    pub(super) fn online(&self) -> usize {
        let groups = self.groups.all();
        let group = self.name.as_ref().and_then(|name| groups.get(name));
        group.map_or(0, |group| group.members.len())
    }

    /// What `group_replication_set_as_primary` does, and says.
    pub(super) fn set_as_primary(&self, uuid: &str) -> Result<String, &'static str> {
        let mut groups = self.groups.all();
        let group = self.name.as_ref().and_then(|name| groups.get_mut(name));
        let group = group.filter(|group| group.members.contains_key(&self.uuid));
        let group = group.ok_or("Member must be ONLINE and in the majority partition.")?;
        if !group.members.contains_key(uuid) {
            return Err("The requested uuid is not a member of the group.");
        }
        if group.primary.as_deref() == Some(uuid) {
            return Ok("The requested member is already the current group primary.".to_owned());
        }
        group.primary = Some(uuid.to_owned());
        group.tell();
        Ok(format!("Primary server switched to: {uuid}"))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use futures::channel::mpsc::unbounded;

    use super::*;
    use crate::clock::SystemClock;
    use crate::embedded::pods::mounts::Files;
    use crate::embedded::pods::runtime::GROUP_NAME;
    use crate::embedded::pods::served::PodName;

    fn seat(groups: &Groups, id: &str, group: Option<&str>) -> Seat {
        let (changes, _) = unbounded();
        let pod = PodName { namespace: "demo".to_owned(), name: id.to_owned() };
        let named = group.map(|group| format!("{GROUP_NAME}={group}"));
        groups.seat(&Order {
            id: id.to_owned(),
            args: [Some("mysqld".to_owned()), named].into_iter().flatten().collect(),
            env: BTreeMap::new(),
            files: Files::default(),
            address: Ipv4Addr::LOCALHOST,
            clock: Arc::new(SystemClock),
            changed: Changed::new(changes, pod),
        })
    }

    #[test]
    fn the_first_is_the_primary_until_it_goes_or_hands_its_role_over() {
        let groups = Groups::default();
        let [one, two, other] = ["one", "two", "other"]
            .map(|id| seat(&groups, id, Some(if id == "other" { "b" } else { "a" })));
        assert_eq!(one.part(), None, "it is not online yet");
        for seat in [&one, &two, &other] {
            seat.join();
        }
        let parts = || [one.part(), two.part(), other.part()];
        let (primary, secondary) = (Some(Part::Primary), Some(Part::Secondary));
        assert_eq!(parts(), [primary, secondary, primary]);
        assert_eq!((one.online(), other.online()), (2, 1));
        let said = two.set_as_primary(&two.uuid).unwrap();
        assert_eq!(said, format!("Primary server switched to: {}", two.uuid));
        assert_eq!(parts(), [secondary, primary, primary]);
        assert!(two.set_as_primary(&two.uuid).unwrap().contains("already"));
        assert!(two.set_as_primary(&other.uuid).unwrap_err().contains("not a member"));
        two.leave();
        assert_eq!(parts(), [primary, None, primary]);
        assert!(two.set_as_primary(&one.uuid).unwrap_err().contains("ONLINE"));
        drop(one);
        two.join();
        assert_eq!(two.part(), primary, "nobody was left");
    }

    #[test]
    fn a_server_that_is_told_of_no_group_is_in_none() {
        let alone = seat(&Groups::default(), "alone", None);
        alone.join();
        assert_eq!((alone.part(), alone.online()), (None, 0));
        assert!(alone.set_as_primary(&alone.uuid).is_err());
    }
}
