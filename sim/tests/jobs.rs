//! Jobs: how they end, what they count, how long they wait.
#![allow(clippy::unwrap_used)]

mod cluster_builder;
mod job_cases;

use std::sync::Arc;

use job_cases::*;
use quorate_sim::cluster::*;
use quorate_sim::simulation::{JobCondition, ObjectChange, Simulation, StepAction, StepOutcome};

#[test]
fn as_many_pods_run_at_once_as_are_asked_for_until_enough_have_succeeded() {
    let simulation = run(job(|spec| (spec.completions, spec.parallelism) = (Some(3), 2)));
    let events = story(simulation.events(), &["creates", "succeeded", "complete"]);
    let times: Vec<&str> = events.iter().map(|event| event.split_once(' ').unwrap().0).collect();
    // What happens to pods is looked at a second later, all of it at once.
    assert_eq!(times, ["0", "0", "10", "10", "11", "21", "22"], "{events:#?}");
    assert_eq!(counted(&simulation), (3, 0, JobCondition::Complete));
    let numbers = simulation.summary().workloads["job/default/work"];
    assert_eq!((numbers.desired, numbers.replicas), (0, 0));
    assert_eq!(simulation.state.pods.len(), 3, "pods that have ended stay");
}

#[test]
fn failures_make_a_job_wait_ever_longer_and_then_fail_it() {
    let simulation = run(job(|spec| {
        fails(spec);
        spec.backoff_limit = 2;
    }));
    let events = story(simulation.events(), &["creates", "failed"]);
    assert_eq!(
        events,
        [
            "0 creates pod default/work-0",
            "10 work-0 has failed with exit code 3",
            "20 creates pod default/work-1",
            "30 work-1 has failed with exit code 3",
            "50 creates pod default/work-2",
            "60 work-2 has failed with exit code 3",
            "61 has failed: BackoffLimitExceeded",
        ]
    );
    assert_eq!(counted(&simulation), (0, 3, JobCondition::Failed));
    assert_eq!(summary(&simulation).reason.as_deref(), Some("BackoffLimitExceeded"));
}

#[test]
fn a_success_ends_the_waiting() {
    let mut builder = job(|spec| (spec.completions, spec.parallelism) = (Some(4), 1));
    builder.state.jobs.get_mut(&JOB).unwrap().status =
        JobStatus { failures_after_last_success: 5, last_failure: Some(Time::ZERO), ..JobStatus::default() };
    let simulation = run(builder);
    let events = story(simulation.events(), &["creates"]);
    let times: Vec<&str> = events.iter().map(|event| event.split_once(' ').unwrap().0).collect();
    assert_eq!(times, ["160", "171", "182", "193"]);
}

#[test]
fn a_work_queue_is_done_with_the_first_success_and_the_last_pod() {
    let mut simulation = run(job(|spec| {
        (spec.completions, spec.parallelism) = (None, 3);
        runs_for_ever(spec);
    }));
    assert_eq!(running(&simulation).len(), 3);
    let change = ObjectChange(Arc::new(|state| {
        let id = *state.pods.keys().next().unwrap();
        let mut pod = state.pods.get_mut(&id).unwrap();
        (pod.phase, pod.ready) = (Phase::Succeeded, false);
        Vec::new()
    }));
    play(&mut simulation, StepAction::Apply { change });
    assert_eq!(counted(&simulation), (1, 0, JobCondition::Active));
    assert_eq!(running(&simulation).len(), 2, "what runs may run on, nothing new comes");
    let pods = running(&simulation);
    evict(&mut simulation, pods[0]);
    assert_eq!(running(&simulation).len(), 1, "and nothing is replaced");
    evict(&mut simulation, pods[1]);
    assert_eq!(counted(&simulation), (1, 2, JobCondition::Complete));
}

#[test]
fn containers_that_are_restarted_count_against_the_limit() {
    let simulation = run(job(|spec| {
        fails(spec);
        template(spec).restart_policy = RestartPolicy::OnFailure;
        spec.backoff_limit = 3;
    }));
    let events = story(simulation.events(), &["creates", "run again", "work has"]);
    assert_eq!(
        events,
        [
            "0 creates pod default/work-0",
            "10 containers of pod default/work-0 run again after a failure",
            "30 containers of pod default/work-0 run again after a failure",
            "60 containers of pod default/work-0 run again after a failure",
            "62 has failed: BackoffLimitExceeded",
        ]
    );
    assert_eq!(counted(&simulation), (0, 1, JobCondition::Failed));
    let none = run(job(|spec| {
        fails(spec);
        template(spec).restart_policy = RestartPolicy::OnFailure;
        spec.backoff_limit = 0;
    }));
    assert_eq!(story(none.events(), &["run again"]).len(), 1, "a limit of 0 takes no restart");
}

fn indexed(spec: &mut JobSpec, completions: i64) {
    spec.completion_mode = CompletionMode::Indexed;
    (spec.completions, spec.parallelism) = (Some(completions), completions);
}

