//! A recorded case as a [`ClusterState`] and the pod to be placed. Only what scheduling reads is converted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use quorate_sim::cluster::{
    BudgetId, BudgetStatus, BudgetTarget, ClusterState, LabelSelector, Labels, Namespace, Node, NodeFeature, NodeId,
    NodeReady, Operator, Pod, PodDisruptionBudget, PodManagementPolicy, PodSpec, PodTemplate, ReplicaSet, ReplicaSetId,
    Requirement, Service, StatefulSet, StatefulSetId, StatefulSetStrategy, Symbol, Taint, Time,
    UnhealthyPodEvictionPolicy,
};
use serde_json::Value;

use crate::affinity::{effect, selector};
use crate::configuration;
use crate::pod::{Standing, labels, pod};
use crate::resources::{amounts, resources};
use crate::storage;

/// Converts `{objects, pod}`.
pub(crate) fn convert(case: &Value) -> (ClusterState, Pod) {
    let mut state = convert_objects(case["objects"].as_array().unwrap());
    configuration::configure(&mut state, case);
    let to_place = pod(&mut state, &case["pod"], Standing::ToPlace);
    (state, to_place)
}

/// Converts objects.
pub(crate) fn convert_objects(objects: &[Value]) -> ClusterState {
    let mut state = ClusterState::default();
    let of_kind = |kind: &'static str| objects.iter().filter(move |object| object["kind"] == kind);
    for (number, manifest) in of_kind("Node").enumerate() {
        let node = node(&mut state, manifest);
        state.nodes.insert(NodeId(u32::try_from(number).unwrap()), node);
    }
    for manifest in of_kind("Namespace") {
        let name = state.intern(manifest["metadata"]["name"].as_str().unwrap());
        let labels = labels(&mut state, &manifest["metadata"]["labels"]);
        state.namespaces.insert(name, Namespace { labels });
    }
    for manifest in of_kind("Service") {
        let service = service(&mut state, manifest);
        state.add_service(service);
    }
    for manifest in of_kind("ReplicaSet") {
        add_replica_set(&mut state, manifest);
    }
    for manifest in of_kind("StatefulSet") {
        add_stateful_set(&mut state, manifest);
    }
    storage::add(&mut state, objects);
    for manifest in of_kind("Pod") {
        let pod = pod(&mut state, manifest, Standing::Placed);
        state.add_pod(pod);
    }
    for manifest in of_kind("PodDisruptionBudget") {
        add_budget(&mut state, manifest);
    }
    // Later than every start of a pod.
    state.now = Time::from_milliseconds(3_600_000);
    state
}

/// Taints and `unschedulable`.
pub(crate) fn node_spec(state: &mut ClusterState, spec: &Value) -> (Vec<Taint>, bool) {
    let taints = spec["taints"].as_array().into_iter().flatten().map(|taint| Taint {
        key: state.intern(taint["key"].as_str().unwrap()),
        value: state.intern(taint["value"].as_str().unwrap_or("")),
        effect: effect(taint["effect"].as_str().unwrap()),
        added_at: None,
    });
    (taints.collect(), spec["unschedulable"] == true)
}

fn node(state: &mut ClusterState, manifest: &Value) -> Node {
    let amounts = amounts(&manifest["status"]["allocatable"]);
    let mut images = BTreeMap::new();
    for image in manifest["status"]["images"].as_array().into_iter().flatten() {
        for name in image["names"].as_array().unwrap() {
            let name = state.intern(name.as_str().unwrap());
            images.entry(name).or_insert(image["sizeBytes"].as_i64().unwrap());
        }
    }
    let (taints, unschedulable) = node_spec(state, &manifest["spec"]);
    Node {
        name: state.intern(manifest["metadata"]["name"].as_str().unwrap()),
        labels: labels(state, &manifest["metadata"]["labels"]),
        taints,
        unschedulable,
        allocatable: resources(&amounts, |name| state.intern(name)),
        allocatable_pods: amounts.get("pods").copied().unwrap_or(0),
        images,
        declared_features: declared_features(&manifest["status"]["declaredFeatures"]),
        ready: NodeReady::True,
        crashed_at: None,
    }
}

