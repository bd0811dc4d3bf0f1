//! Pods that make their spread too uneven. Source: `pkg/framework/plugins/removepodsviolatingtopologyspreadconstraint` of the
//! descheduler.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::cluster::{
    BalancePlugin, ClusterState, LabelSelector, NodeId, Operator, Pod, PodId, PodTemplate, Requirement,
    SpreadConstraint, SpreadPolicy, Symbol, WhenUnsatisfiable,
};
use crate::scheduler::{node_matches_affinity, untolerated_taint};

use super::node_fit::fits_any_other_node;
use super::pass::{Pass, Stop, pods_on};

/// A constraint of some pods of a namespace.
#[derive(Clone, Debug)]
struct Constraint {
    max_skew: usize,
    topology_key: Symbol,
    selector: Option<LabelSelector>,
    node_affinity: bool,
    node_taints: bool,
    /// The pod's, whose affinity and tolerations say which nodes count.
    template: Arc<PodTemplate>,
}

/// The pods of one domain; the last go first.
#[derive(Clone, Debug)]
struct Domain {
    value: Symbol,
    pods: Vec<PodId>,
}

pub(super) fn balance(pass: &mut Pass<'_>, nodes: &[NodeId], plugin: &BalancePlugin) {
    let BalancePlugin::TopologySpread { namespaces, label_selector, hard, soft, node_fit } = plugin else { return };
    let is_meant = |pass: &Pass<'_>, pod: &Pod| {
        namespaces.has(pod.namespace)
            && label_selector.as_ref().is_none_or(|selector| selector.matches(&pod.labels))
            && pass.is_evictable(pod)
    };
    let mut by_namespace: BTreeMap<Symbol, Vec<PodId>> = BTreeMap::new();
    for node in nodes {
        for (id, pod) in pods_on(pass.state(), *node).filter(|(_, pod)| is_meant(pass, pod)) {
            by_namespace.entry(pod.namespace).or_default().push(id);
        }
    }
    let is_obeyed = |when: WhenUnsatisfiable| match when {
        WhenUnsatisfiable::DoNotSchedule => *hard,
        WhenUnsatisfiable::ScheduleAnyway => *soft,
    };
    let mut evicted = BTreeSet::new();
    for pods in by_namespace.values() {
        for constraint in constraints(pass.state(), pods, is_obeyed) {
            let domains = domains(pass.state(), nodes, pods, &constraint);
            let sizes = || domains.iter().map(|domain| domain.pods.len());
            let skew = sizes().max().unwrap_or(0).saturating_sub(sizes().min().unwrap_or(0));
            if skew > constraint.max_skew {
                even_out(pass, nodes, &constraint, domains, *node_fit, &mut evicted);
            }
        }
    }
    evict(pass, evicted.into_iter().collect(), is_meant);
}

fn evict(pass: &mut Pass<'_>, mut pods: Vec<PodId>, is_meant: impl Fn(&Pass<'_>, &Pod) -> bool) {
    if pass.is_order_heard() {
        pods = pass.shuffled(&pods);
    }
    let mut full: BTreeSet<Option<NodeId>> = BTreeSet::new();
    for id in pods {
        let Some(pod) = pass.state().pods.get(&id) else { continue };
        let node = pod.node;
        if full.contains(&node) || !is_meant(pass, pod) || !pass.may_go(id, pod) {
            continue;
        }
        match pass.evict(id) {
            Ok(()) | Err(Stop::Refused | Stop::Namespace) => {}
            Err(Stop::Node) => drop(full.insert(node)),
            Err(Stop::Total) => return,
        }
    }
}

/// The constraints of `pods`, each once.
fn constraints(state: &ClusterState, pods: &[PodId], is_obeyed: impl Fn(WhenUnsatisfiable) -> bool) -> Vec<Constraint> {
    let mut found: Vec<Constraint> = Vec::new();
    for pod in pods.iter().filter_map(|id| state.pods.get(id)) {
        let obeyed = pod.template.spec.spread_constraints.iter().filter(|own| is_obeyed(own.when_unsatisfiable));
        for own in obeyed.map(|own| Constraint::of(own, pod)) {
            if !found.iter().any(|known| known.is_same(&own)) {
                found.push(own);
            }
        }
    }
    found
}

