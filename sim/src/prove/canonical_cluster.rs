//! A cluster in the canonical words of proof files.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use quorate_proof::cluster::{Asks, Budget, Cluster, ExistingPod, Kind, Workload};
use quorate_proof::input::{Pod as PlainPod, PodTerm, Requirement as PlainRequirement};

use super::canonical::Writer;
use super::groups::{Group, group_of, groups, is_ended};
use super::refused::{refusing, tight_quotas};
use super::revisions::name_revision;
use crate::cluster::{
    BindingMode, BudgetTarget, ClaimName, ClusterState, CsiNode, IntOrPercent, Labels, Node, Pod, PodDisruptionBudget,
    PodTemplate, ProvisionerKind, Symbol, VolumeSource,
};
use crate::scheduler::{DefaultSpread, Profile};
use quorate_proof::input::ONCE_BOUND;

/// The whole cluster, as it is and as it is wanted.
#[must_use]
pub fn cluster(state: &ClusterState) -> Cluster {
    let writer = Writer { state };
    let groups = groups(state);
    let tight = tight_quotas(state, &groups);
    let mut draft = Draft { state, writer: &writer, tight, shapes: BTreeMap::new(), known: BTreeMap::new() };
    let workloads: Vec<(String, usize)> =
        groups.iter().map(|(name, group)| (name.clone(), draft.shape_of_group(name, group))).collect();
    let pods: Vec<(String, ExistingPod)> = state
        .pods
        .iter()
        .filter(|(_, pod)| !is_ended(pod))
        .map(|(_, pod)| (pod_name(state, pod), draft.existing_pod(pod, &groups)))
        .collect();
    let budgets = state.budgets.values().map(|budget| (budget_name(state, budget), writer.budget(budget))).collect();
    let mut cluster = Cluster { budgets, ..Cluster::default() };
    for (name, namespace) in &state.namespaces {
        cluster.namespaces.insert(writer.text(*name), writer.labels(&namespace.labels));
    }
    cluster.nodes = state.nodes.values().map(|node| (writer.text(node.name), writer.node(node))).collect();
    let shapes = std::mem::take(&mut draft.shapes);
    finish(&mut cluster, shapes, workloads, pods, &groups);
    cluster
}

/// Labels that nobody asks for go, equal shapes become one, and all get their place in the order.
fn finish(
    cluster: &mut Cluster,
    shapes: BTreeMap<PlainPod, usize>,
    workloads: Vec<(String, usize)>,
    pods: Vec<(String, ExistingPod)>,
    groups: &BTreeMap<String, Group<'_>>,
) {
    let asked = asked_labels(shapes.keys(), cluster.budgets.values());
    let mut by_number: Vec<(usize, PlainPod)> = shapes.into_iter().map(|(shape, number)| (number, shape)).collect();
    by_number.sort_unstable_by_key(|(number, _)| *number);
    let mut kept: Vec<PlainPod> = by_number.into_iter().map(|(_, shape)| shape).collect();
    for shape in &mut kept {
        if SINGLE_POD_LABELS.iter().any(|key| asked.contains(*key) && shape.labels.contains_key(*key)) {
            shape.not_carried.push("labels of single pods in selectors".to_owned());
        }
        shape.labels.retain(|key, _| asked.contains(key.as_str()));
    }
    let sorted: BTreeSet<&PlainPod> = kept.iter().collect();
    let place: BTreeMap<&PlainPod, usize> = sorted.iter().enumerate().map(|(place, shape)| (*shape, place)).collect();
    let places: Vec<usize> = kept.iter().map(|shape| place.get(shape).copied().unwrap_or_default()).collect();
    cluster.shapes = sorted.into_iter().cloned().collect();
    let placed = |number: usize| places.get(number).copied().unwrap_or_default();
    for (name, number) in workloads {
        let Some(group) = groups.get(&name) else { continue };
        cluster.workloads.insert(
            name,
            Workload {
                kind: group.kind.clone(),
                shape: placed(number),
                replicas: group.replicas,
                min_replicas: group.range.0,
                max_replicas: group.range.1,
                max_surge: group.max_surge,
                max_unavailable: group.max_unavailable,
                ordered: group.ordered,
            },
        );
    }
    cluster.pods =
        pods.into_iter().map(|(name, pod)| (name, ExistingPod { shape: placed(pod.shape), ..pod })).collect();
}

/// Labels by which a StatefulSet tells its pods apart.
const SINGLE_POD_LABELS: [&str; 2] = ["statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index"];

