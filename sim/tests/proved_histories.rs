//! What is proved for every history holds after histories of the whole simulation: rollouts, scaling within an autoscaler's range, drains,
//! evictions, failures and recoveries, with quotas that may refuse pods.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot set up its input should stop; counts are told"
)]

mod claims;
#[path = "placements/mod.rs"]
mod placements;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use claims::{available, claim_of, label_of};
use placements::enumerate::{Enumeration, Reading};
use placements::generate::{Case, Random, case, crowded};
use placements::ground::{Ground, NodeSet};
use placements::play;
use quorate_proof::Checker;
use quorate_proof::claim::{Claim, Phase, Placement};
use quorate_sim::cluster::*;
use quorate_sim::controller::{all_workloads, workload_name};
use quorate_sim::prove::{DEFAULT_STATES, Problem, Verdict, cluster, decide};
use quorate_sim::simulation::{EvictionTarget, Simulation, StepAction, StepOutcome};

/// So many clusters; more with `QUORATE_CASES`, from another one with `QUORATE_SEED`.
const CASES: u64 = 800;

/// Histories for each of them.
const HISTORIES: u64 = 3;

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().map_or(default, |text| text.parse().unwrap())
}

/// A case with strategies, autoscalers and quotas.
fn eventful(mut case: Case) -> Case {
    let mut random = Random::new(case.seed ^ 0x0815_4711);
    let rolling = |max_surge, max_unavailable| DeploymentStrategy::RollingUpdate { max_surge, max_unavailable };
    let (one, none) = (IntOrPercent::Int(1), IntOrPercent::Int(0));
    let strategies = [
        rolling(one, none),
        rolling(none, one),
        rolling(IntOrPercent::Percent(50), IntOrPercent::Percent(50)),
        rolling(IntOrPercent::Percent(100), none),
        DeploymentStrategy::Recreate,
    ];
    case.state.deployments.for_each_mut(|_, own| own.strategy = random.one_of(&strategies));
    let names: Vec<WorkloadName> =
        all_workloads(&case.state).into_iter().filter_map(|id| workload_name(&case.state, id)).collect();
    for (number, target) in names.into_iter().enumerate() {
        let replicas = replicas_of(&case.state, target);
        if replicas == 0 || !random.percent(25) {
            continue;
        }
        let autoscaler = HorizontalPodAutoscaler {
            namespace: target.namespace,
            name: target.name,
            target,
            min_replicas: (replicas - random.below(2) as i64).max(1),
            max_replicas: replicas + random.below(3) as i64,
            metrics: Vec::new(),
            behavior: None,
            memory: AutoscalerMemory::default(),
        };
        case.features.insert("autoscaler");
        case.state.autoscalers.insert(AutoscalerId(number as u32), autoscaler);
    }
    if random.percent(30) {
        let most = 2 + random.below(14);
        let resource = random.one_of(&["pods", "pods", "count/pods"]);
        let (name, resource) = (case.state.intern("team"), case.state.intern(resource));
        let amount = QuotaAmount::from_milli(most as i128 * 1000, Suffixes::Decimal);
        let hard = BTreeMap::from([(resource, amount)]).into_iter().collect();
        let quota = ResourceQuota { namespace: Symbol::DEFAULT, name, hard, scopes: Vec::new() };
        Arc::make_mut(&mut case.state.admission).quotas.push(quota);
        case.features.insert("quota");
    }
    case
}

fn replicas_of(state: &ClusterState, name: WorkloadName) -> i64 {
    match name.kind {
        WorkloadKind::Deployment => state.deployments.values().find(|own| own.name == name.name).unwrap().replicas,
        WorkloadKind::StatefulSet => state.stateful_sets.values().find(|own| own.name == name.name).unwrap().replicas,
        WorkloadKind::ReplicaSet => state.replica_sets.values().find(|own| own.name == name.name).unwrap().replicas,
        WorkloadKind::DaemonSet | WorkloadKind::Job => 0,
    }
}

