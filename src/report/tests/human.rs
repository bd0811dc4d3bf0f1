use std::sync::Arc;

use crate::finding::{Finding, NotEvaluated, Severity};
use crate::report::{Characters, Colour, Detail, Format, Links, TerminalStyle};

use super::crafted::{self, Case};
use super::places;

#[test]
fn one_finding() {
    insta::assert_snapshot!(crafted::rollout_deadlock().human(120));
}

#[test]
fn one_finding_in_80_columns() {
    insta::assert_snapshot!(crafted::rollout_deadlock().human(80));
}

#[test]
fn one_finding_in_ascii() {
    let style = TerminalStyle { characters: Characters::Ascii, ..TerminalStyle::plain(80) };
    let text = crafted::rollout_deadlock().write(Format::Human, &style);
    assert!(text.is_ascii(), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn one_finding_in_colour() {
    let style = TerminalStyle { colour: Colour::Ansi, links: Links::Hyperlinks, ..TerminalStyle::plain(80) };
    let text = crafted::rollout_deadlock().write(Format::Human, &style);
    insta::assert_snapshot!(text.replace('\u{1b}', "␛"));
}

#[test]
fn colour_changes_nothing_but_colour() {
    for case in [crafted::rollout_deadlock(), crafted::five_hundred(), places::every_place(), places::injection()] {
        let style = TerminalStyle { colour: Colour::Ansi, ..TerminalStyle::plain(80) };
        let coloured = case.write(Format::Human, &style);
        let mut stripped = String::new();
        let mut parts = coloured.split('\u{1b}');
        stripped.push_str(parts.next().unwrap());
        for part in parts {
            let (code, rest) = part.split_once('m').unwrap();
            assert!(code.bytes().skip(1).all(|byte| byte.is_ascii_digit() || byte == b';'), "{code:?}");
            stripped.push_str(rest);
        }
        let trimmed = |text: &str| text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
        assert_eq!(trimmed(&stripped), trimmed(&case.human(80)));
    }
}

#[test]
fn five_hundred_findings_stay_readable() {
    let text = crafted::five_hundred().human(80);
    assert!(text.lines().count() < 160, "{}", text.lines().count());
    insta::assert_snapshot!(text);
}

#[test]
fn verbose_lists_all() {
    let case = crafted::five_hundred();
    let style = TerminalStyle { detail: Detail::Verbose, ..TerminalStyle::plain(100) };
    let text = case.write(Format::Human, &style);
    for index in 0..200 {
        let name = format!("service-{index:03}.yaml");
        assert!(text.matches(&name).count() >= 2, "{name}");
    }
    assert!(!text.contains("-v lists all"));
}

#[test]
fn quiet_is_the_closing_line() {
    let style = TerminalStyle { detail: Detail::Quiet, ..TerminalStyle::plain(400) };
    let text = crafted::rollout_deadlock().write(Format::Human, &style);
    insta::assert_snapshot!(text, @"1 error in 12 files (34 objects, 2 documents skipped, 4 nodes) by 19 rules, as Kubernetes 1.36");
}

#[test]
fn findings_of_one_cause_are_listed_by_what_differs() {
    let mut case = Case::new();
    for (name, message) in [
        ("a", "container \"web\" has no probe"),
        ("b", "container \"web\" has no probe"),
        ("c", "container \"c\" has no probe"),
        ("d", "container \"sidecar\" has no probe"),
    ] {
        let mut finding = Finding::new("no-probe", Severity::Warning, message);
        finding.object = Some(crafted::object("Deployment", Some("shop"), name));
        case.findings.push(finding);
    }
    let far = format!("{}.yaml", "deep/".repeat(16));
    for name in ["one", "two", &far] {
        let source = case.written(name, "name: a\n");
        let place = case.place(source, "a", 0);
        case.findings.push(crafted::at("without-object", Severity::Error, "it has none", "", place));
    }
    insta::assert_snapshot!(case.human(80));
}

#[test]
fn quiet_points_to_no_list_that_is_not_there() {
    let mut case = crafted::rollout_deadlock();
    for rule in ["a", "b", "c"] {
        case.not_evaluated.push(NotEvaluated { rule: Arc::from(rule), needs: format!("fact {rule}") });
    }
    let write = |detail| {
        let text = case.write(Format::Human, &TerminalStyle { detail, ..TerminalStyle::plain(120) });
        text.trim_end().replace('\n', " ")
    };
    let quiet = write(Detail::Quiet);
    assert!(quiet.ends_with("3 rules not evaluated for want of 3 facts; -v lists them"), "{quiet}");
    let normal = write(Detail::Normal);
    assert!(normal.ends_with("3 rules not evaluated for want of 3 facts, listed above"), "{normal}");
}

#[test]
fn nothing_found() {
    insta::assert_snapshot!(Case::new().human(120), @"nothing is wrong in 12 files (34 objects, 2 documents skipped, 4 nodes) by 19 rules, as Kubernetes 1.36");
}

#[test]
fn every_kind_of_place() {
    insta::assert_snapshot!(places::every_place().human(100));
}

#[test]
fn values_of_secrets_are_blanked() {
    insta::assert_snapshot!(places::secret().human(100));
}

#[test]
fn injected_commands_are_shown_as_what_they_are() {
    insta::assert_snapshot!(places::injection().human(80));
}

#[test]
fn a_very_long_line_does_not_flood() {
    let text = places::long_line().human(80);
    assert!(text.lines().all(|line| crate::report::printable::columns(line) <= 80), "{text}");
    insta::assert_snapshot!(text);
}
