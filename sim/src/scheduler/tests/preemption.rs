use super::*;
use crate::cluster::{
    BudgetId, BudgetStatus, BudgetTarget, Deletion, DeletionCause, Duration, PodDisruptionBudget,
    UnhealthyPodEvictionPolicy,
};

fn candidates(cluster: &Cluster, pod: PodId) -> (BTreeMap<NodeId, Victims>, Vec<NodeId>) {
    match preempt(&cluster.state, pod, &cluster.schedule(pod)) {
        Preemption::Candidates { victims, best, .. } => (victims, best),
        other => panic!("{other:?}"),
    }
}

fn budget(cluster: &mut Cluster, app: &str, disruptions_allowed: i64) {
    let selector = Some(cluster.selector(app));
    let id = BudgetId(u32::try_from(cluster.state.budgets.len()).unwrap());
    cluster.state.budgets.insert(
        id,
        PodDisruptionBudget {
            namespace: Symbol::DEFAULT,
            name: Symbol::EMPTY,
            selector,
            target: BudgetTarget::None,
            unhealthy_pod_eviction_policy: UnhealthyPodEvictionPolicy::default(),
            status: BudgetStatus { disruptions_allowed, ..BudgetStatus::default() },
        },
    );
}

#[test]
fn only_lower_priority_goes_and_no_more_than_needed() {
    let mut cluster = Cluster::default();
    let node = cluster.node("a");
    cluster.pod("same", with_priority(5, asks(1000, 0)), Some(node));
    cluster.pod("low", with_priority(2, asks(1000, 0)), Some(node));
    let least = cluster.pod("lower", with_priority(1, asks(1000, 0)), Some(node));
    cluster.pod("small", with_priority(1, asks(500, 0)), Some(node));
    let pod = cluster.pod("web", with_priority(5, asks(1500, 0)), None);
    let (victims, best) = candidates(&cluster, pod);
    assert_eq!(best, [node]);
    // 500m are free: taking `lower` away suffices, and what is more important stays.
    assert_eq!(victims[&node].pods, [least]);
}

#[test]
fn longer_running_pods_are_more_important() {
    let mut cluster = Cluster::default();
    let node = cluster.node("a");
    let younger = cluster.pod("old", asks(2000, 0), Some(node));
    let older = cluster.pod("old", asks(2000, 0), Some(node));
    cluster.pod_mut(younger).started_at = Some(Time::ZERO.after(Duration::from_seconds(10)));
    let pod = cluster.pod("web", with_priority(1, asks(2000, 0)), None);
    assert_eq!(candidates(&cluster, pod).0[&node].pods, [younger]);
    cluster.pod_mut(older).started_at = None;
    cluster.state.now = Time::ZERO.after(Duration::from_seconds(20));
    assert_eq!(candidates(&cluster, pod).0[&node].pods, [older]);
}

#[test]
fn budgets_are_spared_first_but_not_respected() {
    let mut cluster = Cluster::default();
    let node = cluster.node("a");
    let guarded = cluster.pod("guarded", asks(2000, 0), Some(node));
    let free = cluster.pod("free", with_priority(1, asks(2000, 0)), Some(node));
    budget(&mut cluster, "guarded", 0);
    let pod = cluster.pod("web", with_priority(2, asks(2000, 0)), None);
    let (victims, _) = candidates(&cluster, pod);
    assert_eq!(victims[&node], Victims { pods: vec![free], budget_violations: 0 });
    cluster.spec_mut(pod).requests.cpu_milli = 4000;
    let (victims, _) = candidates(&cluster, pod);
    assert_eq!(victims[&node], Victims { pods: vec![free, guarded], budget_violations: 1 });
    cluster.state.budgets.get_mut(&BudgetId(0)).unwrap().status.disrupted_pods.insert(guarded, Time::ZERO);
    assert_eq!(candidates(&cluster, pod).0[&node].budget_violations, 0);
}

#[test]
fn a_budget_allows_as_many_as_it_says() {
    let mut cluster = Cluster::default();
    let node = cluster.node("a");
    for _ in 0..4 {
        cluster.pod("guarded", asks(1000, 0), Some(node));
    }
    budget(&mut cluster, "guarded", 3);
    let pod = cluster.pod("web", with_priority(2, asks(4000, 0)), None);
    assert_eq!(candidates(&cluster, pod).0[&node].budget_violations, 1);
}

/// Three nodes, each full with the given victims (priority, milli-cores).
fn choice(nodes: &[&[(i32, i64)]]) -> Vec<u32> {
    let mut cluster = Cluster::default();
    for (number, victims) in nodes.iter().enumerate() {
        let node = cluster.node(&format!("n{number}"));
        for (priority, cpu_milli) in *victims {
            cluster.pod("old", with_priority(*priority, asks(*cpu_milli, 0)), Some(node));
        }
    }
    let pod = cluster.pod("web", with_priority(100, asks(4000, 0)), None);
    candidates(&cluster, pod).1.into_iter().map(|node| node.0).collect()
}

