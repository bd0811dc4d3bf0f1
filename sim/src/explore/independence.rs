//! Which orders make no difference: a persistent set of moves at each state (partial-order reduction).
//!
//! Workloads that share no budget, no Service, no claim and no rule of (anti-)affinity or spreading meet in one place only, the
//! scheduler. Such a *component* that has no pod waiting for a node, and none of whose moves the scheduler could notice for
//! another one's pod, may go first: whatever the others do meanwhile neither changes its moves nor is changed by them. All
//! orders among its own moves are still followed. Every state in which nothing more can happen at a moment is reached as
//! without the reduction (P. Godefroid, "Partial-Order Methods for the Verification of Concurrent Systems", LNCS 1032).

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::{
    ClaimName, ClusterState, DeploymentStrategy, LabelSelector, Labels, Node, NodeId, Owner, Pod, PodAffinityTerm,
    PodId, PodTemplate, PreemptionPolicy, SpreadConstraint, SpreadPolicy, Symbol, Taint,
};
use crate::controller::{WorkloadId, all_workloads, template_of, workload_name, workload_of};
use crate::event_queue::Event;
use crate::eviction::covers;
use crate::scheduler::{any_tolerates, untolerated_taint};
use crate::simulation::{Call, Key, Made, Move, Simulation};

use super::waiting::{forced, without_chance};

/// What moves on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Member {
    Workload(WorkloadId),
    /// A pod that no workload of the model owns.
    Pod(PodId),
}

/// The first member of a component stands for it.
pub(super) type Component = Member;

/// Which members belong together.
#[derive(Clone, Debug, Default)]
pub(super) struct Components {
    parents: BTreeMap<Member, Member>,
}

/// Labels that controllers add: a selector that asks for them may match, whatever the template says.
const ADDED: [Symbol; 4] =
    [Symbol::POD_TEMPLATE_HASH, Symbol::CONTROLLER_REVISION_HASH, Symbol::STATEFUL_SET_POD_NAME, Symbol::POD_INDEX];

impl Components {
    /// The components of a cluster.
    pub(super) fn of(state: &ClusterState) -> Self {
        let mut components = Self::default();
        let mut members: Vec<(Member, Labels)> = Vec::new();
        for workload in all_workloads(state) {
            if let Some(template) = template_of(state, workload) {
                members.push((Member::Workload(workload), template.labels.clone()));
            }
        }
        members.extend(state.pods.iter().map(|(id, pod)| (member_of(state, *id, pod), pod.labels.clone())));
        for budget in state.budgets.values() {
            if let Some(selector) = &budget.selector {
                components.join_selected(&members, selector);
            }
        }
        for selector in state.services.values().filter_map(|service| service.selector.as_ref()) {
            components.join_selected(&members, selector);
        }
        let templates = all_workloads(state)
            .into_iter()
            .filter_map(|workload| Some((Member::Workload(workload), template_of(state, workload)?)));
        let pods = state.pods.iter().map(|(id, pod)| (member_of(state, *id, pod), &pod.template));
        for (member, template) in templates.chain(pods) {
            components.join_by_rules(member, template, &members);
        }
        components.join_by_claims(state);
        components.join_by_admission(state);
        components
    }

    /// Pods that one quota counts take room from one another; a webhook that fails closed holds up everybody.
    fn join_by_admission(&mut self, state: &ClusterState) {
        let limited = |namespace: Symbol| state.admission.quotas.iter().any(|quota| quota.namespace == namespace);
        let is_held = !state.admission.webhooks.is_empty();
        let mut first: BTreeMap<Option<Symbol>, Member> = BTreeMap::new();
        let workloads = all_workloads(state).into_iter().filter_map(|workload| {
            workload_name(state, workload).map(|name| (Member::Workload(workload), name.namespace))
        });
        let pods = state.pods.iter().map(|(id, pod)| (member_of(state, *id, pod), pod.namespace));
        for (member, namespace) in workloads.chain(pods) {
            if is_held || limited(namespace) {
                let place = (!is_held).then_some(namespace);
                let known = *first.entry(place).or_insert(member);
                self.join(known, member);
            }
        }
    }

