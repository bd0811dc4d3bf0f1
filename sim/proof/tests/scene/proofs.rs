//! Proofs that hold, one of every kind.

use std::collections::BTreeMap;

use quorate_proof::claim::{Claim, Domain, Failures, Phase, Placement, Subject};
use quorate_proof::cluster::{Asks, Cluster, Kind};
use quorate_proof::evidence::{Drain, Event, Evidence, FORMAT, Placing, Proof, Share, Weights, Witness};
use quorate_proof::input::{HostPort, Pod};

use super::brute::World;
use super::{HOST, Scene, ZONE, apart, pod, spread};

/// A proof and its cluster.
pub(crate) struct Example {
    pub(crate) name: &'static str,
    pub(crate) cluster: Cluster,
    pub(crate) proof: Proof,
}

pub(crate) fn claim(at_least: i64, domain: Domain, count: usize, placement: Placement, phase: Phase) -> Claim {
    let subject = Subject::Workload("w".to_owned());
    Claim { subject, at_least, failures: Failures { domain, count }, placement, phase }
}

/// Two workloads together.
pub(crate) fn both() -> Subject {
    Subject::Workloads(vec!["v".to_owned(), "w".to_owned()])
}

pub(crate) fn zones() -> Domain {
    Domain::Label(ZONE.to_owned())
}

fn example(name: &'static str, scene: Scene, claim: Claim, evidence: Evidence) -> Example {
    let cluster = scene.cluster();
    let proof = Proof { format: FORMAT, cluster: cluster.digest().unwrap(), claim, evidence };
    Example { name, cluster, proof }
}

pub(crate) fn weights(pairs: &[(&str, i64)]) -> Weights {
    pairs.iter().map(|(name, weight)| ((*name).to_owned(), *weight)).collect()
}

pub(crate) fn survives(weigh: &[(&str, i64)], lost: i64, spread: Option<usize>, remain: i64) -> Evidence {
    let share = Share::Survives { bound: lost + remain, placed: weights(weigh), lost, spread, remain };
    Evidence::Bound { workloads: BTreeMap::from([("w".to_owned(), share)]) }
}

pub(crate) fn replaced(weigh: &[(&str, i64)], remain: i64) -> Evidence {
    let share = Share::Replaced { placed: weights(weigh), remain };
    Evidence::Bound { workloads: BTreeMap::from([("w".to_owned(), share)]) }
}

pub(crate) fn placing(workload: &str, node: &str) -> Placing {
    Placing { workload: workload.to_owned(), node: node.to_owned(), evicted: BTreeMap::new() }
}

fn evicting(workload: &str, node: &str, evicted: &[(&str, i64)]) -> Placing {
    let evicted = evicted.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
    Placing { evicted, ..placing(workload, node) }
}

fn placed(workload: &str, node: &str) -> Event {
    Event::Placed(placing(workload, node))
}

fn gone_from(workload: &str, node: &str, pods: i64) -> Event {
    Event::Evicted { workload: workload.to_owned(), node: node.to_owned(), pods }
}

fn removed(node: &str) -> Event {
    Event::Removed { node: node.to_owned() }
}

pub(crate) fn witness(before: &[Placing], failed: &[&str], after: &[Event], available: i64) -> Evidence {
    let failed = failed.iter().map(|name| (*name).to_owned()).collect();
    Evidence::Witness(Witness { before: before.to_vec(), failed, after: after.to_vec(), available })
}

/// Three ready pods on three nodes, two of them in one zone.
fn three_pods() -> Scene {
    Scene::nodes(&["x", "x", "y"], 1000)
        .deployment("w", pod("w", 100), 3)
        .existing("w-1", "w", Some("a"), true)
        .existing("w-2", "w", Some("b"), true)
        .existing("w-3", "w", Some("c"), true)
}

fn kept_apart(key: &str) -> Pod {
    Pod { anti_affinity: vec![apart("w", key)], ..pod("w", 100) }
}

pub(crate) fn important(mut pod: Pod) -> Pod {
    pod.priority = 10;
    pod
}

