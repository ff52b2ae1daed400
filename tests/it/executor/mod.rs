//! The executor as a whole, on paused time over the API in memory, with small stand-ins for
//! cert-manager, the `StatefulSet` controller, the kubelet and KubeDB's provisioner.

use std::time::Duration;

use certrotor::embedded::api::{Call, Fault, Verb};
use tokio::time::{sleep, timeout};

mod cluster;
mod crashes;
mod embedded;
mod groups;
pub(crate) mod leaves;
mod on_real_parts;
mod operations;
mod oracles;
mod rotating;
mod troubles;
mod trusting;
mod world;

use world::World;

/// Long enough for a rotation with everything that can go wrong in it.
const PATIENCE: Duration = Duration::from_hours(2);

pub(crate) fn paused<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(test)
}

/// Waits until a request has a terminal phase, and returns it.
async fn ended(world: &World, request: &str, told: &str) -> String {
    let over = async {
        loop {
            let phase = world.phase(request);
            if matches!(&*phase, "Successful" | "Failed" | "Denied" | "Skipped") {
                return phase;
            }
            sleep(Duration::from_secs(1)).await;
        }
    };
    let phase = timeout(PATIENCE, over).await.ok();
    phase.unwrap_or_else(|| panic!("{told}: {request} never ended: {:#}", world.request(request)))
}

/// The writes of an executor that move something; Events do not.
fn moves(call: &Call) -> bool {
    let writes = matches!(call.verb, Verb::Create | Verb::Update | Verb::Patch | Verb::Delete);
    writes && call.resource != "events"
}

fn nothing_goes_wrong(_: &Call) -> Fault {
    Fault::None
}
