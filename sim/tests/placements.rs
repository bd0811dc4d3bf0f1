//! Every legal placement of small clusters: what the enumeration says of cases whose answers are known, that the simulation never
//! reaches a placement that it does not name, and what random clusters are like.
#![allow(clippy::unwrap_used)]

mod cluster_builder;
#[path = "placements/mod.rs"]
mod placements;

use std::collections::BTreeMap;
use std::sync::Arc;

use cluster_builder::{Builder, PodWishes, equals, ints};
use placements::enumerate::{Enumeration, FailureDomain, Failures, Phase, Placed, Placement, Reading, Victims, worst};
use placements::generate::{Case, Random, case};
use placements::ground::{Ground, Loss, NodeSet};
use placements::play;
use quorate_sim::cluster::*;

const PARALLEL: PodManagementPolicy = PodManagementPolicy::Parallel;
const ROLLING: StatefulSetStrategy = StatefulSetStrategy::RollingUpdate { partition: 0 };

/// What is available in each phase once so many nodes have failed.
fn answers(builder: &Builder, subject: WorkloadName, nodes: usize) -> [i64; 3] {
    of_failures(builder, subject, Failures { domain: FailureDomain::Nodes, count: nodes })
}

fn of_failures(builder: &Builder, subject: WorkloadName, failures: Failures) -> [i64; 3] {
    Phase::ALL.map(|phase| worst(&builder.state, subject, failures, Placement::Fresh, phase).unwrap().available)
}

fn apart(cpu_milli: i64) -> PodWishes {
    PodWishes { cpu_milli, apart_on: Some(Symbol::HOSTNAME), ..PodWishes::default() }
}

fn deployment(builder: &mut Builder, app: &str, replicas: i64, wishes: &PodWishes) -> WorkloadName {
    builder.deployment(app, replicas, ints(1, 0), wishes);
    builder.name(WorkloadKind::Deployment, app)
}

/// Changes the specification of every Deployment's pods.
fn edit(builder: &mut Builder, change: impl Fn(&mut PodSpec)) {
    builder.state.deployments.for_each_mut(|_, own| change(&mut Arc::make_mut(&mut own.template).spec));
}

#[test]
fn pods_apart_on_as_many_nodes() {
    for (nodes, recovered) in [(3, 2), (4, 3)] {
        let mut builder = Builder::new();
        builder.workers(nodes);
        let web = deployment(&mut builder, "web", 3, &apart(500));
        assert_eq!(answers(&builder, web, 0), [3, 3, 3]);
        assert_eq!(answers(&builder, web, 1), [2, recovered, recovered]);
        assert_eq!(answers(&builder, web, 2), [1, nodes as i64 - 2, nodes as i64 - 2]);
    }
}

#[test]
fn a_lost_node_is_a_domain_unless_taints_are_honoured() {
    for (policy, recovered) in [(SpreadPolicy::Ignore, 2), (SpreadPolicy::Honor, 3)] {
        let mut builder = Builder::new();
        builder.workers(3);
        let web = deployment(&mut builder, "web", 3, &PodWishes { cpu_milli: 500, ..PodWishes::default() });
        let selector = builder.selector("web");
        let constraint = SpreadConstraint {
            max_skew: 1,
            topology_key: Symbol::HOSTNAME,
            when_unsatisfiable: WhenUnsatisfiable::DoNotSchedule,
            selector: Some(selector),
            min_domains: None,
            node_affinity_policy: SpreadPolicy::Honor,
            node_taints_policy: policy,
            match_label_keys: Vec::new(),
        };
        edit(&mut builder, |spec| spec.spread_constraints = vec![constraint.clone()]);
        assert_eq!(answers(&builder, web, 1), [2, recovered, 3]);
    }
}

#[test]
fn pods_that_come_first_may_leave_no_room() {
    let wishes = |priority| PodWishes { priority, ..apart(2000) };
    for (priority, policy, expected) in [
        (0, PreemptionPolicy::PreemptLowerPriority, [0, 0, 0]),
        (10, PreemptionPolicy::Never, [0, 0, 0]),
        (10, PreemptionPolicy::PreemptLowerPriority, [1, 1, 1]),
    ] {
        let mut builder = Builder::new();
        for node in ["a", "b"] {
            builder.node(node, 2, 8, None);
        }
        let other = deployment(&mut builder, "other", 2, &PodWishes { priority: 0, ..apart(2000) });
        let web = deployment(&mut builder, "web", 2, &wishes(priority));
        edit(&mut builder, |spec| spec.preemption_policy = policy);
        assert_eq!(answers(&builder, web, 1), expected);
        assert_eq!(answers(&builder, other, 0), [0, 0, 0]);
    }
}

