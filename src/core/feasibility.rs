//! stub
use std::collections::BTreeMap;
use super::fleet::{Fleet, Key};
use super::policy::Policy;
use super::time::Time;
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Feasibility { pub infeasible: BTreeMap<Key, Infeasible> }
#[derive(Clone, Debug, PartialEq)]
pub struct Infeasible { pub deadline: Time }
pub fn feasibility(_: &Fleet, _: &Policy, _: Time) -> Feasibility { Feasibility::default() }
