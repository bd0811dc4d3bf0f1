//! What the API server refuses, and what it takes.

use serde_json::{Value, json};

use crate::manifest::assemble::{DecodeOptions, assemble};
use crate::manifest::built_from_json::node;
use crate::manifest::{Origin, SourceMap};

fn found(json: &Value) -> Vec<(String, String)> {
    let source = SourceMap::default().add("a.yaml", "", Origin::Written);
    let assembled = assemble([(source, node(json))], &DecodeOptions::default());
    let line = |finding: &crate::finding::Finding| (finding.rule.to_string(), finding.path.to_string());
    assembled.findings.iter().map(line).collect()
}

/// `json` with `change` merged into it (RFC 7396).
fn with(mut json: Value, change: Value) -> Value {
    merge(&mut json, change);
    json
}

fn merge(target: &mut Value, change: Value) {
    match (target, change) {
        (Value::Object(target), Value::Object(change)) => {
            for (key, value) in change {
                if value.is_null() {
                    target.remove(&key);
                } else {
                    merge(target.entry(key).or_insert(Value::Null), value);
                }
            }
        }
        (target, change) => *target = change,
    }
}

fn pod_spec() -> Value {
    json!({"containers": [{"name": "a", "image": "a"}]})
}

fn workload(kind: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "a"}, "spec": {
        "selector": {"matchLabels": {"app": "a"}},
        "template": {"metadata": {"labels": {"app": "a"}}, "spec": pod_spec()},
    }})
}

fn pod(spec: Value) -> Value {
    with(
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": pod_spec()}),
        json!({"spec": spec}),
    )
}

fn refused(json: &Value, paths: &[&str]) {
    let wanted: Vec<(String, String)> =
        paths.iter().map(|path| ("invalid-value".to_owned(), (*path).to_owned())).collect();
    assert_eq!(found(json), wanted, "{json}");
}

#[test]
fn sound_objects_pass() {
    for kind in ["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"] {
        refused(&workload(kind), &[]);
    }
    refused(&pod(json!({})), &[]);
}

#[test]
fn workloads_own_their_pods() {
    refused(&with(workload("Deployment"), json!({"spec": {"selector": null}})), &["spec.selector"]);
    refused(&with(workload("DaemonSet"), json!({"spec": {"selector": {"matchLabels": null}}})), &["spec.selector"]);
    let other = json!({"spec": {"template": {"metadata": {"labels": {"app": "b"}}}}});
    for kind in ["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"] {
        refused(&with(workload(kind), other.clone()), &["spec.template.metadata.labels"]);
    }
    let expressions = json!({"spec": {"selector": {"matchLabels": null, "matchExpressions": [
        {"key": "app", "operator": "In", "values": ["a", "b"]}, {"key": "x", "operator": "DoesNotExist"}]}}});
    refused(&with(workload("Deployment"), expressions), &[]);
    let unknown =
        json!({"spec": {"selector": {"matchExpressions": [{"key": "app", "operator": "in", "values": ["a"]}]}}});
    refused(&with(workload("Deployment"), unknown), &["spec.selector.matchExpressions[0].operator"]);
    let always = json!({"spec": {"template": {"spec": {"restartPolicy": "Never"}}}});
    refused(&with(workload("Deployment"), always), &["spec.template.spec.restartPolicy"]);
}