impl Constraint {
    fn of(own: &SpreadConstraint, pod: &Pod) -> Self {
        let selector = own.selector.as_ref().map(|selector| {
            let keys = own.match_label_keys.iter().filter_map(|key| Some((*key, pod.labels.get(*key)?)));
            let of_keys = keys.map(|(key, value)| Requirement { key, operator: Operator::In(vec![value]) });
            LabelSelector { requirements: of_keys.chain(selector.requirements.iter().cloned()).collect() }
        });
        Self {
            max_skew: usize::try_from(own.max_skew).unwrap_or(usize::MAX),
            topology_key: own.topology_key,
            selector,
            node_affinity: own.node_affinity_policy == SpreadPolicy::Honor,
            node_taints: own.node_taints_policy == SpreadPolicy::Honor,
            template: Arc::clone(&pod.template),
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        let (own, others) = (&self.template.spec, &other.template.spec);
        let same_affinity =
            own.node_selector == others.node_selector && own.required_node_terms == others.required_node_terms;
        (self.max_skew, self.topology_key, self.node_affinity, self.node_taints)
            == (other.max_skew, other.topology_key, other.node_affinity, other.node_taints)
            && self.selector == other.selector
            && (!self.node_affinity || same_affinity)
            && (!self.node_taints || own.tolerations == others.tolerations)
    }

    fn counts(&self, state: &ClusterState, node: NodeId) -> bool {
        let spec = &self.template.spec;
        state.nodes.get(&node).is_some_and(|node| {
            (!self.node_affinity || node_matches_affinity(&state.names, spec, node))
                && (!self.node_taints || untolerated_taint(spec, node).is_none())
        })
    }

    fn domain_of(&self, state: &ClusterState, node: NodeId) -> Option<Symbol> {
        state.nodes.get(&node)?.labels.get(self.topology_key)
    }
}

/// The pods of each domain; one without a pod is there too.
fn domains(state: &ClusterState, nodes: &[NodeId], pods: &[PodId], constraint: &Constraint) -> Vec<Domain> {
    let counted = nodes.iter().filter(|node| constraint.counts(state, **node));
    let mut domains: BTreeMap<Symbol, Vec<PodId>> =
        counted.filter_map(|node| constraint.domain_of(state, *node)).map(|value| (value, Vec::new())).collect();
    for (id, pod) in pods.iter().filter_map(|id| Some((*id, state.pods.get(id)?))) {
        let is_selected = constraint.selector.as_ref().is_some_and(|selector| selector.matches(&pod.labels));
        let domain = pod.node.filter(|node| nodes.contains(node));
        if let Some(value) = domain.and_then(|node| constraint.domain_of(state, node)).filter(|_| is_selected) {
            domains.entry(value).or_default().push(id);
        }
    }
    domains.into_iter().map(|(value, pods)| Domain { value, pods }).collect()
}

/// Takes pods from large domains until all are within the skew. Source: `balanceDomains`.
fn even_out(
    pass: &mut Pass<'_>,
    nodes: &[NodeId],
    constraint: &Constraint,
    domains: Vec<Domain>,
    node_fit: bool,
    evicted: &mut BTreeSet<PodId>,
) {
    let (total, count) = (domains.iter().map(|domain| domain.pods.len()).fold(0, usize::saturating_add), domains.len());
    // Sizes are compared with total / count without dividing.
    let is_above = |size: usize| size.saturating_mul(count) > total;
    let is_below = |size: usize| size.saturating_mul(count) < total;
    let mut domains = by_size(pass, domains);
    let below: BTreeSet<Symbol> =
        domains.iter().filter(|domain| is_below(domain.pods.len())).map(|domain| domain.value).collect();
    let state = pass.state();
    let targets = nodes.iter().copied().filter(|node| {
        constraint.counts(state, *node) && constraint.domain_of(state, *node).is_some_and(|own| below.contains(&own))
    });
    let targets: Vec<NodeId> = targets.collect();
    let size = |domains: &[Domain], place: usize| domains.get(place).map_or(0, |domain| domain.pods.len());
    let (mut small, mut large) = (0_usize, count.saturating_sub(1));
    while small < large {
        if !is_above(size(&domains, large)) {
            large = large.saturating_sub(1);
        }
        let skew = size(&domains, large).saturating_sub(size(&domains, small));
        if skew <= constraint.max_skew {
            small = small.saturating_add(1);
            continue;
        }
        let surplus = ceil_difference(size(&domains, large), total, count);
        let room = total.div_ceil(count.max(1)).saturating_sub(size(&domains, small));
        let half = skew.saturating_sub(constraint.max_skew).div_ceil(2);
        let moved = surplus.min(room).min(half);
        if moved == 0 {
            small = small.saturating_add(1);
            continue;
        }
        let going = take(pass, &mut domains, large, moved, &targets);
        let state = pass.state();
        for id in &going {
            let fits = |pod: &Pod| fits_any_other_node(state, *id, pod, &targets);
            if !node_fit || state.pods.get(id).is_some_and(fits) {
                evicted.insert(*id);
            }
        }
        if let Some(domain) = domains.get_mut(small) {
            domain.pods.extend(going);
        }
    }
}

/// The difference between a size and the average, rounded up.
fn ceil_difference(size: usize, total: usize, count: usize) -> usize {
    size.saturating_mul(count).saturating_sub(total).div_ceil(count.max(1))
}

/// The smallest first; equal ones in the order of a map.
fn by_size(pass: &mut Pass<'_>, domains: Vec<Domain>) -> Vec<Domain> {
    let mut equal: BTreeMap<usize, Vec<Domain>> = BTreeMap::new();
    for domain in domains {
        equal.entry(domain.pods.len()).or_default().push(domain);
    }
    let mut sorted = Vec::new();
    for of_size in equal.values() {
        sorted.extend(pass.shuffled(of_size));
    }
    sorted
}

/// Takes `count` pods from a domain: those first that seem to fit elsewhere, then those without a node selector or affinity, then,
/// as it is written there and not as it is meant, those of the highest priority. Of equal ones any.
fn take(pass: &mut Pass<'_>, domains: &mut [Domain], place: usize, count: usize, targets: &[NodeId]) -> Vec<PodId> {
    let Some(domain) = domains.get_mut(place) else { return Vec::new() };
    let state = pass.state();
    let mut classes: BTreeMap<(bool, bool, i32), Vec<PodId>> = BTreeMap::new();
    for id in &domain.pods {
        let Some(pod) = state.pods.get(id) else { continue };
        let spec = &pod.template.spec;
        let is_bound = spec.node_selector.iter().next().is_some()
            || spec.required_node_terms.is_some()
            || !spec.preferred_node_terms.is_empty();
        let fits = fits_any_other_node(state, *id, pod, targets);
        classes.entry((fits, !is_bound, spec.priority)).or_default().push(*id);
    }
    let mut going = Vec::new();
    for class in classes.values().rev() {
        let missing = count.saturating_sub(going.len());
        if missing == 0 {
            break;
        }
        going.extend(pass.some_of(class, missing));
    }
    domain.pods.retain(|id| !going.contains(id));
    going
}
