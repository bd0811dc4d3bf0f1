//! JSON: the `schedule` output. Its schema is `fixtures/schemas/schedule.schema.json`.

use std::collections::BTreeMap;
use std::io;

use serde::Serialize;

use crate::report::check_report::ReportError;
use crate::report::json::{SCHEMA_VERSION, write_compact_json, write_json};

use super::document::{Decision, NodeVerdict, ScheduleAnswer, ScheduleDocument, VictimsSummary};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ScheduleJson<'a> {
    schema_version: u32,
    quorate: &'static str,
    kubernetes: &'a str,
    summary: SummaryJson,
    pod: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<&'a str>,
    placement: PlacementJson<'a>,
    admission: Option<AdmissionJson<'a>>,
    pre_filter: Option<PreFilterJson<'a>>,
    nodes: BTreeMap<&'a str, NodeJson<'a>>,
    scores: &'a BTreeMap<String, BTreeMap<&'static str, i64>>,
    total: &'a BTreeMap<String, i64>,
    best: &'a [String],
    message: Option<&'a str>,
    preemption: Option<PreemptionJson<'a>>,
    assumptions: Vec<&'a str>,
}

#[derive(Serialize)]
struct SummaryJson {
    outcome: &'static str,
    nodes: usize,
    feasible: usize,
    excluded: usize,
    best: usize,
}

#[derive(Serialize)]
struct PlacementJson<'a> {
    kind: &'static str,
    bound: usize,
    pending: usize,
    absent: &'a [String],
}

#[derive(Serialize)]
struct AdmissionJson<'a> {
    plugin: &'a str,
    code: u16,
    reason: &'a str,
    reasons: &'a [String],
}

#[derive(Serialize)]
struct PreFilterJson<'a> {
    plugin: &'a str,
    code: &'a str,
    reason: String,
    reasons: &'a [String],
}

#[derive(Serialize)]
struct NodeJson<'a> {
    code: &'a str,
    plugin: Option<&'a str>,
    reasons: &'a [String],
}

#[derive(Serialize)]
struct PreemptionJson<'a> {
    outcome: &'a str,
    victims: &'a BTreeMap<String, VictimsSummary>,
    best: &'a [String],
}

pub(super) fn write(document: &ScheduleDocument<'_>, out: &mut dyn io::Write) -> Result<(), ReportError> {
    with_json(document, |json| write_json(json, out))
}

pub(super) fn write_line(document: &ScheduleDocument<'_>, out: &mut dyn io::Write) -> Result<(), ReportError> {
    with_json(document, |json| write_compact_json(json, out))
}

fn with_json(
    document: &ScheduleDocument<'_>,
    write: impl FnOnce(&ScheduleJson<'_>) -> Result<(), ReportError>,
) -> Result<(), ReportError> {
    let nothing = Decision::default();
    let (decision, admission) = match document.answer {
        ScheduleAnswer::Decided(decision) => (&**decision, None),
        ScheduleAnswer::Refused(refused) => {
            let (reason, reasons) = (refused.message.as_str(), refused.reasons.as_slice());
            (&nothing, Some(AdmissionJson { plugin: refused.plugin, code: 403, reason, reasons }))
        }
    };
    let feasible = decision.scores.len();
    let outcome = match (&admission, feasible) {
        (Some(_), _) => "refused",
        (None, 0) => "unschedulable",
        (None, _) => "schedulable",
    };
    let placement = document.placement;
    let assumptions = document.own_assumptions.iter().chain(document.cluster_assumptions).map(String::as_str);
    write(&ScheduleJson {
        schema_version: SCHEMA_VERSION,
        quorate: env!("CARGO_PKG_VERSION"),
        kubernetes: document.kubernetes,
        summary: SummaryJson {
            outcome,
            nodes: decision.nodes.len(),
            feasible,
            excluded: decision.nodes.len() - feasible,
            best: decision.best.len(),
        },
        pod: document.pod,
        profile: decision.profile.as_deref(),
        placement: PlacementJson {
            kind: placement.placed.as_str(),
            bound: placement.bound,
            pending: placement.pending,
            absent: &placement.absent,
        },
        admission,
        pre_filter: decision.pre_filter.as_ref().map(|verdict| PreFilterJson {
            plugin: verdict.plugin,
            code: verdict.code,
            reason: verdict.reasons.join(", "),
            reasons: &verdict.reasons,
        }),
        nodes: decision.nodes.iter().map(|(name, verdict)| (name.as_str(), node_json(verdict))).collect(),
        scores: &decision.scores,
        total: &decision.total,
        best: &decision.best,
        message: decision.message.as_deref(),
        preemption: decision.preemption.as_ref().map(|summary| PreemptionJson {
            outcome: summary.outcome,
            victims: &summary.victims,
            best: &summary.best,
        }),
        assumptions: assumptions.collect(),
    })
}

fn node_json(verdict: &NodeVerdict) -> NodeJson<'_> {
    NodeJson { code: verdict.code, plugin: verdict.plugin, reasons: &verdict.reasons }
}