fn counting() -> Vec<Example> {
    let now = |at_least, domain, count| claim(at_least, domain, count, Placement::Current, Phase::Instant);
    let budget = Claim { subject: Subject::Budget("default/b".to_owned()), ..now(2, Domain::Node, 1) };
    let with_budget = three_pods().budget("b", "w", Asks::MaxUnavailable(1));
    let of_two = Claim { subject: both(), ..now(3, Domain::Node, 1) };
    let beside = three_pods().deployment("v", pod("v", 100), 2).existing("v-1", "v", Some("b"), true).existing(
        "v-2",
        "v",
        Some("c"),
        true,
    );
    let unready = three_pods().workload("v", Kind::Job, pod("v", 100), 1).existing("v-1", "v", Some("c"), false);
    vec![
        example("a node of three", three_pods(), now(2, Domain::Node, 1), Evidence::Counting { remain: 2 }),
        example("the fuller zone", unready, now(1, zones(), 1), Evidence::Counting { remain: 1 }),
        example("a budget", with_budget, budget, Evidence::Counting { remain: 2 }),
        example("two workloads counted", beside, of_two, Evidence::Counting { remain: 3 }),
    ]
}

fn bounds() -> Vec<Example> {
    let fresh = |at_least, domain, phase| claim(at_least, domain, 1, Placement::Fresh, phase);
    let daemon = Pod { priority: 20, requests: BTreeMap::from([("cpu".to_owned(), 300)]), ..pod("d", 0) };
    let four = Scene::nodes(&["x", "x", "y", "y"], 1000);
    let beside = four.deployment("w", kept_apart(HOST), 3).deployment("v", pod("v", 200), 2);
    let beside = beside.workload("d", Kind::DaemonSet, daemon, 0);
    let spread_out = Pod { spread: vec![spread("w", ZONE, 1)], ..pod("w", 100) };
    let three_zones = Scene::nodes(&["x", "y", "z"], 1000).deployment("w", spread_out.clone(), 4);
    let ports = vec![HostPort { address: String::new(), protocol: "TCP".to_owned(), port: 80 }];
    let on_port = Pod { host_ports: ports, ..pod("w", 100) };
    let with_port = Scene::nodes(&["x", "x", "y"], 1000).workload("w", Kind::StatefulSet, on_port, 2);
    let large = Scene::nodes(&["x", "x", "y"], 1000).deployment("w", pod("w", 400), 4);
    let evictor = Scene::nodes(&["x", "y"], 1000)
        .deployment("w", Pod { labels: super::labels(&[("app", "w")]), ..important(kept_apart(HOST)) }, 2)
        .deployment("v", pod("v", 900), 2);
    let roomy = Scene::nodes(&["x", "x", "y", "y"], 2000).deployment("w", pod("w", 500), 3);
    let reached = Scene::nodes(&["x", "x", "y", "y"], 2000).deployment("w", kept_apart(HOST), 2).change(|_| {});
    let honoring = Pod { spread: vec![super::Spread { honors_taints: true, ..spread("w", ZONE, 1) }], ..pod("w", 100) };
    let six = Scene::nodes(&["x", "x", "y", "y", "z", "z"], 1000).deployment("w", honoring, 6);
    let reachable = claim(1, Domain::Node, 1, Placement::Reachable, Phase::Instant);
    let pair = Scene::nodes(&["x", "x", "y"], 1000).deployment("w", kept_apart(HOST), 2);
    let pair = pair.deployment("v", Pod { anti_affinity: vec![apart("v", HOST)], ..pod("v", 100) }, 2);
    let of_pair = Claim { subject: both(), ..fresh(2, Domain::Node, Phase::Instant) };
    let share = Share::Survives { bound: 2, placed: weights(&[("cpu", 1)]), lost: 1, spread: None, remain: 1 };
    let shares = ["v", "w"].map(|name| (name.to_owned(), share.clone()));
    let shares = Evidence::Bound { workloads: BTreeMap::from(shares) };
    vec![
        example("two workloads kept apart", pair, of_pair, shares),
        example("kept apart", beside, fresh(2, Domain::Node, Phase::Instant), survives(&[("cpu", 1)], 1, None, 2)),
        example("spread", three_zones, fresh(2, zones(), Phase::Removed), survives(&[("cpu", 1)], 2, Some(0), 2)),
        example("a host port", with_port, fresh(1, Domain::Node, Phase::Recovered), survives(&[], 1, None, 1)),
        example("by room", large, fresh(2, Domain::Node, Phase::Instant), survives(&[("cpu", 1)], 2, None, 2)),
        example("it preempts", evictor, fresh(1, Domain::Node, Phase::Instant), survives(&[("cpu", 1)], 1, None, 1)),
        example("replaced", roomy, fresh(3, zones(), Phase::Recovered), replaced(&[("cpu", 1)], 3)),
        example("spread and replaced", six, fresh(6, Domain::Node, Phase::Recovered), replaced(&[("cpu", 1)], 6)),
        example("reachable", reached, reachable, survives(&[("cpu", 1)], 1, None, 1)),
    ]
}

