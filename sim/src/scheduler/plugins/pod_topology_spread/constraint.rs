//! Constraints with their selectors resolved. Source: `plugins/podtopologyspread/common.go`, `plugins/helper/spread.go`.

use crate::cluster::{
    ClusterState, LabelSelector, Labels, Names, Node, Operator, Owner, PodSpec, Requirement, SpreadConstraint,
    SpreadPolicy, Symbol, WhenUnsatisfiable,
};
use crate::scheduler::configuration::DefaultSpread;
use crate::scheduler::plugins::node_affinity::node_matches_affinity;
use crate::scheduler::plugins::taint_toleration::untolerated_taint;
use crate::scheduler::snapshot::{Candidate, NodeInfo};

/// A constraint of one pod.
#[derive(Clone, Debug)]
pub(crate) struct Constraint {
    pub(crate) max_skew: i64,
    pub(crate) topology_key: Symbol,
    /// `None` matches nothing.
    selector: Option<LabelSelector>,
    pub(crate) min_domains: i64,
    node_affinity_policy: SpreadPolicy,
    node_taints_policy: SpreadPolicy,
}

impl Constraint {
    fn new(constraint: &SpreadConstraint, labels: &Labels) -> Self {
        let selector = constraint.selector.as_ref().map(|selector| {
            let keys = constraint.match_label_keys.iter();
            let of_keys = keys.filter_map(|key| labels.get(*key).map(|value| equals(*key, value)));
            LabelSelector { requirements: of_keys.chain(selector.requirements.iter().cloned()).collect() }
        });
        Self {
            max_skew: constraint.max_skew,
            topology_key: constraint.topology_key,
            selector,
            min_domains: constraint.min_domains.unwrap_or(1),
            node_affinity_policy: constraint.node_affinity_policy,
            node_taints_policy: constraint.node_taints_policy,
        }
    }

    /// Whether `labels` match the selector.
    pub(crate) fn selects(&self, labels: &Labels) -> bool {
        self.selector.as_ref().is_some_and(|selector| selector.matches(labels))
    }

    /// Whether `node` counts for this constraint of a pod of `spec`.
    pub(crate) fn includes(&self, names: &Names, spec: &PodSpec, node: &Node) -> bool {
        let by_affinity = match self.node_affinity_policy {
            SpreadPolicy::Honor => node_matches_affinity(names, spec, node),
            SpreadPolicy::Ignore => true,
        };
        let by_taints = match self.node_taints_policy {
            SpreadPolicy::Honor => untolerated_taint(spec, node).is_none(),
            SpreadPolicy::Ignore => true,
        };
        by_affinity && by_taints
    }

    /// Whether which nodes count depends on their taints.
    pub(crate) fn honors_taints(&self) -> bool {
        self.node_taints_policy == SpreadPolicy::Honor
    }

    /// The pods of `node` in `namespace` that the selector matches; those that terminate do not count, and a selector that
    /// matches everything counts none.
    pub(crate) fn count(&self, node: &NodeInfo<'_>, namespace: Symbol) -> i64 {
        let counted = node.pods.iter().filter(|placed| {
            placed.deletion.is_none() && placed.pod.namespace == namespace && self.counts(placed.pod.labels)
        });
        i64::try_from(counted.count()).unwrap_or(i64::MAX)
    }

    /// Whether a pod with `labels` counts, in the right namespace: a selector that matches everything counts none.
    pub(crate) fn counts(&self, labels: &Labels) -> bool {
        self.selector.as_ref().is_some_and(|selector| !selector.is_empty() && selector.matches(labels))
    }
}

fn equals(key: Symbol, value: Symbol) -> Requirement {
    Requirement { key, operator: Operator::In(vec![value]) }
}

/// Those that `pod` declares.
fn declared(pod: &Candidate<'_>, when_unsatisfiable: WhenUnsatisfiable) -> Vec<Constraint> {
    let constraints = pod.spec.spread_constraints.iter();
    constraints
        .filter(|constraint| constraint.when_unsatisfiable == when_unsatisfiable)
        .map(|constraint| Constraint::new(constraint, pod.labels))
        .collect()
}

