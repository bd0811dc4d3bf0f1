use jiff::civil::{Date, date};
use proptest::prelude::*;

use super::acceptance::*;
use super::*;
use crate::finding::{Finding, NotEvaluated, Severity};
use crate::manifest::{Inventory, SourceMap};
use crate::policy::engine::tests_support::load;

const OBJECTS: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: team, labels: {tier: front, n: 7}}\n---\napiVersion: v1\nkind: Node\nmetadata: {name: worker-1}\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n";

fn waiver(target: WaiverTarget) -> Waiver {
    Waiver {
        rule: "a-rule".into(),
        target,
        reason: "because".to_owned(),
        owner: "platform".to_owned(),
        expires: date(2027, 6, 30),
        place: None,
    }
}

fn object(text: &str) -> WaiverTarget {
    WaiverTarget::Object(text.to_owned())
}

fn selector(kinds: &[&str], namespace: Option<&str>, labels: &[(&str, &str)]) -> WaiverTarget {
    WaiverTarget::Selector {
        kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
        namespace: namespace.map(str::to_owned),
        match_labels: labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
    }
}

/// A finding of `a-rule` on each object of [`OBJECTS`], and one on none.
fn findings(inventory: &Inventory) -> Vec<Finding> {
    let on = |object| Finding { object, ..Finding::new("a-rule", Severity::Error, "x") };
    inventory.iter().map(|(_, object)| on(Some(object.reference.clone()))).chain([on(None)]).collect()
}

/// Which of the findings are waived, and the ids of the findings that were added.
fn run(waivers: &[Waiver], today: Date) -> (Vec<bool>, Vec<String>) {
    let inventory = load(&mut SourceMap::default(), "m.yaml", OBJECTS);
    let mut all = findings(&inventory);
    let before = all.len();
    apply(&mut all, waivers, &[&inventory], &[], today);
    let waived = all[..before].iter().map(|finding| finding.waived.is_some()).collect();
    (waived, all[before..].iter().map(|finding| finding.rule.to_string()).collect())
}

const TODAY: Date = date(2026, 11, 23);

#[test]
fn objects_are_matched_by_kind_namespace_and_name() {
    for (target, expected) in [
        (object("deployment/team/web"), [true, false, false, false]),
        (object("Deployment/team/web"), [true, false, false, false]),
        (object("node/worker-1"), [false, true, false, false]),
        (object("deployment/web"), [false, false, true, false]),
        (object("environment"), [false, false, false, true]),
        (object("environment/production"), [false, false, false, true]),
        (selector(&["deployment"], None, &[]), [true, false, true, false]),
        (selector(&[], Some("team"), &[]), [true, false, false, false]),
        (selector(&[], None, &[("tier", "front"), ("n", "7")]), [true, false, false, false]),
    ] {
        assert_eq!(run(&[waiver(target.clone())], TODAY), (expected.to_vec(), vec![]), "{target}");
    }
}

#[test]
fn what_matches_nothing_is_unused() {
    for target in [object("deployment/other/web"), object("web"), selector(&["Job"], None, &[])] {
        assert_eq!(run(&[waiver(target)], TODAY), (vec![false; 4], vec!["waiver-unused".to_owned()]));
    }
    let other = Waiver { rule: "b-rule".into(), ..waiver(object("environment")) };
    assert_eq!(run(std::slice::from_ref(&other), TODAY).1, ["waiver-unused"]);
    let inventory = Inventory::default();
    let skipped = NotEvaluated { rule: "b-rule".into(), needs: "nodes".to_owned() };
    let mut none = Vec::new();
    apply(&mut none, &[other], &[&inventory], &[skipped], TODAY);
    assert!(none.is_empty(), "a waiver of a rule that was not evaluated is not unused");
}

#[test]
fn a_rule_may_be_named_with_its_pack() {
    let named = Waiver { rule: "pack/a-rule".into(), ..waiver(object("environment")) };
    assert_eq!(run(&[named], TODAY).0, [false, false, false, true]);
}

#[test]
fn the_day_of_expiry_is_the_last() {
    let last = waiver(object("environment"));
    assert_eq!(run(std::slice::from_ref(&last), last.expires), (vec![false, false, false, true], vec![]));
    let after = last.expires.tomorrow().unwrap();
    assert_eq!(run(&[last], after), (vec![false; 4], vec!["waiver-expired".to_owned()]));
}

