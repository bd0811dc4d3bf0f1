//! Agreement with the real plugins: `fixtures/oracle/1.36.3/admission.jsonl.gz` holds what they made of pods.

use std::collections::BTreeMap;
use std::io::Read;

use k8s_openapi::api::core::v1::{LimitRange, PodSpec, ResourceQuota, Toleration};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde_json::{Value, json};

use super::fresh_cases::{Counts, Subject, compare, differing};
use super::{Admission, Creation, RefusalCause};
use crate::manifest::api::built_in;
use crate::manifest::built_from_json::node;
use crate::manifest::{ObjectId, Typed, default};
use crate::model::requests;

fn typed(manifest: &Value) -> Typed {
    let text = |key: &str| manifest[key].as_str().unwrap();
    let known = built_in(text("apiVersion"), text("kind")).unwrap();
    let (mut typed, problems) = known.decode(&node(manifest));
    assert!(problems.is_empty(), "{problems:?}");
    default::apply(&mut typed);
    typed
}

fn pod_spec(manifest: &Value) -> PodSpec {
    match typed(manifest) {
        Typed::Pod(pod) => pod.spec.unwrap(),
        other => panic!("{other:?}"),
    }
}

fn admission(objects: &[(String, Typed)]) -> Admission<'_> {
    let mut admission = Admission::default();
    for (index, (name, object)) in objects.iter().enumerate() {
        admission.read(ObjectId(u32::try_from(index).unwrap()), "default", name, object);
    }
    admission
}

fn named(objects: &[Value]) -> Vec<(String, Typed)> {
    let name = |object: &Value| object["metadata"]["name"].as_str().unwrap().to_owned();
    objects.iter().map(|object| (name(object), typed(object))).collect()
}

/// Exact amounts, whatever they are written like.
fn sum(list: &Value) -> BTreeMap<String, String> {
    let list: BTreeMap<String, Quantity> = serde_json::from_value(list.clone()).unwrap_or_default();
    requests::amounts(Some(&list)).into_iter().map(|(name, amount)| (name, amount.to_string())).collect()
}

/// What placement depends on.
fn summary(spec: &Value) -> Value {
    let containers = |list: &str| {
        let containers = spec[list].as_array().cloned().unwrap_or_default();
        let sums = containers.iter().map(|container| {
            let resources = &container["resources"];
            format!("{:?} {:?}", sum(&resources["requests"]), sum(&resources["limits"]))
        });
        sums.collect::<Vec<_>>()
    };
    let tolerations: Vec<Toleration> = serde_json::from_value(spec["tolerations"].clone()).unwrap_or_default();
    json!({
        "containers": containers("containers"),
        "initContainers": containers("initContainers"),
        "overhead": format!("{:?}", sum(&spec["overhead"])),
        "priority": spec["priority"],
        "preemptionPolicy": spec["preemptionPolicy"],
        "nodeSelector": spec["nodeSelector"].as_object().cloned().unwrap_or_default(),
        "tolerations": tolerations.iter().map(|own| format!("{own:?}")).collect::<Vec<_>>(),
    })
}

/// In what admission differs from the API server's.
fn differences(case: &Value) -> Vec<String> {
    let objects = named(case["objects"].as_array().unwrap());
    let spec = pod_spec(&case["pod"]);
    let admitted = admission(&objects).admit("default", &spec, Creation::New);
    let unexplained = "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead";
    if case["reasons"] == json!([unexplained]) && spec.runtime_class_name.is_none() {
        // Only the API server itself sets an overhead: the pod is a recorded one, and that is said.
        let is_said = admitted.unexplained_overhead && admitted.refusal.is_none();
        return if is_said { Vec::new() } else { vec!["an overhead that nothing explains".to_owned()] };
    }
    let own = match admitted.refusal {
        None => json!({"spec": summary(&serde_json::to_value(&admitted.spec).unwrap())}),
        Some(refusal) => {
            let mut reasons = refusal.reasons.clone();
            reasons.sort();
            json!({"plugin": refusal.plugin, "reasons": reasons})
        }
    };
    let mut recorded = case.clone();
    if !recorded["spec"].is_null() {
        recorded["spec"] = summary(&recorded["spec"]);
    }
    differing(&recorded, &own, &["spec", "plugin", "reasons"])
}