#[test]
fn indexes_fail_each_for_itself() {
    let simulation = run(job(|spec| {
        fails(spec);
        indexed(spec, 2);
        (spec.backoff_limit, spec.backoff_limit_per_index) = (i64::from(i32::MAX), Some(1));
    }));
    let events = story(simulation.events(), &["creates", "work has"]);
    let times: Vec<&str> = events.iter().map(|event| event.split_once(' ').unwrap().0).collect();
    assert_eq!(times, ["0", "0", "20", "20", "31"], "{events:#?}");
    assert!(events[0].contains("work-0-") && events[1].contains("work-1-"), "{events:#?}");
    assert_eq!(counted(&simulation), (0, 4, JobCondition::Failed));
    assert_eq!(summary(&simulation).reason.as_deref(), Some("FailedIndexes"));
    assert_eq!(simulation.state.jobs[&JOB].status.failed_indexes.len(), 2);
}

#[test]
fn too_many_failed_indexes_end_a_job_before_the_others_are_done() {
    let simulation = run(job(|spec| {
        fails(spec);
        indexed(spec, 4);
        spec.parallelism = 2;
        (spec.backoff_limit, spec.backoff_limit_per_index) = (i64::from(i32::MAX), Some(0));
        spec.max_failed_indexes = Some(1);
    }));
    assert_eq!(summary(&simulation).reason.as_deref(), Some("MaxFailedIndexesExceeded"));
    assert_eq!(simulation.state.pods.len(), 2);
}

#[test]
fn an_indexed_job_does_each_index_once() {
    let mut simulation = run(job(|spec| {
        indexed(spec, 3);
        spec.parallelism = 2;
    }));
    assert_eq!(counted(&simulation), (3, 0, JobCondition::Complete));
    let done: Vec<u32> = simulation.state.jobs[&JOB].status.completed_indexes.iter().copied().collect();
    assert_eq!(done, [0, 1, 2]);
    let index = simulation.state.intern("2");
    let labelled =
        simulation.state.pods.values().filter(|pod| pod.labels.get(Symbol::JOB_COMPLETION_INDEX) == Some(index));
    assert_eq!(labelled.count(), 1);
}

#[test]
fn a_success_policy_ends_a_job_early_and_deletes_the_rest() {
    let rule = SuccessRule { indexes: Some([0, 2].into()), count: Some(1) };
    let mut simulation = run(job(|spec| {
        indexed(spec, 3);
        spec.success_policy = vec![rule];
        runs_for_ever(spec);
        template(spec).shutdown = Duration::from_seconds(5);
    }));
    let succeed = |simulation: &mut Simulation, index: usize| {
        let change = ObjectChange(Arc::new(move |state| {
            let id = *state.pods.keys().nth(index).unwrap();
            let mut pod = state.pods.get_mut(&id).unwrap();
            (pod.phase, pod.ready) = (Phase::Succeeded, false);
            Vec::new()
        }));
        play(simulation, StepAction::Apply { change })
    };
    succeed(&mut simulation, 1);
    assert_eq!(counted(&simulation), (1, 0, JobCondition::Active), "another index than those asked for");
    let report = succeed(&mut simulation, 2);
    assert_eq!(counted(&simulation), (2, 0, JobCondition::Complete), "pods deleted then have not failed");
    let events = story(&report.events, &["complete"]);
    assert_eq!(events.len(), 2, "{events:#?}");
    assert!(events[0].contains("will be complete once its pods are gone"), "{events:#?}");
}

#[test]
fn a_deleted_pod_counts_as_failed_at_once_and_is_replaced_after_ten_seconds() {
    let mut simulation = run(job(|spec| {
        runs_for_ever(spec);
        template(spec).shutdown = Duration::from_seconds(25);
    }));
    let pod = running(&simulation)[0];
    let report = evict(&mut simulation, pod);
    let start = report.started_at.milliseconds() / 1000;
    let events = story(&report.events, &["evicted", "creates", "gone"]);
    let times: Vec<u64> =
        events.iter().map(|event| event.split_once(' ').unwrap().0.parse::<u64>().unwrap() - start).collect();
    assert_eq!(times, [0, 10, 25], "{events:#?}");
    assert_eq!(counted(&simulation), (0, 1, JobCondition::Active));
}

#[test]
fn with_the_policy_failed_a_pod_is_replaced_only_once_it_is_gone() {
    let mut simulation = run(job(|spec| {
        runs_for_ever(spec);
        template(spec).shutdown = Duration::from_seconds(25);
        spec.pod_replacement_policy = PodReplacementPolicy::Failed;
    }));
    let pod = running(&simulation)[0];
    let report = evict(&mut simulation, pod);
    let start = report.started_at.milliseconds() / 1000;
    let events = story(&report.events, &["creates", "gone", "failed"]);
    let times: Vec<u64> =
        events.iter().map(|event| event.split_once(' ').unwrap().0.parse::<u64>().unwrap() - start).collect();
    assert_eq!(times, [25, 26, 35], "{events:#?}");
    assert!(events[0].ends_with("has failed with exit code 143"), "{events:#?}");
}

