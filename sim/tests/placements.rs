//! Every legal placement of small clusters: what the enumeration says of cases whose answers are known, that the simulation never
//! reaches a placement that it does not name, and what random clusters are like.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "statistics are printed where --nocapture asks for them")]

mod cluster_builder;
#[path = "placements/mod.rs"]
mod placements;

use std::collections::BTreeMap;
use std::sync::Arc;

use cluster_builder::{Builder, PodWishes, ints};
use placements::enumerate::{
    Enumeration, FailureDomain, Failures, Phase, Placed, Placement, Reading, TooMany, Victims, worst,
};
use placements::generate::{Case, Random, case, with_current_pods, with_quota};
use placements::ground::{Ground, NodeSet};
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

/// Evenly over nodes.
fn spread(builder: &mut Builder, app: &str, node_taints_policy: SpreadPolicy) -> SpreadConstraint {
    SpreadConstraint {
        max_skew: 1,
        topology_key: Symbol::HOSTNAME,
        when_unsatisfiable: WhenUnsatisfiable::DoNotSchedule,
        selector: Some(builder.selector(app)),
        min_domains: None,
        node_affinity_policy: SpreadPolicy::Honor,
        node_taints_policy,
        match_label_keys: Vec::new(),
    }
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
        let constraint = spread(&mut builder, "web", policy);
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
    let state = placements::generate::state_of(&ground, &Placed::new(vec![1, 1, 0], ground.nothing()));
    let failures = Failures { domain: FailureDomain::Nodes, count: 1 };
    let current = Phase::ALL.map(|phase| worst(&state, web, failures, Placement::Current, phase).unwrap().available);
    assert_eq!(current, [1, 2, 2]);
    assert_eq!(answers(&builder, web, 1), [0, 2, 2]);
}

/// A DaemonSet's pod of lower priority makes room too: three pods end on one node where, with that pod, two have room.
#[test]
fn pods_of_daemon_sets_make_room() {
    let mut builder = Builder::new();
    for node in ["a", "b"] {
        builder.node(node, 3, 8, None);
    }
    builder.daemon_set("agent", ints(0, 1), &PodWishes { cpu_milli: 1000, ..PodWishes::default() });
    deployment(&mut builder, "other", 2, &PodWishes { cpu_milli: 1000, ..PodWishes::default() });
    let web = deployment(&mut builder, "web", 3, &PodWishes { cpu_milli: 1000, priority: 10, ..PodWishes::default() });
    assert_eq!(both(&builder, web, 1, Phase::Instant), [1, 0]);
}

/// What is documented, and what Kubernetes does, of one failure.
fn both(builder: &Builder, subject: WorkloadName, nodes: usize, phase: Phase) -> [i64; 2] {
    let failures = Failures { domain: FailureDomain::Nodes, count: nodes };
    let grounds = [Ground::new(&builder.state), Ground::in_order(&builder.state)];
    let readings = [Reading::DOCUMENTED, Reading::KUBERNETES];
    [0, 1].map(|which| {
        let mut enumeration = Enumeration::new(&grounds[which], readings[which]);
        enumeration.worst(subject, failures, Placement::Fresh, phase).unwrap().available
    })
}

/// The scheduler looks at a node without any of the pods of lower priority first: a pod that has to be near them does not fit then.
#[test]
fn a_pod_does_not_preempt_those_that_it_has_to_be_near() {
    let mut builder = Builder::new();
    builder.node("a", 2, 8, None);
    deployment(&mut builder, "db", 3, &PodWishes { cpu_milli: 500, ..PodWishes::default() });
    let web = deployment(&mut builder, "web", 1, &PodWishes { cpu_milli: 1000, priority: 10, ..apart(0) });
    let of_db = builder.selector("db");
    edit(&mut builder, |spec| {
        spec.required_affinity = std::mem::take(&mut spec.required_anti_affinity);
        spec.required_affinity.iter_mut().for_each(|term| term.selector = Some(of_db.clone()));
    });
    assert_eq!(both(&builder, web, 0, Phase::Instant), [1, 0]);
}