struct Draft<'a> {
    state: &'a ClusterState,
    writer: &'a Writer<'a>,
    /// Namespaces whose quotas may refuse pods.
    tight: Vec<Symbol>,
    shapes: BTreeMap<PlainPod, usize>,
    /// The shape of pods of one template object with the same labels.
    known: BTreeMap<ShapeOf, usize>,
}

/// A template's address, a namespace and the labels by which revisions and workloads differ.
type ShapeOf = (usize, Symbol, Vec<(Symbol, Symbol)>);

impl Draft<'_> {
    fn shape_of_group(&mut self, name: &str, group: &Group<'_>) -> usize {
        let is_daemon = group.kind == Kind::DaemonSet;
        self.shape((group.namespace, Some(name)), &group.labels, &group.template, is_daemon)
    }

    fn existing_pod(&mut self, pod: &Pod, groups: &BTreeMap<String, Group<'_>>) -> ExistingPod {
        let workload = group_of(self.state, pod);
        let group = groups.get(&workload);
        let is_present = |group: &&Group<'_>| match &group.template {
            Cow::Borrowed(template) => std::ptr::eq(*template, &*pod.template) || is_same(template, &pod.template),
            Cow::Owned(template) => template.content == pod.template.content,
        };
        let shape = match group.filter(is_present) {
            Some(group) => self.shape_of_group(&workload, group),
            None => self.shape_of_pod(pod),
        };
        ExistingPod {
            workload,
            shape,
            node: pod.node.and_then(|id| self.state.nodes.get(&id)).map(|node| self.writer.text(node.name)),
            ready: pod.ready,
            terminating: pod.deletion.is_some(),
        }
    }

    fn shape_of_pod(&mut self, pod: &Pod) -> usize {
        self.shape((pod.namespace, None), &pod.labels, &pod.template, false)
    }

    fn shape(
        &mut self,
        (namespace, workload): (Symbol, Option<&str>),
        labels: &Labels,
        template: &PodTemplate,
        is_daemon: bool,
    ) -> usize {
        let telling: Vec<(Symbol, Symbol)> = labels
            .iter()
            .filter(|(key, _)| *key != Symbol::STATEFUL_SET_POD_NAME && *key != Symbol::POD_INDEX)
            .collect();
        let key = (std::ptr::from_ref(template) as usize, namespace, telling);
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let mut shape = self.writer.shape(namespace, labels, &template.spec);
        if let Some(workload) = workload {
            name_revision(&mut shape, workload);
        }
        shape.not_carried = not_carried(self.state, (namespace, template), is_daemon);
        let refusing = refusing(self.state, &self.tight, (namespace, labels, &template.spec));
        shape.not_carried.extend(refusing.into_iter().map(str::to_owned));
        let next = self.shapes.len();
        let number = *self.shapes.entry(shape).or_insert(next);
        self.known.insert(key, number);
        number
    }
}

/// Whether a pod's template is that of its workload: a live cluster has the labels of the controller in it, and they differ.
fn is_same(template: &PodTemplate, of_pod: &PodTemplate) -> bool {
    template.content == of_pod.content && template.spec == of_pod.spec
}

/// What decides where pods of `template` run and is not written into a shape.
fn not_carried(state: &ClusterState, (namespace, template): (Symbol, &PodTemplate), is_daemon: bool) -> Vec<String> {
    let spec = &template.spec;
    let volumes = VolumesDecide::of(state, namespace, &spec.volumes);
    let lacks = |node: &Node| !spec.required_features.iter().all(|feature| node.declared_features.contains(feature));
    let profile = state.scheduler.profile(spec.profile);
    let facts = [
        (volumes == VolumesDecide::Always, "volumes"),
        (volumes == VolumesDecide::OnceBound, ONCE_BOUND),
        (spec.node_name.is_some() && !is_daemon, "spec.nodeName"),
        (spec.not_scheduled_here, "another scheduler, scheduling gates or a node that does not exist"),
        (state.nodes.values().any(lacks), "features of the kubelet"),
        (!filters_by_default(profile), "plugins of the scheduler's configuration"),
    ];
    facts.into_iter().filter(|(holds, _)| *holds).map(|(_, what)| what.to_owned()).collect()
}

/// When volumes decide where a pod may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum VolumesDecide {
    /// Never, as far as is known: each can be used from every node.
    Never,
    /// Once they are provisioned, which happens where the pod is first placed.
    OnceBound,
    /// From the beginning.
    Always,
}

impl VolumesDecide {
    fn of(state: &ClusterState, namespace: Symbol, volumes: &[VolumeSource]) -> Self {
        volumes.iter().map(|volume| Self::of_one(state, namespace, volume)).max().unwrap_or(Self::Never)
    }

