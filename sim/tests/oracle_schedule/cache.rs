//! The cache gives the best nodes that kube-scheduler gave, and goes on doing so while pods come, terminate and go and nodes are
//! cordoned: at each step of a history it answers like a scheduling cycle that counts everything anew.

use std::collections::BTreeSet;

use quorate_sim::cluster::{ClusterState, Deletion, DeletionCause, NodeId, Pod, PodId};
use quorate_sim::scheduler::{Cache, Candidate, Sampling, Snapshot, schedule_candidate};
use serde_json::Value;

use crate::{cases, cluster, recordings};

#[test]
fn the_cache_finds_the_recorded_best_nodes() {
    let mut count = 0_usize;
    for file in recordings("schedule") {
        for case in cases(&file) {
            let (state, pod) = cluster::convert(&case);
            let mut cache = Cache::new(&state, Sampling::AllNodes);
            let best = cache.best_nodes(&state, &pod);
            count += 1;
            let names: BTreeSet<&str> = best.iter().map(|id| state.names.text(state.nodes[id].name)).collect();
            let recorded: BTreeSet<&str> = case["best"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            assert_eq!(names, recorded, "{}", case["id"]);
        }
    }
    eprintln!("{count} cases compared");
    assert!(count >= 4000, "only {count} cases were compared");
}

/// A small generator of its own (splitmix64), so that a history is the same everywhere.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(bound).unwrap()).unwrap()
    }
}

fn anew(state: &ClusterState, pod: &Pod) -> Vec<NodeId> {
    let candidate = Candidate { id: None, ..Candidate::of_pod(PodId(u32::MAX), pod) };
    schedule_candidate(&Snapshot::new(state), &candidate).best
}

fn anew_of(state: &ClusterState, id: PodId) -> Vec<NodeId> {
    let result = schedule_candidate(&Snapshot::new(state), &Candidate::of_pod(id, &state.pods[&id]));
    result.best
}

/// Places the pods of a case again, one after the other, with other things happening in between. Gives how many decisions were
/// compared.
fn play(case: &Value, mut state: ClusterState, pod: Pod, dice: &mut Dice) -> usize {
    let mut pods: Vec<Pod> = state.pods.values().cloned().collect();
    pods.push(pod);
    let nodes: Vec<NodeId> = state.nodes.keys().copied().collect();
    let mut cache = Cache::new(&state, Sampling::AllNodes);
    let mut compared = 0;
    for step in 0..30 {
        let ids: Vec<PodId> = state.pods.keys().copied().collect();
        match dice.below(11) {
            0 | 1 if ids.is_empty() => {}
            3 if !ids.is_empty() => {
                // A pod that waits for its node is tried once more.
                let id = ids[dice.below(ids.len())];
                if state.pods[&id].node.is_none() {
                    let best = cache.best_nodes_of(&state, id);
                    assert_eq!(best, anew_of(&state, id), "{id:?} of {case}, step {step}");
                    compared += 1;
                    state.pods.get_mut(&id).unwrap().node = best.first().copied();
                    cache.pod_changed(&state, id);
                }
            }
            0 => {
                let id = ids[dice.below(ids.len())];
                state.pods.remove(&id);
                cache.pod_changed(&state, id);
            }
            1 => {
                let id = ids[dice.below(ids.len())];
                state.pods.get_mut(&id).unwrap().deletion =
                    Some(Deletion { requested_at: state.now, cause: DeletionCause::Eviction });
                cache.pod_changed(&state, id);
            }
            2 => {
                let node = nodes[dice.below(nodes.len())];
                let mut of_state = state.nodes.get_mut(&node).unwrap();
                of_state.unschedulable = !of_state.unschedulable;
                if dice.below(2) == 0 {
                    of_state.taints.clear();
                }
                cache.node_changed(node);
            }
            _ => {
                let mut pod = pods[dice.below(pods.len())].clone();
                (pod.node, pod.nominated_node, pod.deletion) = (None, None, None);
                let best = cache.best_nodes(&state, &pod);
                assert_eq!(best, anew(&state, &pod), "{case}, step {step}");
                compared += 1;
                if best.is_empty() || dice.below(8) == 0 {
                    pod.nominated_node = Some(nodes[dice.below(nodes.len())]);
                } else {
                    pod.node = Some(best[dice.below(best.len())]);
                }
                let id = state.add_pod(pod);
                cache.pod_changed(&state, id);
            }
        }
    }
    compared
}

#[test]
fn a_cache_that_is_kept_answers_like_counting_anew() {
    let mut compared = 0;
    for file in recordings("schedule") {
        for (number, case) in cases(&file).iter().enumerate() {
            let (state, pod) = cluster::convert(case);
            compared += play(&case["id"], state, pod, &mut Dice(number as u64));
        }
    }
    eprintln!("{compared} decisions compared");
    assert!(compared >= 30_000, "only {compared} decisions were compared");
}