fn count_plugin(case: &Value, counts: &mut Counts) {
    let plugin = case["plugin"].as_str().unwrap_or("no plugin");
    *counts.entry(format!("pods refused by {plugin}")).or_default() += 1;
}

#[test]
fn pods_are_admitted_and_refused_as_by_the_api_server() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/oracle/1.36.3/admission.jsonl.gz");
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    let mut counts = Counts::new();
    for line in text.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        count_plugin(&case, &mut counts);
        assert_eq!(differences(&case), Vec::<String>::new(), "{case}");
    }
    for plugin in ["no plugin", "Priority", "LimitRanger", "RuntimeClass"] {
        assert!(counts.get(&format!("pods refused by {plugin}")).is_some_and(|count| *count > 100), "{counts:?}");
    }
}

#[test]
fn fresh_pods_are_admitted_and_refused_as_by_the_api_server() {
    compare(&Subject {
        name: "admissions",
        generate: &["generate-admit", "--answer"],
        answer: &["admit", "--keep-going"],
        question: &["objects", "pod"],
        cases: 1000,
        differences,
        count: count_plugin,
    });
}

const CONTAINER: &str = "a";

fn plain_pod(resources: &Value) -> Value {
    let container = json!({"name": CONTAINER, "image": "x:1", "resources": resources});
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": {"containers": [container]}})
}

