use std::sync::Arc;

use super::*;
use crate::cluster::{
    Duration, NodeRequirement, NodeRequirementOperator, NodeSelectorTerm, PreferredNodeTerm, ProfileId, Service,
};
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

/// Its own constraints would be soft; those of the configuration are hard.
#[test]
fn default_spread_constraints_of_a_profile_can_be_hard() {
    let mut cluster = Cluster::default();
    let (used, free) = (cluster.node("used"), cluster.node("free"));
    cluster.pod("web", asks(100, 0), Some(used));
    let web = cluster.pod("web", asks(100, 0), None);
    let other = cluster.pod("other", asks(100, 0), None);
    let labels = cluster.app("web");
    let requirements = labels.iter().map(|(key, value)| Requirement { key, operator: Operator::In(vec![value]) });
    let selector = Some(LabelSelector { requirements: requirements.collect() });
    let name = cluster.symbol("web");
    cluster.state.add_service(Service {
        namespace: Symbol::DEFAULT,
        name,
        selector,
        publish_not_ready_addresses: false,
    });
    let hard = cluster.spread("web", Symbol::HOSTNAME, WhenUnsatisfiable::DoNotSchedule);
    let mut profile = Profile::default();
    profile.arguments.default_spread = DefaultSpread::List(vec![SpreadConstraint { selector: None, ..hard }]);
    cluster.state.scheduler = Arc::new(SchedulerConfiguration::new(profile, Vec::new()));
    let verdicts = schedule(&cluster.state, web).verdicts;
    let reasons = vec![Reason::TopologySpread];
    let plugin = Plugin::PodTopologySpread;
    assert_eq!(verdicts[&used], Verdict::Rejected { code: Code::Unschedulable, plugin, reasons });
    assert!(verdicts[&free].fits());
    // Without a Service or a controller nothing says which pods count.
    assert!(schedule(&cluster.state, other).verdicts[&used].fits());
    let mut cache = Cache::new(&cluster.state, Sampling::AllNodes);
    assert_eq!(cache.best_nodes_of(&cluster.state, web), [free]);
}

#[test]
fn a_profile_without_node_affinity_does_not_look_at_names_of_nodes() {
    let mut cluster = Cluster::default();
    let (named, other) = (cluster.node("named"), cluster.node("other"));
    let name = cluster.state.nodes[&named].name;
    let field = NodeRequirement { key: Symbol::METADATA_NAME, operator: NodeRequirementOperator::In(vec![name]) };
    let term = NodeSelectorTerm { expressions: Vec::new(), fields: vec![field] };
    let pod = cluster.pod("pinned", PodSpec { required_node_terms: Some(vec![term]), ..asks(100, 0) }, None);
    let best = |cluster: &Cluster| {
        let mut cache = Cache::new(&cluster.state, Sampling::AllNodes);
        (schedule(&cluster.state, pod).best, cache.best_nodes_of(&cluster.state, pod))
    };
    assert_eq!(best(&cluster), (vec![named], vec![named]));
    let without = |point: &ExtensionPoint| point.iter().filter(|plugin| *plugin != Plugin::NodeAffinity).collect();
    let default = Profile::default();
    let (pre_filter, filter) = (without(&default.pre_filter), without(&default.filter));
    cluster.state.scheduler =
        Arc::new(SchedulerConfiguration::new(Profile { pre_filter, filter, ..default }, Vec::new()));
    assert_eq!(best(&cluster), (vec![named, other], vec![named, other]));
}

#[test]
fn what_a_profile_weighs_most_decides() {
    let mut cluster = Cluster::default();
    let (used, free) = (cluster.node("used"), cluster.node("free"));
    cluster.pod("old", asks(2000, 2 << 30), Some(used));
    let name = cluster.state.nodes[&free].name;
    let field = NodeRequirement { key: Symbol::METADATA_NAME, operator: NodeRequirementOperator::In(vec![name]) };
    let term = NodeSelectorTerm { expressions: Vec::new(), fields: vec![field] };
    let preferred_node_terms = vec![PreferredNodeTerm { weight: 1, term }];
    let pod = cluster.pod("pod", PodSpec { preferred_node_terms, ..asks(500, 1 << 30) }, None);
    for (weight, expected) in [(1, free), (50, used)] {
        let mut profile = Profile::default();
        profile.arguments.fit.strategy = ScoringStrategy::MostAllocated;
        let fit = profile.score.iter_mut().find(|own| own.plugin == Plugin::NodeResourcesFit).unwrap();
        fit.weight = weight;
        cluster.state.scheduler = Arc::new(SchedulerConfiguration::new(profile, Vec::new()));
        assert_eq!(schedule(&cluster.state, pod).best, [expected]);
        let mut cache = Cache::new(&cluster.state, Sampling::AllNodes);
        assert_eq!(cache.best_nodes_of(&cluster.state, pod), [expected]);
    }
}

#[test]
fn required_affinity_of_others_that_counts_nothing_is_not_scored() {
    let mut cluster = Cluster::default();
    let (used, _) = (cluster.node("used"), cluster.node("free"));
    let term = cluster.term("web", Symbol::HOSTNAME);
    cluster.pod("old", PodSpec { required_affinity: vec![term], ..asks(100, 0) }, Some(used));
    let web = cluster.pod("web", asks(100, 0), None);
    let scores =
        |cluster: &Cluster| schedule(&cluster.state, web).scores[&used].get(&Plugin::InterPodAffinity).copied();
    assert_eq!(scores(&cluster), Some(200));
    let mut profile = Profile::default();
    profile.arguments.inter_pod_affinity.hard_pod_affinity_weight = 0;
    cluster.state.scheduler = Arc::new(SchedulerConfiguration::new(profile, Vec::new()));
    assert_eq!(scores(&cluster), None);
}
