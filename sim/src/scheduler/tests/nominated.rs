use super::*;
use crate::cluster::Duration;

#[test]
fn a_nominated_node_that_fits_is_taken_without_looking_further() {
    let mut cluster = Cluster::default();
    let (a, b) = (cluster.node("a"), cluster.node("b"));
    cluster.pod("old", asks(1000, 0), Some(a));
    let pod = cluster.pod("web", asks(1000, 0), None);
    assert_eq!(cluster.schedule(pod).best, [b]);
    cluster.pod_mut(pod).nominated_node = Some(a);
    let result = cluster.schedule(pod);
    assert_eq!((result.best, result.scores.len(), result.verdicts.len()), (vec![a], 0, 1));
    cluster.at(a).unschedulable = true;
    assert_eq!(cluster.schedule(pod).best, [b]);
}

#[test]
fn room_that_was_made_for_a_pod_is_left_to_it() {
    let mut cluster = Cluster::default();
    let node = cluster.node("a");
    let nominated = cluster.pod("first", with_priority(5, asks(3000, 0)), None);
    cluster.pod_mut(nominated).nominated_node = Some(node);
    let lower = cluster.pod("web", with_priority(4, asks(2000, 0)), None);
    let higher = cluster.pod("web", with_priority(6, asks(2000, 0)), None);
    assert_eq!(cluster.verdicts(lower), ["UNS NodeResourcesFit: Insufficient cpu"]);
    assert_eq!(cluster.verdicts(higher), ["fits"]);
    assert_eq!(cluster.verdicts(nominated), ["fits"]);
}

#[test]
fn a_nominated_pod_does_not_satisfy_affinity_before_it_runs() {
    let mut cluster = Cluster::default();
    let node = cluster.node("a");
    let nominated = cluster.pod("db", with_priority(5, plain()), None);
    cluster.pod_mut(nominated).nominated_node = Some(node);
    let term = cluster.term("db", Symbol::HOSTNAME);
    let pod = cluster.pod("web", PodSpec { required_affinity: vec![term], ..plain() }, None);
    assert_eq!(cluster.verdicts(pod), ["UAU InterPodAffinity: node(s) didn't match pod affinity rules"]);
}

#[test]
fn what_if_questions_need_no_pod_in_the_state() {
    let mut cluster = Cluster::default();
    let (a, b) = (cluster.node("a"), cluster.node("b"));
    let spec = PodSpec { required_anti_affinity: vec![cluster.term("web", Symbol::HOSTNAME)], ..asks(100, 0) };
    let labels = cluster.app("web");
    let mut snapshot = Snapshot::new(&cluster.state);
    let question = Candidate::hypothetical(Symbol::DEFAULT, &labels, &spec, Owner::None);
    assert_eq!(feasible_nodes(&snapshot, &question), [a, b]);
    snapshot.bind(question, a);
    assert_eq!(feasible_nodes(&snapshot, &question), [b]);
    snapshot.bind(question, b);
    assert!(feasible_nodes(&snapshot, &question).is_empty());
    snapshot.retain(a, |_| false);
    assert_eq!(feasible_nodes(&snapshot, &question), [a]);
}

#[test]
fn binding_ends_a_nomination() {
    let mut cluster = Cluster::default();
    let (a, b) = (cluster.node("a"), cluster.node("b"));
    let nominated = cluster.pod("first", with_priority(5, asks(3000, 0)), None);
    cluster.pod_mut(nominated).nominated_node = Some(a);
    let pod = cluster.pod("web", asks(2000, 0), None);
    let mut snapshot = Snapshot::new(&cluster.state);
    let of = |id: PodId| Candidate::of_pod(id, &cluster.state.pods[&id]);
    assert_eq!(feasible_nodes(&snapshot, &of(pod)), [b]);
    snapshot.bind(of(nominated), b);
    assert_eq!(feasible_nodes(&snapshot, &of(pod)), [a]);
}

