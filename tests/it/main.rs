//! Tests of the whole: the real binary against real parts, and rules that hold for every file.

#[cfg(test)]
mod actor;
#[cfg(feature = "demo")]
#[cfg(test)]
mod conformance;
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
