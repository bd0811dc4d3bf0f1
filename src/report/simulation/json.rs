//! JSON: the `simulate` output. Its schema is `fixtures/schemas/simulate.schema.json`.

use std::collections::BTreeMap;
use std::io;

use quorate_sim::cluster::{Duration, Time};
use quorate_sim::simulation::{Settings, StateSummary, StepOutcome, StepReport, TargetReport};
use serde::Serialize;
use serde_json::{Number, Value, json};

use crate::report::check_report::ReportError;
use crate::report::json::{SCHEMA_VERSION, write_json};

use super::document::SimulationDocument;
use super::explored_json::ExploredJson;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SimulateJson<'a> {
    schema_version: u32,
    quorate: &'static str,
    kubernetes: &'a str,
    summary: SummaryJson,
    scenario: &'a str,
    settings: Value,
    initial: &'a StateSummary,
    steps: Vec<StepJson<'a>>,
    assumptions: &'a [String],
}

#[derive(Serialize)]
struct SummaryJson {
    steps: usize,
    outcomes: BTreeMap<&'static str, usize>,
    worst: Option<StepOutcome>,
    unexpected: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StepJson<'a> {
    action: &'a str,
    outcome: StepOutcome,
    detail: &'a str,
    started_at: Number,
    ended_at: Number,
    min_ready: &'a BTreeMap<String, i64>,
    min_ready_endpoints: &'a BTreeMap<String, i64>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    targets: &'a [TargetReport],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    progress_deadline_exceeded: &'a [String],
    after: &'a StateSummary,
    unexpected: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    met: &'a [String],
    events: Vec<EventJson<'a>>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    explored: Option<ExploredJson<'a>>,
}

#[derive(Serialize)]
struct EventJson<'a> {
    at: Number,
    event: &'a str,
}

pub(super) fn write(document: &SimulationDocument<'_>, out: &mut dyn io::Write) -> Result<(), ReportError> {
    let steps = &document.report.steps;
    let mut outcomes = BTreeMap::new();
    for step in steps {
        *outcomes.entry(step.outcome.as_str()).or_insert(0) += 1;
    }
    let simulate = SimulateJson {
        schema_version: SCHEMA_VERSION,
        quorate: env!("CARGO_PKG_VERSION"),
        kubernetes: document.kubernetes,
        summary: SummaryJson {
            steps: steps.len(),
            outcomes,
            worst: steps.iter().map(|step| step.outcome).max(),
            unexpected: steps.iter().filter(|step| !step.unexpected.is_empty()).count(),
        },
        scenario: document.scenario,
        settings: settings_json(document.settings),
        initial: &document.report.initial,
        steps: steps.iter().enumerate().map(|(index, step)| step_json(step, explored(document, index))).collect(),
        assumptions: &document.report.assumptions,
    };
    write_json(&simulate, out)
}

fn explored<'a>(document: &SimulationDocument<'a>, index: usize) -> Option<ExploredJson<'a>> {
    document.explored?.get(index).map(ExploredJson::of)
}

fn step_json<'a>(step: &'a StepReport, explored: Option<ExploredJson<'a>>) -> StepJson<'a> {
    StepJson {
        action: &step.action,
        outcome: step.outcome,
        detail: &step.detail,
        started_at: seconds(step.started_at),
        ended_at: seconds(step.ended_at),
        min_ready: &step.min_ready,
        min_ready_endpoints: &step.min_endpoints,
        targets: &step.targets,
        progress_deadline_exceeded: &step.past_deadline,
        after: &step.after,
        unexpected: &step.unexpected,
        met: &step.met,
        events: step.events.iter().map(|(at, event)| EventJson { at: seconds(*at), event }).collect(),
        explored,
    }
}

/// Seconds: whole ones as integers.
pub(super) fn seconds(time: Time) -> Number {
    number(time.milliseconds(), 1000)
}

/// `numerator / denominator`, exactly where it is whole.
fn number(numerator: u64, denominator: u64) -> Number {
    if denominator != 0 && numerator.is_multiple_of(denominator) {
        return Number::from(numerator / denominator);
    }
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of virtual time stay far below 2^53")]
    let quotient = numerator as f64 / denominator as f64;
    // A division by zero is the only way to no number.
    Number::from_f64(quotient).unwrap_or_else(|| Number::from(0))
}

/// The settings by their flags' names; times as Kubernetes writes them, `null` for each pod's own.
fn settings_json(settings: &Settings) -> Value {
    let flag = |duration: Duration| format!("{}s", number(duration.milliseconds(), 1000));
    let pod = |duration: Option<Duration>| duration.map(|duration| number(duration.milliseconds(), 1000));
    // A rate is the reciprocal of the time between two nodes.
    let rate = |interval: Duration| number(1000, interval.milliseconds());
    json!({
        "node-monitor-period": flag(settings.node_monitor_period),
        "node-monitor-grace-period": flag(settings.node_monitor_grace_period),
        "node-eviction-rate": rate(settings.node_eviction_interval),
        "secondary-node-eviction-rate": rate(settings.secondary_node_eviction_interval),
        "large-cluster-size-threshold": settings.large_cluster_size_threshold,
        "unhealthy-zone-threshold": number(u64::from(settings.unhealthy_zone_threshold_percent), 100),
        "pods": {
            "startupSeconds": pod(settings.pods.startup),
            "shutdownSeconds": pod(settings.pods.shutdown),
            "runSeconds": pod(settings.pods.run),
        },
        "reapply": settings.reapply.map(|period| json!({"seconds": number(period.milliseconds(), 1000)})),
        "cluster-autoscaler": {
            "provisioningSeconds": number(settings.cluster_autoscaler.provisioning.milliseconds(), 1000),
            "scaleDownUnneededSeconds": number(settings.cluster_autoscaler.unneeded.milliseconds(), 1000),
            "scaleDownDelayAfterAddSeconds": number(settings.cluster_autoscaler.delay_after_growth.milliseconds(), 1000),
        },
        "seed": settings.seed,
        "eventLimit": settings.event_limit,
    })
}