#[test]
fn rollouts_can_move() {
    let deployment =
        |rolling: Value| with(workload("Deployment"), json!({"spec": {"strategy": {"rollingUpdate": rolling}}}));
    let unavailable = "spec.strategy.rollingUpdate.maxUnavailable";
    refused(&deployment(json!({"maxSurge": 0, "maxUnavailable": 0})), &[unavailable]);
    refused(&deployment(json!({"maxSurge": "0%", "maxUnavailable": 0})), &[unavailable]);
    refused(&deployment(json!({"maxSurge": 1, "maxUnavailable": 0})), &[]);
    refused(&deployment(json!({"maxUnavailable": "101%"})), &[unavailable]);
    refused(&deployment(json!({"maxUnavailable": "1"})), &[unavailable]);
    refused(&deployment(json!({"maxSurge": -1})), &["spec.strategy.rollingUpdate.maxSurge"]);
    let recreate = json!({"spec": {"strategy": {"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}}});
    refused(&with(workload("Deployment"), recreate), &["spec.strategy.rollingUpdate"]);
    refused(&with(workload("Deployment"), json!({"spec": {"strategy": {"type": "Rolling"}}})), &["spec.strategy.type"]);
    refused(&with(workload("Deployment"), json!({"spec": {"replicas": -1}})), &["spec.replicas"]);
    let deadline = json!({"spec": {"minReadySeconds": 600}});
    refused(&with(workload("Deployment"), deadline), &["spec.progressDeadlineSeconds"]);
    let daemon_set =
        |rolling: Value| with(workload("DaemonSet"), json!({"spec": {"updateStrategy": {"rollingUpdate": rolling}}}));
    refused(&daemon_set(json!({"maxUnavailable": 0})), &["spec.updateStrategy.rollingUpdate.maxUnavailable"]);
    refused(&daemon_set(json!({"maxSurge": 1})), &["spec.updateStrategy.rollingUpdate.maxSurge"]);
    refused(&daemon_set(json!({"maxSurge": 1, "maxUnavailable": 0})), &[]);
    let parallel = json!({"spec": {"podManagementPolicy": "parallel"}});
    refused(&with(workload("StatefulSet"), parallel), &["spec.podManagementPolicy"]);
}

#[test]
fn containers_are_sound() {
    refused(&pod(json!({"containers": []})), &["spec.containers"]);
    let a = json!({"name": "a", "image": "a"});
    refused(&pod(json!({"containers": [a, a]})), &["spec.containers[1].name"]);
    refused(&pod(json!({"containers": [a], "initContainers": [a]})), &["spec.initContainers[0].name"]);
    let container = |change: Value| pod(json!({"containers": [with(a.clone(), change)]}));
    refused(&container(json!({"image": null})), &["spec.containers[0].image"]);
    refused(&container(json!({"name": "A"})), &["spec.containers[0].name"]);
    let resources = |of: Value| container(json!({"resources": of}));
    let request = "spec.containers[0].resources.requests.cpu";
    refused(&resources(json!({"requests": {"cpu": "2"}, "limits": {"cpu": "1500m"}})), &[request]);
    refused(&resources(json!({"requests": {"cpu": "1500m"}, "limits": {"cpu": 1.5}})), &[]);
    refused(&resources(json!({"requests": {"cpu": "-1"}})), &[request]);
    let device = "spec.containers[0].resources.requests[example.com/gpu]";
    refused(&resources(json!({"requests": {"example.com/gpu": 1}})), &[device]);
    refused(
        &resources(json!({"limits": {"gpu": 1}, "requests": {"gpu": 1}})).clone(),
        &["spec.containers[0].resources.limits.gpu", "spec.containers[0].resources.requests.gpu"],
    );
    let mount = json!({"volumeMounts": [{"name": "data", "mountPath": "/data"}]});
    refused(&container(mount.clone()), &["spec.containers[0].volumeMounts[0].name"]);
    let claims = json!({"spec": {
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {
            "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}],
        "template": {"spec": {"containers": [with(a.clone(), mount)]}},
    }});
    refused(&with(workload("StatefulSet"), claims), &[]);
    refused(&container(json!({"ports": [{"containerPort": 0}]})), &["spec.containers[0].ports[0].containerPort"]);
    refused(&container(json!({"livenessProbe": {}})), &["spec.containers[0].livenessProbe"]);
    let probe = json!({"livenessProbe": {"tcpSocket": {"port": 1}, "successThreshold": 2}});
    refused(&container(probe), &["spec.containers[0].livenessProbe.successThreshold"]);
    refused(&container(json!({"imagePullPolicy": "always"})), &["spec.containers[0].imagePullPolicy"]);
}

#[test]
fn placement_is_sound() {
    let toleration = |of: Value| pod(json!({"tolerations": [of]}));
    refused(&toleration(json!({"operator": "Exists"})), &[]);
    refused(&toleration(json!({"key": "a", "value": "b", "effect": "NoSchedule"})), &[]);
    refused(&toleration(json!({"value": "b"})), &["spec.tolerations[0].operator"]);
    refused(&toleration(json!({"key": "a", "effect": "NoShedule"})), &["spec.tolerations[0].effect"]);
    refused(&toleration(json!({"key": "a", "tolerationSeconds": 1})), &["spec.tolerations[0].effect"]);
    let spread = |change: Value| {
        let of = json!({"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"});
        pod(json!({"topologySpreadConstraints": [with(of, change)]}))
    };
    refused(&spread(json!({})), &[]);
    refused(&spread(json!({"whenUnsatisfiable": "Never"})), &["spec.topologySpreadConstraints[0].whenUnsatisfiable"]);
    refused(&spread(json!({"whenUnsatisfiable": null})), &["spec.topologySpreadConstraints[0].whenUnsatisfiable"]);
    refused(&spread(json!({"maxSkew": 0})), &["spec.topologySpreadConstraints[0].maxSkew"]);
    refused(&spread(json!({"topologyKey": null})), &["spec.topologySpreadConstraints[0].topologyKey"]);
    let anti = json!({"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{}]}}});
    let path = "spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey";
    refused(&pod(anti), &[path]);
}

#[test]
fn the_other_kinds_are_sound() {
    let budget = |spec: Value| json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "a"}, "spec": spec});
    refused(&budget(json!({"minAvailable": 1, "maxUnavailable": 1})), &["spec.maxUnavailable"]);
    refused(&budget(json!({"minAvailable": "50"})), &["spec.minAvailable"]);
    refused(
        &budget(json!({"minAvailable": "50%", "selector": {"matchLabels": {"a": "b c"}}})),
        &["spec.selector.matchLabels.a"],
    );
    let service = |spec: Value| json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": spec});
    refused(&service(json!({"clusterIP": "None"})), &[]);
    refused(&service(json!({})), &["spec.ports"]);
    refused(&service(json!({"ports": [{"port": 1}, {"port": 2, "name": "b"}]})), &["spec.ports[0].name"]);
    let job = |spec: Value| json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "a"}, "spec": {"template": {"spec": spec}}});
    refused(&job(pod_spec()), &["spec.template.spec.restartPolicy"]);
    refused(&job(with(pod_spec(), json!({"restartPolicy": "OnFailure"}))), &[]);
    let autoscaler = json!({"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "a"},
        "spec": {"minReplicas": 3, "maxReplicas": 2, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"}}});
    refused(&autoscaler, &["spec.maxReplicas"]);
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "a"}, "spec": {"accessModes": ["RWO"]}});
    refused(&claim, &["spec.accessModes[0]", "spec.resources.requests.storage"]);
    let labels =
        json!({"metadata": {"labels": {"a b": "c", "x": "-y"}, "annotations": {"Example.com/Team": "any thing"}}});
    refused(&with(pod(json!({})), labels), &["metadata.labels.a b", "metadata.labels.x"]);
}

#[test]
fn what_decoding_found_is_not_found_again() {
    let wrong = json!({"spec": {"containers": [{"name": 7, "image": "a"}]}});
    assert_eq!(found(&with(pod(json!({})), wrong)), [("wrong-type".to_owned(), "spec.containers[0].name".to_owned())]);
    let misspelt = json!({"spec": {"selector": {"matchLabels": null, "matchLables": {"app": "a"}}}});
    let path = "spec.selector.matchLables".to_owned();
    assert_eq!(found(&with(workload("Deployment"), misspelt)), [("unknown-field".to_owned(), path)]);
    let number = json!({"spec": {"template": {"metadata": {"labels": {"app": 1}}}}});
    let path = "spec.template.metadata.labels.app".to_owned();
    assert_eq!(found(&with(workload("Deployment"), number)), [("wrong-type".to_owned(), path)]);
}
