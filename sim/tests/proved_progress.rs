//! Where it is proved that rollouts end and drains do not wait, they do so in the simulation: from rest, after whatever history, in any
//! order that an exploration finds.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot set up its input should stop; counts are told"
)]

mod cluster_builder;
#[path = "placements/mod.rs"]
mod placements;

use cluster_builder::{Builder, PodWishes, ints, step};
use placements::generate::{Case, Random, case};
use placements::ground::Ground;
use placements::play;
use quorate_proof::Checker;
use quorate_proof::claim::{Claim, Domain, Failures, Phase as ProofPhase, Placement, Subject};
use quorate_proof::evidence::{Drain, Evidence};
use quorate_sim::cluster::*;
use quorate_sim::controller::{all_workloads, workload_name, workload_of};
use quorate_sim::explore::{Likelihood, SearchLimits, explore};
use quorate_sim::prove::{Problem, Verdict, cluster, decide};
use quorate_sim::simulation::{Simulation, StepAction, StepOutcome};

/// So many clusters; more with `QUORATE_CASES`, from another one with `QUORATE_SEED`.
const CASES: u64 = 1_500;

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().map_or(default, |text| text.parse().unwrap())
}

/// The case of a seed, with rollouts of every kind.
fn with_strategies(seed: u64) -> Case {
    let mut case = case(seed);
    let mut random = Random::new(seed ^ 0x0011_0a75);
    let rolling = |surge, unavailable| DeploymentStrategy::RollingUpdate {
        max_surge: IntOrPercent::Int(surge),
        max_unavailable: IntOrPercent::Int(unavailable),
    };
    let strategies = [rolling(1, 0), rolling(0, 1), rolling(1, 1), DeploymentStrategy::Recreate];
    case.state.deployments.for_each_mut(|_, own| own.strategy = random.one_of(&strategies));
    // More budgets than elsewhere, and not all of them allow a disruption.
    let names: Vec<WorkloadName> =
        all_workloads(&case.state).into_iter().filter_map(|id| workload_name(&case.state, id)).collect();
    for own in names {
        if !random.percent(40) || own.kind == WorkloadKind::DaemonSet {
            continue;
        }
        let requirement = Requirement { key: case.state.intern("app"), operator: Operator::In(vec![own.name]) };
        let pods = IntOrPercent::Int(random.below(3) as i64);
        let target = random.one_of(&[
            BudgetTarget::MinAvailable(pods),
            BudgetTarget::MaxUnavailable(pods),
            BudgetTarget::MinAvailable(IntOrPercent::Percent(50)),
        ]);
        let budget = PodDisruptionBudget {
            namespace: own.namespace,
            name: own.name,
            selector: Some(LabelSelector { requirements: vec![requirement] }),
            target,
            unhealthy_pod_eviction_policy: UnhealthyPodEvictionPolicy::IfHealthyBudget,
            status: BudgetStatus::default(),
        };
        let id = BudgetId(100 + case.state.budgets.len() as u32);
        case.state.budgets.insert(id, budget);
    }
    case
}

/// The Deployments and StatefulSets about which it is proved.
fn proved(state: &ClusterState, seed: u64) -> Vec<(WorkloadName, &'static str)> {
    let canonical = cluster(state);
    let (problem, checker) = (Problem::new(&canonical, &[]), Checker::new(&canonical).unwrap());
    let names = all_workloads(state).into_iter().filter_map(|id| workload_name(state, id));
    let rolled = names.filter(|name| matches!(name.kind, WorkloadKind::Deployment | WorkloadKind::StatefulSet));
    let why = |name: WorkloadName| {
        let text = |symbol| state.names.text(symbol);
        let claim = Claim {
            subject: Subject::Workload(format!("{}/{}/{}", name.kind.as_str(), text(name.namespace), text(name.name))),
            at_least: 0,
            failures: Failures { domain: Domain::Node, count: 1 },
            placement: Placement::Reachable,
            phase: ProofPhase::Progress,
        };
        match decide(&problem, checker.digest(), &claim, 0) {
            Verdict::Proved(proof) => {
                assert_eq!(checker.check(&proof), Ok(()), "seed {seed}: {proof:#?}");
                let Evidence::Progress { drain, .. } = proof.evidence else { panic!("seed {seed}: {proof:#?}") };
                Some((
                    name,
                    match drain {
                        Drain::NoBudget => "no budget",
                        Drain::AtOnce { .. } => "at once",
                        Drain::Replaced { .. } => "replaced",
                    },
                ))
            }
            Verdict::Violated(_) | Verdict::Undecided { .. } => None,
        }
    };
    rolled.filter_map(why).collect()
}

