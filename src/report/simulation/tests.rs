use std::collections::BTreeMap;

use quorate_sim::cluster::Time;
use quorate_sim::simulation::{
    BudgetSummary, PodSummary, Revision, Settings, SimulationReport, StateSummary, StepOutcome, StepReport,
    TargetReport, WorkloadSummary,
};
use serde_json::Value;

use super::{PlayOrder, SimulationDocument, write_simulation};
use crate::report::{Characters, Colour, Detail, Format, ReportError, TerminalStyle};

const BACKEND: &str = "deployment/default/backend";
const FRONTEND: &str = "deployment/default/frontend";
const REASON: &str = "0/4 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, \
                      1 node(s) were unschedulable, 2 node(s) didn't match pod anti-affinity rules";

/// `pending` of the backend's three pods have no node.
fn state(pending: usize) -> StateSummary {
    let pod = |index: usize| {
        let waits = index >= 3 - pending;
        PodSummary {
            owner: BACKEND.to_owned(),
            node: (!waits).then(|| format!("worker-{}", index + 1)),
            phase: if waits { "Pending" } else { "Running" },
            ready: !waits,
            terminating: false,
            revision: Revision::New,
            unschedulable_reason: waits.then(|| REASON.to_owned()),
            waiting_reason: None,
        }
    };
    let ready = i64::try_from(3 - pending).unwrap();
    let workload =
        |desired, ready| WorkloadSummary { desired, replicas: desired, updated: desired, ready, available: ready };
    StateSummary {
        workloads: BTreeMap::from([(BACKEND.to_owned(), workload(3, ready)), (FRONTEND.to_owned(), workload(2, 2))]),
        pods: (0..3).map(pod).collect(),
        pdbs: BTreeMap::from([(
            "default/backend".to_owned(),
            BudgetSummary {
                expected_pods: 3,
                current_healthy: ready,
                desired_healthy: 2,
                disruptions_allowed: ready - 2,
            },
        )]),
        jobs: BTreeMap::new(),
        services: BTreeMap::new(),
        refused: BTreeMap::new(),
    }
}

fn step(action: &str, outcome: StepOutcome, seconds: (u64, u64), lowest: (i64, i64), pending: usize) -> StepReport {
    StepReport {
        action: action.to_owned(),
        outcome,
        detail: String::new(),
        started_at: Time::from_milliseconds(seconds.0 * 1000),
        ended_at: Time::from_milliseconds(seconds.1 * 1000),
        min_ready: BTreeMap::from([(BACKEND.to_owned(), lowest.0), (FRONTEND.to_owned(), lowest.1)]),
        min_endpoints: BTreeMap::new(),
        targets: Vec::new(),
        past_deadline: Vec::new(),
        after: state(pending),
        unexpected: Vec::new(),
        met: Vec::new(),
        events: Vec::new(),
    }
}

fn second_drain() -> SimulationReport {
    let first = step("drain worker-1", StepOutcome::Completed, (0, 31), (2, 1), 1);
    let mut second = step("drain worker-2", StepOutcome::Blocked, (31, 662), (2, 2), 1);
    second.detail =
        "PodDisruptionBudget default/backend allows no disruption: 2 of its 3 pods are healthy and 2 must stay; \
                     the third waits for a node"
            .to_owned();
    second.unexpected = vec!["expected the outcome completed, it was blocked".to_owned()];
    second.events = (0..9)
        .map(|index| {
            let at = Time::from_milliseconds(31_000 + index * 5_000);
            (
                at,
                format!(
                    "evicting pod default/backend-{}: 429, Cannot evict pod as it would violate the budget",
                    if index < 2 { 0 } else { index }
                ),
            )
        })
        .collect();
    let third = step("uncordon worker-1", StepOutcome::Completed, (662, 663), (2, 2), 0);
    SimulationReport { initial: state(0), steps: vec![first, second, third], assumptions: Vec::new() }
}

/// Thirty steps, drains of several nodes among them.
fn rolling_upgrade() -> SimulationReport {
    let mut steps = Vec::new();
    for index in 0..10_u64 {
        let node = format!("worker-{}", index + 1);
        let from = index * 100;
        let mut drain = step(
            &format!("drain {node} and worker-{} concurrently", index + 11),
            if index == 7 { StepOutcome::Refused } else { StepOutcome::Completed },
            (from, from + 31),
            (if index % 3 == 0 { 2 } else { 3 }, 2 - i64::try_from(index % 2).unwrap()),
            usize::from(index == 7),
        );
        let target = |target: &str, outcome, detail: &str| TargetReport {
            target: target.to_owned(),
            outcome,
            detail: detail.to_owned(),
        };
        drain.targets = vec![target(&node, StepOutcome::Completed, "")];
        if index == 7 {
            drain.targets.push(target("worker-18", StepOutcome::Refused, "pod default/debug has no controller"));
        }
        steps.push(drain);
        steps.push(step("wait 60 s", StepOutcome::Completed, (from + 31, from + 91), (3, 2), 0));
        steps.push(step(&format!("uncordon {node}"), StepOutcome::Completed, (from + 91, from + 100), (3, 2), 0));
    }
    SimulationReport {
        initial: state(0),
        steps,
        assumptions: vec!["volumes of PersistentVolumeClaim default/data attach at once".to_owned()],
    }
}

