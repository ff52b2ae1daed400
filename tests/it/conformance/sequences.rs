//! Random requests, one after the other, to both API servers: their answers must be the same.

use std::env;

use crate::support::effort::sized;
use crate::support::lab;

mod draw;
mod normal;
mod steps;

use draw::Draw;
use normal::Normal;
use steps::{Step, next};

use super::target::{Target, embedded, real};

/// How many requests a sequence has.
const LENGTH: usize = 30;

/// A target and what has been seen of it.
struct Side {
    target: Target,
    normal: Normal,
}

impl Side {
    /// Sends a request, and gives the answer with everything left out that is by chance.
    async fn send(&mut self, step: &Step) -> serde_json::Value {
        let body = self.normal.fill_in(step);
        let path = step.path(&self.target.namespace);
        let reply = self.target.call(step.method.clone(), &path, step.content_type, &body).await;
        self.normal.see(step, &reply);
        self.normal.of(&reply)
    }
}

/// Runs one sequence on both; says where they differ.
async fn compare(seed: u64, one: Target, other: Target) -> Result<(), String> {
    let mut sides = [one, other].map(|target| Side { target, normal: Normal::default() });
    let mut draw = Draw::new(seed);
    let mut told = Vec::new();
    for number in 0..LENGTH {
        let step = next(&mut draw);
        let embedded = sides[0].send(&step).await;
        let real = sides[1].send(&step).await;
        told.push(format!("{number:2} {step} → {}", real["code"]));
        if embedded != real {
            let differences = normal::differences(&embedded, &real);
            return Err(format!(
                "SEED={seed}, request {number}\n  {}\n  embedded and real differ in:\n  {}",
                told.join("\n  "),
                differences.join("\n  ")
            ));
        }
    }
    Ok(())
}

/// The seeds to try: `SEED` alone, or fifty, or a thousand in a full run.
fn seeds() -> Vec<u64> {
    if let Some(seed) = env::var("SEED").ok().and_then(|seed| seed.parse().ok()) {
        return vec![seed];
    }
    (1..=sized(50, 50, 1_000)).collect()
}

#[test]
fn random_requests_are_answered_alike() {
    lab::on_cluster(async |lab| {
        let mut differences = Vec::new();
        for seed in seeds() {
            let namespace = format!("sequence-{seed}");
            let one = embedded(&format!("conformance-{namespace}")).await;
            let other = real(lab.plane, &namespace).await;
            if let Err(difference) = compare(seed, one, other).await {
                differences.push(difference);
            }
        }
        assert!(differences.is_empty(), "{}:\n{}", differences.len(), differences.join("\n"));
    });
}
