//! Every small change of an accepted proof, or of its cluster, is rejected or leaves something true.

#![allow(clippy::unwrap_used, reason = "a test that cannot set up its input should stop")]

mod scene;

use std::collections::{BTreeMap, BTreeSet};

use quorate_proof::claim::Phase;
use quorate_proof::cluster::Cluster;
use quorate_proof::evidence::{Evidence, Proof};
use quorate_proof::{Checker, Rejection};
use serde_json::Value;

use scene::brute::World;

/// Every change of one place in a value, with the path of that place.
fn changes(value: &Value, words: &[&str]) -> Vec<(String, Value)> {
    let mut changes = Vec::new();
    match value {
        Value::Null => {
            changes.push((" set".to_owned(), Value::from(0)));
        }
        Value::Bool(flag) => changes.push((" flipped".to_owned(), Value::from(!flag))),
        Value::Number(number) => {
            let number = number.as_i64().unwrap();
            changes.push((" more".to_owned(), Value::from(number + 1)));
            changes.push((" less".to_owned(), Value::from(number - 1)));
            changes.push((" null".to_owned(), Value::Null));
        }
        Value::String(text) => {
            changes.push((" renamed".to_owned(), Value::from(format!("{text}x"))));
            for word in words.iter().filter(|word| *word != text) {
                changes.push((format!(" now {word}"), Value::from(*word)));
            }
        }
        Value::Array(items) => {
            for number in 0..items.len() {
                let mut fewer = items.clone();
                let item = fewer.remove(number);
                changes.push((format!("/{number} dropped"), Value::from(fewer.clone())));
                fewer.insert(number, item.clone());
                fewer.insert(number, item);
                changes.push((format!("/{number} twice"), Value::from(fewer)));
                if number > 0 {
                    let mut swapped = items.clone();
                    swapped.swap(number - 1, number);
                    changes.push((format!("/{number} swapped"), Value::from(swapped)));
                }
                for (path, item) in self::changes(&items[number], words) {
                    let mut changed = items.clone();
                    changed[number] = item;
                    changes.push((format!("/{number}{path}"), Value::from(changed)));
                }
            }
        }
        Value::Object(fields) => {
            for (key, field) in fields {
                let mut fewer = fields.clone();
                fewer.remove(key);
                changes.push((format!("/{key} removed"), Value::from(fewer.clone())));
                fewer.insert(format!("{key}x"), field.clone());
                changes.push((format!("/{key} renamed"), Value::from(fewer)));
                for (path, field) in self::changes(field, words) {
                    let mut changed = fields.clone();
                    changed.insert(key.clone(), field);
                    changes.push((format!("/{key}{path}"), Value::from(changed)));
                }
            }
        }
    }
    changes
}

/// Names and numbers that might stand for one another.
const WORDS: [&str; 20] = [
    "a",
    "b",
    "c",
    "w",
    "v",
    "x",
    "y",
    "current",
    "scheduled",
    "fresh",
    "reachable",
    "instant",
    "recovered",
    "removed",
    "node",
    "cpu",
    "pods",
    "statefulSet",
    "deployment",
    "job",
];

/// Where a change leaves a proof. Of the evidence, that is another weight that does as well, and other or fewer placings before the
/// same number of pods are lost; the rest are other claims, which the same evidence shows.
const KEPT: [(&str, &[&str]); 5] = [
    (
        "bound",
        &[
            "/claim/atLeast less",
            "/claim/failures/count less",
            "/claim/failures/count more",
            "/claim/failures/domain/label other",
            "/claim/failures/domain/label renamed",
            "/claim/phase other",
            "/claim/placement other",
            "/evidence/workloads/v/placed/cpu other",
            "/evidence/workloads/w/placed/cpu other",
        ],
    ),
    ("counting", &["/claim/atLeast less"]),
    ("progress", &["/claim/placement other"]),
    ("search", &["/claim/atLeast less", "/claim/failures/count less", "/claim/placement other"]),
    (
        // What is swapped after the failure are evictions of different pods.
        "witness",
        &[
            "/claim/atLeast more",
            "/claim/failures/count less",
            "/claim/failures/count more",
            "/claim/failures/domain/label other",
            "/claim/failures/domain/label renamed",
            "/claim/phase other",
            "/claim/placement other",
            "/claim/subject/workload other",
            "/evidence/after/# swapped",
            "/evidence/before/# dropped",
            "/evidence/before/# swapped",
            "/evidence/before/#/node other",
            "/evidence/failed/# other",
        ],
    ),
];

