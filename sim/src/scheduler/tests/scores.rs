use super::*;
use crate::cluster::{
    NodeRequirement, NodeRequirementOperator, NodeSelectorTerm, PreferredNodeTerm, PreferredPodTerm, ReplicaSet,
    ReplicaSetId, Service,
};

#[test]
fn one_feasible_node_is_taken_without_scores() {
    let mut cluster = Cluster::default();
    let (a, b) = (cluster.node("a"), cluster.node("b"));
    cluster.at(b).unschedulable = true;
    let pod = cluster.pod("web", asks(100, 0), None);
    let result = cluster.schedule(pod);
    assert_eq!((result.best, result.scores.len(), result.totals.len()), (vec![a], 0, 0));
}

#[test]
fn equal_nodes_are_all_best() {
    let mut cluster = Cluster::default();
    let nodes = [cluster.node("a"), cluster.node("b"), cluster.node("c")];
    let pod = cluster.pod("web", asks(100, 0), None);
    assert_eq!(cluster.schedule(pod).best, nodes);
}

#[test]
fn least_allocated_prefers_the_emptier_node() {
    let mut cluster = Cluster::default();
    let (a, b) = (cluster.node("a"), cluster.node("b"));
    cluster.pod("old", asks(1000, 2 << 30), Some(a));
    let pod = cluster.pod("web", asks(1000, 2 << 30), None);
    assert_eq!(cluster.scores(pod, Plugin::NodeResourcesFit), [50, 75]);
    assert_eq!(cluster.schedule(pod).best, [b]);
    let asks_nothing = cluster.pod("idle", plain(), None);
    assert_eq!(cluster.scores(asks_nothing, Plugin::NodeResourcesFit), [72, 97]);
    assert!(cluster.scores(asks_nothing, Plugin::NodeResourcesBalancedAllocation).is_empty());
}

#[test]
fn balanced_allocation_rewards_what_evens_out() {
    let mut cluster = Cluster::default();
    let (a, b, _) = (cluster.node("a"), cluster.node("b"), cluster.node("c"));
    cluster.pod("memory", asks(0, 4 << 30), Some(a));
    cluster.pod("cpu", asks(2000, 0), Some(b));
    let pod = cluster.pod("web", asks(2000, 0), None);
    // a: 75 -> 100; b: 75 -> 50; c: 100 -> 75.
    assert_eq!(cluster.scores(pod, Plugin::NodeResourcesBalancedAllocation), [87, 62, 62]);
}

#[test]
fn soft_taints_are_avoided() {
    let mut cluster = Cluster::default();
    let (a, b, _) = (cluster.node("a"), cluster.node("b"), cluster.node("c"));
    cluster.taint(a, "x", Effect::PreferNoSchedule);
    cluster.taint(a, "y", Effect::PreferNoSchedule);
    cluster.taint(b, "x", Effect::PreferNoSchedule);
    let pod = cluster.pod("web", plain(), None);
    assert_eq!(cluster.scores(pod, Plugin::TaintToleration), [0, 150, 300]);
}

#[test]
fn preferred_node_affinity_sums_weights() {
    let mut cluster = Cluster::default();
    let (a, b, _) = (cluster.node("a"), cluster.node("b"), cluster.node("c"));
    cluster.label(a, "disk", "ssd");
    cluster.label(a, "rack", "1");
    cluster.label(b, "rack", "1");
    let mut preferred = |key, weight| {
        let requirement = NodeRequirement { key: cluster.symbol(key), operator: NodeRequirementOperator::Exists };
        let term = NodeSelectorTerm { expressions: vec![requirement], fields: Vec::new() };
        PreferredNodeTerm { weight, term }
    };
    let preferred_node_terms = vec![preferred("disk", 20), preferred("rack", 10)];
    let pod = cluster.pod("web", PodSpec { preferred_node_terms, ..plain() }, None);
    assert_eq!(cluster.scores(pod, Plugin::NodeAffinity), [200, 66, 0]);
}

