//! What others that spread themselves hold of one domain: each case is accepted, or rejected, by one pod.

#![allow(clippy::unwrap_used, reason = "a test that cannot set up its input should stop")]

mod scene;

use quorate_proof::Checker;
use quorate_proof::claim::{Claim, Domain, Failures, Phase, Placement};
use quorate_proof::cluster::{Cluster, Kind};
use quorate_proof::evidence::{Evidence, FORMAT, Proof};
use quorate_proof::input::{Operator, Pod, Requirement, Spread, Taint};

use scene::proofs::{claim, replaced, survives, zones};
use scene::{HOST, Scene, ZONE, is, pod, spread};

/// A pod of `w` fits beside two pods of 300m that others have in its zone, and not beside three.
fn own() -> Pod {
    Pod { spread: vec![spread("w", ZONE, 1)], ..pod("w", 400) }
}

fn other() -> Pod {
    let mut other = Pod { spread: vec![spread("v", ZONE, 1)], ..pod("v", 300) };
    other.labels.insert("team".to_owned(), "a".to_owned());
    other
}

/// The same with another constraint.
fn other_with(change: impl FnOnce(&mut Spread)) -> Pod {
    let mut other = other();
    other.spread.iter_mut().next().map(change).unwrap();
    other
}

/// Two zones of one node each.
fn two_zones(other: Pod, replicas: i64) -> Scene {
    Scene::nodes(&["x", "y"], 1000).deployment("w", own(), 1).deployment("v", other, replicas)
}

fn is_accepted(scene: Scene, claim: &Claim, evidence: Evidence) -> bool {
    let cluster: Cluster = scene.cluster();
    let proof = Proof { format: FORMAT, cluster: cluster.digest().unwrap(), claim: claim.clone(), evidence };
    Checker::new(&cluster).unwrap().check(&proof).is_ok()
}

/// Whether the pod of `w` is shown to be bound, wherever others are.
fn is_placed(scene: Scene, placement: Placement) -> bool {
    let claim = claim(1, Domain::Node, 0, placement, Phase::Instant);
    is_accepted(scene, &claim, survives(&[("cpu", 1)], 0, None, 1))
}

#[track_caller]
fn assert_placed(is_expected: bool, scene: &Scene) {
    assert_eq!(is_placed(scene.clone(), Placement::Fresh), is_expected, "fresh");
    assert_eq!(is_placed(scene.clone(), Placement::Reachable), is_expected, "reachable");
}

/// Labels that some nodes have and others lack.
fn with_label(scene: Scene, key: &str, nodes: &[&str]) -> Scene {
    scene.change(|cluster| {
        for name in nodes {
            cluster.nodes.get_mut(*name).unwrap().labels.insert(key.to_owned(), (*name).to_owned());
        }
    })
}

#[test]
fn so_many_pods_of_another_are_in_one_zone() {
    // Of four two are in each zone, of five three are in one; with a maxSkew of 2 three of four are.
    assert_placed(true, &two_zones(other(), 4));
    assert_placed(false, &two_zones(other(), 5));
    assert_placed(true, &two_zones(other_with(|own| own.max_skew = 2), 2));
    assert_placed(false, &two_zones(other_with(|own| own.max_skew = 2), 3));
    assert_placed(false, &two_zones(Pod { spread: Vec::new(), ..other() }, 4));
}

#[test]
fn a_constraint_counts_all_that_it_selects() {
    let of_team = || other_with(|own| own.selector = Some(vec![is("team", "a")]));
    let small = Pod { labels: of_team().labels, ..pod("u", 0) };
    assert_placed(true, &two_zones(of_team(), 4));
    // With four of the same team there are three in a zone.
    assert_placed(false, &two_zones(of_team(), 4).deployment("u", small.clone(), 1));
    let daemon = Pod { priority: 20, ..small };
    assert_placed(false, &two_zones(of_team(), 4).workload("d", Kind::DaemonSet, daemon, 0));
    // One that does not count its own pods says nothing of them.
    assert_placed(false, &two_zones(other_with(|own| own.selector = Some(vec![is("app", "u")])), 4));
    assert_placed(false, &two_zones(other_with(|own| own.selector = Some(Vec::new())), 4));
}