    fn of_one(state: &ClusterState, namespace: Symbol, volume: &VolumeSource) -> Self {
        let storage = &state.storage;
        let template = match volume {
            VolumeSource::SetClaim(template) | VolumeSource::Ephemeral(template) => template,
            VolumeSource::Claim(_) | VolumeSource::Disk(_) => return Self::Always,
        };
        let prefix = format!("{}-", state.names.text(template.name));
        let is_of_template =
            |claim: &ClaimName| claim.namespace == namespace && state.names.text(claim.name).starts_with(&prefix);
        let Some(class) = storage.classes.get(&template.claim.class) else { return Self::Always };
        if storage.claims.keys().any(is_of_template) || !class.allowed_topologies.is_empty() {
            return Self::Always;
        }
        let provisioned_late = class.binding_mode == BindingMode::WaitForFirstConsumer;
        let driver = storage.csi_drivers.get(&class.provisioner);
        let says_nothing = storage.csi_nodes.values().all(|node| !node.drivers.contains_key(&class.provisioner));
        let has_limit = |node: &CsiNode| node.drivers.get(&class.provisioner).is_some_and(|own| own.limit.is_some());
        let is_limited =
            driver.is_some_and(|driver| driver.storage_capacity) || storage.csi_nodes.values().any(has_limit);
        match class.provisioner_kind {
            ProvisionerKind::Assumed => Self::Never,
            // As the model takes it where a driver does not say: a volume stays in its zone.
            ProvisionerKind::External if provisioned_late && !is_limited && says_nothing && is_one_zone(state) => {
                Self::Never
            }
            ProvisionerKind::External if provisioned_late && !is_limited => Self::OnceBound,
            ProvisionerKind::External | ProvisionerKind::InTree(..) | ProvisionerKind::Nobody => Self::Always,
        }
    }
}

/// Whether all nodes lie in one zone, or in none.
fn is_one_zone(state: &ClusterState) -> bool {
    let mut zones = state.nodes.values().map(|node| node.labels.get(Symbol::ZONE));
    let first = zones.next();
    first.is_none_or(|first| zones.all(|zone| zone == first))
}

/// Whether a profile filters as kube-scheduler does without a configuration.
fn filters_by_default(profile: &Profile) -> bool {
    let default = Profile::default();
    profile.pre_filter == default.pre_filter
        && profile.filter == default.filter
        && profile.arguments.added_node_affinity.required.is_none()
        && profile.arguments.default_spread == DefaultSpread::System
        && profile.arguments.fit.ignored_resources.is_empty()
        && profile.arguments.fit.ignored_resource_groups.is_empty()
}

/// The keys of labels that any selector asks for.
fn asked_labels<'a>(
    shapes: impl Iterator<Item = &'a PlainPod>,
    budgets: impl Iterator<Item = &'a Budget>,
) -> BTreeSet<String> {
    let mut asked = BTreeSet::new();
    let mut ask = |selector: Option<&Vec<PlainRequirement>>| {
        asked.extend(selector.into_iter().flatten().map(|requirement| requirement.key.clone()));
    };
    for shape in shapes {
        let terms: Vec<&PodTerm> = shape.affinity.iter().chain(&shape.anti_affinity).collect();
        terms.into_iter().for_each(|term| ask(term.selector.as_ref()));
        shape.spread.iter().for_each(|spread| ask(spread.selector.as_ref()));
    }
    budgets.for_each(|budget| ask(budget.selector.as_ref()));
    asked
}

fn pod_name(state: &ClusterState, pod: &Pod) -> String {
    format!("{}/{}", state.names.text(pod.namespace), state.pod_name(pod))
}

fn budget_name(state: &ClusterState, budget: &PodDisruptionBudget) -> String {
    format!("{}/{}", state.names.text(budget.namespace), state.names.text(budget.name))
}

impl Writer<'_> {
    fn budget(&self, budget: &PodDisruptionBudget) -> Budget {
        Budget {
            namespace: self.text(budget.namespace),
            selector: budget.selector.as_ref().map(|selector| self.selector(selector)),
            asks: match budget.target {
                BudgetTarget::MinAvailable(IntOrPercent::Int(number)) => Asks::MinAvailable(number),
                BudgetTarget::MinAvailable(IntOrPercent::Percent(percent)) => Asks::MinAvailablePercent(percent),
                BudgetTarget::MaxUnavailable(IntOrPercent::Int(number)) => Asks::MaxUnavailable(number),
                BudgetTarget::MaxUnavailable(IntOrPercent::Percent(percent)) => Asks::MaxUnavailablePercent(percent),
                BudgetTarget::None => Asks::Nothing,
            },
        }
    }
}