    fn join_by_rules(&mut self, member: Member, template: &PodTemplate, members: &[(Member, Labels)]) {
        let spec = &template.spec;
        let required = spec.required_affinity.iter().chain(&spec.required_anti_affinity);
        let preferred = spec.preferred_affinity.iter().chain(&spec.preferred_anti_affinity).map(|term| &term.term);
        let of_terms = required.chain(preferred).filter_map(|term: &PodAffinityTerm| term.selector.as_ref());
        let of_spread = spec.spread_constraints.iter().filter_map(|constraint| constraint.selector.as_ref());
        for selector in of_terms.chain(of_spread) {
            for (other, labels) in members {
                if may_match(selector, labels) {
                    self.join(member, *other);
                }
            }
        }
    }

    fn join_by_claims(&mut self, state: &ClusterState) {
        // All disks that are given inline count as one.
        let mut users: BTreeMap<Option<ClaimName>, Member> = BTreeMap::new();
        for (id, pod) in state.pods.iter() {
            for volume in pod.volumes.iter() {
                let member = member_of(state, *id, pod);
                let first = *users.entry(volume.claim(pod.namespace)).or_insert(member);
                self.join(first, member);
            }
        }
    }

    fn join_selected(&mut self, members: &[(Member, Labels)], selector: &LabelSelector) {
        let mut selected = members.iter().filter(|(_, labels)| may_match(selector, labels)).map(|(member, _)| *member);
        if let Some(first) = selected.next() {
            selected.for_each(|other| self.join(first, other));
        }
    }

    fn join(&mut self, one: Member, other: Member) {
        let (one, other) = (self.find(one), self.find(other));
        if one != other {
            self.parents.insert(one.max(other), one.min(other));
        }
    }

    fn find(&self, member: Member) -> Component {
        let mut at = member;
        while let Some(parent) = self.parents.get(&at) {
            at = *parent;
        }
        at
    }

    pub(super) fn of_pod(&self, state: &ClusterState, id: PodId) -> Option<Component> {
        state.pods.get(&id).map(|pod| self.find(member_of(state, id, pod)))
    }

    fn of_workload(&self, state: &ClusterState, workload: WorkloadId) -> Component {
        let workload = match workload {
            WorkloadId::ReplicaSet(id) => workload_of(state, Owner::ReplicaSet(id)).unwrap_or(workload),
            WorkloadId::Deployment(_) | WorkloadId::StatefulSet(_) | WorkloadId::DaemonSet(_) | WorkloadId::Job(_) => {
                workload
            }
        };
        self.find(Member::Workload(workload))
    }

    /// The component of a move; `None`: it concerns nodes, or several.
    fn of_move(&self, state: &ClusterState, way: Move) -> Option<Component> {
        match way {
            Move::Call(Call::Drain(_, pod) | Call::Evict(pod))
            | Move::Sync(Key::Pod(pod))
            | Move::Schedule(pod)
            | Move::Event(Event::Pod(pod) | Event::TaintEviction(pod) | Event::DrainRetry(pod), _) => {
                self.of_pod(state, pod)
            }
            Move::Sync(Key::Workload(workload)) | Move::Event(Event::Workload(workload), _) => {
                Some(self.of_workload(state, workload))
            }
            Move::Event(Event::ProgressDeadline(id), _) => Some(self.of_workload(state, WorkloadId::Deployment(id))),
            Move::Sync(Key::Budget(budget)) | Move::Event(Event::Budget(budget), _) => {
                let budget = state.budgets.get(&budget)?;
                let covered = state.pods.iter().find(|(_, pod)| covers(budget, pod));
                let of_pods = covered.and_then(|(id, _)| self.of_pod(state, *id));
                of_pods.or_else(|| {
                    let mut workloads = all_workloads(state).into_iter();
                    let selector = budget.selector.as_ref()?;
                    let covered = workloads.find(|workload| {
                        template_of(state, *workload).is_some_and(|template| may_match(selector, &template.labels))
                    });
                    covered.map(|workload| self.of_workload(state, workload))
                })
            }
            Move::Bind
            | Move::Sync(Key::Node(_))
            | Move::Event(
                Event::NodeMonitor
                | Event::NoExecuteQueue(_)
                | Event::PodGarbageCollection
                | Event::Autoscaler(_)
                | Event::Reapply
                | Event::CronJob(_)
                | Event::ClusterAutoscaler
                | Event::Descheduler
                | Event::NodeArrives { .. },
                _,
            ) => None,
        }
    }
}

