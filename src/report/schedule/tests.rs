//! What people and programs are told of a decision.

use std::collections::BTreeMap;

use serde_json::Value;

use super::*;
use crate::manifest::SourceMap;
use crate::report::{Characters, Detail, Format, TerminalStyle};

const TAINTED: &str = "node(s) had untolerated taint(s)";

fn scores(fit: i64, spread: i64) -> BTreeMap<&'static str, i64> {
    BTreeMap::from([
        ("TaintToleration", 300),
        ("NodeAffinity", fit % 3),
        ("NodeResourcesFit", fit),
        ("PodTopologySpread", spread),
        ("InterPodAffinity", spread / 2),
        ("DynamicResources", 0),
        ("NodeResourcesBalancedAllocation", 70 + fit % 7),
        ("ImageLocality", fit % 5),
    ])
}

/// So many nodes of which every tenth is tainted; the others fall into `groups` groups.
fn decision(nodes: i64, groups: i64) -> Decision {
    let mut decision = Decision::default();
    let mut tainted = Vec::new();
    for number in 1..=nodes {
        let name = format!("pool-a-worker-{number}");
        if number % 10 == 0 {
            let reasons = vec![TAINTED.to_owned()];
            let plugin = Some("TaintToleration");
            decision.nodes.insert(name.clone(), NodeVerdict { code: "UnschedulableAndUnresolvable", plugin, reasons });
            tainted.push(name);
            continue;
        }
        let of_node = scores(90 - number % groups, 200);
        decision.nodes.insert(name.clone(), NodeVerdict { code: "Success", plugin: None, reasons: Vec::new() });
        decision.total.insert(name.clone(), of_node.values().sum());
        decision.scores.insert(name, of_node);
    }
    let highest = decision.total.values().copied().max();
    let best = decision.total.iter().filter(|(_, total)| Some(**total) == highest);
    decision.best = best.map(|(name, _)| name.clone()).collect();
    decision.excluded.push(ExcludedNodes {
        plugin: "TaintToleration",
        reasons: vec![TAINTED.to_owned()],
        nodes: tainted,
        detail: "not tolerated: node-role.kubernetes.io/control-plane:NoSchedule".to_owned(),
        place: None,
    });
    decision
}

fn placement() -> SchedulePlacement {
    let absent = vec!["deployment/default/web".to_owned()];
    SchedulePlacement { placed: PlacedFirst::No, bound: 1234, pending: 1, absent }
}

fn drawn(pod: &str, decision: Decision, style: TerminalStyle, format: Format) -> String {
    let placement = placement();
    let answer = ScheduleAnswer::Decided(Box::new(decision));
    let assumptions = vec!["resourcequota/default/team is taken to have room: its use is not counted".to_owned()];
    let sources = SourceMap::default();
    let document = ScheduleDocument {
        pod,
        kubernetes: "1.36",
        placement: &placement,
        answer: &answer,
        own_assumptions: &assumptions,
        cluster_assumptions: &[],
        sources: &sources,
        secrets: &[],
    };
    let mut out = Vec::new();
    write_schedule(&document, format, &style, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_table_fits_eighty_columns_and_long_groups_are_folded() {
    let report = drawn("pod/default/x", decision(3000, 40), TerminalStyle::plain(80), Format::Human);
    assert!(report.lines().all(|line| line.chars().count() <= 80), "{report}");
    assert!(report.lines().count() < 40, "{report}");
    insta::assert_snapshot!("eighty_columns", report);
}

#[test]
fn every_node_is_named_when_everything_is_asked_for() {
    let style = TerminalStyle { detail: Detail::Verbose, ..TerminalStyle::plain(120) };
    let report = drawn("pod/default/x", decision(100, 40), style, Format::Human);
    let named = |number: i64| {
        let name = format!("pool-a-worker-{number}");
        report.split([' ', ',', '\n']).any(|word| word == name)
    };
    assert!((1..=100).all(named), "{report}");
}

#[test]
fn quiet_is_the_answer_alone() {
    let style = TerminalStyle { detail: Detail::Quiet, ..TerminalStyle::plain(120) };
    let report = drawn("deployment/default/web", decision(3, 40), style, Format::Human);
    assert_eq!(
        report,
        "one more pod of deployment/default/web goes to pool-a-worker-1 (score 770); no node is excluded\n"
    );
}

#[test]
fn nothing_in_a_name_reaches_the_terminal_as_a_command() {
    let mut hostile = decision(1, 2);
    hostile.total = hostile.total.into_iter().map(|(name, own)| (format!("{name}\u{1b}[31m"), own)).collect();
    hostile.scores = hostile.scores.into_iter().map(|(name, own)| (format!("{name}\u{1b}[31m"), own)).collect();
    hostile.nodes = hostile.nodes.into_iter().map(|(name, own)| (format!("{name}\u{1b}[31m"), own)).collect();
    hostile.best = hostile.scores.keys().cloned().collect();
    for style in
        [TerminalStyle::plain(120), TerminalStyle { characters: Characters::Ascii, ..TerminalStyle::plain(80) }]
    {
        let report = drawn("pod/default/\u{202e}x", hostile.clone(), style, Format::Human);
        assert!(!report.contains(['\u{1b}', '\u{202e}']), "{report}");
    }
    let json = drawn("pod/default/x", hostile, TerminalStyle::plain(80), Format::Json);
    assert!(!json.contains('\u{1b}'));
    assert!(serde_json::from_str::<Value>(&json).unwrap()["best"][0].as_str().unwrap().ends_with("[31m"));
}

#[test]
fn other_formats_say_what_to_take_instead() {
    let sources = SourceMap::default();
    let (placement, answer) = (placement(), ScheduleAnswer::Decided(Box::new(decision(3, 2))));
    let document = ScheduleDocument {
        pod: "pod/default/x",
        kubernetes: "1.36",
        placement: &placement,
        answer: &answer,
        own_assumptions: &[],
        cluster_assumptions: &[],
        sources: &sources,
        secrets: &[],
    };
    let error = write_schedule(&document, Format::Sarif, &TerminalStyle::plain(80), &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("human or json"), "{error}");
}
