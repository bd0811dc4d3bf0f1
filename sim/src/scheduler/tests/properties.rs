use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const ZONES: [&str; 3] = ["x", "y", "z"];
const APPS: [&str; 2] = ["web", "db"];

#[derive(Clone, Debug)]
struct NodeShape {
    cpu_milli: i64,
    pods: i64,
    zone: Option<usize>,
    cordoned: bool,
    tainted: bool,
}

#[derive(Clone, Debug)]
struct PodShape {
    app: usize,
    cpu_milli: i64,
    priority: i32,
    anti_affinity: Option<(usize, bool)>,
    spread: Option<(usize, i64)>,
    node: usize,
}

fn node_shape() -> impl Strategy<Value = NodeShape> {
    let zone = prop::option::weighted(0.8, 0..ZONES.len());
    (1_i64..5, 0_i64..6, zone, prop::bool::weighted(0.1), prop::bool::weighted(0.1)).prop_map(
        |(cores, pods, zone, cordoned, tainted)| NodeShape { cpu_milli: cores * 1000, pods, zone, cordoned, tainted },
    )
}

fn pod_shape() -> impl Strategy<Value = PodShape> {
    let anti_affinity = prop::option::weighted(0.3, (0..APPS.len(), any::<bool>()));
    let spread = prop::option::weighted(0.3, (0..APPS.len(), 1_i64..3));
    (0..APPS.len(), 0_i64..5, 0_i32..3, anti_affinity, spread, 0_usize..6).prop_map(
        |(app, half_cores, priority, anti_affinity, spread, node)| PodShape {
            app,
            cpu_milli: half_cores * 500,
            priority,
            anti_affinity,
            spread,
            node,
        },
    )
}

fn shapes() -> impl Strategy<Value = (Vec<NodeShape>, Vec<PodShape>, PodShape)> {
    (prop::collection::vec(node_shape(), 1..6), prop::collection::vec(pod_shape(), 0..10), pod_shape())
}

fn spec_of(cluster: &mut Cluster, shape: &PodShape) -> PodSpec {
    let mut spec = with_priority(shape.priority, asks(shape.cpu_milli, 0));
    if let Some((app, by_zone)) = shape.anti_affinity {
        let key = if by_zone { Symbol::ZONE } else { Symbol::HOSTNAME };
        spec.required_anti_affinity = vec![cluster.term(APPS[app], key)];
    }
    if let Some((app, max_skew)) = shape.spread {
        let constraint = cluster.spread(APPS[app], Symbol::ZONE, WhenUnsatisfiable::DoNotSchedule);
        spec.spread_constraints = vec![SpreadConstraint { max_skew, ..constraint }];
    }
    spec
}

/// Builds the cluster, its nodes and placed pods in the given orders.
fn build(
    nodes: &[(usize, NodeShape)],
    pods: &[PodShape],
    to_place: &PodShape,
) -> (Cluster, PodId, BTreeMap<usize, NodeId>) {
    let mut cluster = Cluster::default();
    let mut ids = BTreeMap::new();
    for (number, shape) in nodes {
        let id = cluster.node(&format!("n{number}"));
        if let Some(zone) = shape.zone {
            cluster.label(id, "topology.kubernetes.io/zone", ZONES[zone]);
        }
        if shape.tainted {
            cluster.taint(id, "dedicated", Effect::NoSchedule);
        }
        let mut node = cluster.at(id);
        (node.allocatable.cpu_milli, node.allocatable_pods) = (shape.cpu_milli, shape.pods);
        node.unschedulable = shape.cordoned;
        ids.insert(*number, id);
    }
    for shape in pods {
        let spec = spec_of(&mut cluster, shape);
        let node = ids[&(shape.node % nodes.len())];
        cluster.pod(APPS[shape.app], spec, Some(node));
    }
    let spec = spec_of(&mut cluster, to_place);
    let pod = cluster.pod(APPS[to_place.app], spec, None);
    (cluster, pod, ids)
}

fn numbered(nodes: &[NodeShape]) -> Vec<(usize, NodeShape)> {
    nodes.iter().cloned().enumerate().collect()
}

/// Whether the pod fits node `number`, read off the shapes by brute force.
fn naively_fits(nodes: &[NodeShape], pods: &[PodShape], to_place: &PodShape, number: usize) -> bool {
    let node = &nodes[number];
    let place = |pod: &PodShape| pod.node % nodes.len();
    let on = |number: usize| pods.iter().filter(move |pod| place(pod) == number);
    let used: i64 = on(number).map(|pod| pod.cpu_milli).sum();
    let room = to_place.cpu_milli == 0 || used + to_place.cpu_milli <= node.cpu_milli;
    let same_domain = |other: usize, by_zone: bool| {
        if by_zone { node.zone.is_some() && nodes[other].zone == node.zone } else { other == number }
    };
    let excludes = |owner: &PodShape, target: &PodShape, other: usize| {
        owner.anti_affinity.is_some_and(|(app, by_zone)| target.app == app && same_domain(other, by_zone))
    };
    let apart = pods.iter().all(|pod| !excludes(to_place, pod, place(pod)) && !excludes(pod, to_place, place(pod)));
    let spread = to_place.spread.is_none_or(|(app, max_skew)| {
        let count = |zone: usize| {
            let in_zone = pods.iter().filter(|pod| pod.app == app && nodes[place(pod)].zone == Some(zone));
            i64::try_from(in_zone.count()).unwrap()
        };
        let zones: BTreeSet<usize> = nodes.iter().filter_map(|node| node.zone).collect();
        let least = zones.iter().map(|zone| count(*zone)).min().unwrap_or(0);
        node.zone.is_some_and(|zone| count(zone) + i64::from(to_place.app == app) - least <= max_skew)
    });
    let slots = i64::try_from(on(number).count()).unwrap() < node.pods;
    !node.cordoned && !node.tainted && slots && room && apart && spread
}

