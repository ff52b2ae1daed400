//! What the daemon does on a real control plane, as users would see it.

mod audit;
mod causes;
mod cold;
mod crashes;
mod gates;
mod large;
mod outcomes;
mod people;
mod replicas;
mod rights;
pub(crate) mod stage;
