//! What differs from what a step expects.

use super::engine::Simulation;
use super::play::name_text;
use super::{Step, StepReport};

impl Simulation {
    /// What differs from the step's `expect`, a sentence each.
    pub(super) fn unexpected(&self, step: &Step, report: &StepReport) -> Vec<String> {
        let mut unexpected = Vec::new();
        if let Some(expected) = step.expected_outcome
            && expected != report.outcome
        {
            let (expected, outcome) = (expected.as_str(), report.outcome.as_str());
            unexpected.push(format!("expected the outcome {expected}, it was {outcome}"));
        }
        for (workload, expected) in &step.expected_min_ready {
            let name = name_text(&self.state, *workload);
            match report.min_ready.get(&name) {
                Some(lowest) if lowest == expected => {}
                Some(lowest) => unexpected.push(format!("expected minReady {expected} of {name}, it was {lowest}")),
                None => unexpected.push(format!("expected minReady {expected} of {name}, which does not exist")),
            }
        }
        for (name, expected) in &step.expected_available {
            match self.available(name, report) {
                Some(available) if available == *expected => {}
                Some(available) => {
                    unexpected.push(format!("expected available {expected} of {name}, it was {available}"))
                }
                None => unexpected.push(format!("expected available {expected} of {name}, which does not exist")),
            }
        }
        unexpected
    }

    /// What was expected to be available, and is.
    pub(super) fn met(&self, step: &Step, report: &StepReport) -> Vec<String> {
        let as_expected =
            step.expected_available.iter().filter(|(name, expected)| self.available(name, report) == Some(**expected));
        as_expected.map(|(name, expected)| format!("available {expected} of {name}, as it is")).collect()
    }

    /// How many pods of a workload, or on its own, are available at the end of a step.
    fn available(&self, name: &str, report: &StepReport) -> Option<i64> {
        let Some(pod) = name.strip_prefix("pod/") else {
            return report.after.workloads.get(name).map(|numbers| numbers.available);
        };
        let (namespace, pod) = pod.split_once('/')?;
        // A pod on its own that is gone comes back never.
        let found = self.state.names.find(namespace).and_then(|namespace| self.find_pod(namespace, pod));
        let pod = found.and_then(|id| self.state.pods.get(&id));
        Some(pod.map_or(0, |pod| i64::from(pod.ready && pod.deletion.is_none())))
    }
}