/// A pod that tolerates the taints of a lost node may choose it for preemption: the pods there terminate for ever.
#[test]
fn a_pod_waits_for_pods_of_a_lost_node_to_go() {
    let mut builder = Builder::new();
    builder.node("a", 2, 8, None);
    builder.node("b", 1, 8, None);
    let wishes = |priority| PodWishes { cpu_milli: 1000, priority, ..PodWishes::default() };
    deployment(&mut builder, "other", 2, &wishes(0));
    let web = deployment(&mut builder, "web", 1, &wishes(10));
    assert_eq!(both(&builder, web, 1, Phase::Recovered), [1, 1]);
    let every = Toleration {
        key: None,
        operator: TolerationOperator::Exists,
        effect: Some(Effect::NoSchedule),
        toleration_seconds: None,
    };
    edit(&mut builder, |spec| spec.tolerations.push(every.clone()));
    // Pods of lower priority are placed on the lost node too; so is one of its own, again and again.
    assert_eq!(both(&builder, web, 1, Phase::Recovered), [0, 0]);
}

/// While a pod terminates, a StatefulSet that makes one pod after the other makes none after it, also where there is room now.
#[test]
fn a_stateful_set_in_order_stops_at_a_pod_that_terminates() {
    let mut builder = Builder::new();
    for (node, cpu) in [("a", 4), ("b", 4), ("c", 0)] {
        builder.node(node, cpu, 8, None);
    }
    let wishes = PodWishes { cpu_milli: 1000, ..PodWishes::default() };
    let id = builder.stateful_set("db", 4, PodManagementPolicy::OrderedReady, ROLLING, &wishes);
    let constraint = spread(&mut builder, "db", SpreadPolicy::Honor);
    let mut own = builder.state.stateful_sets.get_mut(&id).unwrap();
    Arc::make_mut(&mut own.template).spec.spread_constraints.push(constraint);
    own.current_template = Arc::clone(&own.template);
    drop(own);
    let db = builder.name(WorkloadKind::StatefulSet, "db");
    let failed = NodeSet::from([0, 2]);
    let grounds = [(Ground::new(&builder.state), 3), (Ground::in_order(&builder.state), 2)];
    for (ground, expected) in &grounds {
        let mut enumeration = Enumeration::new(ground, Reading::DOCUMENTED);
        let outcomes = enumeration.outcomes(&failed, Placement::Fresh, Phase::Recovered).unwrap();
        let available = outcomes.iter().map(|placed| enumeration.available(db, placed, &failed)).min();
        assert_eq!(available, Some(*expected));
    }
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
    assert!(worst.before.len() >= 2, "{worst}");
    assert!(worst.after.iter().all(|event| event.ends_with("is deleted")), "{worst}");
}

/// What the simulation reached after a failure, and what was lost.
struct Reached {
    failed: NodeSet,
    phase: Phase,
    placed: Placed,
}

/// Plays a case, then fails some of its nodes and deletes them; nothing where the simulation does not come to rest: a pod whose
/// place is taken by a pod that it has preempted preempts it again, for ever.
fn play(ground: &Ground, state: &ClusterState, failures: Failures, seed: u64) -> Option<Vec<Reached>> {
    let mut simulation = play::settled(ground, state, seed).ok()?;
    let placed = play::placed(&simulation, ground);
    let mut reached = vec![Reached { failed: NodeSet::new(), phase: Phase::Instant, placed }];
    // Where all nodes are lost it is a race what is evicted, and nothing is available.
    let partial = |set: &NodeSet| !set.is_empty() && set.len() < ground.nodes.len();
    let sets = Enumeration::new(ground, Reading::DOCUMENTED).failed_sets(failures);
    let sets: Vec<NodeSet> = sets.into_iter().filter(partial).collect();
    if sets.is_empty() {
        return Some(reached);
    }
    let failed = Random::new(seed).one_of(&sets);
    for phase in [Phase::Recovered, Phase::Removed] {
        if phase == Phase::Recovered {
            play::fail(&mut simulation, ground, &failed).ok()?;
        } else {
            play::remove(&mut simulation, ground, &failed).ok()?;
        }
        let placed = play::placed(&simulation, ground);
        reached.push(Reached { failed: failed.clone(), phase, placed });
    }
    Some(reached)
}