#[test]
fn a_failure_policy_ignores_disruptions() {
    let ignore = PodFailureRule { action: PodFailureAction::Ignore, on: PodFailureMatch::DisruptionTarget(true) };
    let mut simulation = run(job(|spec| {
        runs_for_ever(spec);
        spec.backoff_limit = 0;
        spec.pod_failure_policy = Some(vec![ignore]);
    }));
    let pod = running(&simulation)[0];
    evict(&mut simulation, pod);
    assert_eq!(counted(&simulation), (0, 0, JobCondition::Active));
    assert_eq!(running(&simulation).len(), 1);
    // A user's deletion is no disruption.
    let pod = running(&simulation)[0];
    let name = simulation.state.pod_name(&simulation.state.pods[&pod]);
    play(&mut simulation, StepAction::DeletePod { namespace: Symbol::DEFAULT, name });
    assert_eq!(counted(&simulation), (0, 1, JobCondition::Failed));
}

#[test]
fn a_failure_policy_decides_by_the_exit_code_and_its_first_rule() {
    let on = |container, codes: &[i32]| PodFailureMatch::ExitCodeIn(container, codes.to_vec());
    let rules = [
        PodFailureRule { action: PodFailureAction::Ignore, on: on(ExitedContainer::Other, &[3]) },
        PodFailureRule { action: PodFailureAction::Count, on: on(ExitedContainer::First, &[4]) },
        PodFailureRule {
            action: PodFailureAction::FailJob,
            on: PodFailureMatch::ExitCodeNotIn(ExitedContainer::First, vec![4]),
        },
    ];
    let with = |code: i32| {
        run(job(|spec| {
            template(spec).exit_code = code;
            spec.backoff_limit = 1;
            spec.pod_failure_policy = Some(rules.to_vec());
        }))
    };
    let failed = with(3);
    assert_eq!(counted(&failed), (0, 1, JobCondition::Failed));
    assert_eq!(summary(&failed).reason.as_deref(), Some("PodFailurePolicy"));
    let counts = with(4);
    assert_eq!(counted(&counts), (0, 2, JobCondition::Failed));
    assert_eq!(summary(&counts).reason.as_deref(), Some("BackoffLimitExceeded"));
}

#[test]
fn a_failure_policy_fails_an_index_whatever_its_limit() {
    let on = PodFailureMatch::ExitCodeIn(ExitedContainer::First, vec![3]);
    let simulation = run(job(|spec| {
        fails(spec);
        indexed(spec, 2);
        (spec.backoff_limit, spec.backoff_limit_per_index) = (i64::from(i32::MAX), Some(5));
        spec.pod_failure_policy = Some(vec![PodFailureRule { action: PodFailureAction::FailIndex, on }]);
    }));
    assert_eq!(counted(&simulation), (0, 2, JobCondition::Failed));
    assert_eq!(summary(&simulation).reason.as_deref(), Some("FailedIndexes"));
}

#[test]
fn a_suspended_job_has_no_pods_and_none_of_them_failed() {
    let mut simulation = run(job(|spec| {
        runs_for_ever(spec);
        (spec.completions, spec.parallelism) = (Some(2), 2);
    }));
    let report = edit(&mut simulation, |spec| spec.suspend = true);
    assert_eq!(report.outcome, StepOutcome::Completed);
    assert_eq!(counted(&simulation), (0, 0, JobCondition::Suspended));
    assert_eq!((simulation.state.pods.len(), simulation.state.jobs[&JOB].status.start_time), (0, None));
    play(&mut simulation, StepAction::Wait { seconds: 5000 });
    assert_eq!(counted(&simulation), (0, 0, JobCondition::Suspended), "its time does not run");
    let resumed_at = simulation.state.now.milliseconds() / 1000;
    let report = edit(&mut simulation, |spec| (spec.suspend, spec.active_deadline_seconds) = (false, Some(1000)));
    assert_eq!(counted(&simulation).2, JobCondition::Failed, "and begins anew then");
    let events = story(&report.events, &["resumed", "failed"]);
    assert!(events[0].ends_with("is resumed"), "{events:#?}");
    assert!(events[1].starts_with(&format!("{} ", resumed_at + 1000)), "{events:#?}");
}

#[test]
fn a_deadline_ends_a_job_and_its_pods() {
    let simulation = run(job(|spec| {
        runs_for_ever(spec);
        spec.active_deadline_seconds = Some(60);
        template(spec).shutdown = Duration::from_seconds(5);
    }));
    let events = story(simulation.events(), &["failed", "gone"]);
    assert_eq!(
        events,
        [
            "60 will have failed once its pods are gone: DeadlineExceeded",
            "65 work-0 is gone",
            "66 has failed: DeadlineExceeded",
        ]
    );
    assert_eq!(counted(&simulation), (0, 1, JobCondition::Failed));
}

#[test]
fn a_finished_job_goes_after_its_time_and_its_pods_with_it() {
    let simulation = run(job(|spec| spec.ttl_seconds_after_finished = Some(30)));
    assert_eq!(
        story(simulation.events(), &["is deleted"])[0],
        "41 job/default/work is deleted".replace("job/default/work ", "")
    );
    assert!(simulation.state.jobs.is_empty() && simulation.state.pods.is_empty());
}