/// Whether a claim, or its opposite where the evidence is a witness, is true; `None` where brute force does not know.
fn is_true(cluster: &Cluster, proof: &Proof) -> Option<bool> {
    if matches!(proof.evidence, Evidence::Progress { .. }) || proof.claim.phase == Phase::Progress {
        return None;
    }
    let fewest = World::new(cluster, &proof.claim, None).truth()?.fewest;
    Some(match proof.evidence {
        Evidence::Progress { .. } => return None,
        Evidence::Witness(_) => fewest < proof.claim.at_least,
        Evidence::Counting { .. } | Evidence::Bound { .. } | Evidence::Search(_) => fewest >= proof.claim.at_least,
    })
}

/// The place of a change, without the numbers of list elements and the names of workloads.
fn place(path: &str) -> String {
    let (path, what) = path.rsplit_once(' ').map_or((path, ""), |(path, what)| (path, what));
    let path = path.strip_suffix(" now").unwrap_or(path);
    let parts = path.split('/').map(|part| if part.parse::<usize>().is_ok() { "#" } else { part });
    let what = if WORDS.contains(&what) { "other" } else { what };
    format!("{} {what}", parts.collect::<Vec<_>>().join("/"))
}

#[test]
fn changes_of_proofs() {
    let mut kept: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let (mut rejected, mut known) = (0, 0);
    for example in scene::proofs::all() {
        let checker = Checker::new(&example.cluster).unwrap();
        let value = serde_json::to_value(&example.proof).unwrap();
        let method = value["evidence"]["method"].as_str().unwrap().to_owned();
        for (path, changed) in changes(&value, &WORDS) {
            let Ok(proof) = serde_json::from_value::<Proof>(changed) else {
                rejected += 1;
                continue;
            };
            if proof == example.proof {
                continue;
            }
            if checker.check(&proof).is_err() {
                rejected += 1;
                continue;
            }
            kept.entry(method.clone()).or_default().insert(place(&path));
            let truth = is_true(&example.cluster, &proof);
            known += i32::from(truth.is_some());
            assert_ne!(truth, Some(false), "{}: {path}: {:?}", example.name, proof.claim);
        }
    }
    assert!(rejected > 10_000 && known > 100, "{rejected} rejected, {known} others known to be true");
    for (method, places) in KEPT {
        let places: BTreeSet<String> = places.iter().map(|place| (*place).to_owned()).collect();
        assert_eq!(kept.remove(method), Some(places), "{method}");
    }
    assert_eq!(kept, BTreeMap::new());
}

#[test]
fn changes_of_clusters() {
    let (mut rejected, mut accepted, mut known) = (0, 0, 0);
    for example in scene::proofs::all() {
        let value = serde_json::to_value(&example.cluster).unwrap();
        let is_small = is_true(&example.cluster, &example.proof).is_some();
        for (path, changed) in changes(&value, &["a", "b", "w", "v", "deployment", "statefulSet"]) {
            let Ok(cluster) = serde_json::from_value::<Cluster>(changed) else { continue };
            if cluster == example.cluster {
                continue;
            }
            let Ok(checker) = Checker::new(&cluster) else { continue };
            let about_other = checker.check(&example.proof);
            assert!(matches!(about_other, Err(Rejection::OtherCluster { .. })), "{}: {path}", example.name);
            let proof = Proof { cluster: cluster.digest().unwrap(), ..example.proof.clone() };
            if checker.check(&proof).is_err() {
                rejected += 1;
                continue;
            }
            accepted += 1;
            let truth = if is_small { is_true(&cluster, &proof) } else { None };
            known += i32::from(truth.is_some());
            assert_ne!(truth, Some(false), "{}: {path}", example.name);
        }
    }
    assert!(
        rejected > 500 && known > 1_000,
        "{rejected} rejected, {accepted} accepted, {known} of them known to be true"
    );
}