#[test]
fn the_node_with_the_least_important_victims_is_chosen() {
    assert_eq!(choice(&[&[(5, 4000)], &[(3, 4000)], &[(9, 4000)]]), [1]);
    assert_eq!(choice(&[&[(5, 2000), (4, 2000)], &[(5, 2000), (1, 2000)]]), [1]);
    assert_eq!(choice(&[&[(0, 2000), (0, 2000)], &[(0, 4000)]]), [1]);
    assert_eq!(choice(&[&[(-5, 2000), (-5, 2000)], &[(-5, 4000)]]), [1]);
    assert_eq!(choice(&[&[(0, 4000)], &[(0, 4000)], &[(1, 4000)]]), [0, 1]);
}

#[test]
fn fewest_budget_violations_come_first() {
    let mut cluster = Cluster::default();
    let (a, b) = (cluster.node("a"), cluster.node("b"));
    cluster.pod("guarded", asks(4000, 0), Some(a));
    cluster.pod("free", with_priority(9, asks(4000, 0)), Some(b));
    budget(&mut cluster, "guarded", 0);
    let pod = cluster.pod("web", with_priority(10, asks(4000, 0)), None);
    assert_eq!(candidates(&cluster, pod).1, [b]);
}

#[test]
fn the_latest_start_decides_last() {
    let mut cluster = Cluster::default();
    let (a, b) = (cluster.node("a"), cluster.node("b"));
    let later = Some(Time::ZERO.after(Duration::from_seconds(5)));
    cluster.pod("old", asks(4000, 0), Some(a));
    let younger = cluster.pod("old", asks(4000, 0), Some(b));
    cluster.pod_mut(younger).started_at = later;
    let pod = cluster.pod("web", with_priority(1, asks(4000, 0)), None);
    assert_eq!(candidates(&cluster, pod).1, [b]);
}

#[test]
fn anti_affinity_is_solved_by_evicting_the_pod_that_is_in_the_way() {
    let mut cluster = Cluster::default();
    let node = cluster.node("a");
    let in_the_way = cluster.pod("web", plain(), Some(node));
    cluster.pod("db", plain(), Some(node));
    let term = cluster.term("web", Symbol::HOSTNAME);
    let spec = PodSpec { required_anti_affinity: vec![term], ..with_priority(1, plain()) };
    let pod = cluster.pod("web", spec, None);
    assert_eq!(candidates(&cluster, pod).0[&node].pods, [in_the_way]);
}

#[test]
fn spread_is_solved_by_evicting_in_the_fuller_domain() {
    let mut cluster = Cluster::default();
    let (a, b) = (cluster.node_in_zone("a", "x"), cluster.node_in_zone("b", "y"));
    cluster.at(b).allocatable_pods = 0;
    let first = cluster.pod("web", plain(), Some(a));
    let constraint = cluster.spread("web", Symbol::ZONE, WhenUnsatisfiable::DoNotSchedule);
    let spec = PodSpec { spread_constraints: vec![constraint], ..with_priority(1, plain()) };
    let pod = cluster.pod("web", spec, None);
    let (victims, best) = candidates(&cluster, pod);
    assert_eq!((victims[&a].pods.clone(), best), (vec![first], vec![a]));
}

#[test]
fn a_node_that_would_still_not_fit_says_why() {
    let mut cluster = Cluster::default();
    let (a, b, c) = (cluster.node("a"), cluster.node("b"), cluster.node("c"));
    cluster.pod("high", with_priority(9, asks(3000, 0)), Some(a));
    cluster.pod("low", asks(500, 0), Some(a));
    cluster.pod("high", with_priority(9, asks(3000, 0)), Some(b));
    cluster.at(c).unschedulable = true;
    let pod = cluster.pod("web", with_priority(1, asks(2000, 0)), None);
    let Preemption::NoCandidate { statuses } = preempt(&cluster.state, pod, &cluster.schedule(pod)) else { panic!() };
    assert_eq!(statuses[&a].reasons, [Reason::Insufficient(ResourceName::Cpu)]);
    assert_eq!(statuses[&b].reasons, [Reason::NoPreemptionVictims]);
    assert!(!statuses.contains_key(&c));
    assert_eq!(
        cluster.message(pod),
        "0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu. no new claims to deallocate, \
         preemption: 0/3 nodes are available: 1 Insufficient cpu, 1 No preemption victims found for incoming pod, 1 \
         Preemption is not helpful for scheduling."
    );
}

#[test]
fn while_victims_terminate_nobody_else_goes() {
    let mut cluster = Cluster::default();
    let (a, b) = (cluster.node("a"), cluster.node("b"));
    let victim = cluster.pod("old", asks(4000, 0), Some(a));
    cluster.pod("old", asks(4000, 0), Some(b));
    let pod = cluster.pod("web", with_priority(1, asks(4000, 0)), None);
    cluster.pod_mut(pod).nominated_node = Some(a);
    cluster.pod_mut(victim).deletion = Some(Deletion { requested_at: Time::ZERO, cause: DeletionCause::Preemption });
    assert_eq!(preempt(&cluster.state, pod, &cluster.schedule(pod)), Preemption::VictimsTerminating);
    // A nominated node that no longer qualifies at all frees the pod to try elsewhere.
    cluster.at(a).unschedulable = true;
    assert_eq!(candidates(&cluster, pod).1, [b]);
}