/// One thing of a history; nothing where it cannot happen.
fn event(simulation: &Simulation, case: &Case, random: &mut Random) -> Vec<StepAction> {
    let state = &simulation.state;
    let nodes: Vec<NodeId> = case.state.nodes.keys().copied().collect();
    let uncordoned: Vec<NodeId> =
        nodes.iter().copied().filter(|node| !state.nodes.get(node).unwrap().unschedulable).collect();
    let names: Vec<WorkloadName> =
        all_workloads(&case.state).into_iter().filter_map(|id| workload_name(&case.state, id)).collect();
    let rolled: Vec<WorkloadName> = names
        .iter()
        .copied()
        .filter(|name| !matches!(name.kind, WorkloadKind::ReplicaSet | WorkloadKind::Job))
        .collect();
    match random.below(6) {
        0 if !rolled.is_empty() => vec![StepAction::Restart { workload: random.one_of(&rolled) }],
        1 if !case.state.autoscalers.is_empty() => {
            let all: Vec<_> = case.state.autoscalers.values().collect();
            let own = random.one_of(&all);
            let range = (own.max_replicas - own.min_replicas + 1) as usize;
            vec![StepAction::Scale { workload: own.target, replicas: own.min_replicas + random.below(range) as i64 }]
        }
        2 | 3 if !uncordoned.is_empty() => {
            let node = random.one_of(&uncordoned);
            vec![StepAction::Drain { nodes: vec![node] }, StepAction::Uncordon { node }]
        }
        4 => {
            let bound: Vec<&Pod> =
                state.pods.values().filter(|pod| pod.node.is_some() && pod.deletion.is_none()).collect();
            if bound.is_empty() {
                return Vec::new();
            }
            let pod = random.one_of(&bound);
            let (namespace, name) = (pod.namespace, state.pod_name(pod));
            vec![StepAction::Evict { target: EvictionTarget::Pod { namespace, name } }]
        }
        _ => {
            let first = random.one_of(&nodes);
            let failed: BTreeSet<NodeId> =
                [first].into_iter().chain(random.percent(40).then(|| random.one_of(&nodes))).collect();
            let failed: Vec<NodeId> = failed.into_iter().collect();
            vec![StepAction::FailNode { nodes: failed.clone() }, StepAction::RecoverNode { nodes: failed }]
        }
    }
}

/// What happens, event after event; `None`: it never comes to rest.
fn after_history(simulation: &mut Simulation, case: &Case, random: &mut Random) -> Option<Vec<StepAction>> {
    let mut happened = Vec::new();
    for _ in 0..random.below(6) {
        for step in event(simulation, case, random) {
            if simulation.perform(&step).outcome == StepOutcome::Livelock {
                return None;
            }
            happened.push(step);
        }
    }
    Some(happened)
}

/// For each phase the most pods that are proved to be available.
fn proved(state: &ClusterState, case: &Case, placement: Placement) -> BTreeMap<Phase, Claim> {
    let canonical = cluster(state);
    let label = claim_of(case, Phase::Instant);
    let (problem, checker) = (Problem::new(&canonical, &[label_of(&label)]), Checker::new(&canonical).unwrap());
    let mut found = BTreeMap::new();
    for phase in [Phase::Instant, Phase::Recovered, Phase::Removed] {
        for at_least in 1..=replicas_of(&case.state, case.subject) {
            let claim = Claim { at_least, placement, ..claim_of(case, phase) };
            let Verdict::Proved(proof) = decide(&problem, checker.digest(), &claim, DEFAULT_STATES) else { break };
            assert_eq!(checker.check(&proof), Ok(()), "seed {}: {proof:#?}", case.seed);
            found.insert(phase, claim);
        }
    }
    found
}