fn written(report: &SimulationReport, scenario: &str, format: Format, style: &TerminalStyle) -> String {
    let settings = Settings::default();
    let document = SimulationDocument {
        scenario,
        kubernetes: "1.36",
        settings: &settings,
        report,
        explored: None,
        order: PlayOrder::default(),
    };
    let mut out = Vec::new();
    write_simulation(&document, format, style, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_blocked_drain_in_80_columns() {
    insta::assert_snapshot!(written(&second_drain(), "second-drain", Format::Human, &TerminalStyle::plain(80)));
}

#[test]
fn one_step() {
    let mut report = second_drain();
    report.steps.truncate(1);
    insta::assert_snapshot!(written(&report, "drain worker-1", Format::Human, &TerminalStyle::plain(80)));
}

#[test]
fn no_step() {
    let report = SimulationReport { initial: state(0), steps: Vec::new(), assumptions: Vec::new() };
    insta::assert_snapshot!(written(&report, "nothing", Format::Human, &TerminalStyle::plain(80)));
}

#[test]
fn thirty_steps_in_80_columns() {
    let text = written(&rolling_upgrade(), "rolling-upgrade", Format::Human, &TerminalStyle::plain(80));
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn verbose_tells_every_event_and_target() {
    let style = TerminalStyle { detail: Detail::Verbose, ..TerminalStyle::plain(120) };
    let text = written(&second_drain(), "second-drain", Format::Human, &style);
    assert!(text.contains("31s to 36s, 2 times: evicting pod default/backend-0"), "{text}");
    assert!(!text.contains("-v lists all"));
    let text = written(&rolling_upgrade(), "rolling-upgrade", Format::Human, &style);
    assert_eq!(text.matches("  completed  worker-").count(), 10, "{text}");
}

#[test]
fn colours_and_characters_follow_the_terminal() {
    let style = TerminalStyle { colour: Colour::Ansi, characters: Characters::Ascii, ..TerminalStyle::plain(80) };
    let mut report = second_drain();
    report.steps[1].detail = "€ \u{1b}[2J".to_owned();
    let text = written(&report, "sécond", Format::Human, &style);
    assert!(text.is_ascii());
    assert!(text.contains("\u{1b}[31;1mblocked"), "{text:?}");
    assert!(!text.contains("\u{1b}[2J"));
}

#[test]
fn json_follows_its_schema() {
    let path = format!("{}/fixtures/schemas/simulate.schema.json", env!("CARGO_MANIFEST_DIR"));
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(jsonschema::meta::is_valid(&schema));
    let validator = jsonschema::validator_for(&schema).unwrap();
    for report in [second_drain(), rolling_upgrade()] {
        let text = written(&report, "second-drain", Format::Json, &TerminalStyle::plain(80));
        let mut value: Value = serde_json::from_str(&text).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{errors:#?}");
        value["steps"][0]["outcome"] = Value::from("fine");
        assert!(!validator.is_valid(&value));
    }
}

#[test]
fn every_outcome_is_in_the_schema() {
    let path = format!("{}/fixtures/schemas/simulate.schema.json", env!("CARGO_MANIFEST_DIR"));
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut published: Vec<&str> =
        schema["$defs"]["outcome"]["enum"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let mut known = StepOutcome::ALL.map(StepOutcome::as_str);
    published.sort_unstable();
    known.sort_unstable();
    assert_eq!(published, known);
}

#[test]
fn json_of_a_drain() {
    let mut report = second_drain();
    report.steps.truncate(1);
    report.steps[0].ended_at = Time::from_milliseconds(30_500);
    report.steps[0].past_deadline = vec![BACKEND.to_owned()];
    let text = written(&report, "drain worker-1", Format::Json, &TerminalStyle::plain(80));
    insta::assert_snapshot!(text.replace(&format!("\"{}\"", env!("CARGO_PKG_VERSION")), "\"VERSION\""));
}

#[test]
fn formats_of_findings_are_refused() {
    let report = second_drain();
    let settings = Settings::default();
    let document = SimulationDocument {
        scenario: "x",
        kubernetes: "1.36",
        settings: &settings,
        explored: None,
        report: &report,
        order: PlayOrder::default(),
    };
    let error = write_simulation(&document, Format::Sarif, &TerminalStyle::plain(80), &mut Vec::new()).unwrap_err();
    assert!(matches!(error, ReportError::Unsupported { .. }));
    assert_eq!(error.to_string(), "simulate has no sarif output; choose human or json");
}
