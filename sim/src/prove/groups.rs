//! Workloads as proofs see them: pods that are alike, and who replaces them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use quorate_proof::cluster::Kind;

use crate::cluster::{
    ClusterState, DeploymentStrategy, IntOrPercent, Labels, Owner, Pod, PodManagementPolicy, PodTemplate,
    StatefulSetStrategy, Symbol, WorkloadName,
};
use crate::controller::{WorkloadId, all_workloads, daemon_set, template_of, workload_name, workload_of};

/// A workload, or a pod on its own.
#[derive(Clone, Debug)]
pub(super) struct Group<'a> {
    /// Who replaces its pods.
    pub(super) kind: Kind,
    /// Its namespace.
    pub(super) namespace: Symbol,
    /// What a pod of its present revision carries.
    pub(super) labels: Labels,
    /// What such a pod asks for.
    pub(super) template: Cow<'a, PodTemplate>,
    /// `spec.replicas`, or what stands for it.
    pub(super) replicas: i64,
    /// The range that an autoscaler may set.
    pub(super) range: (i64, i64),
    /// `maxSurge`.
    pub(super) max_surge: i64,
    /// `maxUnavailable`.
    pub(super) max_unavailable: i64,
    /// One after the other.
    pub(super) ordered: bool,
}

/// All groups by name: `deployment/default/backend`, `pod/default/debug`.
pub(super) fn groups(state: &ClusterState) -> BTreeMap<String, Group<'_>> {
    let ranges: BTreeMap<WorkloadName, (i64, i64)> =
        state.autoscalers.values().map(|own| (own.target, (own.min_replicas, own.max_replicas))).collect();
    let mut groups = BTreeMap::new();
    for workload in all_workloads(state) {
        let (Some(name), Some(mut group)) = (workload_name(state, workload), group(state, workload)) else { continue };
        if let Some((least, most)) = ranges.get(&name) {
            group.range = (group.replicas.min(*least), group.replicas.max(*most));
            (group.max_surge, group.max_unavailable) = in_range(state, workload, &group);
        }
        groups.insert(workload_text(state, name), group);
    }
    for (_, pod) in state.pods.iter() {
        if is_ended(pod) || workload_of(state, pod.owner).is_some() {
            continue;
        }
        groups.insert(pod_text(state, pod), lone(state, pod));
    }
    groups
}

/// The name of the group that a pod belongs to.
pub(super) fn group_of(state: &ClusterState, pod: &Pod) -> String {
    let workload = workload_of(state, pod.owner).and_then(|id| workload_name(state, id));
    workload.map_or_else(|| pod_text(state, pod), |name| workload_text(state, name))
}

/// Whether a pod has succeeded or failed.
pub(super) const fn is_ended(pod: &Pod) -> bool {
    matches!(pod.phase, crate::cluster::Phase::Succeeded | crate::cluster::Phase::Failed)
}

fn workload_text(state: &ClusterState, name: WorkloadName) -> String {
    format!("{}/{}/{}", name.kind.as_str(), state.names.text(name.namespace), state.names.text(name.name))
}

fn pod_text(state: &ClusterState, pod: &Pod) -> String {
    format!("pod/{}/{}", state.names.text(pod.namespace), state.pod_name(pod))
}

/// A pod that no workload of the input has made.
fn lone<'a>(state: &ClusterState, pod: &'a Pod) -> Group<'a> {
    let node = pod.node.and_then(|id| state.nodes.get(&id));
    let is_fixed = pod.owner == Owner::Node || pod.template.spec.node_name.is_some();
    let kind = match node {
        Some(node) if is_fixed => Kind::Static(state.names.text(node.name).to_owned()),
        _ => Kind::Pod,
    };
    Group {
        kind,
        namespace: pod.namespace,
        labels: pod.labels.clone(),
        template: Cow::Borrowed(&pod.template),
        replicas: 1,
        range: (1, 1),
        max_surge: 0,
        max_unavailable: 1,
        ordered: false,
    }
}