fn declared_features(names: &Value) -> BTreeSet<NodeFeature> {
    let declared =
        |feature: &NodeFeature| names.as_array().is_some_and(|names| names.contains(&feature.as_str().into()));
    NodeFeature::ALL.into_iter().filter(declared).collect()
}

fn namespace_of(state: &mut ClusterState, manifest: &Value) -> Symbol {
    state.intern(manifest["metadata"]["namespace"].as_str().unwrap_or("default"))
}

fn service(state: &mut ClusterState, manifest: &Value) -> Service {
    let selector = &manifest["spec"]["selector"];
    let pairs = labels(state, selector);
    let requirements = pairs.iter().map(|(key, value)| Requirement { key, operator: Operator::In(vec![value]) });
    let selector = (!selector.is_null()).then(|| LabelSelector { requirements: requirements.collect() });
    Service {
        namespace: namespace_of(state, manifest),
        name: state.intern(manifest["metadata"]["name"].as_str().unwrap()),
        selector,
        publish_not_ready_addresses: false,
    }
}

fn empty_template() -> Arc<PodTemplate> {
    Arc::new(PodTemplate { labels: Labels::default(), spec: PodSpec::default(), content: Symbol::EMPTY })
}

fn add_replica_set(state: &mut ClusterState, manifest: &Value) {
    let set = ReplicaSet {
        namespace: namespace_of(state, manifest),
        name: state.intern(manifest["metadata"]["name"].as_str().unwrap()),
        owner: None,
        replicas: 1,
        selector: selector(state, &manifest["spec"]["selector"]).unwrap_or_default(),
        template: empty_template(),
        template_hash: None,
        min_ready_seconds: 0,
        desired_replicas: None,
        max_replicas: None,
        created_at: Time::ZERO,
    };
    let id = ReplicaSetId(u32::try_from(state.replica_sets.len()).unwrap());
    state.replica_sets.insert(id, set);
}

fn add_stateful_set(state: &mut ClusterState, manifest: &Value) {
    let set = StatefulSet {
        namespace: namespace_of(state, manifest),
        name: state.intern(manifest["metadata"]["name"].as_str().unwrap()),
        replicas: 1,
        first_ordinal: 0,
        selector: selector(state, &manifest["spec"]["selector"]).unwrap_or_default(),
        template: empty_template(),
        current_template: empty_template(),
        pod_management_policy: PodManagementPolicy::OrderedReady,
        strategy: StatefulSetStrategy::OnDelete,
        min_ready_seconds: 0,
    };
    let id = StatefulSetId(u32::try_from(state.stateful_sets.len()).unwrap());
    state.stateful_sets.insert(id, set);
}

fn add_budget(state: &mut ClusterState, manifest: &Value) {
    let namespace = namespace_of(state, manifest);
    let disrupted = manifest["status"]["disruptedPods"].as_object().into_iter().flatten().map(|(name, _)| name);
    let disrupted: BTreeSet<String> = disrupted.cloned().collect();
    let of_namespace = state.pods.iter().filter(|(_, pod)| pod.namespace == namespace);
    let disrupted_pods = of_namespace
        .filter(|(_, pod)| disrupted.contains(&state.pod_name(pod)))
        .map(|(id, _)| (*id, Time::ZERO))
        .collect();
    let budget = PodDisruptionBudget {
        namespace,
        name: state.intern(manifest["metadata"]["name"].as_str().unwrap()),
        selector: selector(state, &manifest["spec"]["selector"]),
        target: BudgetTarget::None,
        unhealthy_pod_eviction_policy: UnhealthyPodEvictionPolicy::default(),
        status: BudgetStatus {
            disruptions_allowed: manifest["status"]["disruptionsAllowed"].as_i64().unwrap(),
            disrupted_pods,
            ..BudgetStatus::default()
        },
    };
    let id = BudgetId(u32::try_from(state.budgets.len()).unwrap());
    state.budgets.insert(id, budget);
}