/// The constraints of `pod` that are hard, or those that are soft: its own, or the defaults where it declares none of either kind.
pub(crate) fn constraints(
    state: &ClusterState,
    pod: &Candidate<'_>,
    when_unsatisfiable: WhenUnsatisfiable,
) -> Vec<Constraint> {
    if !pod.spec.spread_constraints.is_empty() {
        return declared(pod, when_unsatisfiable);
    }
    match (&state.scheduler.profile(pod.spec.profile).arguments.default_spread, when_unsatisfiable) {
        (DefaultSpread::System, WhenUnsatisfiable::DoNotSchedule) => Vec::new(),
        (DefaultSpread::System, WhenUnsatisfiable::ScheduleAnyway) => system_defaults(state, pod),
        (DefaultSpread::List(list), _) => listed_defaults(state, pod, list, when_unsatisfiable),
    }
}

/// Whether nodes that lack the label of one soft constraint get no score from any: not with the defaults that are
/// kube-scheduler's own, so that a node without a zone still counts as a host.
pub(crate) fn requires_all_keys(state: &ClusterState, pod: &Candidate<'_>) -> bool {
    let is_system = match state.scheduler.profile(pod.spec.profile).arguments.default_spread {
        DefaultSpread::System => true,
        DefaultSpread::List(_) => false,
    };
    !pod.spec.spread_constraints.is_empty() || !is_system
}

/// Spread over hosts and zones, of the pods that the pod's Services and its controller select. Without such a selector there are
/// no constraints.
fn system_defaults(state: &ClusterState, pod: &Candidate<'_>) -> Vec<Constraint> {
    let selector = default_selector(state, pod);
    if selector.is_empty() {
        return Vec::new();
    }
    let constraint = |topology_key, max_skew| Constraint {
        max_skew,
        topology_key,
        selector: Some(selector.clone()),
        min_domains: 1,
        node_affinity_policy: SpreadPolicy::Honor,
        node_taints_policy: SpreadPolicy::Ignore,
    };
    vec![constraint(Symbol::HOSTNAME, 3), constraint(Symbol::ZONE, 5)]
}

/// The same for those of a configuration.
fn listed_defaults(
    state: &ClusterState,
    pod: &Candidate<'_>,
    list: &[SpreadConstraint],
    when_unsatisfiable: WhenUnsatisfiable,
) -> Vec<Constraint> {
    let of_kind = list.iter().filter(|constraint| constraint.when_unsatisfiable == when_unsatisfiable);
    let mut constraints: Vec<Constraint> = of_kind.map(|constraint| Constraint::new(constraint, pod.labels)).collect();
    if constraints.is_empty() {
        return constraints;
    }
    let selector = default_selector(state, pod);
    if selector.is_empty() {
        return Vec::new();
    }
    for constraint in &mut constraints {
        constraint.selector = Some(selector.clone());
    }
    constraints
}

fn default_selector(state: &ClusterState, pod: &Candidate<'_>) -> LabelSelector {
    let services = state.services_of(pod.namespace, pod.labels);
    let of_services = services.values().filter_map(|service| service.selector.as_ref());
    let mut requirements: Vec<Requirement> =
        of_services.flat_map(|selector| selector.requirements.iter().cloned()).collect();
    let of_controller = match pod.owner {
        Owner::ReplicaSet(id) => state.replica_sets.get(&id).map(|set| &set.selector),
        Owner::StatefulSet { set, .. } => state.stateful_sets.get(&set).map(|set| &set.selector),
        Owner::None | Owner::DaemonSet(_) | Owner::Job(_) | Owner::Node | Owner::Other { .. } => None,
    };
    requirements.extend(of_controller.into_iter().flat_map(|selector| selector.requirements.iter().cloned()));
    requirements.sort();
    requirements.dedup();
    LabelSelector { requirements }
}

/// Whether `node` has the labels of all `constraints`.
pub(crate) fn has_all_keys(node: &Node, constraints: &[Constraint]) -> bool {
    constraints.iter().all(|constraint| node.labels.get(constraint.topology_key).is_some())
}
