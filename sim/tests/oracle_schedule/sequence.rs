//! Many pods placed one after another, with pods that go, terminate or are preempted and nodes that change in between: after every
//! step both ways to decide, the whole cycle and the cache that is kept all the while, give what kube-scheduler's plugins give.

use std::sync::Arc;

use quorate_sim::cluster::{ClusterState, Deletion, DeletionCause, NodeId, Pod, PodId};
use quorate_sim::scheduler::{Cache, Sampling};
use serde_json::Value;

use crate::cluster::{convert_objects, node_spec};
use crate::fresh::of_cache;
use crate::fresh_cases::{Counts, Subject, compare, differing};
use crate::pod::{Standing, pod as convert_pod};
use crate::{FIELDS, answer, preempt};

/// A cluster, and the cache that follows it.
struct Sequence {
    state: ClusterState,
    cache: Cache,
    /// Pods for which room was made, in the order in which they wait.
    nominated: Vec<PodId>,
    differences: Vec<String>,
}

impl Sequence {
    fn new(case: &Value) -> Self {
        let state = convert_objects(case["objects"].as_array().unwrap());
        let cache = Cache::new(&state, Sampling::AllNodes);
        let waits = |pod: &Pod| pod.node.is_none() && pod.nominated_node.is_some();
        let nominated = state.pods.iter().filter(|(_, pod)| waits(pod)).map(|(id, _)| *id).collect();
        Self { state, cache, nominated, differences: Vec::new() }
    }

    fn take(&mut self, step: &Value, outcome: &Value) {
        if !step["place"].is_null() {
            let pod = convert_pod(&mut self.state, &step["place"], Standing::ToPlace);
            let best = self.cache.best_nodes(&self.state, &pod);
            self.place(pod, &best, outcome);
        } else if step["retry"] == true {
            if let Some(id) = (!self.nominated.is_empty()).then(|| self.nominated.remove(0)) {
                let best = self.cache.best_nodes_of(&self.state, id);
                let pod = self.remove(id);
                self.place(pod, &best, outcome);
            }
        } else if let Some(name) = step["remove"].as_str() {
            if let Some(pod) = self.named(name) {
                self.nominated.retain(|other| *other != pod);
                self.remove(pod);
            }
        } else if let Some(name) = step["terminate"].as_str() {
            let terminating = Deletion { requested_at: self.state.now, cause: DeletionCause::Delete };
            if let Some(id) = self.named(name).filter(|id| self.state.pods[id].node.is_some()) {
                self.state.pods.get_mut(&id).unwrap().deletion = Some(terminating);
                self.cache.pod_changed(&self.state, id);
            }
        } else if let Some(name) = step["node"].as_str() {
            let name = self.state.intern(name);
            if let Some(id) = self.state.node_named(name) {
                let (taints, unschedulable) = node_spec(&mut self.state, &step["spec"]);
                let mut node = self.state.nodes.get_mut(&id).unwrap();
                (node.taints, node.unschedulable) = (taints, unschedulable);
                self.cache.node_changed(id);
            }
        }
    }

    fn named(&self, name: &str) -> Option<PodId> {
        let full = |pod: &Pod| format!("{}/{}", self.state.names.text(pod.namespace), self.state.pod_name(pod));
        self.state.pods.iter().find(|(_, pod)| full(pod) == name).map(|(id, _)| *id)
    }

    fn remove(&mut self, id: PodId) -> Pod {
        let pod = self.state.pods.remove(&id).unwrap();
        self.cache.pod_changed(&self.state, id);
        Arc::unwrap_or_clone(pod)
    }

    fn node(&mut self, outcome: &Value) -> Option<NodeId> {
        let name = self.state.intern(outcome["node"].as_str()?);
        self.state.node_named(name)
    }