/// Holds what is proved against what failures do from rest; gives how often.
fn compare(rest: &Simulation, proved: &BTreeMap<Phase, Claim>, (case, sets): (&Case, &[NodeSet]), told: &str) -> usize {
    let nodes: Vec<NodeId> = case.state.nodes.keys().copied().collect();
    let mut compared = 0;
    for set in sets {
        let failed: Vec<NodeId> = set.iter().map(|node| nodes[*node]).collect();
        let mut branch = rest.branch();
        for (phase, claim) in proved {
            if !failed.is_empty() {
                let step = match phase {
                    Phase::Recovered => StepAction::FailNode { nodes: failed.clone() },
                    Phase::Removed => StepAction::DeleteNode { nodes: failed.clone() },
                    Phase::Instant | Phase::Progress => StepAction::Wait { seconds: 0 },
                };
                if *phase == Phase::Removed && !proved.contains_key(&Phase::Recovered) {
                    branch.perform(&StepAction::FailNode { nodes: failed.clone() });
                }
                if branch.perform(&step).outcome == StepOutcome::Livelock {
                    break;
                }
            }
            let state = if *phase == Phase::Instant { &rest.state } else { &branch.state };
            let left = available(state, case.subject, &failed);
            assert!(left >= claim.at_least, "{told}: {left} left after {failed:?}, proved was {claim:#?}");
            compared += 1;
        }
    }
    compared
}

#[test]
fn what_is_proved_for_every_history_holds_after_some() {
    let cases = number("QUORATE_CASES", CASES);
    // A pod of a high priority takes the room that another has made for itself; a DaemonSet's pod is pending.
    let with = hold(case, &[52_148, 91_932], cases);
    assert!(cases < CASES || with["quota"] > 20 && with["autoscaler"] > 100, "{with:?}");
}

/// What others hold of one domain is bounded by how they spread themselves over all of them.
#[test]
fn it_holds_where_others_spread_themselves() {
    let cases = number("QUORATE_CASES", CASES);
    let with = hold(crowded, &[91_407], cases);
    assert!(cases < CASES || with["others spread themselves"] > 500, "{with:?}");
}

/// Holds what is proved against histories, of some clusters always; gives how often, by what occurs in the cluster.
fn hold(drawn: fn(u64) -> Case, kept: &[u64], cases: u64) -> BTreeMap<&'static str, usize> {
    let first = number("QUORATE_SEED", 1);
    let (mut compared, mut with) = (BTreeMap::new(), BTreeMap::new());
    for seed in kept.iter().copied().chain(first..first + cases) {
        let case = eventful(drawn(seed));
        let ground = Ground::new(&case.state);
        let sets = Enumeration::new(&ground, Reading::KUBERNETES).failed_sets(case.failures);
        let reachable = proved(&case.state, &case, Placement::Reachable);
        let fresh = proved(&case.state, &case, Placement::Fresh);
        for round in 0..HISTORIES {
            let Ok(fresh_rest) = play::settled(&ground, &case.state, seed + round) else { continue };
            let told = format!("seed {seed}, round {round}");
            // Where a DaemonSet's pods are of a low priority others may have come before them: that is another history.
            let is_first = |pod: &Pod| !matches!(pod.owner, Owner::DaemonSet(_) | Owner::Node) || pod.node.is_some();
            if fresh_rest.state.pods.values().all(is_first) {
                *compared.entry("fresh").or_insert(0) += compare(&fresh_rest, &fresh, (&case, &sets), &told);
            }
            let mut rest = fresh_rest;
            let mut random = Random::new(seed.wrapping_mul(31) + round);
            let Some(happened) = after_history(&mut rest, &case, &mut random) else { continue };
            let told = format!("seed {seed}, round {round}, after {happened:#?}");
            let count = compare(&rest, &reachable, (&case, &sets), &told);
            *compared.entry("reachable").or_insert(0) += count;
            for feature in &case.features {
                *with.entry(*feature).or_insert(0) += count;
            }
            let current = proved(&rest.state, &case, Placement::Current);
            *compared.entry("current").or_insert(0) += compare(&rest, &current, (&case, &sets), &told);
        }
    }
    println!("{cases} clusters from seed {first}: {compared:?}; reachable with {with:#?}");
    let enough = |placement: &str| compared.get(placement).is_some_and(|count| *count > 500);
    assert!(cases < CASES || ["fresh", "reachable", "current"].into_iter().all(enough), "{compared:?}");
    with
}
