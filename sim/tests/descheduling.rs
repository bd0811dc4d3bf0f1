//! The descheduler: which pods a pass evicts, and whether that comes to an end. Numbers of single passes are those of the tests of
//! `kubernetes-sigs/descheduler` v0.36.0.
#![allow(clippy::unwrap_used)]

mod cluster_builder;

use std::collections::BTreeSet;
use std::sync::Arc;

use cluster_builder::{Builder, PodWishes, equals, ints, step};
use quorate_sim::cluster::*;
use quorate_sim::controller::descheduler::{Evicting, pass};
use quorate_sim::eviction::{EvictionDecision, changes, decide};
use quorate_sim::explore::{Likelihood, SearchLimits, explore};
use quorate_sim::simulation::{Settings, Simulation, StepAction, StepOutcome, Ties};
use quorate_sim::transition::apply;

const WEB: &str = "deployment/default/web";
const DUPLICATES: BalancePlugin =
    BalancePlugin::RemoveDuplicates { namespaces: NamespaceFilter::All, exclude_owner_kinds: BTreeSet::new() };
const SPREAD: BalancePlugin = BalancePlugin::TopologySpread {
    namespaces: NamespaceFilter::All,
    label_selector: None,
    hard: true,
    soft: false,
    node_fit: true,
};

fn evictor() -> DefaultEvictor {
    let protections = [
        PodProtection::PodsWithLocalStorage,
        PodProtection::SystemCriticalPods,
        PodProtection::FailedBarePods,
        PodProtection::DaemonSetPods,
    ];
    DefaultEvictor { protections: protections.into(), ..DefaultEvictor::default() }
}

fn policy(evictor: DefaultEvictor, plugin: BalancePlugin) -> DeschedulerPolicy {
    DeschedulerPolicy {
        interval: Duration::from_seconds(300),
        node_selector: None,
        limits: EvictionLimits::default(),
        profiles: vec![DeschedulerProfile { evictor, balance: vec![plugin] }],
    }
}

fn low_utilization(low: f64, high: f64) -> BalancePlugin {
    let of = |resource| UtilizationThreshold { resource, low, high };
    BalancePlugin::LowNodeUtilization {
        thresholds: vec![of(UtilizedResource::Cpu), of(UtilizedResource::Pods)],
        uses_deviation: false,
        number_of_nodes: 0,
        namespaces: NamespaceFilter::All,
        per_node: None,
    }
}

/// Only counts.
struct Counting {
    state: ClusterState,
    ties: Ties,
    evicted: Vec<Option<NodeId>>,
    denied: usize,
}

impl Evicting for Counting {
    fn state(&self) -> &ClusterState {
        &self.state
    }

    fn ties(&mut self) -> &mut Ties {
        &mut self.ties
    }

    fn evict(&mut self, pod: PodId, _plugin: &'static str) -> bool {
        let decision = decide(&self.state, pod);
        let node = self.state.pods[&pod].node;
        for change in changes(&self.state, pod, &decision) {
            apply(&mut self.state, &change);
        }
        let granted = matches!(decision, EvictionDecision::Granted(_));
        if granted {
            self.evicted.push(node)
        } else {
            self.denied += 1
        }
        granted
    }
}

fn one_pass(state: &ClusterState, policy: &DeschedulerPolicy) -> Counting {
    let mut counting = Counting { state: state.clone(), ties: Ties::Drawn(0), evicted: Vec::new(), denied: 0 };
    pass(&mut counting, policy);
    counting
}

/// So many pods of one Deployment on each of as many nodes; `edit` changes the template first.
fn placed(counts: &[usize], wishes: &PodWishes, edit: impl Fn(&mut ClusterState, &mut PodSpec)) -> Builder {
    let mut builder = Builder::new();
    for number in 1..=counts.len() {
        let zone = format!("zone-{number}");
        builder.node(&format!("worker-{number}"), 4, 8, Some(&zone));
    }
    let total: usize = counts.iter().sum();
    builder.deployment("web", i64::try_from(total).unwrap(), ints(1, 0), wishes);
    let template = Arc::clone(&builder.state.deployments[&DeploymentId(0)].template);
    let mut template = PodTemplate::clone(&template);
    // The scheduler's rules come afterwards.
    builder.state.deployments.get_mut(&DeploymentId(0)).unwrap().template = Arc::new(template.clone());
    let mut simulation = Simulation::new(builder.state, &Settings::default());
    assert_eq!(simulation.settle(), StepOutcome::Completed);
    let mut state = simulation.state;
    edit(&mut state, &mut template.spec);
    let template = Arc::new(template);
    state.deployments.get_mut(&DeploymentId(0)).unwrap().template = Arc::clone(&template);
    state.replica_sets.for_each_mut(|_, set| set.template = Arc::clone(&template));
    let mut nodes =
        counts.iter().enumerate().flat_map(|(node, count)| vec![NodeId(u32::try_from(node).unwrap()); *count]);
    state.pods.for_each_mut(|_, pod| {
        pod.template = Arc::clone(&template);
        pod.node = nodes.next();
    });
    Builder { state, toleration_seconds: 300 }
}

