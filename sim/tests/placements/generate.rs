//! Random small clusters, each with a claim, by seed: only what the API server accepts, after its defaults and its admission.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use quorate_sim::cluster::*;

use super::enumerate::{Enumeration, FailureDomain, Failures, Placed, Placement, Reading};
use super::ground::{Ground, with_ordinal};
use super::wishes;

/// A cluster, and what is claimed of it.
#[derive(Clone)]
pub(crate) struct Case {
    /// It gives this case again.
    pub(crate) seed: u64,
    /// The cluster, without pods.
    pub(crate) state: ClusterState,
    /// Of which workload.
    pub(crate) subject: WorkloadName,
    /// How many of its pods.
    pub(crate) at_least: i64,
    /// Whatever fails.
    pub(crate) failures: Failures,
    /// What occurs in it.
    pub(crate) features: BTreeSet<&'static str>,
}

/// Random numbers: SplitMix64.
pub(crate) struct Random(u64);

impl Random {
    /// Numbers that follow from `seed`.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0xd6e8_feb8_6659_fd93) ^ 0x5851_f42d_4c95_7f2d)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One of `0..count`.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        (self.next() % count as u64) as usize
    }

    /// True in so many of a hundred cases.
    pub(crate) fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    /// One of `items`.
    pub(crate) fn one_of<T: Clone>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())].clone()
    }
}

/// A case under construction.
pub(crate) struct Draft {
    pub(crate) state: ClusterState,
    pub(crate) random: Random,
    pub(crate) features: BTreeSet<&'static str>,
    /// Whether room is scarce.
    pub(crate) tight: bool,
    /// Whether pods ask for memory too.
    pub(crate) uses_memory: bool,
    /// Whether pods differ in priority.
    pub(crate) uses_priorities: bool,
    /// Whether nodes have zones.
    pub(crate) has_zones: bool,
    /// The workloads' `app` labels.
    pub(crate) apps: Vec<Symbol>,
}

impl Draft {
    /// Notes that something occurs.
    pub(crate) fn note(&mut self, feature: &'static str) {
        self.features.insert(feature);
    }

    /// True in so many of a hundred cases; then `feature` is noted.
    pub(crate) fn draws(&mut self, chance: usize, feature: &'static str) -> bool {
        let drawn = self.random.percent(chance);
        if drawn {
            self.note(feature);
        }
        drawn
    }
}

/// The case of a seed.
pub(crate) fn case(seed: u64) -> Case {
    let mut random = Random::new(seed);
    let mut state = ClusterState::default();
    state.namespaces.insert(Symbol::DEFAULT, Namespace::default());
    let tight = random.percent(45);
    let (uses_memory, uses_priorities, has_zones) = (random.percent(35), random.percent(40), random.percent(65));
    let mut draft = Draft {
        state,
        random,
        features: BTreeSet::new(),
        tight,
        uses_memory,
        uses_priorities,
        has_zones,
        apps: Vec::new(),
    };
    for (drawn, feature) in [(tight, "tight room"), (uses_memory, "two resources"), (has_zones, "zones")] {
        if drawn {
            draft.note(feature);
        }
    }
    nodes(&mut draft);
    let names = wishes::workloads(&mut draft);
    wishes::daemon_sets(&mut draft);
    wishes::budgets(&mut draft);
    let (subject, replicas) = if draft.random.percent(75) { names[0] } else { draft.random.one_of(&names) };
    let at_least = 1 + draft.random.below(replicas).min(draft.random.below(replicas)) as i64;
    let of_zones = draft.has_zones && draft.random.percent(35);
    let domain = if of_zones { FailureDomain::Label(Symbol::ZONE) } else { FailureDomain::Nodes };
    draft.note(if of_zones { "zones fail" } else { "nodes fail" });
    let count = if draft.draws(20, "two failures") { 2 } else { 1 };
    let failures = Failures { domain, count };
    Case { seed, state: draft.state, subject, at_least, failures, features: draft.features }
}

/// The same with a quota: a few pods more or fewer than there are.
pub(crate) fn with_quota(mut case: Case) -> Case {
    let mut random = Random::new(case.seed ^ 0x00c0_ffee);
    let pods: usize = Ground::new(&case.state).classes.iter().map(|class| usize::from(class.replicas)).sum();
    let most = (pods + random.one_of(&[0, 1, 2, 2, 3, 4, 5, 7, 11])).saturating_sub(2);
    let resource = random.one_of(&["pods", "count/pods"]);
    let (name, resource) = (case.state.intern("team"), case.state.intern(resource));
    let amount = QuotaAmount::from_milli(most as i128 * 1000, Suffixes::Decimal);
    let hard = BTreeMap::from([(resource, amount)]).into_iter().collect();
    let quota = ResourceQuota { namespace: Symbol::DEFAULT, name, hard, scopes: Vec::new() };
    Arc::make_mut(&mut case.state.admission).quotas.push(quota);
    case.features.insert("quota");
    case
}