fn witnesses() -> Vec<Example> {
    let fresh = |at_least, domain, phase| claim(at_least, domain, 1, Placement::Fresh, phase);
    let two = || Scene::nodes(&["x", "y"], 1000).deployment("w", pod("w", 400), 2);
    let four = || two().deployment("v", pod("v", 50), 2);
    let all_on_a = [placing("v", "a"), placing("v", "a"), placing("w", "a"), placing("w", "a")];
    let of_four = Claim { subject: both(), ..fresh(1, Domain::Node, Phase::Instant) };
    let both_on_a = [placing("w", "a"), placing("w", "a")];
    let blocked = Scene::nodes(&["x", "y"], 1000).deployment("w", pod("w", 600), 2).deployment("v", pod("v", 500), 2);
    let block = [placing("v", "a"), placing("v", "b")];
    let evicted =
        Scene::nodes(&["x"], 1000).deployment("w", pod("w", 600), 1).deployment("v", important(pod("v", 500)), 1);
    let evict = [placing("w", "a"), evicting("v", "a", &[("w", 1)])];
    let full = Scene::nodes(&["x", "x", "y"], 1000).deployment("w", pod("w", 600), 3);
    let each = [placing("w", "a"), placing("w", "b"), placing("w", "c")];
    let three =
        Scene::nodes(&["x", "x", "y"], 1000).deployment("w", pod("w", 300), 3).deployment("v", pod("v", 500), 3);
    let moved = [
        placing("w", "a"),
        placing("w", "b"),
        placing("w", "c"),
        placing("v", "a"),
        placing("v", "b"),
        placing("v", "c"),
    ];
    let set = Scene::nodes(&["x", "x", "y"], 1000).workload("w", Kind::StatefulSet, pod("w", 300), 2);
    let now = claim(2, Domain::Node, 1, Placement::Current, Phase::Instant);
    let pair = Scene::nodes(&["x", "y"], 1000).deployment("w", pod("w", 100), 2);
    let pair = pair.existing("w-1", "w", Some("a"), true).existing("w-2", "w", Some("b"), true);
    vec![
        example("two workloads together", four(), of_four, witness(&all_on_a, &["a"], &[], 0)),
        example("together", two(), fresh(1, Domain::Node, Phase::Instant), witness(&both_on_a, &["a"], &[], 0)),
        example("blocked", blocked, fresh(1, zones(), Phase::Instant), witness(&block, &[], &[], 0)),
        example("evicted", evicted, fresh(1, Domain::Node, Phase::Instant), witness(&evict, &[], &[], 0)),
        example(
            "no room",
            full,
            fresh(3, Domain::Node, Phase::Recovered),
            witness(&each, &["a"], &[gone_from("w", "a", 1)], 2),
        ),
        example("others first", three, fresh(3, zones(), Phase::Removed), witness(&moved, &["y"], &[removed("c")], 2)),
        example(
            "not replaced",
            set,
            fresh(2, Domain::Node, Phase::Recovered),
            witness(&[placing("w", "a"), placing("w", "b")], &["b"], &[gone_from("w", "b", 1)], 1),
        ),
        example(
            "replaced by others",
            Scene::nodes(&["x", "x", "y"], 1000).deployment("w", pod("w", 500), 3).deployment("v", pod("v", 500), 2),
            fresh(3, Domain::Node, Phase::Recovered),
            witness(
                &[placing("w", "a"), placing("w", "b"), placing("w", "c"), placing("v", "c"), placing("v", "a")],
                &["c"],
                &[gone_from("w", "c", 1), gone_from("v", "c", 1), placed("v", "b")],
                2,
            ),
        ),
        example("as they are", pair, now, witness(&[], &["b"], &[], 1)),
    ]
}

/// A search over these workloads; the states come from brute force.
fn searched(name: &'static str, scene: Scene, claim: Claim, followed: &[&str]) -> Example {
    let cluster = scene.cluster();
    let truth = World::new(&cluster, &claim, Some(followed)).at_once().truth().unwrap();
    let proof =
        Proof { format: FORMAT, cluster: cluster.digest().unwrap(), claim, evidence: Evidence::Search(truth.search) };
    Example { name, cluster, proof }
}