fn group(state: &ClusterState, workload: WorkloadId) -> Option<Group<'_>> {
    let template = template_of(state, workload)?;
    let of = |kind, namespace, replicas: i64| Group {
        kind,
        namespace,
        labels: template.labels.clone(),
        template: Cow::Borrowed(&**template),
        replicas: replicas.max(0),
        range: (replicas.max(0), replicas.max(0)),
        max_surge: 0,
        max_unavailable: replicas.max(0),
        ordered: false,
    };
    Some(match workload {
        WorkloadId::Deployment(id) => {
            let own = state.deployments.get(&id)?;
            let mut group = of(Kind::Deployment, own.namespace, own.replicas);
            if let DeploymentStrategy::RollingUpdate { max_surge, max_unavailable } = own.strategy {
                (group.max_surge, group.max_unavailable) = bounds(max_surge, max_unavailable, own.replicas);
            }
            // Revisions are told apart by this label; which value it has means nothing.
            group.labels.insert(Symbol::POD_TEMPLATE_HASH, Symbol::POD_TEMPLATE_HASH);
            group
        }
        WorkloadId::ReplicaSet(id) => {
            let own = state.replica_sets.get(&id)?;
            of(Kind::ReplicaSet, own.namespace, own.replicas)
        }
        WorkloadId::StatefulSet(id) => {
            let own = state.stateful_sets.get(&id)?;
            let mut group = of(Kind::StatefulSet, own.namespace, own.replicas);
            group.max_unavailable = match own.strategy {
                StatefulSetStrategy::RollingUpdate { .. } => 1,
                StatefulSetStrategy::OnDelete => 0,
            };
            group.ordered = own.pod_management_policy == PodManagementPolicy::OrderedReady;
            group.labels.insert(Symbol::CONTROLLER_REVISION_HASH, Symbol::CONTROLLER_REVISION_HASH);
            group
        }
        WorkloadId::DaemonSet(id) => {
            let own = state.daemon_sets.get(&id)?;
            let mut group = of(Kind::DaemonSet, own.namespace, 0);
            group.max_surge = i64::from(daemon_set::allows_surge(own));
            group.template = Cow::Owned(daemon_set::tolerating_template(own));
            group.labels.insert(Symbol::CONTROLLER_REVISION_HASH, Symbol::CONTROLLER_REVISION_HASH);
            group
        }
        WorkloadId::Job(id) => {
            let own = state.jobs.get(&id)?;
            let most = own.spec.completions.unwrap_or(own.spec.parallelism).min(own.spec.parallelism);
            let is_idle = own.spec.suspend || own.status.finished.is_some();
            of(Kind::Job, own.namespace, if is_idle { 0 } else { most })
        }
    })
}

/// The most that a rollout adds, and the least that it may make unavailable, over all numbers of replicas that an autoscaler may set.
fn in_range(state: &ClusterState, workload: WorkloadId, group: &Group<'_>) -> (i64, i64) {
    let strategy = match workload {
        WorkloadId::Deployment(id) => state.deployments.get(&id).map(|own| own.strategy),
        _ => None,
    };
    match strategy {
        Some(DeploymentStrategy::RollingUpdate { max_surge, max_unavailable }) => {
            let (least, most) = group.range;
            (bounds(max_surge, max_unavailable, most).0, bounds(max_surge, max_unavailable, least).1)
        }
        _ => (group.max_surge, group.max_unavailable),
    }
}

/// `maxSurge` and `maxUnavailable` as the Deployment controller resolves them: both 0 makes one unavailable.
fn bounds(max_surge: IntOrPercent, max_unavailable: IntOrPercent, replicas: i64) -> (i64, i64) {
    let surge = max_surge.of_rounded_up(replicas);
    let unavailable = max_unavailable.of_rounded_down(replicas).min(replicas);
    if surge == 0 && unavailable == 0 { (0, 1) } else { (surge, unavailable) }
}