#[test]
fn the_longest_of_several_is_shown() {
    let inventory = load(&mut SourceMap::default(), "m.yaml", OBJECTS);
    let short = Waiver { expires: date(2027, 1, 1), ..waiver(object("node/worker-1")) };
    let long = Waiver { owner: "team".to_owned(), ..waiver(object("node/worker-1")) };
    for waivers in [[short.clone(), long.clone()], [long, short]] {
        let mut all = findings(&inventory);
        apply(&mut all, &waivers, &[&inventory], &[], TODAY);
        assert_eq!(all.len(), 4, "both are used");
        assert_eq!(all[1].waived.as_ref().unwrap().owner, "team");
    }
}

#[test]
fn an_incomplete_one_is_an_error() {
    for incomplete in [
        Waiver { reason: " ".to_owned(), ..waiver(object("environment")) },
        Waiver { owner: String::new(), ..waiver(object("environment")) },
        waiver(object("")),
        waiver(selector(&[], None, &[])),
    ] {
        assert_eq!(run(&[incomplete], TODAY), (vec![false; 4], vec!["waiver-invalid".to_owned()]));
    }
}

#[test]
fn findings_about_the_run_are_not_waived() {
    for rule in NEVER_WAIVED {
        let mut all = vec![Finding::new(rule, Severity::Error, "x")];
        let any = Waiver { rule: rule.into(), ..waiver(object("environment")) };
        apply(&mut all, &[any], &[], &[], TODAY);
        assert!(all[0].waived.is_none(), "{rule}");
        assert_eq!(&*all[1].rule, "waiver-unused");
    }
}

fn annotated(value: &str) -> Inventory {
    let text = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: team\n  annotations:\n    quorate.dev/waive.a-rule: {value}\n"
    );
    load(&mut SourceMap::default(), "m.yaml", &text)
}

#[test]
fn an_annotation_is_a_waiver_of_its_object() {
    let (waivers, errors) = from_annotations(&annotated(r#"'{"reason": "r", "owner": "o", "expires": "2027-06-30"}'"#));
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!((&*waivers[0].rule, waivers[0].expires), ("a-rule", date(2027, 6, 30)));
    assert_eq!(waivers[0].target, object("deployment/team/web"));
    assert!(waivers[0].place.is_some());
}

#[test]
fn a_broken_annotation_is_an_error_at_its_place() {
    for (value, says) in [
        ("yes please", "expected value"),
        ("true", "not a text"),
        (r#"'{"owner": "o", "expires": "2027-06-30"}'"#, "reason"),
        (r#"'{"reason": "", "owner": "o", "expires": "2027-06-30"}'"#, "`reason` is empty"),
        (r#"'{"reason": "r", "owner": "o"}'"#, "expires"),
        (r#"'{"reason": "r", "owner": "o", "expires": "next year"}'"#, "YYYY-MM-DD"),
        (r#"'{"reason": "r", "owner": "o", "expires": "2027-02-30"}'"#, "YYYY-MM-DD"),
        (r#"'{"reason": "r", "owner": "o", "expires": "2027-06-30", "until": "x"}'"#, "until"),
    ] {
        let (waivers, errors) = from_annotations(&annotated(value));
        assert!(waivers.is_empty(), "{value}");
        assert_eq!((&*errors[0].rule, errors[0].severity), ("waiver-invalid", Severity::Error), "{value}");
        assert!(errors[0].message.contains(says), "{}", errors[0].message);
        assert!(errors[0].place.is_some() && errors[0].object.is_some());
    }
}

proptest! {
    #[test]
    fn waivers_never_remove_findings_and_an_expired_one_waives_nothing(days in -400_i64..400, count in 0_usize..4) {
        let inventory = load(&mut SourceMap::default(), "m.yaml", OBJECTS);
        let expires = TODAY.checked_add(jiff::Span::new().days(days)).unwrap();
        let targets = ["environment", "node/worker-1", "deployment/team/web", "deployment/web"];
        let waivers: Vec<Waiver> =
            targets[..count].iter().map(|target| Waiver { expires, ..waiver(object(target)) }).collect();
        let mut all = findings(&inventory);
        apply(&mut all, &waivers, &[&inventory], &[], TODAY);
        let waived = all.iter().filter(|finding| finding.waived.is_some()).count();
        let about_waivers = all.len() - 4;
        prop_assert_eq!(waived, if days >= 0 { count } else { 0 });
        prop_assert_eq!(about_waivers, if days >= 0 { 0 } else { count });
    }
}