/// The same, with evictions one by one.
fn searched_one_by_one(name: &'static str, scene: Scene, claim: Claim, followed: &[&str]) -> Example {
    let cluster = scene.cluster();
    let truth = World::new(&cluster, &claim, Some(followed)).truth().unwrap();
    let proof =
        Proof { format: FORMAT, cluster: cluster.digest().unwrap(), claim, evidence: Evidence::Search(truth.search) };
    Example { name, cluster, proof }
}

fn searches() -> Vec<Example> {
    let fresh = |at_least, domain, phase| claim(at_least, domain, 1, Placement::Fresh, phase);
    let spread_out = Pod { spread: vec![spread("w", HOST, 1)], ..pod("w", 400) };
    let tight = Scene::nodes(&["x", "y", "z"], 1000).deployment("w", spread_out, 3).deployment("v", pod("v", 600), 1);
    let beside =
        Scene::nodes(&["x", "x", "y"], 1000).deployment("w", pod("w", 400), 2).deployment("v", pod("v", 100), 1);
    let set = Scene::nodes(&["x", "y", "z"], 1000).workload("w", Kind::StatefulSet, kept_apart(HOST), 2);
    let evictor =
        Scene::nodes(&["x", "y"], 1000).deployment("w", important(pod("w", 600)), 1).deployment("v", pod("v", 500), 2);
    let over = |key| Pod { spread: vec![spread("w", key, 1)], ..pod("w", 400) };
    let by_zone = Scene::nodes(&["x", "x", "y"], 1000).deployment("w", over(ZONE), 3);
    let by_host = Scene::nodes(&["x", "y"], 1000).workload("w", Kind::StatefulSet, over(HOST), 2);
    let now = Scene::nodes(&["x", "y"], 1000).deployment("w", pod("w", 600), 2);
    let now = now.existing("w-1", "w", Some("a"), true).existing("w-2", "w", Some("b"), true);
    let current = claim(1, Domain::Node, 1, Placement::Current, Phase::Recovered);
    vec![
        searched("spread and searched", tight, fresh(2, Domain::Node, Phase::Instant), &["v", "w"]),
        searched("a part is followed", beside, fresh(2, zones(), Phase::Recovered), &["w"]),
        searched("a set is searched", set, fresh(2, Domain::Node, Phase::Removed), &["w"]),
        searched("evictions are searched", evictor, fresh(1, Domain::Node, Phase::Recovered), &["v", "w"]),
        searched("searched from now", now, current, &["w"]),
        searched_one_by_one("evicted one by one", by_zone, fresh(1, Domain::Node, Phase::Recovered), &["w"]),
        searched_one_by_one("removed at any time", by_host, fresh(2, Domain::Node, Phase::Removed), &["w"]),
    ]
}

/// A Deployment with a budget, beside another: there is room for what rollouts add, also without one node.
fn progress() -> Vec<Example> {
    let scene =
        Scene::nodes(&["x", "x", "y"], 1000).deployment("w", pod("w", 400), 3).deployment("v", pod("v", 100), 2);
    let one = scene.clone().budget("b", "w", Asks::MaxUnavailable(1));
    let other = scene.budget("b", "v", Asks::MaxUnavailable(0));
    let claim = claim(0, Domain::Node, 1, Placement::Reachable, Phase::Progress);
    let placed = || BTreeMap::from([("w".to_owned(), weights(&[("cpu", 1)]))]);
    let evidence = |drain| Evidence::Progress { rollout: weights(&[("cpu", 1)]), drain };
    let apart = Scene::nodes(&["x", "x", "y"], 1000).workload("w", Kind::StatefulSet, kept_apart(HOST), 3);
    let apart = apart.budget("b", "w", Asks::MinAvailable(2));
    let all_gone = Drain::AtOnce { placed: BTreeMap::from([("w".to_owned(), weights(&[]))]), on_one_node: 1 };
    let apart_evidence = Evidence::Progress { rollout: weights(&[]), drain: all_gone };
    vec![
        example("rollouts and drains", one, claim.clone(), evidence(Drain::Replaced { placed: placed() })),
        example("nothing refuses evictions", other, claim.clone(), evidence(Drain::NoBudget)),
        example("no room beside the node", apart, claim, apart_evidence),
    ]
}

/// All of them.
pub(crate) fn all() -> Vec<Example> {
    let mut all = counting();
    all.extend(bounds());
    all.extend(witnesses());
    all.extend(searches());
    all.extend(progress());
    all
}