fn nodes(draft: &mut Draft) {
    let count = draft.random.one_of(&[2, 3, 3, 4, 4]);
    let zones = draft.random.one_of(&[2, 2, 3]);
    let lacks_key = draft.random.percent(12);
    let (tainted, cordoned) = (draft.random.percent(20), draft.random.percent(15));
    let few_slots = draft.draws(15, "few pod slots");
    for number in 0..count {
        let name = draft.state.intern(&format!("node-{number}"));
        let mut labels = Labels::from_iter([(Symbol::HOSTNAME, name)]);
        if lacks_key && draft.draws(30, "node without hostname") {
            labels = Labels::default();
        }
        if draft.has_zones && !(lacks_key && draft.draws(30, "node without zone")) {
            let zone = if draft.random.percent(70) { number % zones } else { draft.random.below(zones) };
            let zone = draft.state.intern(&format!("zone-{zone}"));
            labels.insert(Symbol::ZONE, zone);
        }
        let (disk, ssd) = (draft.state.intern("disk"), draft.state.intern("ssd"));
        if draft.random.percent(65) {
            labels.insert(disk, ssd);
        }
        let cpu = if draft.tight { draft.random.one_of(&[1, 2, 2, 2, 3]) } else { draft.random.one_of(&[4, 8]) };
        let gibibytes = if draft.tight { draft.random.one_of(&[2, 4, 4]) } else { 16 };
        let mut node = Node {
            name,
            labels,
            taints: Vec::new(),
            unschedulable: false,
            allocatable: Resources { cpu_milli: cpu * 1000, memory_bytes: gibibytes << 30, ..Resources::default() },
            allocatable_pods: if few_slots { draft.random.one_of(&[2, 3, 4]) } else { 110 },
            images: BTreeMap::new(),
            declared_features: BTreeSet::new(),
            ready: NodeReady::True,
            crashed_at: None,
        };
        if tainted && draft.draws(40, "tainted node") {
            let (key, value) = (draft.state.intern("dedicated"), draft.state.intern("infra"));
            node.taints.push(Taint { key, value, effect: Effect::NoSchedule, added_at: None });
        }
        if cordoned && draft.draws(40, "cordoned node") {
            node.unschedulable = true;
            let key = Symbol::UNSCHEDULABLE_TAINT;
            node.taints.push(Taint { key, value: Symbol::EMPTY, effect: Effect::NoSchedule, added_at: None });
        }
        draft.state.nodes.insert(NodeId(number as u32), node);
    }
}

/// The same cluster with pods, bound and Ready as in one of the placements at rest; the pods that are pending then are there too,
/// those that no controller would have made yet are not.
pub(crate) fn with_current_pods(case: &Case) -> Option<ClusterState> {
    let ground = Ground::new(&case.state);
    let mut enumeration = Enumeration::new(&ground, Reading { nominates: false, ..Reading::KUBERNETES });
    let rests = &enumeration.before(Placement::Fresh).ok()?.rests;
    let chosen = Random::new(case.seed ^ 0xc0ff_ee00).below(rests.len());
    let placed = rests.iter().nth(chosen)?.clone();
    Some(state_of(&ground, &placed))
}

/// `placed` as a state with pods.
pub(crate) fn state_of(ground: &Ground, placed: &Placed) -> ClusterState {
    let mut state = ground.state.clone();
    for (class, own) in ground.classes.iter().enumerate() {
        let places = (0..ground.nodes.len()).flat_map(|node| {
            std::iter::repeat_n(Some(ground.nodes[node]), placed.alive[ground.at(class, node)].into())
        });
        let mut nodes: Vec<Option<NodeId>> = places.collect();
        let missing = usize::from(own.replicas) - nodes.len();
        let made = if is_ordered(&state, own.pod.owner) { missing.min(1) } else { missing };
        nodes.extend(std::iter::repeat_n(None, made));
        for (number, node) in nodes.into_iter().enumerate() {
            let pod = numbered(&mut state, &own.pod, number as u32);
            let phase = if node.is_some() { Phase::Running } else { Phase::Pending };
            let started_at = node.map(|_| state.now);
            state.add_pod(Pod { node, phase, ready: node.is_some(), started_at, ..pod });
        }
    }
    state
}

/// Whether a StatefulSet makes one pod after the other.
fn is_ordered(state: &ClusterState, owner: Owner) -> bool {
    match owner {
        Owner::StatefulSet { set, .. } => {
            state.stateful_sets.get(&set).unwrap().pod_management_policy == PodManagementPolicy::OrderedReady
        }
        _ => false,
    }
}

/// A pod like `pod`, with a name of its own and, in a StatefulSet, this ordinal.
fn numbered(state: &mut ClusterState, pod: &Pod, ordinal: u32) -> Pod {
    let mut pod = pod.clone();
    pod.owner = with_ordinal(pod.owner, ordinal);
    if let PodName::Generated { number, .. } = &mut pod.name {
        *number = state.pods_created;
    } else if let Owner::StatefulSet { set, .. } = pod.owner {
        let set = state.names.text(state.stateful_sets.get(&set).unwrap().name).to_owned();
        let (name, index) = (state.intern(&format!("{set}-{ordinal}")), state.intern(&ordinal.to_string()));
        pod.name = PodName::Given(name);
        pod.labels.insert(Symbol::STATEFUL_SET_POD_NAME, name);
        pod.labels.insert(Symbol::POD_INDEX, index);
    }
    pod
}
