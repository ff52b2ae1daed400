//! Tests of the whole: the real binary against real parts, and rules that hold for every file.

#[cfg(test)]
mod actor;
#[cfg(all(test, feature = "demo"))]
mod conformance;
#[cfg(all(test, feature = "demo"))]
mod demo;
#[cfg(all(test, feature = "demo"))]
mod executor;
#[cfg(all(test, feature = "demo"))]
mod issuer;
#[cfg(all(test, feature = "demo"))]
mod kubectl;
#[cfg(all(test, feature = "demo"))]
mod pods;
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