#[test]
fn preferred_pod_affinity_pulls_and_anti_affinity_pushes() {
    let mut cluster = Cluster::default();
    let (a, b, _) = (cluster.node_in_zone("a", "x"), cluster.node_in_zone("b", "y"), cluster.node_in_zone("c", "z"));
    cluster.pod("db", plain(), Some(a));
    cluster.pod("noisy", plain(), Some(b));
    let near = PreferredPodTerm { weight: 10, term: cluster.term("db", Symbol::ZONE) };
    let far = PreferredPodTerm { weight: 10, term: cluster.term("noisy", Symbol::ZONE) };
    let spec = PodSpec { preferred_affinity: vec![near], preferred_anti_affinity: vec![far], ..plain() };
    let pod = cluster.pod("web", spec, None);
    assert_eq!(cluster.scores(pod, Plugin::InterPodAffinity), [200, 0, 100]);
}

#[test]
fn the_required_affinity_of_others_pulls_a_little() {
    let mut cluster = Cluster::default();
    let (a, _) = (cluster.node("a"), cluster.node("b"));
    let term = cluster.term("web", Symbol::HOSTNAME);
    cluster.pod("db", PodSpec { required_affinity: vec![term], ..plain() }, Some(a));
    let pod = cluster.pod("web", plain(), None);
    assert_eq!(cluster.scores(pod, Plugin::InterPodAffinity), [200, 0]);
    let other = cluster.pod("other", plain(), None);
    assert!(cluster.scores(other, Plugin::InterPodAffinity).is_empty());
}

#[test]
fn soft_spread_prefers_emptier_domains_and_ignores_nodes_without_the_label() {
    let mut cluster = Cluster::default();
    let (a, _, _, _) = (
        cluster.node_in_zone("a", "x"),
        cluster.node_in_zone("b", "x"),
        cluster.node_in_zone("c", "y"),
        cluster.node("d"),
    );
    cluster.pod("web", plain(), Some(a));
    cluster.pod("web", plain(), Some(a));
    let constraint = cluster.spread("web", Symbol::ZONE, WhenUnsatisfiable::ScheduleAnyway);
    let pod = cluster.pod("web", PodSpec { spread_constraints: vec![constraint], ..plain() }, None);
    // Two zones: weight ln 4; x counts 2, raw 3; y counts 0.
    assert_eq!(cluster.scores(pod, Plugin::PodTopologySpread), [0, 0, 200, 0]);
}

#[test]
fn pods_of_a_service_or_a_replica_set_spread_by_default() {
    let mut cluster = Cluster::default();
    let (a, _) = (cluster.node("a"), cluster.node("b"));
    cluster.pod("web", plain(), Some(a));
    let pod = cluster.pod("web", plain(), None);
    assert!(cluster.scores(pod, Plugin::PodTopologySpread).is_empty());
    let selector = cluster.selector("web");
    let (mut by_service, mut by_set) = (cluster.clone(), cluster);
    by_service.state.add_service(Service {
        namespace: Symbol::DEFAULT,
        name: Symbol::EMPTY,
        selector: Some(selector.clone()),
        publish_not_ready_addresses: false,
    });
    let template = Arc::clone(&by_set.state.pods[&pod].template);
    by_set.state.replica_sets.insert(
        ReplicaSetId(0),
        ReplicaSet {
            namespace: Symbol::DEFAULT,
            name: Symbol::EMPTY,
            owner: None,
            replicas: 2,
            selector,
            template,
            template_hash: None,
            min_ready_seconds: 0,
            desired_replicas: None,
            max_replicas: None,
            created_at: Time::ZERO,
        },
    );
    by_set.pod_mut(pod).owner = Owner::ReplicaSet(ReplicaSetId(0));
    // Host: 1 * ln 4 + 2, zone: no label, so only the host counts: raw 3 and 2.
    for cluster in [by_service, by_set] {
        assert_eq!(cluster.scores(pod, Plugin::PodTopologySpread), [2 * (100 * 2 / 3), 2 * (100 * 3 / 3)]);
    }
}

#[test]
fn images_that_are_present_count_by_size_and_spread() {
    let mut cluster = Cluster::default();
    let (a, _) = (cluster.node("a"), cluster.node("b"));
    let image = cluster.symbol("web:1");
    cluster.at(a).images.insert(image, 1000 << 20);
    let pod = cluster.pod("web", PodSpec { images: vec![image], ..plain() }, None);
    // Half of 1000 MiB, of the range from 23 to 1000 MiB.
    assert_eq!(cluster.scores(pod, Plugin::ImageLocality), [48, 0]);
}
