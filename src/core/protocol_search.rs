//! Every state that two daemons, an operator and a person can bring about between them, searched
//! breadth first over the real plan: the model behind "The record" in DESIGN.
//!
//! Two databases, a limit of one, a window that closes. A daemon may be as stale as it likes: it
//! remembers nothing, sees any older record of a database that it does not read again, and is
//! stopped between decision and write for any length of time, or for ever. What the apiserver
//! checks (resourceVersion, uid, name) is checked; what the protocol reads again is read again.

mod brain;
mod interned;
mod model;
mod search;
mod world;

use crate::effort::sized;
use model::{Protocol, Violation};
use search::{Report, Search};
use world::Troubles;

const PROTOCOL: Protocol = Protocol {
    record_first: true,
    rereads: true,
    create_rereads_slots: true,
    slots_reread_changed: true,
    slots_reread_active: true,
    slots_by_cas: true,
};

const CALM: Troubles =
    Troubles { failures: 0, deletions: 0, unready: 0, lost_slots: 0, lost_records: 0, stops: 0 };

/// The moments of `brain::MOMENTS`, by their numbers, with which every mutant is found.
const MOMENTS: &[u8] = &[0, 1, 3, 4];
const FEW_MOMENTS: &[u8] = &[0, 4];
const ALL_MOMENTS: &[u8] = &[0, 1, 2, 3, 4];

fn holds(name: &str, troubles: Troubles) -> Report {
    let report = Search::new(PROTOCOL, troubles, sized(FEW_MOMENTS, MOMENTS, ALL_MOMENTS)).run();
    println!(
        "{name}: {} states, {} transitions, depth {}, {} plans",
        report.states, report.transitions, report.depth, report.plans
    );
    if let Some(found) = &report.found {
        panic!("{name}: {:?}\n{}", found.violation, found.trace.join("\n"));
    }
    report
}

fn finds(protocol: Protocol, troubles: Troubles) -> Violation {
    let report = Search::new(protocol, troubles, sized(MOMENTS, MOMENTS, ALL_MOMENTS))
        .for_harm_alone()
        .run();
    let found = report.found.expect("a violation");
    println!("{:?} after\n  {}", found.violation, found.trace.join("\n  "));
    found.violation
}

#[test]
fn nothing_goes_wrong_when_nothing_goes_wrong() {
    holds("calm", CALM);
}

#[test]
fn a_slot_is_read_again_before_a_create() {
    let unready = Troubles { unready: 1, ..CALM };
    let cached = Protocol { create_rereads_slots: false, ..PROTOCOL };
    assert_eq!(finds(cached, unready), Violation::TooManyInFlight);
}

#[test]
fn mutants_are_found() {
    let unready = Troubles { unready: 1, ..CALM };
    let late = Protocol { record_first: false, ..PROTOCOL };
    finds(late, CALM);
    let cached = Protocol { rereads: false, ..PROTOCOL };
    finds(cached, CALM);
    let blind = Protocol { slots_by_cas: false, ..PROTOCOL };
    finds(blind, CALM);
    let freed = Protocol { slots_reread_changed: false, slots_reread_active: false, ..PROTOCOL };
    finds(freed, unready);
    let rebuilt = Protocol { slots_reread_active: false, ..PROTOCOL };
    finds(rebuilt, Troubles { lost_slots: 1, ..CALM });
}
