use super::*;
use crate::scheduler::{Cache, Sampling};

/// Two zones, the second behind a taint; a pod that is to be spread over the zones that it tolerates.
#[test]
fn a_taint_that_goes_makes_a_domain_that_counts() {
    let mut cluster = Cluster::default();
    let (near, far) = (cluster.node("near"), cluster.node("far"));
    cluster.label(near, "topology.kubernetes.io/zone", "x");
    cluster.label(far, "topology.kubernetes.io/zone", "y");
    cluster.taint(far, "dedicated", Effect::NoSchedule);
    let mut spec = asks(100, 0);
    let constraint = cluster.spread("web", Symbol::ZONE, WhenUnsatisfiable::DoNotSchedule);
    spec.spread_constraints = vec![SpreadConstraint { node_taints_policy: SpreadPolicy::Honor, ..constraint }];
    let placed = cluster.pod("web", spec.clone(), Some(near));
    let waiting = cluster.pod("web", spec, None);
    let mut cache = Cache::new(&cluster.state, Sampling::AllNodes);
    let pod = cluster.state.pods[&waiting].clone();
    // Only the first zone counts, so it cannot become uneven.
    assert_eq!(cache.best_nodes(&cluster.state, &pod), vec![near]);
    cluster.at(far).taints.clear();
    cache.node_changed(&cluster.state, far);
    assert_eq!(cache.best_nodes(&cluster.state, &pod), vec![far]);
    cluster.state.pods.remove(&placed);
    cache.pod_changed(&cluster.state, placed);
    assert_eq!(cache.best_nodes(&cluster.state, &pod), vec![near, far]);
}

/// 200 nodes of one zone: half of them are looked at, and the next examination begins where the last one ended.
#[test]
fn large_clusters_are_sampled_and_examined_in_turn() {
    let mut cluster = Cluster::default();
    let nodes: Vec<NodeId> = (0..200).map(|number| cluster.node(&format!("n{number}"))).collect();
    let pod = cluster.pod("web", asks(100, 0), None);
    let mut cache = Cache::new(&cluster.state, Sampling::Adaptive);
    let pod = cluster.state.pods[&pod].clone();
    assert_eq!(cache.best_nodes(&cluster.state, &pod), nodes[..100]);
    assert_eq!(cache.best_nodes(&cluster.state, &pod), nodes[100..]);
    assert_eq!(cache.best_nodes(&cluster.state, &pod), nodes[..100]);
    let mut everywhere = Cache::new(&cluster.state, Sampling::AllNodes);
    assert_eq!(everywhere.best_nodes(&cluster.state, &pod), nodes);
}

#[test]
fn nodes_are_examined_zone_by_zone_in_turn() {
    let mut cluster = Cluster::default();
    let mut nodes = Vec::new();
    for number in 0..120 {
        let node = cluster.node(&format!("n{number}"));
        // 80 nodes in the first zone, 40 in the second.
        cluster.label(node, "topology.kubernetes.io/zone", if number < 80 { "x" } else { "y" });
        nodes.push(node);
    }
    let pod = cluster.pod("web", asks(100, 0), None);
    let mut cache = Cache::new(&cluster.state, Sampling::Percentage(1));
    let pod = cluster.state.pods[&pod].clone();
    let best = cache.best_nodes(&cluster.state, &pod);
    // 40 of each zone by turns, and the next 20 of the first zone.
    assert_eq!(best, [&nodes[..60], &nodes[80..]].concat());
}

#[test]
fn a_label_that_nobody_asked_for_before_makes_other_classes() {
    let mut cluster = Cluster::default();
    let (one, other) = (cluster.node("one"), cluster.node("other"));
    let placed = cluster.pod("web", asks(100, 0), Some(one));
    let (key, value) = (cluster.state.intern("tier"), cluster.state.intern("front"));
    cluster.pod_mut(placed).labels.insert(key, value);
    let mut cache = Cache::new(&cluster.state, Sampling::AllNodes);
    let mut spec = asks(100, 0);
    let mut term = cluster.term("web", Symbol::HOSTNAME);
    term.selector =
        Some(LabelSelector { requirements: vec![Requirement { key, operator: Operator::In(vec![value]) }] });
    spec.required_anti_affinity = vec![term];
    let waiting = cluster.pod("db", spec, None);
    cache.pod_changed(&cluster.state, waiting);
    let pod = cluster.state.pods[&waiting].clone();
    assert_eq!(cache.best_nodes(&cluster.state, &pod), vec![other]);
}

#[test]
fn a_nominated_pod_is_not_overtaken_by_one_of_its_priority() {
    let mut cluster = Cluster::default();
    let (one, other) = (cluster.node("one"), cluster.node("other"));
    let waiting = cluster.pod("web", asks(3000, 0), None);
    let nominated = cluster.pod("db", asks(3000, 0), None);
    cluster.pod_mut(nominated).nominated_node = Some(one);
    let mut cache = Cache::new(&cluster.state, Sampling::AllNodes);
    assert_eq!(cache.best_nodes_of(&cluster.state, waiting), [other], "there is room for one of them");
    assert_eq!(cache.best_nodes_of(&cluster.state, nominated), [one], "where it is nominated");
    let mut ahead = asks(3000, 0);
    ahead.priority = 1;
    let ahead = cluster.pod("first", ahead, None);
    cache.pod_changed(&cluster.state, ahead);
    assert_eq!(cache.best_nodes_of(&cluster.state, ahead), [one, other], "of a higher priority");
    cluster.pod_mut(nominated).node = Some(other);
    cache.pod_changed(&cluster.state, nominated);
    assert_eq!(cache.best_nodes_of(&cluster.state, waiting), [one], "the other one is bound elsewhere");
}
