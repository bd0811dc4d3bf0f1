//! CronJobs: when their Jobs begin, and that they do not prolong a step.
#![allow(clippy::unwrap_used)]

mod cluster_builder;

use std::sync::Arc;

use cluster_builder::{Builder, PodWishes, ints, step};
use quorate_sim::cluster::*;
use quorate_sim::simulation::{Settings, Simulation, StepAction, StepOutcome, StepReport};

const CRON_JOB: CronJobId = CronJobId(0);

/// A CronJob `tick` every `minutes` minutes, whose Jobs take `run_seconds`.
fn tick(minutes: i64, run_seconds: u64, edit: impl FnOnce(&mut CronJob)) -> Builder {
    let mut builder = Builder::new();
    builder.workers(2);
    let job = builder.job("tick", run_seconds, |_| {});
    let Job { name, spec, .. } = builder.state.jobs.remove(&job).unwrap();
    let period = minutes * 60_000;
    let next = move |after: WallClock| Some(WallClock((after.0.div_euclid(period) + 1) * period));
    let mut cron_job = CronJob {
        namespace: Symbol::DEFAULT,
        name,
        schedule: CronSchedule { text: name, next: Arc::new(next) },
        concurrency_policy: ConcurrencyPolicy::Allow,
        starting_deadline_seconds: None,
        suspend: false,
        successful_jobs_history_limit: 3,
        failed_jobs_history_limit: 1,
        job: spec,
        since: None,
    };
    edit(&mut cron_job);
    builder.state.cron_jobs.insert(CRON_JOB, cron_job);
    builder.state.wall_clock = Some(WallClock(0));
    builder
}

fn settled(builder: Builder) -> Simulation {
    let mut simulation = Simulation::new(builder.state, &Settings::default());
    assert_eq!(simulation.settle(), StepOutcome::Completed);
    simulation
}

fn wait(simulation: &mut Simulation, seconds: u64) -> StepReport {
    simulation.play(&step(StepAction::Wait { seconds }))
}

fn told(report: &StepReport, word: &str) -> Vec<(u64, String)> {
    let events = report.events.iter().filter(|(_, text)| text.contains(word));
    events.map(|(at, text)| (at.milliseconds() / 1000, text.clone())).collect()
}

fn times(report: &StepReport, word: &str) -> Vec<u64> {
    told(report, word).into_iter().map(|(at, _)| at).collect()
}

#[test]
fn jobs_begin_at_the_times_of_the_schedule_while_time_passes() {
    let mut simulation = settled(tick(5, 30, |_| {}));
    assert_eq!(simulation.state.now, Time::ZERO, "a CronJob alone does not let time go on");
    let report = wait(&mut simulation, 1000);
    assert_eq!(times(&report, "cronjob/default/tick creates"), [300, 600, 900]);
    assert_eq!(told(&report, "cronjob/default/tick creates")[0].1, "cronjob/default/tick creates job/default/tick-5");
    assert_eq!(times(&report, "is complete"), [331, 631, 931]);
    assert_eq!(simulation.state.cron_jobs[&CRON_JOB].since, Some(WallClock(900_000)));
}

#[test]
fn old_jobs_go_with_their_pods() {
    let mut simulation = settled(tick(1, 5, |own| own.successful_jobs_history_limit = 2));
    wait(&mut simulation, 600);
    let names: Vec<&str> = simulation.state.jobs.values().map(|job| simulation.state.names.text(job.name)).collect();
    assert_eq!(names, ["tick-8", "tick-9"]);
    assert_eq!(simulation.state.pods.len(), 2);
    let mut failing = settled(tick(10, 5, |own| {
        own.job.backoff_limit = 0;
        Arc::make_mut(&mut own.job.template).spec.exit_code = 1;
    }));
    wait(&mut failing, 3000);
    assert_eq!(failing.state.jobs.len(), 1, "one that has failed is kept");
}

#[test]
fn what_happens_to_a_job_that_still_runs_is_a_matter_of_policy() {
    let with = |policy| {
        let mut simulation = settled(tick(5, 450, |own| own.concurrency_policy = policy));
        let report = wait(&mut simulation, 1300);
        (times(&report, "creates job"), times(&report, "is complete"), simulation)
    };
    let (created, complete, _) = with(ConcurrencyPolicy::Allow);
    assert_eq!((created, complete), (vec![300, 600, 900, 1200], vec![751, 1051]));
    // The one that was missed begins as soon as the other has ended.
    let (created, complete, _) = with(ConcurrencyPolicy::Forbid);
    assert_eq!((created, complete), (vec![300, 751, 1202], vec![751, 1202]));
    let (created, complete, simulation) = with(ConcurrencyPolicy::Replace);
    assert_eq!((created, complete), (vec![300, 600, 900, 1200], vec![]));
    assert_eq!((simulation.state.jobs.len(), simulation.state.pods.len()), (1, 1));
}

#[test]
fn what_is_too_late_is_not_started() {
    let mut simulation = settled(tick(5, 450, |own| {
        own.concurrency_policy = ConcurrencyPolicy::Forbid;
        own.starting_deadline_seconds = Some(60);
    }));
    let report = wait(&mut simulation, 1300);
    assert_eq!(times(&report, "creates job"), [300, 900]);
}

#[test]
fn a_suspended_one_does_nothing_and_catches_up_once() {
    let mut simulation = settled(tick(5, 30, |own| own.suspend = true));
    assert_eq!(times(&wait(&mut simulation, 1000), "creates job"), [0; 0]);
    let change = quorate_sim::simulation::ObjectChange(Arc::new(|state| {
        state.cron_jobs.get_mut(&CRON_JOB).unwrap().suspend = false;
        Vec::new()
    }));
    simulation.play(&step(StepAction::Apply { change }));
    let report = wait(&mut simulation, 300);
    assert_eq!(
        told(&report, "creates job").iter().map(|(at, text)| (*at, text.as_str())).collect::<Vec<_>>(),
        [
            (1000, "cronjob/default/tick creates job/default/tick-15"),
            (1200, "cronjob/default/tick creates job/default/tick-20"),
        ]
    );
}

#[test]
fn neither_a_schedule_nor_its_jobs_prolong_a_step_and_both_go_on_within_one() {
    // Each Job takes longer than the time between two: there is always one that runs.
    let mut builder = tick(1, 90, |_| {});
    builder.deployment(
        "web",
        2,
        ints(1, 0),
        &PodWishes { cpu_milli: 100, startup_seconds: 200, ..PodWishes::default() },
    );
    let workload = builder.name(WorkloadKind::Deployment, "web");
    let mut simulation = settled(builder);
    assert_eq!(simulation.state.now.milliseconds() / 1000, 200, "until the Deployment is ready");
    let report = simulation.play(&step(StepAction::Restart { workload }));
    assert_eq!(report.outcome, StepOutcome::Completed);
    assert_eq!(report.ended_at.milliseconds() / 1000, 600);
    assert_eq!(times(&report, "creates job"), [240, 300, 360, 420, 480, 540]);
}