    /// Compares the decision, and goes on from the recorded one.
    fn place(&mut self, mut pod: Pod, best: &[NodeId], outcome: &Value) {
        let own = answer(&self.state, &pod);
        self.differences.extend(differing(&outcome["decision"], &own, &FIELDS));
        self.differences.extend(of_cache(&outcome["decision"], &self.state, best));
        if outcome["preemption"].is_null() {
            let Some(node) = self.node(outcome) else { return };
            (pod.node, pod.nominated_node) = (Some(node), None);
            let id = self.state.add_pod(pod);
            self.cache.pod_changed(&self.state, id);
            return;
        }
        self.differences.extend(preempt::differences(&outcome["preemption"], &self.state, &pod));
        let Some(node) = self.node(outcome) else { return };
        let victims = &outcome["preemption"]["candidates"][outcome["node"].as_str().unwrap()]["pods"];
        for victim in victims.as_array().unwrap() {
            if let Some(victim) = self.named(victim.as_str().unwrap()) {
                self.remove(victim);
            }
        }
        let priority = |pod: &Pod| pod.template.spec.priority;
        let is_lower = |other: &&PodId| {
            let other = &self.state.pods[*other];
            other.nominated_node == Some(node) && priority(other) < priority(&pod)
        };
        let lower: Vec<PodId> = self.nominated.iter().filter(is_lower).copied().collect();
        for other in lower {
            self.nominated.retain(|nominated| *nominated != other);
            self.remove(other);
        }
        pod.nominated_node = Some(node);
        let id = self.state.add_pod(pod);
        self.cache.pod_changed(&self.state, id);
        self.nominated.push(id);
    }
}

/// Plays a case up to the first step that differs.
fn play(case: &Value) -> Vec<String> {
    let mut sequence = Sequence::new(case);
    let (steps, outcomes) = (case["steps"].as_array().unwrap(), case["outcomes"].as_array());
    for (number, (step, outcome)) in steps.iter().zip(outcomes.into_iter().flatten()).enumerate() {
        sequence.take(step, outcome);
        if !sequence.differences.is_empty() {
            return sequence.differences.iter().map(|difference| format!("step {number}: {difference}")).collect();
        }
    }
    Vec::new()
}

fn count_steps(case: &Value, counts: &mut Counts) {
    let mut count = |name: &str| *counts.entry(name.to_owned()).or_insert(0) += 1;
    for (step, outcome) in case["steps"].as_array().unwrap().iter().zip(case["outcomes"].as_array().unwrap()) {
        let kinds = ["place", "retry", "remove", "terminate", "node"];
        let kind = kinds.iter().find(|kind| !step[**kind].is_null()).unwrap();
        count(&format!("steps: {kind}"));
        if outcome["decision"].is_null() {
            continue;
        }
        count(match (outcome["preemption"].is_null(), outcome["node"].is_null()) {
            (true, _) => "decisions in sequences: a node",
            (false, false) => "decisions in sequences: preemption",
            (false, true) => "decisions in sequences: no node",
        });
    }
}

#[test]
fn recorded_sequences_are_placed_as_by_kube_scheduler() {
    let mut decisions = 0_usize;
    for case in crate::recordings("sequence").iter().flat_map(|file| crate::cases(file)) {
        let differences = play(&case);
        assert!(differences.is_empty(), "{}: {}", case["id"], differences.join("\n"));
        let outcomes = case["outcomes"].as_array().unwrap();
        decisions += outcomes.iter().filter(|outcome| !outcome["decision"].is_null()).count();
    }
    eprintln!("{decisions} decisions compared");
    assert!(decisions >= 1000, "only {decisions} decisions were compared");
}

#[test]
fn fresh_sequences_are_placed_as_by_kube_scheduler() {
    compare(&Subject {
        name: "sequences",
        generate: &["generate-sequence", "--draw", "any", "--answer"],
        answer: &["sequence", "--keep-going"],
        question: &["objects", "steps"],
        cases: 200,
        differences: play,
        count: count_steps,
    });
}
