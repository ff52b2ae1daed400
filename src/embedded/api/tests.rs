use std::sync::Arc;

use super::ApiServer;
use crate::clock::PausedClock;
use crate::core::time::Time;

mod breaking;
mod crud;
mod watching;

const NOON: &str = "2026-11-23T12:00:00Z";

/// A server on paused time.
pub(super) fn server() -> ApiServer {
    let noon: Time = NOON.parse().unwrap();
    ApiServer::new(Arc::new(PausedClock::new(noon))).unwrap()
}
