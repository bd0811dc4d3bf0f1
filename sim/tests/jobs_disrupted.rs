//! Jobs whose pods others take away: drains, crashes, budgets, preemption, users.
#![allow(clippy::unwrap_used)]

mod cluster_builder;
mod job_cases;

use std::sync::Arc;

use cluster_builder::{Builder, PodWishes};
use job_cases::*;
use quorate_sim::cluster::*;
use quorate_sim::simulation::{JobCondition, ObjectChange, StepAction, StepOutcome};

#[test]
fn fewer_at_once_are_not_failures() {
    let mut simulation = run(job(|spec| {
        runs_for_ever(spec);
        (spec.completions, spec.parallelism) = (Some(5), 3);
    }));
    let report = edit(&mut simulation, |spec| spec.parallelism = 1);
    assert_eq!(report.outcome, StepOutcome::Completed);
    assert_eq!((running(&simulation).len(), counted(&simulation).1), (1, 0));
    let of_indexes = edit(&mut simulation, |spec| {
        indexed(spec, 5);
        spec.parallelism = 1;
    });
    assert_eq!(of_indexes.outcome, StepOutcome::Completed);
    let index = |pod: &PodId| simulation.state.jobs[&JOB].status.pods[pod].index;
    assert_eq!(running(&simulation).iter().map(index).collect::<Vec<_>>(), [Some(0)], "a pod without index goes");
}

#[test]
fn a_drain_moves_a_job_and_an_impossible_one_stays_stuck() {
    let mut simulation = run(job(runs_for_ever));
    let node = simulation.state.pods[&running(&simulation)[0]].node.unwrap();
    let report = play(&mut simulation, StepAction::Drain { nodes: vec![node] });
    assert_eq!(report.outcome, StepOutcome::Completed);
    assert_eq!(report.min_ready["job/default/work"], 0);
    assert_ne!(simulation.state.pods[&running(&simulation)[0]].node, Some(node));
    let report = edit(&mut simulation, |spec| spec.parallelism = 0);
    assert_eq!((report.outcome, running(&simulation).len()), (StepOutcome::Completed, 0));
    let stuck = run(job(|spec| {
        runs_for_ever(spec);
        template(spec).requests.cpu_milli = 1_000_000;
    }));
    let numbers = stuck.summary().workloads["job/default/work"];
    assert_eq!((numbers.desired, numbers.replicas, numbers.ready), (1, 1, 0));
}

#[test]
fn a_pod_of_a_crashed_node_is_replaced_when_it_is_evicted_and_fails_when_the_node_is_back() {
    let simulation = run(job(runs_for_ever));
    let (pod, node) = {
        let pod = running(&simulation)[0];
        (pod, simulation.state.pods[&pod].node.unwrap())
    };
    let back = {
        let mut branch = simulation.clone();
        play(&mut branch, StepAction::FailNode { nodes: vec![node] });
        branch
    };
    assert!(back.state.pods[&pod].deletion.is_some(), "it stays, terminating");
    assert_eq!(counted(&back), (0, 1, JobCondition::Active));
    let replacement = running(&back);
    assert_eq!(replacement.len(), 1);
    // It was unready since the node was noticed: ten seconds have passed when it is evicted.
    let (evicted, created) =
        (back.state.pods[&pod].deletion.unwrap().requested_at, back.state.pods[&replacement[0]].created_at);
    assert_eq!(created.since(evicted), Duration::from_seconds(1));
    // A short crash: the kubelet finds the container ended.
    let steps = [StepAction::FailNode { nodes: vec![node] }, StepAction::RecoverNode { nodes: vec![node] }];
    let mut simulation = simulation;
    for action in steps {
        simulation.play_action(&action);
    }
    assert_eq!(counted(&simulation), (0, 1, JobCondition::Active));
}

#[test]
fn a_container_of_a_crashed_node_runs_again_where_it_may() {
    let mut simulation = run(job(|spec| {
        runs_for_ever(spec);
        template(spec).restart_policy = RestartPolicy::OnFailure;
        template(spec).tolerations.clear();
    }));
    let pod = running(&simulation)[0];
    let node = simulation.state.pods[&pod].node.unwrap();
    let change = ObjectChange(Arc::new(move |state| {
        state.pods.get_mut(&pod).unwrap().started_at = None;
        state.pods.get_mut(&pod).unwrap().ready = false;
        Vec::new()
    }));
    play(&mut simulation, StepAction::Apply { change });
    assert_eq!(simulation.state.pods[&pod].node, Some(node));
    assert_eq!(simulation.state.jobs[&JOB].status.pods[&pod].restarts, 1);
    assert!(simulation.state.pods[&pod].ready);
}

