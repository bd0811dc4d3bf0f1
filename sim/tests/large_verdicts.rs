//! Verdicts about clusters that are too large to be searched: bounds and adversaries decide, and the checker accepts all that they find.
#![allow(clippy::unwrap_used, reason = "a test that cannot set up its input should stop")]

mod large_clusters;

use std::collections::BTreeMap;

use large_clusters::{Likeness, Room, ZONE, cluster};
use quorate_proof::Checker;
use quorate_proof::claim::{Domain, Failures, Phase, Placement, Subject};
use quorate_proof::cluster::Cluster;
use quorate_sim::prove::{Problem, Verdict, decide, derived};

const PHASES: [Phase; 3] = [Phase::Instant, Phase::Recovered, Phase::Removed];

/// How many claims about a cluster are proved, violated and undecided; every proof and witness is accepted.
fn tally(cluster: &Cluster, placement: Placement, phase: Phase, failures: &Failures) -> [usize; 3] {
    let (problem, checker) = (Problem::new(cluster, &[ZONE]), Checker::new(cluster).unwrap());
    let mut tally = [0; 3];
    for guarantee in derived(cluster, failures).0 {
        let claim = guarantee.claim(placement, phase);
        match decide(&problem, checker.digest(), &claim, 0) {
            Verdict::Proved(proof) => {
                assert_eq!(checker.check(&proof), Ok(()), "{:#?}", proof.claim);
                tally[0] += 1;
            }
            Verdict::Violated(proof) => {
                assert_eq!(checker.check(&proof), Ok(()), "{:#?}", proof.claim);
                tally[1] += 1;
            }
            Verdict::Undecided { .. } => tally[2] += 1,
        }
    }
    tally
}

/// Of workloads that are alike one is decided, and the others as it is: each of their proofs is about its own name.
#[test]
fn what_is_found_of_one_workload_is_accepted_of_its_twins() {
    let mut all = BTreeMap::<Placement, [usize; 3]>::new();
    for (room, likeness) in [
        (Room::Generous, Likeness::Alike),
        (Room::Tight, Likeness::Alike),
        (Room::Zonal, Likeness::Alike),
        (Room::Zonal, Likeness::Unlike),
    ] {
        let cluster = cluster(room, likeness, (90, 54));
        for (domain, count) in [(Domain::Node, 2), (Domain::Label(ZONE.to_owned()), 1)] {
            let failures = Failures { domain, count };
            for placement in [Placement::Current, Placement::Fresh, Placement::Reachable] {
                for phase in PHASES {
                    let found = tally(&cluster, placement, phase, &failures);
                    all.entry(placement).or_default().iter_mut().zip(found).for_each(|(sum, own)| *sum += own);
                }
            }
        }
    }
    for (placement, [proved, violated, _]) in &all {
        assert!(*proved > 200 && *violated > 200, "{placement:?}: {all:?}");
    }
}

/// Pods that are spread over three zones have no place in the others while one of them is unreachable.
#[test]
fn pods_that_are_there_now_are_not_replaced_where_a_constraint_keeps_them_off() {
    let cluster = cluster(Room::Generous, Likeness::Alike, (90, 54));
    let failures = Failures { domain: Domain::Label(ZONE.to_owned()), count: 1 };
    // A third of the workloads is spread over zones.
    let [_, violated, _] = tally(&cluster, Placement::Current, Phase::Recovered, &failures);
    assert_eq!(violated, 18);
    // Once the zone's nodes are gone it is no domain any longer.
    let [_, violated, _] = tally(&cluster, Placement::Current, Phase::Removed, &failures);
    assert_eq!(violated, 0);
}

/// All pods of the others do not fit into one zone: those that are spread over zones have a third of theirs there.
#[test]
fn pods_that_are_spread_over_zones_find_room_beside_others_that_are() {
    let zones = Failures { domain: Domain::Label(ZONE.to_owned()), count: 1 };
    let node = Failures { domain: Domain::Node, count: 1 };
    for (room, placement, phase, failures) in [
        (Room::Generous, Placement::Current, Phase::Recovered, &node),
        (Room::Generous, Placement::Fresh, Phase::Recovered, &node),
        (Room::Generous, Placement::Current, Phase::Removed, &zones),
        (Room::Generous, Placement::Fresh, Phase::Removed, &zones),
        (Room::Zonal, Placement::Reachable, Phase::Recovered, &node),
        (Room::Zonal, Placement::Reachable, Phase::Removed, &node),
    ] {
        let cluster = cluster(room, Likeness::Alike, (90, 54));
        let (problem, checker) = (Problem::new(&cluster, &[ZONE]), Checker::new(&cluster).unwrap());
        let is_spread = |name: &str| name.rsplit('-').next().unwrap().parse::<usize>().unwrap() % 3 == 1;
        let spread = derived(&cluster, failures).0.into_iter().filter(|guarantee| {
            let claim = guarantee.claim(placement, phase);
            matches!(&claim.subject, Subject::Budget(name) if is_spread(name))
        });
        let spread: Vec<_> = spread.collect();
        assert_eq!(spread.len(), 18);
        for guarantee in spread {
            let claim = guarantee.claim(placement, phase);
            let verdict = decide(&problem, checker.digest(), &claim, 0);
            let Verdict::Proved(proof) = verdict else { panic!("{claim:?}: {verdict:?}") };
            assert_eq!(checker.check(&proof), Ok(()), "{claim:?}");
        }
    }
}