fn member_of(state: &ClusterState, id: PodId, pod: &Pod) -> Member {
    workload_of(state, pod.owner).map_or(Member::Pod(id), Member::Workload)
}

/// Whether `selector` matches pods that carry `labels` and perhaps labels that controllers add.
fn may_match(selector: &LabelSelector, labels: &Labels) -> bool {
    let known = selector.requirements.iter().filter(|requirement| !ADDED.contains(&requirement.key));
    LabelSelector { requirements: known.cloned().collect() }.matches(labels)
}

/// Moves that are enough to be followed: whatever else is possible leads to the same ends, in another order.
pub(super) fn enough(components: &Components, simulation: &Simulation, moves: Vec<Made>) -> Vec<Made> {
    if moves.len() < 2 {
        return moves;
    }
    let state = &simulation.state;
    if let Some(position) = moves.iter().position(|made| is_known_cordon(state, made)) {
        return moves.into_iter().skip(position).take(1).collect();
    }
    let found: Vec<Option<Component>> = moves.iter().map(|made| components.of_move(state, made.way)).collect();
    let moment = Moment::of(components, simulation, &found);
    if let Some(position) = moves.iter().position(|made| moment.is_quiet(made)) {
        return moves.into_iter().skip(position).take(1).collect();
    }
    if found.iter().any(Option::is_none) {
        return moves;
    }
    if !moment.may_preempt
        && let Some(position) = forced(components, simulation, &moment.hopeless, &moves)
    {
        return moves.into_iter().skip(position).take(1).collect();
    }
    let mut sizes: BTreeMap<Component, usize> = BTreeMap::new();
    for component in found.iter().flatten() {
        let size = sizes.entry(*component).or_default();
        *size = size.saturating_add(1);
    }
    let mut candidates: Vec<(usize, Component)> =
        sizes.iter().filter(|(_, size)| **size < moves.len()).map(|(component, size)| (*size, *component)).collect();
    candidates.sort_unstable();
    let is_alone = |component: Component| {
        moment.lets_go_first(component)
            && moves
                .iter()
                .zip(&found)
                .filter(|(_, of)| **of == Some(component))
                .all(|(made, _)| moment.is_unnoticed(component, made))
    };
    let Some((_, chosen)) = candidates.into_iter().find(|(_, component)| is_alone(*component)) else { return moves };
    moves.into_iter().zip(found).filter(|(_, of)| *of == Some(chosen)).map(|(made, _)| made).collect()
}

