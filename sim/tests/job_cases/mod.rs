//! Jobs for tests: one Job on two nodes, and short words for what is asked of it.
#![allow(dead_code, clippy::unwrap_used)]

use std::sync::Arc;

use crate::cluster_builder::{Builder, step};
use quorate_sim::cluster::*;
use quorate_sim::simulation::{
    EvictionTarget, JobCondition, JobSummary, ObjectChange, Settings, Simulation, StepAction, StepOutcome, StepReport,
};

pub(crate) const JOB: JobId = JobId(0);

/// A Job `work` on two nodes. Its pods run for 10 s and succeed.
pub(crate) fn job(edit: impl FnOnce(&mut JobSpec)) -> Builder {
    let mut builder = Builder::new();
    builder.workers(2);
    builder.job("work", 10, edit);
    builder
}

pub(crate) fn run(builder: Builder) -> Simulation {
    let mut simulation = Simulation::new(builder.state, &Settings::default());
    assert_eq!(simulation.settle(), StepOutcome::Completed);
    simulation
}

pub(crate) fn play(simulation: &mut Simulation, action: StepAction) -> StepReport {
    simulation.play(&step(action))
}

pub(crate) fn edit(simulation: &mut Simulation, edit: fn(&mut JobSpec)) -> StepReport {
    let change = ObjectChange(Arc::new(move |state| {
        edit(&mut state.jobs.get_mut(&JOB).unwrap().spec);
        Vec::new()
    }));
    play(simulation, StepAction::Apply { change })
}

pub(crate) fn template(spec: &mut JobSpec) -> &mut PodSpec {
    &mut Arc::make_mut(&mut spec.template).spec
}

pub(crate) fn fails(spec: &mut JobSpec) {
    template(spec).exit_code = 3;
}

pub(crate) fn runs_for_ever(spec: &mut JobSpec) {
    template(spec).run = None;
}

/// `10 pod … is gone`, without the names of pods.
pub(crate) fn story(events: &[(Time, String)], of: &[&str]) -> Vec<String> {
    let told = events.iter().filter(|(_, text)| of.iter().any(|word| text.contains(word)));
    told.map(|(at, text)| {
        let text = text.trim_start_matches("pod default/").trim_start_matches("job/default/work ");
        format!("{} {text}", at.milliseconds() / 1000)
    })
    .collect()
}

pub(crate) fn summary(simulation: &Simulation) -> JobSummary {
    simulation.summary().jobs.remove("default/work").unwrap()
}

pub(crate) fn counted(simulation: &Simulation) -> (i64, i64, JobCondition) {
    let summary = summary(simulation);
    (summary.succeeded, summary.failed, summary.condition)
}

pub(crate) fn running(simulation: &Simulation) -> Vec<PodId> {
    let pods = simulation.state.pods.iter();
    pods.filter(|(_, pod)| pod.phase == Phase::Running && pod.deletion.is_none()).map(|(id, _)| *id).collect()
}

pub(crate) fn evict(simulation: &mut Simulation, pod: PodId) -> StepReport {
    let name = simulation.state.pod_name(&simulation.state.pods[&pod]);
    let target = EvictionTarget::Pod { namespace: Symbol::DEFAULT, name };
    play(simulation, StepAction::Evict { target })
}
