use super::*;

/// The production environment of the recorded scenarios: three workers and a control-plane node.
fn environment() -> (Cluster, [NodeId; 4]) {
    let mut cluster = Cluster::default();
    let nodes =
        [cluster.node("worker-1"), cluster.node("worker-2"), cluster.node("worker-3"), cluster.node("control-plane-1")];
    cluster.taint(nodes[3], "node-role.kubernetes.io/control-plane", Effect::NoSchedule);
    (cluster, nodes)
}

fn backend(cluster: &mut Cluster) -> PodSpec {
    PodSpec { required_anti_affinity: vec![cluster.term("backend", Symbol::HOSTNAME)], ..asks(500, 512 << 20) }
}

#[test]
fn no_node_takes_a_second_backend_pod() {
    let (mut cluster, [a, b, c, _]) = environment();
    let spec = backend(&mut cluster);
    for node in [a, b, c] {
        cluster.pod("backend", spec.clone(), Some(node));
    }
    let pod = cluster.pod("backend", spec, None);
    assert_eq!(
        cluster.message(pod),
        "0/4 nodes are available: 1 node(s) had untolerated taint(s), 3 node(s) didn't match pod anti-affinity rules. no \
         new claims to deallocate, preemption: 0/4 nodes are available: 1 Preemption is not helpful for scheduling, 3 No \
         preemption victims found for incoming pod."
    );
}

#[test]
fn cordoned_and_crashed_nodes_are_told_apart() {
    let (mut cluster, [a, b, c, _]) = environment();
    let spec = backend(&mut cluster);
    cluster.pod("backend", spec.clone(), Some(c));
    let pod = cluster.pod("backend", spec, None);
    let (mut cordoned, mut crashed) = (cluster.clone(), cluster);
    for node in [a, b] {
        cordoned.at(node).unschedulable = true;
        cordoned.taint(node, "node.kubernetes.io/unschedulable", Effect::NoSchedule);
        crashed.taint(node, "node.kubernetes.io/unreachable", Effect::NoSchedule);
    }
    assert_eq!(
        cordoned.message(pod),
        "0/4 nodes are available: 1 node(s) didn't match pod anti-affinity rules, 1 node(s) had untolerated taint(s), 2 \
         node(s) were unschedulable. no new claims to deallocate, preemption: 0/4 nodes are available: 1 No preemption \
         victims found for incoming pod, 3 Preemption is not helpful for scheduling."
    );
    assert_eq!(
        crashed.message(pod),
        "0/4 nodes are available: 1 node(s) didn't match pod anti-affinity rules, 3 node(s) had untolerated taint(s). no \
         new claims to deallocate, preemption: 0/4 nodes are available: 1 No preemption victims found for incoming pod, 3 \
         Preemption is not helpful for scheduling."
    );
}

#[test]
fn one_worker_is_drained_or_gone() {
    let (mut cluster, [a, b, c, _]) = environment();
    let spec = backend(&mut cluster);
    for node in [b, c] {
        cluster.pod("backend", spec.clone(), Some(node));
    }
    let pod = cluster.pod("backend", spec, None);
    let (mut cordoned, mut crashed) = (cluster.clone(), cluster);
    cordoned.at(a).unschedulable = true;
    crashed.taint(a, "node.kubernetes.io/unreachable", Effect::NoExecute);
    assert_eq!(
        cordoned.message(pod),
        "0/4 nodes are available: 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable, 2 node(s) didn't \
         match pod anti-affinity rules. no new claims to deallocate, preemption: 0/4 nodes are available: 2 No preemption \
         victims found for incoming pod, 2 Preemption is not helpful for scheduling."
    );
    assert_eq!(
        crashed.message(pod),
        "0/4 nodes are available: 2 node(s) didn't match pod anti-affinity rules, 2 node(s) had untolerated taint(s). no \
         new claims to deallocate, preemption: 0/4 nodes are available: 2 No preemption victims found for incoming pod, 2 \
         Preemption is not helpful for scheduling."
    );
}

#[test]
fn without_nodes() {
    let mut cluster = Cluster::default();
    let pod = cluster.pod("web", plain(), None);
    assert_eq!(cluster.message(pod), "no nodes available to schedule pods");
}

#[test]
fn a_pod_that_may_not_preempt() {
    let mut cluster = Cluster::default();
    cluster.node("a");
    let preemption_policy = crate::cluster::PreemptionPolicy::Never;
    let pod = cluster.pod("web", PodSpec { preemption_policy, ..asks(5000, 0) }, None);
    assert_eq!(
        cluster.message(pod),
        "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: not eligible due to \
         preemptionPolicy=Never."
    );
}

#[test]
fn preemption_under_way_adds_nothing() {
    let mut cluster = Cluster::default();
    let node = cluster.node("a");
    cluster.pod("old", asks(4000, 0), Some(node));
    let pod = cluster.pod("web", with_priority(1, asks(2000, 0)), None);
    assert_eq!(cluster.message(pod), "0/1 nodes are available: 1 Insufficient cpu.");
}

#[test]
fn counts_are_sorted_as_texts() {
    let mut cluster = Cluster::default();
    for number in 0..12 {
        let node = cluster.node(&format!("n{number}"));
        if number < 2 {
            cluster.at(node).unschedulable = true;
        }
    }
    let pod = cluster.pod("web", asks(5000, 0), None);
    assert_eq!(
        cluster.message(pod),
        "0/12 nodes are available: 10 Insufficient cpu, 2 node(s) were unschedulable. no new claims to deallocate, \
         preemption: 0/12 nodes are available: 12 Preemption is not helpful for scheduling."
    );
}