#[test]
fn the_queue_goes_by_priority_then_by_age() {
    let mut cluster = Cluster::default();
    let node = cluster.node("a");
    let first = cluster.pod("a", plain(), None);
    let urgent = cluster.pod("b", with_priority(5, plain()), None);
    let last = cluster.pod("c", plain(), None);
    cluster.pod("d", PodSpec { not_scheduled_here: true, ..with_priority(9, plain()) }, None);
    let running = cluster.pod("e", plain(), Some(node));
    let mut queue = SchedulingQueue::new(&cluster.state);
    let mut tried = Vec::new();
    while let Some(pod) = queue.next(&cluster.state) {
        queue.failed(pod, Time::ZERO);
        tried.push(pod);
    }
    assert_eq!(tried, [urgent, first, last]);
    let added = cluster.pod("f", plain(), None);
    queue.add(&cluster.state, added, &cluster.state.pods[&added]);
    assert_eq!(queue.next(&cluster.state), Some(added));
    queue.retry_all();
    cluster.pod_mut(urgent).deletion =
        Some(crate::cluster::Deletion { requested_at: Time::ZERO, cause: crate::cluster::DeletionCause::Delete });
    // A pod that has failed stands behind one that has not.
    assert_eq!(queue.next(&cluster.state), Some(added));
    queue.failed(added, Time::ZERO);
    assert_eq!(queue.next(&cluster.state), Some(first));
    assert_eq!((queue.attempt_count(first), queue.attempt_count(running)), (1, 0));
    queue.forget(first);
    assert_eq!(queue.attempt_count(first), 0);
    queue.forget(last);
    assert_eq!(queue.next(&cluster.state), None, "the others are gone, terminate or are not the scheduler's");
}

#[test]
fn a_pod_that_backs_off_comes_after_all_others_and_then_in_its_turn() {
    let mut cluster = Cluster::default();
    let urgent = cluster.pod("a", with_priority(5, plain()), None);
    let failed = cluster.pod("b", plain(), None);
    let mut queue = SchedulingQueue::new(&cluster.state);
    queue.failed(urgent, Time::ZERO);
    queue.failed(failed, Time::ZERO);
    queue.retry_all();
    let added = cluster.pod("c", plain(), None);
    cluster.pod_mut(added).created_at = Time::from_milliseconds(500);
    queue.add(&cluster.state, added, &cluster.state.pods[&added]);
    assert_eq!(queue.next(&cluster.state), Some(added), "the others back off");
    cluster.state.now = Time::from_milliseconds(1000);
    assert_eq!(queue.next(&cluster.state), Some(urgent), "its second is over");
    queue.forget(urgent);
    cluster.state.pods.remove(&urgent);
    assert_eq!(queue.next(&cluster.state), Some(failed), "it has waited longer");
    // Twice failed, it backs off for two seconds.
    queue.failed(failed, Time::from_milliseconds(1000));
    queue.retry_all();
    cluster.state.now = Time::from_milliseconds(2000);
    assert_eq!(queue.next(&cluster.state), Some(added));
    cluster.state.pods.remove(&added);
    assert_eq!(queue.next(&cluster.state), Some(failed), "nothing waits while there is no other");
    // Having failed at 1.9 s it backs off until 2.9 s, and of that only until 2 s.
    let late = cluster.pod("d", plain(), None);
    queue.failed(late, Time::from_milliseconds(1900));
    queue.retry_all();
    queue.forget(failed);
    cluster.state.pods.remove(&failed);
    let younger = cluster.pod("e", plain(), None);
    cluster.pod_mut(younger).created_at = Time::from_milliseconds(1950);
    queue.add(&cluster.state, younger, &cluster.state.pods[&younger]);
    assert_eq!(queue.next(&cluster.state), Some(late));
    cluster.state.now = Time::from_milliseconds(1999);
    assert_eq!(queue.next(&cluster.state), Some(younger));
}

#[test]
fn backoff_doubles_up_to_ten_seconds() {
    let seconds: Vec<u64> =
        (0..7).map(|failures| backoff(&SchedulerConfiguration::default(), failures).milliseconds() / 1000).collect();
    assert_eq!(seconds, [0, 1, 2, 4, 8, 10, 10]);
    assert_eq!(backoff(&SchedulerConfiguration::default(), u32::MAX), Duration::from_seconds(10));
}
