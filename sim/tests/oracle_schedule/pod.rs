//! Pods.

use std::collections::BTreeSet;
use std::sync::Arc;

use quorate_sim::cluster::{
    ClusterState, Deletion, DeletionCause, DeletionOrder, HostPort, Labels, NodeFeature, NodeId, Owner, Phase, Pod,
    PodName, PodSpec, PodTemplate, PreemptionPolicy, Protocol, Symbol, Time,
};
use serde_json::Value;

use crate::affinity::{add_affinity, spread_constraint, toleration};
use crate::resources::{Options, non_zero_requests, non_zero_requests_while_placed, pod_requests, resources};

/// Stands for a node name that no node has.
const NO_SUCH_NODE: NodeId = NodeId(u32::MAX);

pub(crate) fn labels(state: &mut ClusterState, labels: &Value) -> Labels {
    let pairs = labels.as_object().into_iter().flatten();
    pairs.map(|(key, value)| (state.intern(key), state.intern(value.as_str().unwrap()))).collect()
}

fn node_id(state: &mut ClusterState, name: &Value) -> Option<NodeId> {
    let name = name.as_str().filter(|name| !name.is_empty())?;
    let name = state.intern(name);
    Some(state.node_named(name).unwrap_or(NO_SUCH_NODE))
}

fn host_ports(state: &mut ClusterState, pod: &Value) -> Vec<HostPort> {
    let mut ports = Vec::new();
    // With the host's network every container port is a host port.
    let field = if pod["spec"]["hostNetwork"] == true { "containerPort" } else { "hostPort" };
    let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
    let initial = pod["spec"]["initContainers"].as_array().into_iter().flatten();
    let sidecars = initial.filter(|container| container["restartPolicy"] == "Always");
    for container in containers.chain(sidecars) {
        for port in container["ports"].as_array().into_iter().flatten() {
            let Some(number) = port[field].as_u64().filter(|number| *number != 0) else { continue };
            ports.push(HostPort {
                port: u16::try_from(number).unwrap(),
                protocol: match port["protocol"].as_str() {
                    None | Some("TCP") => Protocol::Tcp,
                    Some("UDP") => Protocol::Udp,
                    Some(other) => panic!("protocol {other}"),
                },
                host_ip: state.intern(port["hostIP"].as_str().unwrap_or("")),
            });
        }
    }
    ports
}

fn normalized_image(name: &str) -> String {
    if name.rfind(':') <= name.rfind('/') { format!("{name}:latest") } else { name.to_owned() }
}

fn add_containers(state: &mut ClusterState, pod: &Value, spec: &mut PodSpec) {
    for list in ["initContainers", "containers"] {
        for container in pod["spec"][list].as_array().into_iter().flatten() {
            spec.images.push(state.intern(&normalized_image(container["image"].as_str().unwrap())));
            spec.container_count += 1;
        }
    }
    for volume in pod["spec"]["volumes"].as_array().into_iter().flatten() {
        if let Some(reference) = volume["image"]["reference"].as_str() {
            spec.images.push(state.intern(&normalized_image(reference)));
        }
    }
}

fn required_features(spec: &Value) -> BTreeSet<NodeFeature> {
    let mut features = BTreeSet::new();
    for container in
        ["initContainers", "containers"].iter().flat_map(|list| spec[*list].as_array().into_iter().flatten())
    {
        let mut rules = container["restartPolicyRules"].as_array().into_iter().flatten();
        if rules.any(|rule| rule["action"] == "RestartAllContainers") {
            features.insert(NodeFeature::RestartAllContainersOnContainerExits);
        }
    }
    if spec["hostNetwork"] == true && spec["hostUsers"] == false {
        features.insert(NodeFeature::UserNamespacesHostNetworkSupport);
    }
    features
}

/// Whether a pod is among the objects of a case or the one to be placed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Placed,
    ToPlace,
}

