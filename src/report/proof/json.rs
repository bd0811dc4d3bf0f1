//! JSON: the `prove` output. Its schema is `fixtures/schemas/prove.schema.json`.

use std::collections::BTreeMap;
use std::io;

use serde::Serialize;
use serde_json::{Value, json};

use quorate_proof::claim::{Domain, Failures};

use crate::report::check_report::ReportError;
use crate::report::json::{SCHEMA_VERSION, write_json};

use super::document::{
    AtPlacement, GuaranteeReport, GuaranteeSubject, NoPromise, Promiser, ProofDocument, Repair, Repairs, VerdictWord,
};
use super::words;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProveJson<'a> {
    schema_version: u32,
    quorate: &'static str,
    kubernetes: &'a str,
    summary: SummaryJson,
    guarantees: Vec<GuaranteeJson<'a>>,
    no_promises: Vec<NoPromiseJson<'a>>,
}

#[derive(Default, Serialize)]
struct SummaryJson {
    guarantees: usize,
    proved: usize,
    violated: usize,
    undecided: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GuaranteeJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    workload: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pod_disruption_budget: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_store: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    needs: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workloads: Option<&'a [String]>,
    declared: bool,
    claim: String,
    min_available: i64,
    pods: i64,
    failures: Value,
    placement: &'static str,
    phase: &'static str,
    verdict: &'static str,
    assumptions: &'a [String],
    bound: Option<i64>,
    method: Option<&'a str>,
    witness: Option<WitnessJson<'a>>,
    proof: Option<&'a str>,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<&'a Value>,
    repairs: Vec<RepairJson<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RepairJson<'a> {
    number: usize,
    change: &'a str,
    patch: Option<&'a str>,
    not_written: &'a [String],
    monthly_cost: Option<&'a str>,
    reproved_as: ReprovedJson<'a>,
}

#[derive(Serialize)]
struct ReprovedJson<'a> {
    placement: &'static str,
    phase: &'static str,
    verdict: &'static str,
    method: Option<&'a str>,
    bound: Option<i64>,
}

#[derive(Serialize)]
struct WitnessJson<'a> {
    placement: &'a BTreeMap<String, String>,
    failed: &'a [String],
    steps: &'a [String],
    available: i64,
    moved: Option<i64>,
    scenario: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NoPromiseJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pod_disruption_budget: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_store: Option<&'a str>,
    reason: &'a str,
}

pub(super) fn write(document: &ProofDocument<'_>, out: &mut dyn io::Write) -> Result<(), ReportError> {
    let mut summary = SummaryJson { guarantees: document.guarantees.len(), ..SummaryJson::default() };
    for verdict in document.guarantees.iter().flat_map(|guarantee| &guarantee.verdicts) {
        match verdict.verdict {
            VerdictWord::Proved => summary.proved += 1,
            VerdictWord::Undecided => summary.undecided += 1,
            VerdictWord::Violated => summary.violated += 1,
        }
    }
    let guarantees = document.guarantees.iter().flat_map(|guarantee| {
        guarantee.verdicts.iter().map(move |verdict| guarantee_json(document, guarantee, verdict))
    });
    let prove = ProveJson {
        schema_version: SCHEMA_VERSION,
        quorate: env!("CARGO_PKG_VERSION"),
        kubernetes: document.kubernetes,
        summary,
        guarantees: guarantees.collect(),
        no_promises: document.no_promises.iter().map(no_promise).collect(),
    };
    write_json(&prove, out)
}

fn no_promise(own: &NoPromise) -> NoPromiseJson<'_> {
    let (budget, store) = match &own.whose {
        Promiser::Budget(name) => (Some(name.as_str()), None),
        Promiser::DataStore(name) => (None, Some(name.as_str())),
    };
    NoPromiseJson { pod_disruption_budget: budget, data_store: store, reason: &own.reason }
}

/// What a guarantee is about.
#[derive(Default)]
struct About<'a> {
    workload: Option<&'a str>,
    budget: Option<&'a str>,
    store: Option<&'a str>,
    needs: Option<&'a str>,
    workloads: Option<&'a [String]>,
}

fn about(subject: &GuaranteeSubject) -> About<'_> {
    match subject {
        GuaranteeSubject::Workload(name) => About { workload: Some(name), ..About::default() },
        GuaranteeSubject::Budget { name, workloads } => match workloads.as_slice() {
            [only] => About { workload: Some(only), budget: Some(name), ..About::default() },
            _ => About { budget: Some(name), workloads: Some(workloads), ..About::default() },
        },
        GuaranteeSubject::DataStore { name, workloads, needs } => {
            About { store: Some(name), needs: Some(needs), workloads: Some(workloads), ..About::default() }
        }
    }
}

fn guarantee_json<'a>(
    document: &ProofDocument<'a>,
    guarantee: &'a GuaranteeReport,
    verdict: &'a AtPlacement,
) -> GuaranteeJson<'a> {
    let About { workload, budget, store, needs, workloads } = about(&guarantee.subject);
    GuaranteeJson {
        workload,
        pod_disruption_budget: budget,
        data_store: store,
        needs,
        workloads,
        declared: guarantee.declared,
        claim: words::claim(guarantee),
        min_available: guarantee.at_least,
        pods: guarantee.of,
        failures: failures(&guarantee.failures),
        placement: words::placement(verdict.placement),
        phase: words::phase(verdict.phase),
        verdict: verdict.verdict.as_str(),
        assumptions: document.assumptions,
        bound: verdict.bound,
        method: verdict.method,
        witness: verdict.witness.as_ref().map(|witness| WitnessJson {
            placement: &witness.placement,
            failed: &witness.failed,
            steps: &witness.steps,
            available: witness.available,
            moved: witness.moved,
            scenario: witness.scenario.as_ref().map(|own| own.scenario.as_str()),
        }),
        proof: verdict.proof.as_deref(),
        reason: &verdict.reason,
        evidence: verdict.evidence.as_ref(),
        repairs: repairs(&guarantee.repairs, verdict),
    }
}

/// The repairs of the guarantee, where this verdict is one of those that they repair.
fn repairs<'a>(repairs: &'a Repairs, verdict: &AtPlacement) -> Vec<RepairJson<'a>> {
    let place = repairs.sought.iter().position(|at| *at == (verdict.placement, verdict.phase));
    let json = |repair: &'a Repair| {
        let reproved = repair.reproved.get(place?)?;
        Some(RepairJson {
            number: repair.number,
            change: &repair.change,
            patch: repair.patch.as_deref(),
            not_written: &repair.not_written,
            monthly_cost: repair.monthly_cost.as_deref(),
            reproved_as: ReprovedJson {
                placement: words::placement(reproved.placement),
                phase: words::phase(reproved.phase),
                verdict: reproved.verdict.as_str(),
                method: reproved.method,
                bound: reproved.bound,
            },
        })
    };
    repairs.found.iter().filter_map(json).collect()
}

/// As `quorate.yaml` writes them.
fn failures(failures: &Failures) -> Value {
    match &failures.domain {
        Domain::Node => json!({"nodes": failures.count}),
        Domain::Label(label) if label == words::ZONE => json!({"zones": failures.count}),
        Domain::Label(label) => json!({"label": label, "count": failures.count}),
    }
}