#[test]
fn pods_of_a_stateful_set_wait_for_the_node_object() {
    for policy in [PARALLEL, PodManagementPolicy::OrderedReady] {
        let mut builder = Builder::new();
        builder.workers(3);
        builder.stateful_set("db", 2, policy, ROLLING, &apart(500));
        let db = builder.name(WorkloadKind::StatefulSet, "db");
        assert_eq!(answers(&builder, db, 1), [1, 1, 2]);
        assert_eq!(answers(&builder, db, 2), [0, 0, 1]);
    }
}

#[test]
fn who_tolerates_everything_is_placed_on_a_lost_node() {
    let any = |effect, toleration_seconds| Toleration {
        key: None,
        operator: TolerationOperator::Exists,
        effect,
        toleration_seconds,
    };
    for (toleration, recovered) in [
        (None, 1),
        // The pod stays where it is.
        (Some(any(None, None)), 0),
        (Some(any(Some(Effect::NoExecute), None)), 0),
        // It is replaced, and its successor may be placed there.
        (Some(any(Some(Effect::NoSchedule), None)), 0),
    ] {
        let mut builder = Builder::new();
        builder.workers(2);
        let web = deployment(&mut builder, "web", 1, &PodWishes { cpu_milli: 500, ..PodWishes::default() });
        edit(&mut builder, |spec| spec.tolerations.splice(0..0, toleration.clone()).for_each(drop));
        assert_eq!(answers(&builder, web, 1), [0, recovered, 1]);
    }
}

#[test]
fn a_zone_fails_as_a_whole() {
    let zones = Failures { domain: FailureDomain::Label(Symbol::ZONE), count: 1 };
    for (last, recovered) in [("b", 1), ("c", 2)] {
        let mut builder = Builder::new();
        for (node, zone) in [("1", "a"), ("2", "a"), ("3", "b"), ("4", last)] {
            builder.node(node, 4, 8, Some(zone));
        }
        let wishes = PodWishes { apart_on: Some(Symbol::ZONE), cpu_milli: 500, ..PodWishes::default() };
        let web = deployment(&mut builder, "web", 2, &wishes);
        assert_eq!(of_failures(&builder, web, zones), [1, recovered, recovered]);
        // A pod that terminates keeps others out of the rest of its zone.
        assert_eq!(answers(&builder, web, 1), [1, recovered, 2]);
    }
}

#[test]
fn nothing_is_evicted_from_a_zone_that_is_partially_disrupted() {
    let mut builder = Builder::new();
    builder.workers(4);
    let web = deployment(&mut builder, "web", 2, &PodWishes { cpu_milli: 500, ..PodWishes::default() });
    assert_eq!(answers(&builder, web, 2), [0, 2, 2]);
    assert_eq!(answers(&builder, web, 3), [0, 0, 2]);
    assert_eq!(answers(&builder, web, 4), [0, 0, 0]);
}

#[test]
fn pods_are_looked_at_where_they_are() {
    let mut builder = Builder::new();
    builder.workers(3);
    let web = deployment(&mut builder, "web", 2, &PodWishes { cpu_milli: 500, ..PodWishes::default() });
    let ground = Ground::new(&builder.state);
    let state = placements::generate::state_of(&ground, &Placed { alive: vec![1, 1, 0], dying: ground.nothing() });
    let failures = Failures { domain: FailureDomain::Nodes, count: 1 };
    let current = Phase::ALL.map(|phase| worst(&state, web, failures, Placement::Current, phase).unwrap().available);
    assert_eq!(current, [1, 2, 2]);
    assert_eq!(answers(&builder, web, 1), [0, 2, 2]);
}

#[test]
fn the_worst_is_told_step_by_step() {
    let mut builder = Builder::new();
    for node in ["a", "b"] {
        builder.node(node, 2, 8, None);
    }
    deployment(&mut builder, "other", 1, &apart(2000));
    let web = deployment(&mut builder, "web", 2, &PodWishes { priority: 5, ..apart(1000) });
    let failures = Failures { domain: FailureDomain::Nodes, count: 1 };
    let worst = worst(&builder.state, web, failures, Placement::Fresh, Phase::Removed).unwrap();
    assert_eq!((worst.available, worst.failed.len()), (1, 1));
    assert!(worst.before.len() >= 2 && worst.after.is_empty(), "{worst}");
}

