//! Random tiny clusters and claims about them.

use quorate_proof::claim::{Claim, Domain, Phase, Placement, Subject};
use quorate_proof::cluster::{Cluster, Kind};
use quorate_proof::input::{HostPort, Operator, Pod, Requirement, Spread, Taint, Toleration};

use super::proofs::{both, claim, zones};
use super::{HOST, Scene, ZONE, apart, is, pod, spread};

/// A sequence of numbers that look random (xorshift).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }

    fn one<T: Clone>(&mut self, values: &[T]) -> T {
        values[usize::try_from(self.below(u64::try_from(values.len()).unwrap())).unwrap()].clone()
    }

    fn amount(&mut self, values: &[i64]) -> i64 {
        self.one(values)
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

fn shape(dice: &mut Dice, name: &str, apps: &[&str]) -> Pod {
    let mut shape = pod(name, dice.amount(&[0, 100, 300, 400, 500, 700]));
    shape.priority = dice.one(&[0, 0, 0, 5, 9]);
    shape.preempts = dice.chance(70);
    if dice.chance(40) {
        shape.anti_affinity.push(apart(dice.one(&[name, name, apps[0], apps[1]]), dice.one(&[HOST, HOST, ZONE])));
    }
    if dice.chance(25) {
        let selected = dice.one(&[name, name, name, apps[0]]);
        let mut constraint: Spread = spread(selected, dice.one(&[HOST, ZONE, ZONE]), dice.amount(&[1, 1, 2]));
        constraint.honors_taints = dice.chance(40);
        constraint.honors_affinity = dice.chance(70);
        constraint.min_domains = dice.amount(&[1, 1, 1, 2, 3]);
        if dice.chance(10) {
            constraint.selector = Some(vec![Requirement { key: "app".to_owned(), operator: Operator::Exists }]);
        }
        shape.spread.push(constraint);
    }
    if dice.chance(8) {
        shape.affinity.push(apart(dice.one(apps), dice.one(&[HOST, ZONE])));
    }
    if dice.chance(12) {
        let port = HostPort { address: String::new(), protocol: "TCP".to_owned(), port: 80 };
        shape.host_ports.push(port);
    }
    if dice.chance(15) {
        shape.node_selector.insert(ZONE.to_owned(), dice.one(&["x", "y"]).to_owned());
    }
    if dice.chance(12) {
        let effect = dice.one(&["", "NoSchedule", "NoExecute"]).to_owned();
        let seconds = dice.one(&[None, None, Some(300)]);
        shape.tolerations.push(Toleration { key: String::new(), value: None, effect, seconds });
    }
    shape
}

/// A tiny cluster: two to four nodes, up to three workloads and a DaemonSet.
pub(crate) fn cluster(dice: &mut Dice) -> Cluster {
    let zones: Vec<&str> = (0..2 + dice.below(3)).map(|_| dice.one(&["x", "y", "z"])).collect();
    let cpu = dice.amount(&[600, 1000, 1000, 2000]);
    let mut scene = Scene::nodes(&zones, cpu);
    let apps = ["v", "w", "u"];
    let workloads = 1 + dice.below(3);
    for name in ["w", "v", "u"].into_iter().take(usize::try_from(workloads).unwrap()) {
        let kinds = [Kind::Deployment, Kind::Deployment, Kind::ReplicaSet, Kind::StatefulSet, Kind::Job, Kind::Pod];
        let kind = dice.one(&kinds);
        let shape = shape(dice, name, &apps);
        let replicas = if kind == Kind::Pod { 1 } else { dice.amount(&[1, 2, 2, 3, 4]) };
        scene = scene.workload(name, kind, shape, replicas);
    }
    if dice.chance(20) {
        let mut shape = pod("d", dice.amount(&[0, 100, 200]));
        shape.priority = dice.one(&[0, 20]);
        scene = scene.workload("d", Kind::DaemonSet, shape, 0);
    }
    let (slots, tainted, cordoned, bare) =
        (dice.amount(&[2, 3, 10, 10]), dice.chance(15), dice.chance(8), dice.chance(10));
    let scene = scene.change(|cluster| {
        cluster.nodes.values_mut().for_each(|node| node.allocatable_pods = slots);
        if let Some(node) = cluster.nodes.values_mut().next() {
            let taint = Taint { key: "dedicated".to_owned(), value: String::new(), effect: "NoSchedule".to_owned() };
            node.taints.extend(tainted.then_some(taint));
            node.unschedulable = cordoned;
            if bare {
                node.labels.remove(ZONE);
            }
        }
    });
    scene.cluster()
}

/// A tiny cluster in which others spread themselves over zones, and what is left of these is about as much as `w` asks for.
pub(crate) fn spread_out(dice: &mut Dice) -> Cluster {
    let zones: &[&str] = dice.one(&[&["x", "y"][..], &["x", "y", "y"], &["x", "x", "y", "y"], &["x", "y", "z"]]);
    let mut own = pod("w", dice.amount(&[200, 300, 400, 500]));
    match dice.below(4) {
        0 => {}
        1 => own.node_selector.extend([(ZONE.to_owned(), dice.one(&["x", "y"]).to_owned())]),
        _ => own.spread.push(spread("w", ZONE, 1)),
    }
    own.preempts = dice.chance(40);
    let mut scene = Scene::nodes(zones, 1000).deployment("w", own, dice.amount(&[1, 2]));
    let two = dice.chance(40);
    for name in ["v", "u"].into_iter().take(if two { 2 } else { 1 }) {
        let mut other = pod(name, dice.amount(&[200, 300, 400, 500]));
        other.labels.insert("team".to_owned(), "a".to_owned());
        if dice.chance(10) {
            other.node_selector.insert(ZONE.to_owned(), dice.one(&["x", "y"]).to_owned());
        }
        if dice.chance(15) {
            let effect = dice.one(&["", "NoSchedule"]).to_owned();
            other.tolerations.push(Toleration { key: String::new(), value: None, effect, seconds: None });
        }
        if dice.chance(85) {
            let mut constraint = spread(name, dice.one(&[ZONE, ZONE, ZONE, HOST]), dice.amount(&[1, 1, 2]));
            constraint.honors_taints = dice.chance(40);
            constraint.honors_affinity = dice.chance(70);
            constraint.min_domains = dice.amount(&[1, 1, 1, 2, 3]);
            if dice.chance(35) {
                constraint.selector = Some(vec![is("team", "a")]);
            }
            other.spread.push(constraint);
        }
        let kind = dice.one(&[Kind::Deployment, Kind::Deployment, Kind::StatefulSet]);
        scene = scene.workload(name, kind, other, dice.amount(if two { &[1, 2, 3] } else { &[2, 3, 4] }));
    }
    if dice.chance(20) {
        let mut daemon = pod("d", 100);
        daemon.labels.insert("team".to_owned(), "a".to_owned());
        daemon.priority = 20;
        scene = scene.workload("d", Kind::DaemonSet, daemon, 0);
    }
    let (tainted, bare) = (dice.chance(20), dice.chance(10));
    let scene = scene.change(|cluster| {
        if let Some(node) = cluster.nodes.values_mut().next_back() {
            let taint = Taint { key: "dedicated".to_owned(), value: String::new(), effect: "NoSchedule".to_owned() };
            node.taints.extend(tainted.then_some(taint));
            if bare {
                node.labels.remove(ZONE);
            }
        }
    });
    scene.cluster()
}

/// A claim about workload `w`, or `v` and `w`, for no number of pods yet.
pub(crate) fn question(dice: &mut Dice) -> Claim {
    let domain = dice.one(&[Domain::Node, Domain::Node, zones(), Domain::Label(HOST.to_owned())]);
    let count = usize::try_from(dice.one(&[0_u64, 1, 1, 1, 2])).unwrap();
    let phase = dice.one(&[Phase::Instant, Phase::Instant, Phase::Recovered, Phase::Removed]);
    let placement = dice.one(&[Placement::Fresh, Placement::Fresh, Placement::Scheduled, Placement::Reachable]);
    let subject = if dice.chance(15) { both() } else { Subject::Workload("w".to_owned()) };
    Claim { subject, ..claim(0, domain, count, placement, phase) }
}