#[test]
fn a_daemon_set_that_surges_counts_twice_in_histories() {
    let of_team = other_with(|own| own.selector = Some(vec![is("team", "a")]));
    let mut daemon = Pod { labels: of_team.labels.clone(), priority: 20, ..pod("d", 0) };
    daemon.node_selector.insert(HOST.to_owned(), "a".to_owned());
    for (surge, is_expected) in [(0, true), (1, false)] {
        let scene = two_zones(of_team.clone(), 3).workload("d", Kind::DaemonSet, daemon.clone(), 0);
        let mut cluster = scene.cluster();
        cluster.workloads.get_mut("d").unwrap().max_surge = surge;
        let claim = claim(1, Domain::Node, 0, Placement::Reachable, Phase::Instant);
        let evidence = survives(&[("cpu", 1)], 0, None, 1);
        let proof = Proof { format: FORMAT, cluster: cluster.digest().unwrap(), claim, evidence };
        assert_eq!(Checker::new(&cluster).unwrap().check(&proof).is_ok(), is_expected, "maxSurge {surge}");
    }
}

#[test]
fn only_domains_that_the_constraint_counts_hold_pods_for_it() {
    let three = |other: Pod| {
        let nodes = Scene::nodes(&["x", "y", "z"], 1000);
        let own = Pod { node_selector: [("big".to_owned(), "yes".to_owned())].into(), ..own() };
        let scene = nodes.deployment("w", own, 1).deployment("v", other, 5);
        scene.change(|cluster| {
            for node in ["a", "b"] {
                cluster.nodes.get_mut(node).unwrap().labels.insert("big".to_owned(), "yes".to_owned());
            }
        })
    };
    let tainted = |scene: Scene| {
        let taint = Taint { key: "dedicated".to_owned(), value: String::new(), effect: "NoSchedule".to_owned() };
        scene.change(|cluster| cluster.nodes.get_mut("c").unwrap().taints.push(taint))
    };
    // Of five two are in each of three zones.
    assert_placed(true, &three(other()));
    // The third zone counts, and has none: then there is one in each.
    assert_placed(true, &tainted(three(other())));
    // It does not count.
    assert!(!is_placed(tainted(three(other_with(|own| own.honors_taints = true))), Placement::Fresh));
    let selecting = |honors_affinity| {
        let mut other = other_with(|own| own.honors_affinity = honors_affinity);
        other.node_selector.insert("big".to_owned(), "yes".to_owned());
        three(other)
    };
    assert_placed(true, &selecting(false));
    assert_placed(false, &selecting(true));
    let racks = |nodes| {
        let mut other = other();
        other.spread.push(Spread { topology_key: "rack".to_owned(), ..spread("v", ZONE, 9) });
        with_label(three(other), "rack", nodes)
    };
    assert_placed(true, &racks(&["a", "b", "c"]));
    assert_placed(false, &racks(&["a", "b"]));
    // A cordoned node counts; where taints are honoured nothing is sure of it.
    let cordoned = |scene: Scene| scene.change(|cluster| cluster.nodes.get_mut("c").unwrap().unschedulable = true);
    assert_placed(true, &cordoned(three(other())));
    assert!(!is_placed(cordoned(three(other_with(|own| own.honors_taints = true))), Placement::Fresh));
}

#[test]
fn histories_have_several_revisions_and_taints_that_come_and_go() {
    let revision = Requirement { key: "pod-template-hash".to_owned(), operator: Operator::In(vec!["1".to_owned()]) };
    let mut of_revision = other_with(|own| own.selector.as_mut().unwrap().push(revision));
    of_revision.labels.insert("pod-template-hash".to_owned(), "1".to_owned());
    let honoring = other_with(|own| own.honors_taints = true);
    for other in [of_revision, honoring] {
        assert!(is_placed(two_zones(other.clone(), 4), Placement::Fresh));
        assert!(!is_placed(two_zones(other, 4), Placement::Reachable));
    }
    let volumes = Pod { not_carried: vec!["volumes".to_owned()], ..other() };
    assert_placed(false, &two_zones(volumes, 4));
    let of_single_pods = other_with(|own| {
        own.selector = Some(vec![Requirement { key: ZONE.to_owned(), operator: Operator::DoesNotExist }]);
    });
    assert_placed(false, &two_zones(of_single_pods, 4));
}

