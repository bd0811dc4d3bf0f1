use std::sync::Arc;

use super::*;
use crate::cluster::{Duration, ProfileId};
use crate::scheduler::{Cache, Sampling};

/// The default profile, and one that fills nodes up.
fn with_a_packer(cluster: &mut Cluster) -> ProfileId {
    let mut packer = Profile { scheduler_name: "packer".to_owned(), ..Profile::default() };
    packer.arguments.fit.strategy = ScoringStrategy::MostAllocated;
    let configuration = SchedulerConfiguration::new(Profile::default(), vec![packer]);
    let id = configuration.profile_named("packer").unwrap();
    cluster.state.scheduler = Arc::new(configuration);
    id
}

#[test]
fn each_pod_is_placed_by_the_profile_that_it_names() {
    let mut cluster = Cluster::default();
    let (used, free) = (cluster.node("used"), cluster.node("free"));
    cluster.pod("old", asks(2000, 2 << 30), Some(used));
    let profile = with_a_packer(&mut cluster);
    let plain = cluster.pod("plain", asks(500, 1 << 30), None);
    let packed = cluster.pod("packed", PodSpec { profile, ..asks(500, 1 << 30) }, None);
    let best = |pod| schedule(&cluster.state, pod).best;
    assert_eq!((best(plain), best(packed)), (vec![free], vec![used]));
    assert_eq!(schedule(&cluster.state, packed).profile, profile);
    let mut cache = Cache::new(&cluster.state, Sampling::AllNodes);
    for (pod, expected) in [(plain, free), (packed, used), (plain, free)] {
        let pod = cluster.state.pods[&pod].clone();
        assert_eq!(cache.best_nodes(&cluster.state, &pod), [expected]);
    }
}

#[test]
fn a_profile_says_how_many_nodes_are_looked_at() {
    let mut cluster = Cluster::default();
    let nodes: Vec<NodeId> = (0..300).map(|number| cluster.node(&format!("n{number}"))).collect();
    let profile = Profile { percentage_of_nodes_to_score: Some(40), ..Profile::default() };
    cluster.state.scheduler = Arc::new(SchedulerConfiguration::new(profile, Vec::new()));
    let pod = cluster.pod("web", asks(100, 0), None);
    let pod = cluster.state.pods[&pod].clone();
    let best = |sampling| Cache::new(&cluster.state, sampling).best_nodes(&cluster.state, &pod);
    assert_eq!(best(Sampling::Adaptive), nodes[..120]);
    assert_eq!(best(Sampling::Percentage(90)), nodes[..270]);
    assert_eq!(best(Sampling::AllNodes), nodes);
}

#[test]
fn times_between_attempts_are_those_of_the_configuration() {
    let mut configuration = SchedulerConfiguration::default();
    configuration.pod_initial_backoff = Duration::from_seconds(3);
    configuration.pod_max_backoff = Duration::from_seconds(20);
    let seconds: Vec<u64> = (0..6).map(|failures| backoff(&configuration, failures).milliseconds() / 1000).collect();
    assert_eq!(seconds, [0, 3, 6, 12, 20, 20]);
}

#[test]
fn a_profile_without_preemption_evicts_nobody() {
    let mut cluster = Cluster::default();
    let node = cluster.node("only");
    cluster.pod("low", asks(3000, 0), Some(node));
    let urgent = cluster.pod("urgent", PodSpec { priority: 10, ..asks(3000, 0) }, None);
    let profile = Profile { post_filter: vec![PostFilterPlugin::DynamicResources], ..Profile::default() };
    let result = schedule(&cluster.state, urgent);
    assert!(matches!(preempt(&cluster.state, urgent, &result), Preemption::Candidates { .. }));
    cluster.state.scheduler = Arc::new(SchedulerConfiguration::new(profile, Vec::new()));
    let result = schedule(&cluster.state, urgent);
    let preemption = preempt(&cluster.state, urgent, &result);
    assert_eq!(preemption, Preemption::NotEnabled);
    assert_eq!(
        unschedulable_message(&cluster.state, &result, &preemption),
        "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate"
    );
}

#[test]
fn the_default_profile_is_kube_schedulers() {
    let profile = Profile::default();
    assert_eq!(profile.weight(Plugin::TaintToleration), Some(3));
    assert_eq!(profile.weight(Plugin::NodePorts), None);
    assert!(profile.filter.has(Plugin::NodeName) && !profile.pre_filter.has(Plugin::NodeName));
    assert!(profile.filter.runs_before(Plugin::NodeName, Plugin::NodePorts));
    assert!(!profile.filter.runs_before(Plugin::NodePorts, Plugin::NodeName));
    assert!(profile.preempts() && profile.has_default_name());
}