/// Whether what the simulation reaches is among what the enumeration names, phase by phase.
fn reached(case: &Case, reading: Reading, seed: u64) -> Option<Vec<(Phase, bool)>> {
    let ground = Ground::new(&case.state);
    let mut enumeration = Enumeration::new(&ground, reading);
    let mut simulation = play::settled(&ground, &case.state, seed);
    let before = play::placed(&simulation, &ground);
    let mut answers = vec![(Phase::Instant, enumeration.before(Placement::Fresh).ok()?.rests.contains(&before))];
    let sets: Vec<NodeSet> = enumeration.failed_sets(case.failures).into_iter().filter(|set| !set.is_empty()).collect();
    if sets.is_empty() {
        return Some(answers);
    }
    let failed = Random::new(seed).one_of(&sets);
    for phase in [Phase::Recovered, Phase::Removed] {
        let removed = phase == Phase::Removed;
        if removed {
            play::remove(&mut simulation, &ground, &failed);
        } else {
            play::fail(&mut simulation, &ground, &failed);
        }
        let loss = Loss { failed: failed.clone(), removed };
        let placed = play::placed(&simulation, &ground);
        let found = enumeration.after(Placement::Fresh, &loss).ok()?.rests.contains(&placed);
        if !found && std::env::var("SHOW").is_ok() {
            println!("seed {} {seed} {phase:?} failed {failed:?}", case.seed);
            println!("before {before:?}\nafter {placed:?}");
        }
        answers.push((phase, found));
    }
    Some(answers)
}

#[test]
fn the_simulation_reaches_what_is_enumerated() {
    let count = std::env::var("PLAYED").ok().and_then(|text| text.parse().ok()).unwrap_or(100_u64);
    let first = std::env::var("FIRST").ok().and_then(|text| text.parse().ok()).unwrap_or(0_u64);
    let documented = Reading::DOCUMENTED;
    let readings = [
        documented,
        Reading { removed_after_recovery: true, ..documented },
        Reading { lost_one_by_one: true, ..documented },
        Reading { lost_one_by_one: true, removed_after_recovery: true, ..documented },
        Reading { victims: Victims::Schedulers, lost_one_by_one: true, removed_after_recovery: true },
    ];
    for reading in readings {
        let mut missed: BTreeMap<Phase, Vec<u64>> = BTreeMap::new();
        let mut compared = 0;
        for seed in first..first + count {
            let case = case(seed);
            let Some(answers) = reached(&case, reading, seed) else { continue };
            compared += 1;
            for (phase, found) in answers {
                if !found {
                    missed.entry(phase).or_default().push(seed);
                }
            }
        }
        println!("{reading:?} compared {compared} missed {missed:?}");
    }
}

#[test]
fn random_clusters_are_of_every_kind() {
    let count = std::env::var("PLACEMENTS").ok().and_then(|text| text.parse().ok()).unwrap_or(300_u64);
    let mut features: BTreeMap<String, usize> = BTreeMap::new();
    let mut holds: BTreeMap<Phase, usize> = BTreeMap::new();
    let (mut too_many, mut states) = (0, Vec::new());
    let started = std::time::Instant::now();
    for seed in 0..count {
        let case = case(seed);
        let ground = Ground::new(&case.state);
        let mut enumeration = Enumeration::new(&ground, Reading::DOCUMENTED);
        let mut answers = Vec::new();
        for phase in Phase::ALL {
            match enumeration.worst(case.subject, case.failures, Placement::Fresh, phase) {
                Ok(worst) => answers.push((phase, worst)),
                Err(_) => break,
            }
        }
        for feature in &case.features {
            *features.entry((*feature).to_owned()).or_default() += 1;
        }
        if answers.len() < Phase::ALL.len() {
            too_many += 1;
            continue;
        }
        states.push(answers.last().unwrap().1.states);
        for (phase, worst) in answers {
            if worst.available >= case.at_least {
                *holds.entry(phase).or_default() += 1;
            }
        }
    }
    states.sort_unstable();
    let at = |percent: usize| states[states.len() * percent / 100];
    println!("{count} clusters, {too_many} too many, {:?}", started.elapsed());
    println!("states 50% {} 90% {} 99% {} most {}", at(50), at(90), at(99), states.last().unwrap());
    println!("{holds:#?}\n{features:#?}");
}
