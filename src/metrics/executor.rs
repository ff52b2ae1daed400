//! What `certrotor operate` has done: counters of a process that carries requests out.

use prometheus::{Error, IntCounter, IntCounterVec, IntGauge, Registry};

use super::acts::{append, counter, counters, registered};
use super::names;
use super::text::Page;
use crate::cluster::events::EventMetrics;
use crate::cluster::meter::ApiMetrics;
use crate::executor::{ExecutorMetrics, ExecutorWrite, RequestEnd};

/// All that an executor's process counts.
pub struct ExecutorActs {
    registry: Registry,
    writes: IntCounterVec,
    requests: IntCounterVec,
    rival: IntGauge,
    api_requests: IntCounterVec,
    api_errors: IntCounterVec,
    events_dropped: IntCounter,
    leader_transitions: IntCounter,
}

impl ExecutorActs {
    /// Nothing has happened yet. Fails only if two metrics have the same name.
    pub fn new() -> Result<Self, Error> {
        let registry = Registry::new();
        let rival = &names::EXECUTOR_RIVAL;
        let acts = Self {
            writes: counters(&registry, &names::EXECUTOR_WRITES)?,
            requests: counters(&registry, &names::EXECUTOR_REQUESTS)?,
            rival: registered(&registry, IntGauge::new(rival.name, rival.help)?)?,
            api_requests: counters(&registry, &names::API_REQUESTS)?,
            api_errors: counters(&registry, &names::API_ERRORS)?,
            events_dropped: counter(&registry, &names::EVENTS_DROPPED)?,
            leader_transitions: counter(&registry, &names::LEADER_TRANSITIONS)?,
            registry,
        };
        for write in ExecutorWrite::ALL {
            acts.writes.with_label_values(&[write.as_str()]);
        }
        for end in RequestEnd::ALL {
            acts.requests.with_label_values(&[end.as_str()]);
        }
        Ok(acts)
    }

    /// The lease has another holder.
    pub fn leader_changed(&self) {
        self.leader_transitions.inc();
    }

    /// The page of `/metrics` of a process that leads, or does not.
    pub fn render(&self, leader: bool) -> String {
        let mut page = Page::default();
        page.family(&names::LEADER).sample(&[], leader);
        append(&mut page, &self.registry);
        super::process::write_to(&mut page);
        page.into_string()
    }
}

impl ExecutorMetrics for ExecutorActs {
    fn wrote(&self, write: ExecutorWrite) {
        self.writes.with_label_values(&[write.as_str()]).inc();
    }

    fn ended(&self, end: RequestEnd) {
        self.requests.with_label_values(&[end.as_str()]).inc();
    }

    fn rival(&self, at_work: bool) {
        self.rival.set(i64::from(at_work));
    }
}

impl ApiMetrics for ExecutorActs {
    fn answered(&self, verb: &str, resource: &str, class: &str) {
        self.api_requests.with_label_values(&[verb, resource, class]).inc();
    }

    fn failed(&self, verb: &str, class: &str) {
        self.api_errors.with_label_values(&[verb, class]).inc();
    }
}

impl EventMetrics for ExecutorActs {
    fn dropped(&self) {
        self.events_dropped.inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_write_and_every_end_is_there_at_zero_and_counted() {
        let acts = ExecutorActs::new().unwrap();
        let page = acts.render(false);
        for write in ExecutorWrite::ALL {
            let line = format!("certrotor_executor_writes_total{{write=\"{write}\"}} 0\n");
            assert!(page.contains(&line), "{line}{page}");
        }
        assert!(page.contains("certrotor_executor_requests_total{outcome=\"denied\"} 0\n"));
        assert!(page.contains("certrotor_leader 0\n") && page.contains("certrotor_build_info"));
        acts.wrote(ExecutorWrite::EvictPod);
        acts.ended(RequestEnd::Denied);
        acts.rival(true);
        let page = acts.render(true);
        assert!(page.contains("certrotor_executor_writes_total{write=\"evictPod\"} 1\n"));
        assert!(page.contains("certrotor_executor_requests_total{outcome=\"denied\"} 1\n"));
        assert!(page.contains("certrotor_executor_rival 1\n"));
        assert!(page.contains("certrotor_leader 1\n"));
    }
}