#[test]
fn a_quota_of_cpu_wants_every_container_to_say_how_much() {
    let quota = json!({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "team"},
        "spec": {"hard": {"requests.cpu": "4", "limits.memory": "4Gi", "services": "3"}},
    });
    let objects = named(std::slice::from_ref(&quota));
    let spec = pod_spec(&plain_pod(&json!({"requests": {"cpu": "1"}})));
    let admitted = admission(&objects).admit("default", &spec, Creation::New);
    assert_eq!(admitted.refusal.unwrap().text(), "failed quota: team: must specify limits.memory for: a");
    let spec = pod_spec(&plain_pod(&json!({"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}})));
    let admitted = admission(&objects).admit("default", &spec, Creation::New);
    // Whether it still fits is another question.
    assert_eq!((admitted.refusal, admitted.quotas), (None, vec!["team".to_owned()]));
    assert!(matches!(&objects[0].1, Typed::ResourceQuota(own) if ResourceQuota::clone(own).spec.is_some()));
}

#[test]
fn a_range_says_all_that_is_wrong_and_where() {
    let range = json!({
        "apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "small"},
        "spec": {"limits": [{"type": "Container", "min": {"cpu": "100m"}, "max": {"memory": "1Gi"}}]},
    });
    let objects = named(std::slice::from_ref(&range));
    let spec = pod_spec(&plain_pod(&json!({"requests": {"cpu": "50m"}, "limits": {"memory": "2Gi"}})));
    let refusal = admission(&objects).admit("default", &spec, Creation::New).refusal.unwrap();
    assert_eq!(
        refusal.text(),
        "[minimum cpu usage per Container is 100m, but request is 50m, maximum memory usage per Container is 1Gi, but \
         limit is 2Gi]"
    );
    let (id, path) = refusal.against.unwrap();
    assert_eq!((id, path.to_string().as_str()), (ObjectId(0), "spec.limits[0].min.cpu"));
    assert_eq!(refusal.fields[0].to_string(), "containers[0].resources");
    assert!(matches!(&objects[0].1, Typed::LimitRange(own) if LimitRange::clone(own).spec.is_some()));
}

#[test]
fn a_recorded_pod_is_not_admitted_again() {
    let mut pod = plain_pod(&json!({}));
    pod["spec"]["priorityClassName"] = json!("gone");
    let spec = pod_spec(&pod);
    let refused = admission(&[]).admit("default", &spec, Creation::New).refusal.unwrap();
    assert_eq!(refused.cause, RefusalCause::PriorityClassNotInInput("gone".to_owned()));
    assert_eq!(admission(&[]).admit("default", &spec, Creation::Admitted).refusal, None);
}

/// What quotas count for a pod, as they write it.
fn counted(pod: &Value) -> (BTreeMap<String, String>, quorate_sim::cluster::PodAdmission) {
    let mut state = quorate_sim::cluster::ClusterState::default();
    let own = super::of_pod(&mut state, &pod_spec(pod), None);
    let usage = own.usage.iter().map(|(name, amount)| (state.names.text(*name).to_owned(), amount.to_string()));
    (usage.collect(), own)
}

#[test]
fn quotas_count_requests_and_limits_by_their_names() {
    let resources = json!({
        "requests": {"cpu": "250m", "memory": "1Gi", "hugepages-2Mi": "4Mi", "example.com/gpu": "2"},
        "limits": {"cpu": "1", "hugepages-2Mi": "4Mi", "ephemeral-storage": "1Gi", "example.com/gpu": "2"},
    });
    let mut pod = plain_pod(&resources);
    pod["spec"]["overhead"] = json!({"cpu": "50m", "memory": "1Mi"});
    pod["spec"]["initContainers"] = json!([{"name": "first", "image": "x:1", "resources": {"limits": {"cpu": "3"}}}]);
    let (usage, own) = counted(&pod);
    let wanted = [
        ("cpu", "3050m"),
        ("ephemeral-storage", "1Gi"),
        ("hugepages-2Mi", "4Mi"),
        ("limits.cpu", "3050m"),
        ("limits.ephemeral-storage", "1Gi"),
        ("memory", "1025Mi"),
        ("requests.cpu", "3050m"),
        ("requests.ephemeral-storage", "1Gi"),
        ("requests.example.com/gpu", "2"),
        ("requests.hugepages-2Mi", "4Mi"),
        ("requests.memory", "1025Mi"),
    ];
    assert_eq!(usage, wanted.map(|(name, amount)| (name.to_owned(), amount.to_owned())).into());
    assert!(!own.is_best_effort && !own.has_deadline && own.priority_class.is_none());
    // The init container says neither how much memory it wants nor its limit; nobody limits memory.
    let silent: Vec<usize> = own.unsaid.values().map(Vec::len).collect();
    assert_eq!(silent, [1, 1, 2]);
}

#[test]
fn a_pod_as_a_whole_counts_in_the_place_of_its_containers() {
    let mut pod = plain_pod(&json!({"requests": {"cpu": "250m"}}));
    pod["spec"]["resources"] = json!({"requests": {"cpu": "2"}, "limits": {"cpu": "4"}});
    pod["spec"]["activeDeadlineSeconds"] = json!(60);
    pod["spec"]["priorityClassName"] = json!("high");
    let (usage, own) = counted(&pod);
    assert_eq!((usage["cpu"].as_str(), usage["limits.cpu"].as_str()), ("2", "4"));
    assert!(own.unsaid.is_empty() && own.has_deadline && own.priority_class.is_some());
}

#[test]
fn a_pod_without_requests_is_best_effort_and_affinity_may_cross_namespaces() {
    let mut pod = plain_pod(&json!({"requests": {"example.com/gpu": "1"}, "limits": {"example.com/gpu": "1"}}));
    let (_, own) = counted(&pod);
    assert!(own.is_best_effort && !own.has_cross_namespace_affinity);
    let term = json!({"topologyKey": "zone", "namespaceSelector": {}});
    for (kind, list) in [
        ("podAffinity", json!({"requiredDuringSchedulingIgnoredDuringExecution": [term]})),
        (
            "podAntiAffinity",
            json!({"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": term}]}),
        ),
    ] {
        pod["spec"]["affinity"] = json!({kind: list});
        assert!(counted(&pod).1.has_cross_namespace_affinity, "{kind}");
    }
}
