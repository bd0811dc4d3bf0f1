use super::*;
use crate::cluster::{
    HostPort, NodeFeature, NodeRequirement, NodeRequirementOperator, NodeSelectorTerm, Protocol, Toleration,
    TolerationOperator,
};

use crate::scheduler::{Cache, Sampling};
fn tolerates_key(key: Symbol, effect: Option<Effect>) -> Toleration {
    Toleration { key: Some(key), operator: TolerationOperator::Exists, effect, toleration_seconds: None }
}

#[test]
fn a_cordoned_node_is_left_out_unless_its_taint_is_tolerated() {
    let mut cluster = Cluster::default();
    let node = cluster.node("a");
    cluster.at(node).unschedulable = true;
    let pod = cluster.pod("web", plain(), None);
    assert_eq!(cluster.verdicts(pod), ["UAU NodeUnschedulable: node(s) were unschedulable"]);
    cluster.spec_mut(pod).tolerations = vec![tolerates_key(Symbol::UNSCHEDULABLE_TAINT, Some(Effect::NoExecute))];
    assert_eq!(cluster.verdicts(pod), ["UAU NodeUnschedulable: node(s) were unschedulable"]);
    cluster.spec_mut(pod).tolerations = vec![tolerates_key(Symbol::UNSCHEDULABLE_TAINT, None)];
    assert_eq!(cluster.verdicts(pod), ["fits"]);
}

#[test]
fn a_named_node_excludes_the_others() {
    let mut cluster = Cluster::default();
    let (a, _) = (cluster.node("a"), cluster.node("b"));
    let pod = cluster.pod("web", PodSpec { node_name: Some(a), ..plain() }, None);
    assert_eq!(cluster.verdicts(pod), ["fits", "UAU NodeName: node(s) didn't match the requested node name"]);
}

#[test]
fn taints_that_keep_pods_away_must_be_tolerated() {
    let mut cluster = Cluster::default();
    for (name, effect) in [("a", Effect::NoSchedule), ("b", Effect::NoExecute), ("c", Effect::PreferNoSchedule)] {
        let node = cluster.node(name);
        cluster.taint(node, "dedicated", effect);
    }
    let pod = cluster.pod("web", plain(), None);
    let untolerated = "UAU TaintToleration: node(s) had untolerated taint(s)";
    assert_eq!(cluster.verdicts(pod), [untolerated, untolerated, "fits"]);
    let key = cluster.symbol("dedicated");
    cluster.spec_mut(pod).tolerations = vec![tolerates_key(key, Some(Effect::NoSchedule))];
    assert_eq!(cluster.verdicts(pod), ["fits", untolerated, "fits"]);
    let value = cluster.symbol("other");
    cluster.spec_mut(pod).tolerations =
        vec![Toleration { operator: TolerationOperator::Equal(value), ..tolerates_key(key, None) }];
    assert_eq!(cluster.verdicts(pod), [untolerated, untolerated, "fits"]);
    let every_key = Toleration { key: None, ..tolerates_key(key, None) };
    cluster.spec_mut(pod).tolerations = vec![every_key];
    assert_eq!(cluster.verdicts(pod), ["fits", "fits", "fits"]);
}

fn expression(key: Symbol, operator: NodeRequirementOperator) -> NodeSelectorTerm {
    NodeSelectorTerm { expressions: vec![NodeRequirement { key, operator }], fields: Vec::new() }
}

fn named(operator: NodeRequirementOperator) -> NodeSelectorTerm {
    let requirement = NodeRequirement { key: Symbol::METADATA_NAME, operator };
    NodeSelectorTerm { expressions: Vec::new(), fields: vec![requirement] }
}

#[test]
fn node_affinity_operators() {
    let mut cluster = Cluster::default();
    let (a, b, _) = (cluster.node("a"), cluster.node("b"), cluster.node("c"));
    cluster.label(a, "disks", "4");
    cluster.label(b, "disks", "many");
    let (key, four) = (cluster.symbol("disks"), cluster.symbol("4"));
    let pod = cluster.pod("web", plain(), None);
    for (operator, expected) in [
        (NodeRequirementOperator::In(vec![four]), [true, false, false]),
        (NodeRequirementOperator::NotIn(vec![four]), [false, true, true]),
        (NodeRequirementOperator::Exists, [true, true, false]),
        (NodeRequirementOperator::DoesNotExist, [false, false, true]),
        (NodeRequirementOperator::GreaterThan(3), [true, false, false]),
        (NodeRequirementOperator::GreaterThan(4), [false, false, false]),
        (NodeRequirementOperator::LessThan(5), [true, false, false]),
        (NodeRequirementOperator::Invalid, [false, false, false]),
    ] {
        cluster.spec_mut(pod).required_node_terms = Some(vec![expression(key, operator.clone())]);
        let fits: Vec<bool> = cluster.schedule(pod).verdicts.values().map(Verdict::fits).collect();
        assert_eq!(fits, expected, "{operator:?}");
    }
}