/// How many cases each test looks at: so many times what it looks at on its own.
fn times() -> u64 {
    std::env::var("QUORATE_PLACEMENTS").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

#[test]
fn what_the_simulation_reaches_is_enumerated() {
    let (mut compared, mut with_quotas, mut restless, mut missed) = (0, 0, 0, Vec::new());
    for seed in 0..500 * times() {
        // Not enumerated: a quota refuses DaemonSets' pods; a set refused its next pod waits for another one after a failure.
        let drawn = case(seed / 2);
        let is_parallel = |own: &StatefulSet| own.pod_management_policy == PARALLEL;
        let is_simple = drawn.state.daemon_sets.is_empty() && drawn.state.stateful_sets.values().all(is_parallel);
        let has_quota = seed % 2 == 1 && is_simple;
        let case = if has_quota { with_quota(drawn) } else { drawn };
        let ground = Ground::in_order(&case.state);
        let mut enumeration = Enumeration::new(&ground, Reading::KUBERNETES);
        let Some(reached) = play(&ground, &case.state, case.failures, seed) else {
            restless += 1;
            continue;
        };
        for Reached { failed, phase, placed } in reached {
            let Ok(outcomes) = enumeration.outcomes(&failed, Placement::Fresh, phase) else { continue };
            compared += 1;
            with_quotas += usize::from(has_quota);
            if !outcomes.iter().any(|own| own.is_like(&placed)) {
                missed.push(format!("{case}{phase:?} after {failed:?}: {placed:?}"));
            }
        }
    }
    println!("{compared} placements compared, {with_quotas} with quotas; {restless} cases never come to rest");
    assert!(missed.is_empty(), "{} of {compared} are missed\n{}", missed.len(), missed.join("\n"));
    assert!(compared > 600 && restless * 100 < compared, "{compared} compared, {restless} restless");
    assert!(with_quotas > 150, "{with_quotas} of {compared} with quotas");
}

/// Whether Kubernetes may preempt other pods than is documented: those of DaemonSets; and not those that the pod has to be near.
fn preempts_otherwise(case: &Case) -> bool {
    let has = |feature| case.features.contains(feature);
    has("DaemonSet of low priority") || (has("priority") && has("affinity"))
}

#[test]
fn the_simulation_is_never_worse_than_documented() {
    for seed in 250..500 * times() {
        let case = case(seed);
        if preempts_otherwise(&case) {
            continue;
        }
        let ground = Ground::new(&case.state);
        let mut enumeration = Enumeration::new(&ground, Reading::DOCUMENTED);
        for Reached { failed, phase, placed } in play(&ground, &case.state, case.failures, seed).unwrap_or_default() {
            let Ok(outcomes) = enumeration.outcomes(&failed, Placement::Fresh, phase) else { continue };
            let available = |placed| enumeration.available(case.subject, placed, &failed);
            let worst = outcomes.iter().map(available).min().unwrap();
            assert!(available(&placed) >= worst, "{case}{phase:?} after {failed:?}: {placed:?}, not {worst}");
        }
    }
}

#[test]
fn pods_of_a_placement_stay_where_they_are() {
    let mut compared = 0;
    for seed in 0..150 * times() {
        let case = case(seed);
        let Some(state) = with_current_pods(&case) else { continue };
        let ground = Ground::in_order(&state);
        let mut enumeration = Enumeration::new(&ground, Reading::KUBERNETES);
        let Some(reached) = play(&ground, &state, case.failures, seed - seed % 3) else { continue };
        for Reached { failed, phase, placed } in reached {
            let Ok(outcomes) = enumeration.outcomes(&failed, Placement::Current, phase) else { continue };
            compared += 1;
            assert!(
                outcomes.iter().any(|own| own.is_like(&placed)),
                "{case}{phase:?} after {failed:?}: {placed:?}\n{outcomes:?}"
            );
        }
    }
    assert!(compared > 350, "{compared}");
}

/// What is documented is a little less than what Kubernetes does; it makes no answer too good.
#[test]
fn kubernetes_is_never_worse_than_documented() {
    for seed in 0..150 * times() {
        let case = case(seed);
        if preempts_otherwise(&case) {
            continue;
        }
        let ground = Ground::new(&case.state);
        let mut documented = Enumeration::new(&ground, Reading::DOCUMENTED);
        let ordered = Ground::in_order(&case.state);
        let mut kubernetes = Enumeration::new(&ordered, Reading::KUBERNETES);
        for phase in Phase::ALL {
            let worst = |enumeration: &mut Enumeration<'_>| {
                enumeration.worst(case.subject, case.failures, Placement::Fresh, phase)
            };
            let (Ok(documented), Ok(kubernetes)) = (worst(&mut documented), worst(&mut kubernetes)) else { continue };
            assert!(kubernetes.available >= documented.available, "{case}{phase:?}: {documented}\n{kubernetes}");
        }
    }
}

