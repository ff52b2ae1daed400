//! Finished requests: the newest are kept, for people to read.

use super::{Write, delete};
use crate::core::fleet::{Database, Text};
use crate::core::vocabulary::WritePoint;

/// How many finished requests of ours are kept for each database.
pub const FINISHED_KEPT: usize = 5;

/// The oldest finished request of ours beyond those that are kept.
pub fn prunable(database: &Database, installation: Option<&Text>) -> Option<Write> {
    let record = &database.rotation.as_ref()?.record;
    let open = record.current.as_ref().map(|current| &current.request.name);
    let ours = database.requests.iter().filter(|(name, request)| {
        let carried = request.carried.as_ref();
        request.phase.is_terminal()
            && !request.deleting
            && Some(*name) != open
            && carried.is_some_and(|carried| Some(&carried.installation) == installation)
    });
    let mut ours: Vec<_> = ours.collect();
    if ours.len() <= FINISHED_KEPT {
        return None;
    }
    ours.sort_by_key(|(name, request)| (request.created, (*name).clone()));
    let (name, request) = ours.first()?;
    Some(delete(WritePoint::PruneRequest, name, request))
}