#[test]
fn terms_are_alternatives_and_an_empty_one_matches_nothing() {
    let mut cluster = Cluster::default();
    let (a, b) = (cluster.node("a"), cluster.node("b"));
    cluster.label(a, "disk", "ssd");
    cluster.label(b, "disk", "hdd");
    let (key, ssd) = (cluster.symbol("disk"), cluster.symbol("ssd"));
    let mismatch = "UAU NodeAffinity: node(s) didn't match Pod's node affinity/selector";
    let pod = cluster.pod("web", plain(), None);
    let ssd_term = expression(key, NodeRequirementOperator::In(vec![ssd]));
    cluster.spec_mut(pod).required_node_terms = Some(vec![NodeSelectorTerm::default(), ssd_term]);
    assert_eq!(cluster.verdicts(pod), ["fits", mismatch]);
    cluster.spec_mut(pod).required_node_terms = Some(Vec::new());
    assert_eq!(cluster.verdicts(pod), [mismatch, mismatch]);
    cluster.spec_mut(pod).required_node_terms = None;
    cluster.spec_mut(pod).node_selector = Labels::from_iter([(key, ssd)]);
    assert_eq!(cluster.verdicts(pod), ["fits", mismatch]);
}

#[test]
fn terms_that_name_nodes_leave_only_these() {
    let mut cluster = Cluster::default();
    let (_, b) = (cluster.node("a"), cluster.node("b"));
    let (name_a, name_b) = (cluster.symbol("a"), cluster.symbol("b"));
    let left_out = "UAU PreFilterResult: node(s) didn't satisfy plugin(s) [NodeAffinity]";
    let pod = cluster.pod("web", plain(), None);
    cluster.spec_mut(pod).required_node_terms = Some(vec![named(NodeRequirementOperator::In(vec![name_b]))]);
    assert_eq!(cluster.verdicts(pod), [left_out, "fits"]);
    assert_eq!(cluster.schedule(pod).best, [b]);
    let mut both = named(NodeRequirementOperator::In(vec![name_a]));
    both.fields.extend(named(NodeRequirementOperator::In(vec![name_b])).fields);
    cluster.spec_mut(pod).required_node_terms = Some(vec![both]);
    let result = cluster.schedule(pod);
    let rejection = result.pre_filter.unwrap();
    assert_eq!(rejection.plugin, Plugin::NodeAffinity);
    assert_eq!(rejection.reason.to_string(), "pod affinity terms conflict");
    let missing = cluster.symbol("missing");
    cluster.spec_mut(pod).required_node_terms = Some(vec![named(NodeRequirementOperator::In(vec![missing]))]);
    assert_eq!(cluster.verdicts(pod), [left_out, left_out]);
}

#[test]
fn host_ports_conflict_on_the_same_or_on_every_address() {
    let mut cluster = Cluster::default();
    let node = cluster.node("a");
    let local = cluster.symbol("127.0.0.1");
    let other = cluster.symbol("10.0.0.1");
    let every = cluster.symbol("0.0.0.0");
    let port = |host_ip, protocol| HostPort { port: 80, protocol, host_ip };
    let using = PodSpec { host_ports: vec![port(local, Protocol::Tcp)], ..plain() };
    cluster.pod("old", using, Some(node));
    let pod = cluster.pod("web", plain(), None);
    let taken = "UNS NodePorts: node(s) didn't have free ports for the requested pod ports";
    for (wanted, expected) in [
        (port(local, Protocol::Tcp), taken),
        (port(Symbol::EMPTY, Protocol::Tcp), taken),
        (port(every, Protocol::Tcp), taken),
        (port(other, Protocol::Tcp), "fits"),
        (port(local, Protocol::Udp), "fits"),
    ] {
        cluster.spec_mut(pod).host_ports = vec![wanted];
        assert_eq!(cluster.verdicts(pod), [expected], "{wanted:?}");
    }
}

