//! The recorded clusters of `schedule-volumes.jsonl`, read as manifests: the model's state gives kube-scheduler's answers.
//!
//! The model plays the controllers too: it binds claims that can be bound at once, and takes for granted what the input does
//! not show. Cases in which that changes the answer are left out; `sim/tests/oracle_schedule` compares all.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};

use quorate::manifest::assemble::{DecodeOptions, assemble};
use quorate::manifest::collect::{CollectOptions, collect};
use quorate::model::{Assumption, Model, build};
use quorate_sim::cluster::{Phase, PodId};
use quorate_sim::scheduler::{SchedulingResult, Verdict, schedule};
use serde_json::{Value, json};

fn cases() -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/oracle/1.36.3/schedule-volumes.jsonl.gz");
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// Whether the controllers would leave the cluster of `case` as it is.
fn is_at_rest(case: &Value) -> bool {
    let objects = || items(&case["objects"]);
    let of_kind = |kind: &'static str| objects().filter(move |object| object["kind"] == kind);
    let class_of = |name: &Value| of_kind("StorageClass").find(|class| class["metadata"]["name"] == *name);
    let waits = |claim: &Value| {
        let class = class_of(&claim["spec"]["storageClassName"]);
        class.is_some_and(|class| class["volumeBindingMode"] == "WaitForFirstConsumer")
    };
    let bound = |claim: &Value| !claim["metadata"]["annotations"]["pv.kubernetes.io/bind-completed"].is_null();
    let claims_settled = of_kind("PersistentVolumeClaim").all(|claim| bound(claim) || waits(claim));
    let unbound: BTreeSet<&str> = of_kind("PersistentVolumeClaim")
        .filter(|claim| !bound(claim))
        .map(|claim| claim["metadata"]["name"].as_str().unwrap())
        .collect();
    // What a running pod mounts is bound; a volume that is kept for a claim is bound to it.
    let mounts_unbound = |pod: &Value| {
        items(&pod["spec"]["volumes"]).any(|volume| {
            let claim = volume["persistentVolumeClaim"]["claimName"].as_str();
            claim.is_some_and(|claim| unbound.contains(claim)) || !volume["ephemeral"].is_null()
        })
    };
    let is_kept = |volume: &Value| {
        volume["spec"]["claimRef"]["name"].as_str().is_some_and(|claim| unbound.contains(claim))
            || volume["status"]["phase"] == "Pending"
    };
    claims_settled
        && !of_kind("Pod").any(|pod| mounts_unbound(pod) || !pod["status"]["nominatedNodeName"].is_null())
        && !of_kind("PersistentVolume").any(is_kept)
        && items(&case["pod"]["spec"]["volumes"]).all(|volume| volume["ephemeral"].is_null())
}

fn model_of(case: &Value) -> Model {
    let mut objects: Vec<Value> = items(&case["objects"]).cloned().collect();
    objects.push(case["pod"].clone());
    let text = json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string();
    let paths = [PathBuf::from("-")];
    let collection = collect(&paths, &mut text.as_bytes(), &CollectOptions::default()).unwrap();
    let documents = collection.configurations.into_iter().flat_map(|configuration| configuration.documents);
    let documents = documents.map(|document| (document.source, document.root));
    build(&assemble(documents, &DecodeOptions::default()).inventory, &[])
}

fn answer(model: &Model, result: &SchedulingResult) -> BTreeMap<String, Value> {
    let of_node = |verdict: &Verdict| match verdict {
        Verdict::Fits => json!({"code": "Success"}),
        Verdict::Rejected { code, plugin, reasons } => {
            let mut reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
            reasons.sort();
            json!({"code": code.as_str(), "plugin": plugin.as_str(), "reasons": reasons})
        }
    };
    let names = |id| model.state.names.text(model.state.nodes[id].name).to_owned();
    result.verdicts.iter().map(|(id, verdict)| (names(id), of_node(verdict))).collect()
}

#[test]
fn manifests_with_volumes_are_scheduled_as_by_kube_scheduler() {
    let (mut compared, mut rejected, mut failures) = (0_usize, BTreeMap::<String, usize>::new(), Vec::new());
    for case in cases().iter().filter(|case| is_at_rest(case)) {
        let model = model_of(case);
        if model.assumptions.iter().any(|assumption| matches!(assumption, Assumption::Volumes(_))) {
            continue;
        }
        let waiting = |id: &&PodId| model.state.pods[id].node.is_none() && model.state.pods[id].phase == Phase::Pending;
        let pod = *model.state.pods.keys().find(waiting).unwrap();
        compared += 1;
        for (node, answered) in answer(&model, &schedule(&model.state, pod)) {
            let recorded = &case["nodes"][&node];
            *rejected.entry(recorded["plugin"].as_str().unwrap_or("none").to_owned()).or_insert(0) += 1;
            // Admission adds tolerations, which the recording does not have.
            if recorded["plugin"] != "TaintToleration" && answered != *recorded {
                failures.push(format!("{} {node}\n  recorded {recorded}\n  answered {answered}", case["id"]));
            }
        }
    }
    assert!(failures.is_empty(), "{} differences\n{}", failures.len(), failures[..failures.len().min(8)].join("\n"));
    eprintln!("{compared} cases compared: {rejected:?}");
    assert!(compared >= 400, "only {compared} cases were compared");
    for plugin in ["VolumeRestrictions", "NodeVolumeLimits", "VolumeBinding", "VolumeZone"] {
        assert!(rejected.get(plugin).is_some_and(|count| *count >= 50), "{plugin}: {rejected:?}");
    }
}
