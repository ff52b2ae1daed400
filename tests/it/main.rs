//! Tests of the whole: the real binary against real parts, and rules that hold for every file.

#[cfg(test)]
mod actor;
#[cfg(all(test, feature = "demo"))]
mod conformance;
#[cfg(feature = "demo")]
#[cfg(test)]
mod executor;
#[cfg(all(test, feature = "demo"))]
mod provisioner;
#[cfg(test)]
mod rehearsal;
#[cfg(test)]
mod scenarios;
#[cfg(all(test, feature = "demo"))]
mod simulation;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tidy;