/// Whether a move does no more than give a cordoned node its taint, where that keeps away nobody who is not kept away already.
fn is_known_cordon(state: &ClusterState, made: &Made) -> bool {
    let Move::Sync(Key::Node(id)) = made.way else { return false };
    let (Some(before), Some(after)) = (state.nodes.get(&id), made.after.state.nodes.get(&id)) else { return false };
    let Some(taint) = after.taints.iter().find(|taint| taint.key == Symbol::UNSCHEDULABLE_TAINT) else { return false };
    let others = |node: &Node| -> Vec<Taint> {
        node.taints.iter().filter(|other| other.key != Symbol::UNSCHEDULABLE_TAINT).copied().collect()
    };
    let workloads = all_workloads(state).into_iter().filter(|workload| !matches!(workload, WorkloadId::DaemonSet(_)));
    let templates = workloads.filter_map(|workload| template_of(state, workload));
    let pods = state.pods.on_node(None).filter(|(_, pod)| !matches!(pod.owner, Owner::DaemonSet(_)));
    let mut placed = templates.chain(pods.map(|(_, pod)| &pod.template));
    let is_kept_away = |template: &std::sync::Arc<PodTemplate>| {
        let honours = |constraint: &SpreadConstraint| constraint.node_taints_policy == SpreadPolicy::Honor;
        !any_tolerates(&template.spec.tolerations, taint) && !template.spec.spread_constraints.iter().any(honours)
    };
    before.unschedulable && others(before) == others(after) && placed.all(is_kept_away)
}

/// What the scheduler has to do with at this moment.
struct Moment<'a> {
    components: &'a Components,
    simulation: &'a Simulation,
    /// Components with pods that wait for a node.
    waiting: BTreeSet<Component>,
    /// The others' pods that wait, and the templates of which they may make more.
    placed: Vec<(Component, &'a PodTemplate)>,
    /// Pods that wait without a chance: as if they were not there.
    hopeless: BTreeSet<PodId>,
    /// Whether a DaemonSet may make or place a pod.
    has_daemons: bool,
    /// Whether an eviction is asked for at this moment.
    is_asking: bool,
    /// Whether a pod that waits, or may be made, has a higher priority than one that runs.
    may_preempt: bool,
}

impl<'a> Moment<'a> {
    fn of(components: &'a Components, simulation: &'a Simulation, moving: &[Option<Component>]) -> Self {
        let state = &simulation.state;
        let mut moment = Self {
            components,
            simulation,
            waiting: BTreeSet::new(),
            placed: Vec::new(),
            has_daemons: false,
            hopeless: if moving.contains(&None) { BTreeSet::new() } else { without_chance(simulation) },
            is_asking: simulation.is_asking_for_evictions(),
            may_preempt: false,
        };
        let waiting: Vec<_> = state.pods.on_node(None).filter(|(id, _)| !moment.hopeless.contains(id)).collect();
        for (id, pod) in waiting {
            if let Some(component) = components.of_pod(state, id) {
                moment.waiting.insert(component);
                moment.placed.push((component, &pod.template));
                moment.has_daemons |= matches!(pod.owner, Owner::DaemonSet(_));
            }
        }
        for workload in all_workloads(state) {
            let component = components.of_workload(state, workload);
            if !moving.contains(&Some(component)) && !moment.waiting.contains(&component) {
                continue;
            }
            moment.has_daemons |= matches!(workload, WorkloadId::DaemonSet(_));
            if let Some(template) = template_of(state, workload) {
                moment.placed.push((component, template));
            }
        }
        let lowest = state.pods.values().filter(|pod| pod.node.is_some()).map(|pod| pod.template.spec.priority).min();
        let may_preempt = |template: &PodTemplate| {
            let spec = &template.spec;
            spec.preemption_policy != PreemptionPolicy::Never && lowest.is_some_and(|lowest| spec.priority > lowest)
        };
        moment.may_preempt = moment.placed.iter().any(|(_, template)| may_preempt(template));
        moment
    }

    fn others(&self, component: Component) -> impl Iterator<Item = &'a PodTemplate> + '_ {
        self.placed.iter().filter(move |(of, _)| *of != component).map(|(_, template)| *template)
    }

    /// Whether a move changes only what nobody looks at before this moment is over, and is made again after whatever else changes.
    fn is_quiet(&self, made: &Made) -> bool {
        // Budgets and terminating pods matter to whoever asks for an eviction, and to preemption.
        if self.is_asking || self.may_preempt {
            return false;
        }
        match made.way {
            Move::Sync(Key::Budget(_)) => true,
            Move::Sync(Key::Pod(id)) => self.is_quiet_end(id, made),
            Move::Sync(_) | Move::Call(_) | Move::Bind | Move::Schedule(_) | Move::Event(..) => false,
        }
    }