#[test]
fn they_are_in_as_many_domains_as_there_are() {
    // All of its nodes are in one zone, or in two of them.
    let nodes = || Scene::nodes(&["x", "x", "y", "y"], 1000);
    let mut own = pod("w", 900);
    let beside = |own: Pod| nodes().deployment("w", own, 1).deployment("v", other(), 2);
    own.node_selector.insert(ZONE.to_owned(), "x".to_owned());
    // One in each zone: it is on one node of two, and leaves the other.
    assert_placed(true, &beside(own.clone()));
    own.node_selector.clear();
    assert_placed(true, &beside(own.clone()));
    let three = |own: Pod| nodes().deployment("w", own, 1).deployment("v", other(), 3);
    own.node_selector.insert(ZONE.to_owned(), "x".to_owned());
    assert_placed(false, &three(own));
    // Of four in two zones there may be one on each node.
    let four = |own: Pod| nodes().deployment("w", own, 1).deployment("v", other(), 4);
    assert_placed(false, &four(pod("w", 900)));
    // No node has more of them than its zone.
    let of_node = |own: Pod| Scene::nodes(&["x", "y", "y"], 1000).deployment("w", own, 1).deployment("v", other(), 2);
    let mut elsewhere = pod("w", 600);
    elsewhere.node_selector.insert(HOST.to_owned(), "b".to_owned());
    assert_placed(true, &of_node(elsewhere));
}

#[test]
fn zones_that_are_gone_count_no_longer() {
    let three =
        |replicas| Scene::nodes(&["x", "y", "z"], 1000).deployment("w", own(), 1).deployment("v", other(), replicas);
    let after = |phase, replicas| {
        let claim = Claim {
            failures: Failures { domain: zones(), count: 1 },
            ..claim(1, Domain::Node, 1, Placement::Fresh, phase)
        };
        is_accepted(three(replicas), &claim, replaced(&[("cpu", 1)], 1))
    };
    // Two of five are in each of three zones; of two zones one has three.
    assert!(after(Phase::Removed, 4));
    assert!(!after(Phase::Removed, 5));
}

/// Where pods are now they may be in any number.
#[test]
fn pods_that_are_there_now_were_placed_by_nobody_knows_what() {
    let claim = |phase| claim(1, Domain::Node, 0, Placement::Current, phase);
    let now = |places: [&str; 4]| {
        let mut scene = two_zones(other(), 4).existing("w-0", "w", Some("a"), true);
        for (number, node) in places.into_iter().enumerate() {
            scene = scene.existing(&format!("v-{number}"), "v", Some(node), true);
        }
        scene
    };
    for phase in [Phase::Recovered, Phase::Removed] {
        let is_bound = |scene| is_accepted(scene, &claim(phase), replaced(&[("cpu", 1)], 1));
        assert!(is_bound(now(["a", "a", "b", "b"])), "{phase:?}");
        assert!(!is_bound(now(["a", "b", "b", "b"])), "{phase:?}");
        // A pod on a node that the constraint does not count does not count for it either.
        let elsewhere = |scene: Scene| {
            scene.change(|cluster| {
                cluster.nodes.insert("c".to_owned(), scene::node("c", "z", 0));
                cluster.nodes.get_mut("c").unwrap().labels.remove(ZONE);
            })
        };
        assert!(is_bound(elsewhere(now(["a", "a", "b", "b"]))), "{phase:?}");
        assert!(!is_bound(elsewhere(now(["a", "a", "b", "c"]))), "{phase:?}");
    }
    // One that is where it would not be placed now is there all the same.
    let mut astray = pod("u", 900);
    astray.node_selector.insert(ZONE.to_owned(), "y".to_owned());
    for (node, is_expected) in [("a", false), ("b", true)] {
        let scene = Scene::nodes(&["x", "y", "y"], 1000).deployment("w", own(), 1).deployment("u", astray.clone(), 1);
        let scene = scene.existing("w-0", "w", Some("c"), true).existing("u-0", "u", Some(node), true);
        assert_eq!(is_accepted(scene, &claim(Phase::Recovered), replaced(&[("cpu", 1)], 1)), is_expected, "{node}");
    }
}
