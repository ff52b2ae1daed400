//! What the loop decided last, for all who ask.

use std::sync::Arc;

use crate::core::feasibility::Feasibility;
use crate::core::fleet::Fleet;
use crate::core::plan::Plan;
use crate::core::policy::Policy;
use crate::core::time::Time;

/// One turn of the loop: what was known, what was decided, and when.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// What was known.
    pub fleet: Arc<Fleet>,
    /// What was decided; none before the stores were current for the first time.
    pub plan: Option<Arc<Plan>>,
    /// What it was decided by.
    pub policy: Option<Arc<Policy>>,
    /// When.
    pub at: Option<Time>,
    /// When the config was last loaded with success.
    pub config_loaded: Option<Time>,
    /// Which databases no window can hold in time.
    pub feasibility: Option<Arc<Feasibility>>,
}