    /// Whether a pod's object goes away that its controller does not count any more, from a node that takes nobody.
    fn is_quiet_end(&self, id: PodId, made: &Made) -> bool {
        let state = &self.simulation.state;
        let Some(pod) = state.pods.get(&id) else { return false };
        let is_replaced = match pod.owner {
            Owner::ReplicaSet(set) => {
                let deployment = state.replica_sets.get(&set).and_then(|set| set.owner);
                let strategy = deployment.and_then(|id| state.deployments.get(&id)).map(|item| &item.strategy);
                // Recreate waits for it.
                strategy.is_none_or(|strategy| *strategy != DeploymentStrategy::Recreate)
            }
            Owner::None
            | Owner::Node
            | Owner::Other { .. }
            | Owner::StatefulSet { .. }
            | Owner::DaemonSet(_)
            | Owner::Job(_) => false,
        };
        let is_gone = pod.deletion.is_some() && !made.after.state.pods.contains_key(&id);
        // Beyond its node it may keep others away, or draw them near.
        let reaches_further = |template: &PodTemplate| {
            let spec = &template.spec;
            let required = spec.required_affinity.iter().chain(&spec.required_anti_affinity);
            let preferred = spec.preferred_affinity.iter().chain(&spec.preferred_anti_affinity).map(|term| &term.term);
            required.chain(preferred).any(|term| term.topology_key != Symbol::HOSTNAME)
        };
        let own = std::iter::once(&*pod.template);
        let all = || self.placed.iter().map(|(_, template)| *template);
        is_replaced
            && is_gone
            && pod.volumes.is_empty()
            && pod.node.is_some_and(|node| self.is_closed_to(node, all()))
            && !own.chain(all()).any(reaches_further)
    }

    /// Whether nobody else can touch what belongs to `component`: none of its pods waits, and none may be preempted.
    fn lets_go_first(&self, component: Component) -> bool {
        if self.waiting.contains(&component) {
            return false;
        }
        let state = &self.simulation.state;
        let may_preempt = |template: &&PodTemplate| template.spec.preemption_policy != PreemptionPolicy::Never;
        let highest = self.others(component).filter(may_preempt).map(|template| template.spec.priority).max();
        let own = state.pods.iter().filter(|(id, pod)| self.components.find(member_of(state, **id, pod)) == component);
        let lowest = own.map(|(_, pod)| pod.template.spec.priority).min();
        highest.is_none_or(|highest| lowest.is_none_or(|lowest| highest <= lowest))
    }

    /// Whether the scheduler would place every other component's pods the same before and after a move.
    fn is_unnoticed(&self, component: Component, made: &Made) -> bool {
        let (before, after) = (&self.simulation.state, &made.after.state);
        for (id, pod) in before.pods.iter() {
            let Some(node) = pod.node else { continue };
            if !after.pods.contains_key(id) && !self.is_closed(component, node) {
                return false;
            }
        }
        let lowest = self.others(component).map(|template| template.spec.priority).min();
        let created = after.pods.range(PodId(before.pods_created)..);
        created
            .into_iter()
            .all(|(_, pod)| pod.node.is_none() && lowest.is_none_or(|lowest| pod.template.spec.priority <= lowest))
    }

    /// Whether room on `node` is of no use to any other component's pod.
    fn is_closed(&self, component: Component, id: NodeId) -> bool {
        self.others(component).next().is_none() || self.is_closed_to(id, self.others(component))
    }

    fn is_closed_to(&self, id: NodeId, mut templates: impl Iterator<Item = &'a PodTemplate>) -> bool {
        let Some(node) = self.simulation.state.nodes.get(&id) else { return true };
        !self.has_daemons && templates.all(|template| untolerated_taint(&template.spec, node).is_some())
    }
}