#[test]
fn a_pod_of_a_deleted_node_fails_by_garbage_collection_which_is_a_disruption() {
    let ignore = PodFailureRule { action: PodFailureAction::Ignore, on: PodFailureMatch::DisruptionTarget(true) };
    let mut simulation = run(job(|spec| {
        runs_for_ever(spec);
        spec.pod_failure_policy = Some(vec![ignore]);
    }));
    let pod = running(&simulation)[0];
    let node = simulation.state.pods[&pod].node.unwrap();
    let report = play(&mut simulation, StepAction::DeleteNode { nodes: vec![node] });
    let events = story(&report.events, &["garbage", "has failed", "creates"]);
    assert_eq!(events.len(), 3, "{events:#?}");
    assert!(!simulation.state.pods.contains_key(&pod));
    assert_eq!((counted(&simulation).1, running(&simulation).len()), (0, 1));
}

#[test]
fn a_budget_over_pods_of_a_job_allows_nothing_unless_it_is_a_number() {
    let mut builder = job(runs_for_ever);
    builder.budget("work", BudgetTarget::MaxUnavailable(IntOrPercent::Int(1)));
    let simulation = run(builder);
    let status = &simulation.state.budgets[&BudgetId(0)].status;
    assert!(status.sync_failed && status.disruptions_allowed == 0);
    let mut builder = job(runs_for_ever);
    builder.budget("work", BudgetTarget::MinAvailable(IntOrPercent::Int(0)));
    let status = &run(builder).state.budgets[&BudgetId(0)].status;
    assert!(!status.sync_failed && status.disruptions_allowed == 1);
}

#[test]
fn users_cannot_scale_or_change_a_job_and_can_delete_it() {
    let mut builder = job(runs_for_ever);
    let workload = builder.name(WorkloadKind::Job, "work");
    let mut simulation = run(builder);
    let scaled = play(&mut simulation, StepAction::Scale { workload, replicas: 3 });
    assert_eq!((scaled.outcome, scaled.detail.as_str()), (StepOutcome::Failed, "job/default/work: a Job has no scale"));
    let restarted = play(&mut simulation, StepAction::Restart { workload });
    assert_eq!(restarted.outcome, StepOutcome::Failed);
    play(&mut simulation, StepAction::DeleteWorkload { workload });
    assert!(simulation.state.jobs.is_empty() && simulation.state.pods.is_empty());
}

#[test]
fn a_job_that_another_controller_manages_is_left_alone() {
    let simulation = run(job(|spec| spec.managed_elsewhere = true));
    assert!(simulation.state.pods.is_empty());
    assert!(simulation.assumptions().iter().any(|text| text.contains("managed by another controller")));
    let for_ever = run(job(runs_for_ever));
    assert!(for_ever.assumptions().iter().any(|text| text.contains("quorate.dev/run-seconds")));
    let declared = run(job(|_| {}));
    assert!(!declared.assumptions().iter().any(|text| text.contains("quorate.dev/run-seconds")));
}

#[test]
fn preemption_of_a_job_is_a_disruption() {
    let ignore = PodFailureRule { action: PodFailureAction::Ignore, on: PodFailureMatch::DisruptionTarget(true) };
    let mut builder = Builder::new();
    builder.workers(1);
    builder.job("work", 10, |spec| {
        runs_for_ever(spec);
        template(spec).requests.cpu_milli = 3000;
        spec.pod_failure_policy = Some(vec![ignore]);
    });
    let mut simulation = run(builder);
    let change = ObjectChange(Arc::new(|state| {
        let mut urgent = Builder::new();
        std::mem::swap(&mut urgent.state, state);
        urgent.bare_pod("urgent", None, &PodWishes { cpu_milli: 2000, priority: 10, ..PodWishes::default() });
        std::mem::swap(&mut urgent.state, state);
        Vec::new()
    }));
    let report = play(&mut simulation, StepAction::Apply { change });
    assert!(report.events.iter().any(|(_, text)| text.contains("is preempted")), "{:#?}", report.events);
    assert_eq!(counted(&simulation), (0, 0, JobCondition::Active));
    assert_eq!(simulation.summary().workloads["job/default/work"].ready, 0);
}

fn indexed(spec: &mut JobSpec, completions: i64) {
    spec.completion_mode = CompletionMode::Indexed;
    (spec.completions, spec.parallelism) = (Some(completions), completions);
}