/// Restarts, drains and the end of drains, as they come.
fn history(simulation: &mut Simulation, case: &Case, random: &mut Random) -> bool {
    let nodes: Vec<NodeId> = case.state.nodes.keys().copied().collect();
    let workloads: Vec<WorkloadName> = all_workloads(&case.state)
        .into_iter()
        .filter_map(|id| workload_name(&case.state, id))
        .filter(|name| matches!(name.kind, WorkloadKind::Deployment | WorkloadKind::StatefulSet))
        .collect();
    for _ in 0..random.below(4) {
        let steps = if random.percent(50) && !workloads.is_empty() {
            vec![StepAction::Restart { workload: random.one_of(&workloads) }]
        } else {
            let node = random.one_of(&nodes);
            if simulation.state.nodes.get(&node).unwrap().unschedulable {
                continue;
            }
            vec![StepAction::Drain { nodes: vec![node] }, StepAction::Uncordon { node }]
        };
        if steps.iter().any(|step| simulation.perform(step).outcome == StepOutcome::Livelock) {
            return false;
        }
    }
    true
}

/// How many pods of a workload are on a node and do not terminate.
fn on_node(simulation: &Simulation, workload: WorkloadName, node: NodeId) -> usize {
    let state = &simulation.state;
    let is_own = |owner| workload_of(state, owner).and_then(|id| workload_name(state, id)) == Some(workload);
    state.pods.values().filter(|pod| pod.node == Some(node) && pod.deletion.is_none() && is_own(pod.owner)).count()
}

#[test]
fn what_is_proved_to_end_ends() {
    let (first, cases) = (number("QUORATE_SEED", 1), number("QUORATE_CASES", CASES));
    let (mut rollouts, mut drains) = (0, std::collections::BTreeMap::new());
    for seed in first..first + cases {
        let case = with_strategies(seed);
        let proved = proved(&case.state, seed);
        if proved.is_empty() {
            continue;
        }
        let ground = Ground::new(&case.state);
        for round in 0..3 {
            let mut random = Random::new(seed.wrapping_mul(31) + round);
            let Ok(mut rest) = play::settled(&ground, &case.state, seed + round) else { continue };
            if !history(&mut rest, &case, &mut random) {
                continue;
            }
            for (workload, why) in &proved {
                let restart = step(StepAction::Restart { workload: *workload });
                let limits = SearchLimits { states: 60, ..SearchLimits::default() };
                let explored = explore(&rest, &[restart], &limits);
                let stuck = explored.steps[0].outcomes.get(&StepOutcome::Stuck);
                let happens =
                    stuck.is_some_and(|own| own.likelihood != Some(Likelihood::Never) && !own.trace.is_empty());
                assert!(!happens, "seed {seed}, round {round}: a rollout hangs: {stuck:#?}");
                rollouts += 1;
                for node in case.state.nodes.keys() {
                    let mut drained = rest.clone();
                    let end = drained.perform(&StepAction::Drain { nodes: vec![*node] });
                    let left = on_node(&drained, *workload, *node);
                    assert!(
                        left == 0 || end.outcome == StepOutcome::Livelock,
                        "seed {seed}, round {round}: {left} pods stay on {node:?}: {end:#?}"
                    );
                    *drains.entry((workload.kind, *why)).or_insert(0) += 1;
                }
            }
        }
    }
    println!("{rollouts} rollouts explored, drains played: {drains:?}, of {cases} clusters from seed {first}");
    assert!(cases < CASES || rollouts > 300, "{rollouts} rollouts");
    assert!(cases < CASES || drains.len() == 6 && drains.values().all(|count| *count > 20), "{drains:?}");
}

/// Three nodes with room for one pod each, and one more.
#[test]
fn a_rollout_needs_room_for_what_it_adds() {
    for (nodes, (surge, unavailable), holds) in [
        (3, (1, 0), false),
        (3, (0, 1), true),
        (4, (0, 1), true),
        (4, (1, 0), true),
        (4, (2, 0), false),
        (4, (2, 1), true),
    ] {
        let mut builder = Builder::new();
        builder.workers(nodes);
        builder.deployment("web", 3, ints(surge, unavailable), &PodWishes { cpu_milli: 3000, ..PodWishes::default() });
        let is_proved = !proved(&builder.state, 0).is_empty();
        assert_eq!(is_proved, holds, "{nodes} nodes, maxSurge {surge}, maxUnavailable {unavailable}");
    }
}