proptest! {
    #[test]
    fn feasibility_is_what_brute_force_finds((nodes, pods, to_place) in shapes()) {
        let (cluster, pod, ids) = build(&numbered(&nodes), &pods, &to_place);
        let result = cluster.schedule(pod);
        for (number, id) in ids {
            prop_assert_eq!(result.verdicts[&id].fits(), naively_fits(&nodes, &pods, &to_place, number));
        }
    }

    #[test]
    fn best_nodes_are_the_feasible_ones_of_the_highest_total((nodes, pods, to_place) in shapes()) {
        let (cluster, pod, _) = build(&numbered(&nodes), &pods, &to_place);
        let result = cluster.schedule(pod);
        let feasible: Vec<NodeId> = result.feasible().collect();
        prop_assert!(result.best.iter().all(|node| feasible.contains(node)));
        prop_assert_eq!(result.best.is_empty(), feasible.is_empty());
        prop_assert_eq!(result.totals.len(), if feasible.len() > 1 { feasible.len() } else { 0 });
        for (node, total) in &result.totals {
            prop_assert_eq!(*total, result.scores[node].values().sum::<i64>());
            prop_assert!(result.totals[&result.best[0]] >= *total);
            prop_assert_eq!(result.best.contains(node), result.totals[&result.best[0]] == *total);
        }
        for (plugin, score) in result.scores.values().flatten() {
            prop_assert!((0..=300).contains(score), "{:?} {}", plugin, score);
        }
    }

    #[test]
    fn the_order_of_nodes_and_pods_does_not_matter((nodes, pods, to_place) in shapes()) {
        let (cluster, pod, ids) = build(&numbered(&nodes), &pods, &to_place);
        let reversed_nodes: Vec<_> = numbered(&nodes).into_iter().rev().collect();
        let reversed_pods: Vec<_> = pods.iter().rev().cloned().collect();
        let (other, other_pod, other_ids) = build(&reversed_nodes, &reversed_pods, &to_place);
        let (result, other_result) = (cluster.schedule(pod), other.schedule(other_pod));
        for (number, id) in &ids {
            let other_id = other_ids[number];
            prop_assert_eq!(&result.verdicts[id], &other_result.verdicts[&other_id]);
            prop_assert_eq!(result.scores.get(id), other_result.scores.get(&other_id));
            prop_assert_eq!(result.best.contains(id), other_result.best.contains(&other_id));
        }
        prop_assert_eq!(cluster.message(pod), other.message(other_pod));
    }

    #[test]
    fn more_room_never_hurts((nodes, pods, to_place) in shapes(), which in 0_usize..6) {
        let (mut cluster, pod, _) = build(&numbered(&nodes), &pods, &to_place);
        let before: BTreeSet<NodeId> = cluster.schedule(pod).feasible().collect();
        let node = NodeId(u32::try_from(which % nodes.len()).unwrap());
        cluster.at(node).allocatable.cpu_milli += 1000;
        cluster.at(node).allocatable_pods += 1;
        let after: BTreeSet<NodeId> = cluster.schedule(pod).feasible().collect();
        prop_assert!(before.is_subset(&after));
    }

    #[test]
    fn a_snapshot_kept_up_to_date_answers_like_a_new_one((nodes, pods, to_place) in shapes()) {
        let (mut cluster, pod, _) = build(&numbered(&nodes), &pods, &to_place);
        let another = cluster.pod_mut(pod).clone();
        let another = cluster.state.add_pod(another);
        let Some(node) = cluster.schedule(another).best.first().copied() else { return Ok(()) };
        let of = |id: PodId| Candidate::of_pod(id, &cluster.state.pods[&id]);
        let mut snapshot = Snapshot::new(&cluster.state);
        snapshot.bind(of(another), node);
        let kept = schedule_candidate(&snapshot, &of(pod));
        let mut bound = cluster.clone();
        bound.pod_mut(another).node = Some(node);
        prop_assert_eq!(kept, bound.schedule(pod));
    }

    #[test]
    fn preemption_makes_room_with_pods_of_lower_priority_and_not_one_too_many((nodes, pods, to_place) in shapes()) {
        let without_spread = PodShape { spread: None, ..to_place };
        let (cluster, pod, _) = build(&numbered(&nodes), &pods, &without_spread);
        let result = cluster.schedule(pod);
        let Preemption::Candidates { victims, best, .. } = preempt(&cluster.state, pod, &result) else { return Ok(()) };
        prop_assert!(!best.is_empty());
        for (node, victims) in victims {
            prop_assert!(!result.verdicts[&node].fits());
            let without = |kept: Option<PodId>| {
                let mut cluster = cluster.clone();
                cluster.state.pods.retain(|id, _| Some(id) == kept || !victims.pods.contains(&id));
                cluster.schedule(pod).verdicts[&node].fits()
            };
            prop_assert!(without(None));
            for victim in &victims.pods {
                prop_assert!(cluster.state.pods[victim].template.spec.priority < without_spread.priority);
                prop_assert!(!without(Some(*victim)));
            }
        }
    }
}