/// Preemption of any set that is as small as can be finds whatever the scheduler's own choice of victims and nodes leads to, and is
/// no more pessimistic.
#[test]
fn the_scheduler_chooses_among_the_smallest_sets_of_victims() {
    let mut compared = 0;
    for seed in 0..400 * times() {
        let case = case(seed);
        if !case.features.contains("priority") {
            continue;
        }
        let ground = Ground::new(&case.state);
        let of = |victims| Reading { victims, ..Reading::DOCUMENTED };
        for phase in Phase::ALL {
            let ask = |victims| {
                let mut enumeration = Enumeration::new(&ground, of(victims));
                enumeration.worst(case.subject, case.failures, Placement::Fresh, phase)
            };
            let own = [Victims::SchedulersAnywhere, Victims::Schedulers].map(ask);
            let (Ok(of_all), [Ok(anywhere), Ok(chosen)]) = (ask(Victims::FewestOfAll), own) else { continue };
            compared += 1;
            let available = [of_all.available, anywhere.available, chosen.available];
            assert!(available.is_sorted() && available[0] == available[2], "{case}{phase:?}: {available:?}");
        }
    }
    assert!(compared > 200, "{compared}");
}

/// How many claims were looked at, and how many of them hold.
type Shares = BTreeMap<(Placement, Phase), (usize, usize)>;

#[test]
fn random_clusters_are_of_every_kind() {
    let count = 300 * times();
    let mut features: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut shares, mut states, mut too_many) = (Shares::new(), Vec::new(), 0);
    for seed in 0..count {
        let case = case(seed);
        for feature in &case.features {
            *features.entry(feature).or_default() += 1;
        }
        match claims(&case, &mut shares) {
            Ok(looked_at) => states.push(looked_at),
            Err(TooMany) => too_many += 1,
        }
    }
    states.sort_unstable();
    let at = |percent: usize| states[(states.len() - 1) * percent / 100];
    println!("{count} clusters, {too_many} with more placements than are looked at");
    println!("placements of a cluster: half have {}, 99 of 100 {}, all {}", at(50), at(99), at(100));
    for ((placement, phase), (all, holding)) in &shares {
        println!("{placement:?} {phase:?}: {holding} of {all} claims hold");
        assert!(holding * 10 > *all && holding * 10 < all * 9, "{placement:?} {phase:?}: {holding} of {all}");
    }
    println!("{features:#?}");
    assert!(features.len() >= 40 && features.values().all(|of| *of > 1), "{features:?}");
    assert!(too_many * 50 < count, "{too_many} of {count}");
}

/// Looks at one case in every phase and placement; gives how many placements that took.
fn claims(case: &Case, shares: &mut Shares) -> Result<usize, TooMany> {
    let mut answers = Vec::new();
    let ground = Ground::new(&case.state);
    let mut enumeration = Enumeration::new(&ground, Reading::DOCUMENTED);
    for phase in Phase::ALL {
        let worst = enumeration.worst(case.subject, case.failures, Placement::Fresh, phase)?;
        answers.push((Placement::Fresh, phase, worst));
    }
    let states = answers.last().map_or(0, |(_, _, worst)| worst.states);
    let state = with_current_pods(case).ok_or(TooMany)?;
    let ground = Ground::new(&state);
    let mut enumeration = Enumeration::new(&ground, Reading::DOCUMENTED);
    for phase in Phase::ALL {
        let worst = enumeration.worst(case.subject, case.failures, Placement::Current, phase)?;
        answers.push((Placement::Current, phase, worst));
    }
    for (placement, phase, worst) in answers {
        let (all, holding) = shares.entry((placement, phase)).or_default();
        *all += 1;
        *holding += usize::from(worst.available >= case.at_least);
    }
    Ok(states)
}