fn small() -> PodWishes {
    PodWishes { cpu_milli: 10, ..PodWishes::default() }
}

fn spread_over_zones(max_skew: i64) -> impl Fn(&mut ClusterState, &mut PodSpec) {
    move |state, spec| {
        let (key, value) = (state.intern("app"), state.intern("web"));
        spec.spread_constraints.push(SpreadConstraint {
            max_skew,
            topology_key: Symbol::ZONE,
            when_unsatisfiable: WhenUnsatisfiable::DoNotSchedule,
            selector: Some(equals(key, value)),
            min_domains: None,
            node_affinity_policy: SpreadPolicy::Honor,
            node_taints_policy: SpreadPolicy::Ignore,
            match_label_keys: Vec::new(),
        });
    }
}

#[test]
fn duplicates_go_until_no_node_has_more_than_its_share() {
    for (counts, evicted) in [([5, 3, 1], 2), ([4, 4, 1], 2), ([3, 3, 3], 0), ([9, 0, 0], 6), ([1, 1, 1], 0)] {
        let state = placed(&counts, &small(), |_, _| {}).state;
        assert_eq!(one_pass(&state, &policy(evictor(), DUPLICATES)).evicted.len(), evicted, "{counts:?}");
    }
    // A cordoned node is no target, and with one target only nothing goes.
    let mut state = placed(&[4, 0], &small(), |_, _| {}).state;
    let taint =
        Taint { key: Symbol::UNSCHEDULABLE_TAINT, value: Symbol::EMPTY, effect: Effect::NoSchedule, added_at: None };
    state.nodes.get_mut(&NodeId(1)).unwrap().unschedulable = true;
    state.nodes.get_mut(&NodeId(1)).unwrap().taints.push(taint);
    assert_eq!(one_pass(&state, &policy(evictor(), DUPLICATES)).evicted.len(), 0);
}

#[test]
fn a_spread_is_evened_out() {
    let cases: [(&[usize], i64, usize); 8] = [
        (&[2, 1], 1, 0),
        (&[3, 1], 1, 1),
        (&[5, 2], 1, 1),
        (&[4, 0], 1, 2),
        (&[0, 1, 100], 1, 66),
        (&[0, 1, 3, 5], 1, 3),
        (&[2, 6], 2, 1),
        (&[0, 0, 0], 1, 0),
    ];
    for (counts, max_skew, evicted) in cases {
        let state = placed(counts, &small(), spread_over_zones(max_skew)).state;
        assert_eq!(one_pass(&state, &policy(evictor(), SPREAD)).evicted.len(), evicted, "{counts:?}");
    }
    // No room where it should go.
    let mut state = placed(&[2, 6], &small(), spread_over_zones(2)).state;
    state.nodes.get_mut(&NodeId(0)).unwrap().allocatable.cpu_milli = 20;
    assert_eq!(one_pass(&state, &policy(evictor(), SPREAD)).evicted.len(), 0);
    // Only hard constraints are looked at unless it is said otherwise.
    let mut soft = placed(&[3, 1], &small(), spread_over_zones(1)).state;
    soft.pods.for_each_mut(|_, pod| {
        let spec = &mut Arc::make_mut(&mut pod.template).spec;
        spec.spread_constraints[0].when_unsatisfiable = WhenUnsatisfiable::ScheduleAnyway;
    });
    assert_eq!(one_pass(&soft, &policy(evictor(), SPREAD)).evicted.len(), 0);
}

#[test]
fn of_a_node_that_is_used_much_pods_go_until_it_is_used_as_it_should_be() {
    // Eight pods of 400m on one node of 4 CPUs that takes nine pods, one on another.
    let wishes = PodWishes { cpu_milli: 400, ..PodWishes::default() };
    let mut state = placed(&[8, 1, 0], &wishes, |_, _| {}).state;
    for (id, pods) in [(0, 9), (1, 10), (2, 10)] {
        state.nodes.get_mut(&NodeId(id)).unwrap().allocatable_pods = pods;
    }
    state.nodes.get_mut(&NodeId(2)).unwrap().unschedulable = true;
    let low = policy(evictor(), low_utilization(30.0, 50.0));
    let passed = one_pass(&state, &low);
    assert_eq!(passed.evicted, vec![Some(NodeId(0)); 4], "from 8 to 4 of 9 pods, 44 percent");
    assert_eq!(
        one_pass(&state, &policy(evictor(), low_utilization(9.0, 50.0))).evicted.len(),
        0,
        "none is underutilised"
    );
    let mut limited = low.clone();
    limited.limits.per_node = Some(1);
    assert_eq!(one_pass(&state, &limited).evicted.len(), 1);
    state.pods.for_each_mut(|_, pod| Arc::make_mut(&mut pod.template).spec.priority = 2_000_000_000);
    assert_eq!(one_pass(&state, &low).evicted.len(), 0, "system critical pods stay");
}