#[test]
fn every_resource_that_is_short_is_reported() {
    let mut cluster = Cluster::default();
    let node = cluster.node("a");
    cluster.at(node).allocatable_pods = 1;
    cluster.pod("old", asks(3000, 1 << 30), Some(node));
    let pod = cluster.pod("web", asks(2000, 1 << 30), None);
    assert_eq!(cluster.verdicts(pod), ["UNS NodeResourcesFit: Too many pods, Insufficient cpu"]);
    cluster.spec_mut(pod).requests = requests(2000, 9 << 30);
    let all = "UAU NodeResourcesFit: Too many pods, Insufficient cpu, Insufficient memory";
    assert_eq!(cluster.verdicts(pod), [all]);
}

#[test]
fn a_request_that_fills_the_node_exactly_fits() {
    let mut cluster = Cluster::default();
    let node = cluster.node("a");
    cluster.pod("old", asks(3000, 0), Some(node));
    let pod = cluster.pod("web", asks(1000, 8 << 30), None);
    assert_eq!(cluster.verdicts(pod), ["fits"]);
    cluster.spec_mut(pod).requests.cpu_milli = 1001;
    assert_eq!(cluster.verdicts(pod), ["UNS NodeResourcesFit: Insufficient cpu"]);
}

#[test]
fn extended_resources_count_and_a_node_without_them_cannot_help() {
    let mut cluster = Cluster::default();
    let (a, _) = (cluster.node("a"), cluster.node("b"));
    let gpu = cluster.symbol("example.com/gpu");
    cluster.at(a).allocatable.scalar.insert(gpu, 1);
    let mut spec = plain();
    spec.requests.scalar.insert(gpu, 1);
    let pod = cluster.pod("web", spec.clone(), None);
    assert_eq!(cluster.verdicts(pod), ["fits", "UAU NodeResourcesFit: Insufficient example.com/gpu"]);
    cluster.pod("old", spec, Some(a));
    assert_eq!(cluster.verdicts(pod)[0], "UNS NodeResourcesFit: Insufficient example.com/gpu");
}

#[test]
fn pods_that_have_ended_take_nothing_and_those_that_terminate_still_do() {
    let mut cluster = Cluster::default();
    let node = cluster.node("a");
    let old = cluster.pod("old", asks(4000, 0), Some(node));
    let pod = cluster.pod("web", asks(1000, 0), None);
    let deletion = crate::cluster::DeletionCause::Delete;
    cluster.pod_mut(old).deletion = Some(crate::cluster::Deletion { requested_at: Time::ZERO, cause: deletion });
    assert_eq!(cluster.verdicts(pod), ["UNS NodeResourcesFit: Insufficient cpu"]);
    cluster.pod_mut(old).phase = Phase::Succeeded;
    assert_eq!(cluster.verdicts(pod), ["fits"]);
}

#[test]
fn the_first_filter_that_fails_decides() {
    let mut cluster = Cluster::default();
    let node = cluster.node("a");
    cluster.at(node).unschedulable = true;
    cluster.taint(node, "dedicated", Effect::NoSchedule);
    let pod = cluster.pod("web", asks(9000, 0), None);
    assert_eq!(cluster.verdicts(pod), ["UAU NodeUnschedulable: node(s) were unschedulable"]);
    cluster.at(node).unschedulable = false;
    assert_eq!(cluster.verdicts(pod), ["UAU TaintToleration: node(s) had untolerated taint(s)"]);
}

#[test]
fn a_node_must_declare_the_features_that_a_pod_needs() {
    let mut cluster = Cluster::default();
    let (_, declares) = (cluster.node("a"), cluster.node("b"));
    cluster.at(declares).declared_features = NodeFeature::DEFAULT.into();
    let pod = cluster.pod("web", plain(), None);
    assert_eq!(cluster.verdicts(pod), ["fits", "fits"]);
    cluster.spec_mut(pod).required_features = [NodeFeature::RestartAllContainersOnContainerExits].into();
    let lacking = "UAU NodeDeclaredFeatures: node(s) didn't match Pod's required features";
    assert_eq!(cluster.verdicts(pod), [lacking, "fits"]);
    assert_eq!(Cache::new(&cluster.state, Sampling::AllNodes).best_nodes_of(&cluster.state, pod), [declares]);
    cluster.spec_mut(pod).required_features = NodeFeature::ALL.into();
    assert_eq!(cluster.verdicts(pod), [lacking, lacking]);
}
