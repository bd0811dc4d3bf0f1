use super::*;
use crate::cluster::{Deletion, DeletionCause};

const AFFINITY: &str = "UAU InterPodAffinity: node(s) didn't match pod affinity rules";
const ANTI_AFFINITY: &str = "UNS InterPodAffinity: node(s) didn't match pod anti-affinity rules";
const EXISTING: &str = "UNS InterPodAffinity: node(s) didn't satisfy existing pods anti-affinity rules";
const SPREAD: &str = "UNS PodTopologySpread: node(s) didn't match pod topology spread constraints";
const SPREAD_LABEL: &str =
    "UAU PodTopologySpread: node(s) didn't match pod topology spread constraints (missing required label)";

/// Nodes a and b in zone x, c in zone y, d in none.
fn zones() -> (Cluster, [NodeId; 4]) {
    let mut cluster = Cluster::default();
    let nodes = [
        cluster.node_in_zone("a", "x"),
        cluster.node_in_zone("b", "x"),
        cluster.node_in_zone("c", "y"),
        cluster.node("d"),
    ];
    (cluster, nodes)
}

#[test]
fn anti_affinity_keeps_the_whole_domain_free() {
    let (mut cluster, [a, ..]) = zones();
    cluster.pod("web", plain(), Some(a));
    let term = cluster.term("web", Symbol::ZONE);
    let pod = cluster.pod("web", PodSpec { required_anti_affinity: vec![term], ..plain() }, None);
    assert_eq!(cluster.verdicts(pod), [ANTI_AFFINITY, ANTI_AFFINITY, "fits", "fits"]);
}

#[test]
fn the_anti_affinity_of_others_counts_too() {
    let (mut cluster, [a, ..]) = zones();
    let term = cluster.term("web", Symbol::ZONE);
    let old = cluster.pod("db", PodSpec { required_anti_affinity: vec![term], ..plain() }, Some(a));
    let pod = cluster.pod("web", plain(), None);
    assert_eq!(cluster.verdicts(pod), [EXISTING, EXISTING, "fits", "fits"]);
    let deletion = Deletion { requested_at: Time::ZERO, cause: DeletionCause::Delete };
    cluster.pod_mut(old).deletion = Some(deletion);
    assert_eq!(cluster.verdicts(pod), [EXISTING, EXISTING, "fits", "fits"]);
    cluster.pod_mut(pod).namespace = Symbol::EMPTY;
    assert_eq!(cluster.verdicts(pod), ["fits"; 4]);
}

#[test]
fn affinity_asks_for_a_pod_in_the_domain_and_for_its_label() {
    let (mut cluster, [_, _, c, _]) = zones();
    cluster.pod("db", plain(), Some(c));
    let term = cluster.term("db", Symbol::ZONE);
    let pod = cluster.pod("web", PodSpec { required_affinity: vec![term], ..plain() }, None);
    assert_eq!(cluster.verdicts(pod), [AFFINITY, AFFINITY, "fits", AFFINITY]);
}

#[test]
fn the_first_pod_of_a_group_that_wants_to_be_together_may_go_anywhere_with_the_label() {
    let (mut cluster, [a, ..]) = zones();
    let term = cluster.term("web", Symbol::ZONE);
    let pod = cluster.pod("web", PodSpec { required_affinity: vec![term.clone()], ..plain() }, None);
    assert_eq!(cluster.verdicts(pod), ["fits", "fits", "fits", AFFINITY]);
    cluster.pod("web", plain(), Some(a));
    assert_eq!(cluster.verdicts(pod), ["fits", "fits", AFFINITY, AFFINITY]);
    let other = cluster.pod("other", PodSpec { required_affinity: vec![term], ..plain() }, None);
    assert_eq!(cluster.verdicts(other), ["fits", "fits", AFFINITY, AFFINITY]);
}

#[test]
fn all_affinity_terms_must_match_the_same_pod() {
    let (mut cluster, [a, b, ..]) = zones();
    cluster.pod("web", plain(), Some(a));
    cluster.pod("db", plain(), Some(b));
    let terms = vec![cluster.term("web", Symbol::ZONE), cluster.term("db", Symbol::ZONE)];
    let pod = cluster.pod("x", PodSpec { required_affinity: terms, ..plain() }, None);
    assert_eq!(cluster.verdicts(pod), [AFFINITY; 4]);
}

#[test]
fn match_label_keys_compare_with_the_owner_of_the_term() {
    let (mut cluster, [a, _, c, _]) = zones();
    let key = cluster.symbol("revision");
    let (old, new) = (cluster.symbol("1"), cluster.symbol("2"));
    for (node, revision) in [(a, old), (c, new)] {
        let pod = cluster.pod("web", plain(), Some(node));
        cluster.pod_mut(pod).labels.insert(key, revision);
    }
    let term = PodAffinityTerm { match_label_keys: vec![key], ..cluster.term("web", Symbol::HOSTNAME) };
    let pod = cluster.pod("web", PodSpec { required_anti_affinity: vec![term.clone()], ..plain() }, None);
    cluster.pod_mut(pod).labels.insert(key, new);
    assert_eq!(cluster.verdicts(pod), ["fits", "fits", ANTI_AFFINITY, "fits"]);
    let term = PodAffinityTerm { match_label_keys: Vec::new(), mismatch_label_keys: vec![key], ..term };
    cluster.spec_mut(pod).required_anti_affinity = vec![term];
    assert_eq!(cluster.verdicts(pod), [ANTI_AFFINITY, "fits", "fits", "fits"]);
}