#[test]
fn the_evictor_protects() {
    let state = placed(&[4, 0], &small(), |_, _| {}).state;
    let evicted =
        |state: &ClusterState, evictor: DefaultEvictor| one_pass(state, &policy(evictor, DUPLICATES)).evicted.len();
    assert_eq!(evicted(&state, evictor()), 2);
    assert_eq!(evicted(&state, DefaultEvictor { min_replicas: 5, ..evictor() }), 0);
    assert_eq!(evicted(&state, DefaultEvictor { min_pod_age: Some(Duration::from_seconds(60)), ..evictor() }), 0);
    assert_eq!(evicted(&state, DefaultEvictor { priority_threshold: Some(0), ..evictor() }), 0);
    let mut local = state.clone();
    local.pods.for_each_mut(|_, pod| Arc::make_mut(&mut pod.template).spec.descheduling.has_local_storage = true);
    assert_eq!(evicted(&local, evictor()), 0);
    local.pods.for_each_mut(|_, pod| Arc::make_mut(&mut pod.template).spec.descheduling.has_evict_annotation = true);
    assert_eq!(evicted(&local, evictor()), 2, "the annotation overrides everything");
    let mut full = state.clone();
    full.nodes.get_mut(&NodeId(1)).unwrap().allocatable.cpu_milli = 0;
    assert_eq!(evicted(&full, evictor()), 2, "without nodeFit nobody looks for room");
    assert_eq!(evicted(&full, DefaultEvictor { node_fit: true, ..evictor() }), 0);
}

fn with_descheduler(mut builder: Builder, policy: DeschedulerPolicy) -> Simulation {
    builder.state.descheduler = Some(Arc::new(policy));
    Simulation::new(builder.state, &Settings::default())
}

#[test]
fn duplicates_come_to_rest_and_the_budget_is_respected() {
    let mut builder = placed(&[6, 0, 0], &small(), |_, _| {});
    builder.budget("web", BudgetTarget::MinAvailable(IntOrPercent::Int(5)));
    let wishes = PodWishes { startup_seconds: 20, ..small() };
    let startup = Duration::from_seconds(wishes.startup_seconds);
    builder.state.pods.for_each_mut(|_, pod| Arc::make_mut(&mut pod.template).spec.startup = startup);
    builder.state.replica_sets.for_each_mut(|_, set| Arc::make_mut(&mut set.template).spec.startup = startup);
    builder.state.deployments.for_each_mut(|_, own| Arc::make_mut(&mut own.template).spec.startup = startup);
    let mut simulation = with_descheduler(builder, policy(evictor(), DUPLICATES));
    let report = simulation.play(&step(StepAction::Wait { seconds: 0 }));
    assert_eq!(report.outcome, StepOutcome::Completed);
    assert_eq!(simulation.settle(), StepOutcome::Completed);
    let mut on_nodes = [0; 3];
    for pod in simulation.state.pods.values() {
        on_nodes[pod.node.unwrap().0 as usize] += 1;
    }
    assert_eq!(on_nodes, [2, 2, 2]);
    let passes = simulation.state.now.milliseconds() / 300_000;
    assert_eq!(passes, 4, "one eviction a pass is all that the budget allows");
}

#[test]
fn what_comes_back_to_where_it_was_is_a_livelock() {
    // The only other node is full, which the plugin does not look at: the pod comes back, five minutes later it goes again.
    let full = |builder: &mut Builder| builder.state.nodes.get_mut(&NodeId(1)).unwrap().allocatable.cpu_milli = 0;
    let mut builder = placed(&[2, 0], &small(), |_, _| {});
    full(&mut builder);
    let mut simulation = with_descheduler(builder, policy(evictor(), DUPLICATES));
    simulation.settle();
    let report = simulation.play(&step(StepAction::Uncordon { node: NodeId(0) }));
    assert_eq!(report.outcome, StepOutcome::Livelock);
    let words = "the descheduler (RemoveDuplicates) evicts pods of deployment/default/web";
    assert!(report.detail.contains(words), "{}", report.detail);
    let mut builder = placed(&[2, 0], &small(), |_, _| {});
    full(&mut builder);
    let simulation = with_descheduler(builder, policy(evictor(), DUPLICATES));
    let exploration = explore(&simulation, &[step(StepAction::Uncordon { node: NodeId(0) })], &SearchLimits::default());
    let found = &exploration.steps[0].outcomes;
    assert_eq!(found[&StepOutcome::Livelock].likelihood, Some(Likelihood::Always));
    // With nodeFit it stays where it is.
    let mut builder = placed(&[2, 0], &small(), |_, _| {});
    full(&mut builder);
    let fit = DefaultEvictor { node_fit: true, ..evictor() };
    let simulation = with_descheduler(builder, policy(fit, DUPLICATES));
    let exploration = explore(&simulation, &[step(StepAction::Uncordon { node: NodeId(0) })], &SearchLimits::default());
    assert_eq!(exploration.steps[0].outcomes[&StepOutcome::Completed].likelihood, Some(Likelihood::Always));
    assert_eq!(exploration.steps[0].min_ready[WEB].worst, 2);
}
