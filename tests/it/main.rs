//! Tests of the whole: the real binary against real parts, and rules that hold for every file.

#[cfg(test)]
mod actor;
#[cfg(feature = "demo")]
#[cfg(test)]
mod asking;
#[cfg(feature = "demo")]
#[cfg(test)]
mod cli;
#[cfg(feature = "demo")]
#[cfg(test)]
mod conformance;
#[cfg(feature = "demo")]
#[cfg(test)]
mod demo;
#[cfg(test)]
mod deploy;
#[cfg(feature = "demo")]
#[cfg(test)]
mod executor;
#[cfg(feature = "demo")]
#[cfg(test)]
mod issuer;
#[cfg(feature = "demo")]
#[cfg(test)]
mod kubectl;
#[cfg(feature = "demo")]
#[cfg(test)]
mod looking;
#[cfg(test)]
mod mysql;
#[cfg(feature = "demo")]
#[cfg(test)]
mod operate;
#[cfg(test)]
mod page;
#[cfg(feature = "demo")]
#[cfg(test)]
mod pods;
#[cfg(feature = "demo")]
#[cfg(test)]
mod provisioner;
#[cfg(test)]
mod rehearsal;
#[cfg(test)]
mod scenarios;
#[cfg(feature = "demo")]
#[cfg(test)]
mod served;
#[cfg(feature = "demo")]
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tidy;