/// A pod.
pub(crate) fn pod(state: &mut ClusterState, manifest: &Value, standing: Standing) -> Pod {
    let placed = standing == Standing::Placed;
    let (metadata, of_pod) = (&manifest["metadata"], &manifest["spec"]);
    let namespace = state.intern(metadata["namespace"].as_str().unwrap_or("default"));
    let options = Options { use_status: placed, ..Options::default() };
    let mut spec = PodSpec {
        requests: resources(&pod_requests(manifest, &options), |name| state.intern(name)),
        non_zero_requests: non_zero_requests(manifest),
        non_zero_requests_while_placed: Some(non_zero_requests_while_placed(manifest)),
        node_selector: labels(state, &of_pod["nodeSelector"]),
        host_ports: host_ports(state, manifest),
        required_features: required_features(of_pod),
        priority: i32::try_from(of_pod["priority"].as_i64().unwrap_or(0)).unwrap(),
        preemption_policy: match of_pod["preemptionPolicy"].as_str() {
            Some("Never") => PreemptionPolicy::Never,
            None | Some("PreemptLowerPriority") => PreemptionPolicy::PreemptLowerPriority,
            Some(other) => panic!("preemptionPolicy {other}"),
        },
        ..PodSpec::default()
    };
    let list = |field: &str| of_pod[field].as_array().cloned().unwrap_or_default();
    spec.tolerations = list("tolerations").iter().map(|one| toleration(state, one)).collect();
    let constraints = list("topologySpreadConstraints");
    spec.spread_constraints = constraints.iter().map(|one| spread_constraint(state, one)).collect();
    add_affinity(state, namespace, &of_pod["affinity"], &mut spec);
    add_containers(state, manifest, &mut spec);
    let node = node_id(state, &of_pod["nodeName"]);
    if !placed {
        spec.node_name = node;
    }
    let labels = labels(state, &metadata["labels"]);
    let deletion = Deletion { requested_at: Time::ZERO, cause: deletion_cause(&manifest["status"]) };
    Pod {
        namespace,
        name: PodName::Given(state.intern(metadata["name"].as_str().unwrap())),
        labels: labels.clone(),
        template: Arc::new(PodTemplate { labels, spec, content: Symbol::EMPTY }),
        volumes: crate::storage::of_pod(state, manifest),
        owner: owner(state, namespace, metadata),
        node: if placed { node } else { None },
        nominated_node: node_id(state, &manifest["status"]["nominatedNodeName"]),
        phase: match manifest["status"]["phase"].as_str() {
            Some("Succeeded") => Phase::Succeeded,
            Some("Failed") => Phase::Failed,
            Some("Running") => Phase::Running,
            None | Some("Pending") => Phase::Pending,
            Some(other) => panic!("phase {other}"),
        },
        ready: true,
        ready_changed_at: None,
        held_unready: false,
        created_at: Time::ZERO,
        started_at: manifest["status"]["startTime"].as_str().map(time),
        deletion_order: DeletionOrder::default(),
        deletion: (!metadata["deletionTimestamp"].is_null()).then_some(deletion),
        unschedulable: None,
    }
}

fn deletion_cause(status: &Value) -> DeletionCause {
    let mut conditions = status["conditions"].as_array().into_iter().flatten();
    let preempted = conditions.any(|condition| condition["reason"] == "PreemptionByScheduler");
    if preempted { DeletionCause::Preemption } else { DeletionCause::Delete }
}

/// The recordings start everything within one hour.
fn time(text: &str) -> Time {
    let within_hour = text.strip_prefix("2026-01-01T00:").and_then(|rest| rest.strip_suffix('Z')).unwrap();
    let (minutes, seconds) = within_hour.split_once(':').unwrap();
    let (minutes, seconds): (u64, u64) = (minutes.parse().unwrap(), seconds.parse().unwrap());
    Time::from_milliseconds((60 * minutes + seconds) * 1000)
}

fn owner(state: &mut ClusterState, namespace: Symbol, metadata: &Value) -> Owner {
    let mut references = metadata["ownerReferences"].as_array().into_iter().flatten();
    let Some(controller) = references.find(|reference| reference["controller"] == true) else { return Owner::None };
    let name = state.intern(controller["name"].as_str().unwrap());
    match controller["kind"].as_str().unwrap() {
        "ReplicaSet" => {
            let mut sets = state.replica_sets.iter();
            let found = sets.find(|(_, set)| set.namespace == namespace && set.name == name);
            found.map_or(Owner::None, |(id, _)| Owner::ReplicaSet(*id))
        }
        "StatefulSet" => {
            let mut sets = state.stateful_sets.iter();
            let found = sets.find(|(_, set)| set.namespace == namespace && set.name == name);
            found.map_or(Owner::None, |(id, _)| Owner::StatefulSet { set: *id, ordinal: 0 })
        }
        other => Owner::Other { kind: state.intern(other), name },
    }
}