#[test]
fn a_namespace_selector_of_exclusions_only_matches_every_namespace() {
    let (mut cluster, [a, ..]) = zones();
    let (blue, key, prod) = (cluster.symbol("blue"), cluster.symbol("env"), cluster.symbol("prod"));
    let labels = Labels::from_iter([(key, prod)]);
    cluster.state.namespaces.insert(blue, Namespace { labels });
    let old = cluster.pod("web", plain(), Some(a));
    cluster.pod_mut(old).namespace = blue;
    let select = |operator| Some(LabelSelector { requirements: vec![Requirement { key, operator }] });
    let term = PodAffinityTerm { namespaces: Vec::new(), ..cluster.term("web", Symbol::HOSTNAME) };
    let pod = cluster.pod("web", plain(), None);
    for (operator, expected) in [
        (Operator::In(vec![prod]), ANTI_AFFINITY),
        (Operator::DoesNotExist, ANTI_AFFINITY),
        (Operator::NotIn(vec![prod]), ANTI_AFFINITY),
        (Operator::In(vec![blue]), "fits"),
    ] {
        let term = PodAffinityTerm { namespace_selector: select(operator), ..term.clone() };
        cluster.spec_mut(pod).required_anti_affinity = vec![term];
        assert_eq!(cluster.verdicts(pod)[0], expected);
    }
}

#[test]
fn hard_spread_keeps_the_skew() {
    let (mut cluster, [a, b, c, _]) = zones();
    cluster.pod("web", plain(), Some(a));
    let constraint = cluster.spread("web", Symbol::ZONE, WhenUnsatisfiable::DoNotSchedule);
    let pod = cluster.pod("web", PodSpec { spread_constraints: vec![constraint], ..plain() }, None);
    assert_eq!(cluster.verdicts(pod), [SPREAD, SPREAD, "fits", SPREAD_LABEL]);
    let on_c = cluster.pod("web", plain(), Some(c));
    assert_eq!(cluster.verdicts(pod), ["fits", "fits", "fits", SPREAD_LABEL]);
    let deletion = Deletion { requested_at: Time::ZERO, cause: DeletionCause::Delete };
    cluster.pod_mut(on_c).deletion = Some(deletion);
    assert_eq!(cluster.verdicts(pod), [SPREAD, SPREAD, "fits", SPREAD_LABEL]);
    cluster.spec_mut(pod).spread_constraints[0].max_skew = 2;
    assert_eq!(cluster.verdicts(pod), ["fits", "fits", "fits", SPREAD_LABEL]);
    cluster.pod("web", plain(), Some(b));
    assert_eq!(cluster.verdicts(pod), [SPREAD, SPREAD, "fits", SPREAD_LABEL]);
}

#[test]
fn with_too_few_domains_the_smallest_count_is_zero() {
    let (mut cluster, [a, _, c, _]) = zones();
    cluster.pod("web", plain(), Some(a));
    cluster.pod("web", plain(), Some(c));
    let mut constraint = cluster.spread("web", Symbol::ZONE, WhenUnsatisfiable::DoNotSchedule);
    constraint.min_domains = Some(3);
    let pod = cluster.pod("web", PodSpec { spread_constraints: vec![constraint], ..plain() }, None);
    assert_eq!(cluster.verdicts(pod), [SPREAD, SPREAD, SPREAD, SPREAD_LABEL]);
    cluster.spec_mut(pod).spread_constraints[0].min_domains = Some(2);
    assert_eq!(cluster.verdicts(pod)[..3], ["fits", "fits", "fits"]);
}

#[test]
fn tainted_nodes_count_for_spread_unless_taints_are_honoured() {
    let (mut cluster, [a, b, c, d]) = zones();
    for node in [b, d] {
        cluster.at(node).allocatable_pods = 0;
    }
    cluster.taint(c, "dedicated", Effect::NoSchedule);
    cluster.pod("web", plain(), Some(a));
    let constraint = cluster.spread("web", Symbol::ZONE, WhenUnsatisfiable::DoNotSchedule);
    let pod = cluster.pod("web", PodSpec { spread_constraints: vec![constraint], ..plain() }, None);
    assert_eq!(cluster.verdicts(pod)[0], SPREAD);
    cluster.spec_mut(pod).spread_constraints[0].node_taints_policy = SpreadPolicy::Honor;
    assert_eq!(cluster.verdicts(pod)[0], "fits");
}

#[test]
fn a_selector_that_matches_everything_counts_only_the_pod_itself() {
    let (mut cluster, [a, ..]) = zones();
    for _ in 0..3 {
        cluster.pod("web", plain(), Some(a));
    }
    let mut constraint = cluster.spread("web", Symbol::HOSTNAME, WhenUnsatisfiable::DoNotSchedule);
    constraint.selector = Some(LabelSelector::default());
    let pod = cluster.pod("web", PodSpec { spread_constraints: vec![constraint], ..plain() }, None);
    assert_eq!(cluster.verdicts(pod), ["fits"; 4]);
}
