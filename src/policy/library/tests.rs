//! The library as a whole: every rule is listed, documented, tested, and fires exactly where its fixtures say.

use std::collections::BTreeSet;
use std::path::Path;

use super::super::engine::Engine;
use super::super::engine::tests_support::{documents, load};
use super::*;
use crate::finding::Finding;
use crate::manifest::{Inventory, Node, SourceMap, Span, Value};
use crate::policy::{Configuration, FactDocument, Facts, PolicySet, RuleEngine, TestOutcome};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The lines of `text` that end in `# expect`.
fn expected(text: &str, name: &str) -> BTreeSet<(String, u32)> {
    let lines = (1u32..).zip(text.lines());
    lines.filter(|(_, line)| line.trim_end().ends_with("# expect")).map(|(line, _)| (name.to_owned(), line)).collect()
}

/// The findings of rule `id` on `manifests`, and where they stand.
fn findings(id: &str, manifests: &str, environment: &str) -> (Vec<Finding>, BTreeSet<(String, u32)>) {
    let mut sources = SourceMap::default();
    let inventory = load(&mut sources, "manifests", manifests);
    let source = sources.add("quorate.yaml", environment, crate::manifest::Origin::Written);
    let roots = documents(environment);
    let spec = roots.first().and_then(|root| root.get("spec")).map_or(serde_json::Value::Null, |spec| spec.to_json());
    let fact_documents: Vec<FactDocument<'_>> = roots.iter().map(|root| FactDocument { root, source }).collect();
    let configuration = Configuration { include: vec![id.to_owned()], ..Configuration::default() };
    let set = PolicySet::builtin().unwrap().configure(&configuration).unwrap();
    let evaluation = set.evaluate_with(&inventory, &Facts { spec: &spec, documents: &fact_documents });
    assert_eq!(evaluation.not_evaluated, [], "{id} misses a fact in its own fixture");
    let places = evaluation.findings.iter().map(|finding| {
        let place = finding.place.unwrap_or_else(|| panic!("{id}: no place: {}", finding.message));
        let source = sources.get(place.source);
        (source.name.to_string(), source.line_column(place.span.start).line)
    });
    let places = places.collect();
    (evaluation.findings, places)
}

#[test]
fn each_rule_fires_on_its_violating_fixture_where_expected_and_not_on_the_compliant_one() {
    for built_in in RULES {
        let expected: BTreeSet<_> = expected(built_in.violating, "manifests")
            .into_iter()
            .chain(expected(built_in.environment, "quorate.yaml"))
            .collect();
        assert!(!expected.is_empty(), "{}: no line of the violating fixture is marked `# expect`", built_in.id);
        let (found, places) = findings(built_in.id, built_in.violating, built_in.environment);
        assert_eq!(places, expected, "{}: {found:#?}", built_in.id);
        for finding in &found {
            assert_eq!(&*finding.rule, built_in.id, "{}", finding.message);
            assert!(!finding.message.ends_with('.') && !finding.message.is_empty(), "{}", finding.message);
        }
        let (found, _) = findings(built_in.id, built_in.compliant, built_in.environment);
        assert!(found.is_empty(), "{}: {found:#?}", built_in.id);
    }
}

#[test]
fn the_policies_own_tests_pass_and_every_rule_has_some() {
    let report = PolicySet::builtin().unwrap().run_tests().unwrap();
    let failed: Vec<_> = report.results.iter().filter(|result| result.outcome != TestOutcome::Passed).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    assert_eq!(report.untested, Vec::<String>::new());
    assert!(report.results.len() >= 2 * RULES.len());
}

#[test]
fn every_file_in_the_directories_is_listed() {
    let mut on_disk = BTreeSet::new();
    for pack in std::fs::read_dir(root().join("policies")).unwrap() {
        let pack = pack.unwrap().path();
        for file in std::fs::read_dir(&pack).unwrap() {
            let file = file.unwrap().path();
            on_disk.insert(file.strip_prefix(root()).unwrap().display().to_string());
        }
    }
    let listed: BTreeSet<String> = RULES
        .iter()
        .flat_map(|rule| [rule.rule_path, rule.test_path])
        .chain(SHARED.iter().map(|(path, _)| *path))
        .map(str::to_owned)
        .collect();
    assert_eq!(on_disk, listed);
    let fixtures = std::fs::read_dir(root().join("fixtures/policies")).unwrap();
    let fixtures: BTreeSet<String> = fixtures.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(fixtures, RULES.iter().map(|rule| rule.id.to_owned()).collect());
}

#[test]
fn every_rule_says_what_why_and_how_to_mend() {
    let set = PolicySet::builtin().unwrap();
    for rule in set.rules() {
        for (part, text) in
            [("title", &rule.title), ("description", &rule.description), ("why", &rule.why), ("help", &rule.help)]
        {
            assert!(!text.is_empty(), "{}: no {part}", rule.id);
        }
        assert!(!rule.related_resources.is_empty(), "{}: no related resource", rule.id);
        assert!(!rule.title.ends_with('.'), "{}: a title has no full stop", rule.id);
        if let RuleEngine::Rego(_) = rule.engine {
            assert!(!rule.kinds.is_empty(), "{}: it names no kinds", rule.id);
        }
    }
    for built_in in RULES {
        let rule = set.rule(built_in.id).unwrap_or_else(|| panic!("{}: its METADATA has another id", built_in.id));
        assert_eq!(&*rule.pack, built_in.pack);
        assert_eq!(built_in.id.replace('-', "_"), Path::new(built_in.rule_path).file_stem().unwrap().to_str().unwrap());
    }
}

/// On every fixture, and on it with something else in every place.
#[test]
fn both_engines_of_rego_give_the_same_answers() {
    let mut compared = 0;
    let mut differences = BTreeSet::new();
    for built_in in RULES {
        let only = Configuration { include: vec![built_in.id.to_owned()], ..Configuration::default() };
        let set = PolicySet::builtin().unwrap().configure(&only).unwrap();
        let (machine, interpreter) = (set.clone().on(Engine::Machine), set.on(Engine::Interpreter));
        let roots = documents(built_in.environment);
        let spec =
            roots.first().and_then(|root| root.get("spec")).map_or(serde_json::Value::Null, |spec| spec.to_json());
        let facts = Facts { spec: &spec, documents: &[] };
        for manifests in [built_in.violating, built_in.compliant] {
            let original = load(&mut SourceMap::default(), "a", manifests);
            for inventory in [together(&variants(&original)), original] {
                let (one, other) =
                    (machine.evaluate_with(&inventory, &facts), interpreter.evaluate_with(&inventory, &facts));
                compared += one.findings.len();
                differences.extend(difference(&one.findings, &other.findings, "machine"));
                differences.extend(difference(&other.findings, &one.findings, "interpreter"));
            }
        }
    }
    assert!(differences.is_empty(), "{differences:#?}");
    assert!(compared > 1000, "{compared}");
}

/// What only `these` hold.
fn difference(these: &[Finding], those: &[Finding], engine: &str) -> Vec<String> {
    let only = these.iter().filter(|finding| !those.contains(finding));
    only.map(|finding| format!("only the {engine}: {} {:?}: {}", finding.rule, finding.object, finding.message))
        .collect()
}

/// Every place in every fixture, with something else there: no rule may fail on an object that does not fit its kind.
#[test]
fn rules_do_not_fail_on_objects_of_the_wrong_shape() {
    let all = PolicySet::builtin().unwrap();
    let mut looked_at = 0;
    let mut failures = BTreeSet::new();
    for built_in in RULES {
        let only = Configuration { include: vec![built_in.id.to_owned()], ..Configuration::default() };
        let set = all.clone().configure(&only).unwrap();
        let roots = documents(built_in.environment);
        let spec =
            roots.first().and_then(|root| root.get("spec")).map_or(serde_json::Value::Null, |spec| spec.to_json());
        let original = load(&mut SourceMap::default(), "a", built_in.violating);
        let variants = variants(&original);
        // A rule about facts reads the whole inventory once, so each variant needs one of its own; the others see all
        // variants at once, each in its own namespace.
        let apart = set.rule(built_in.id).unwrap().looks_at_environment();
        let batches: Vec<Inventory> = if apart { variants } else { vec![together(&variants)] };
        for inventory in batches {
            looked_at += inventory.len();
            let evaluation = set.evaluate(&inventory, &spec);
            let failed = evaluation.findings.into_iter().filter(|finding| &*finding.rule == "policy-error");
            failures.extend(failed.map(|finding| finding.message));
        }
    }
    assert!(looked_at > 1000, "{looked_at}");
    assert!(failures.is_empty(), "{failures:#?}");
}

/// The objects of `original`, each time with one other value in one place.
fn variants(original: &Inventory) -> Vec<Inventory> {
    // An object is always a mapping, so its root stays.
    let count = original.iter().map(|(_, object)| size(&object.root) - 1).sum();
    let mut variants = Vec::new();
    for position in 0..count {
        for wrong in wrong_values() {
            let mut inventory = Inventory::default();
            let mut left = position;
            for (_, object) in original.iter() {
                let mut object = object.clone();
                children(&mut object.root, &mut left, &wrong);
                inventory.add(object);
            }
            variants.push(inventory);
        }
    }
    variants
}

fn together(variants: &[Inventory]) -> Inventory {
    let mut all = Inventory::default();
    for (number, variant) in variants.iter().enumerate() {
        for (_, object) in variant.iter() {
            let mut object = object.clone();
            let place = format!("variant-{number}");
            if let Some(namespace) = &mut object.reference.namespace {
                rename(&mut object.root, "namespace", namespace, &place);
                *namespace = place.into();
            } else {
                rename(&mut object.root, "name", &object.reference.name, &place);
                object.reference.name = place.into();
            }
            all.add(object);
        }
    }
    all
}

/// Writes `to` at `metadata.KEY` where `from` still stands there.
fn rename(root: &mut Node, key: &str, from: &str, to: &str) {
    let Value::Mapping(entries) = &mut root.value else { return };
    let Some(metadata) = entries.iter_mut().find(|entry| &*entry.key == "metadata") else { return };
    let Value::Mapping(entries) = &mut metadata.value.value else { return };
    for entry in entries.iter_mut().filter(|entry| &*entry.key == key && entry.value.as_str() == Some(from)) {
        entry.value.value = Value::String(to.into());
    }
}

fn wrong_values() -> [Value; 4] {
    let item = Node { value: Value::Integer(7), span: Span::default() };
    [Value::Null, Value::String("x".into()), Value::Sequence(vec![item]), Value::Mapping(Vec::new())]
}

fn size(node: &Node) -> usize {
    1 + match &node.value {
        Value::Sequence(items) => items.iter().map(size).sum(),
        Value::Mapping(entries) => entries.iter().map(|entry| size(&entry.value)).sum(),
        Value::Null | Value::Boolean(_) | Value::Integer(_) | Value::Float(_) | Value::String(_) => 0,
    }
}

/// Puts `with` at the node that stands at `position` in reading order, and counts `position` down to there.
fn replace(node: &mut Node, position: &mut usize, with: &Value) {
    if *position == 0 {
        node.value = with.clone();
        *position = usize::MAX;
        return;
    }
    *position -= 1;
    children(node, position, with);
}

fn children(node: &mut Node, position: &mut usize, with: &Value) {
    match &mut node.value {
        Value::Sequence(items) => items.iter_mut().for_each(|item| replace(item, position, with)),
        Value::Mapping(entries) => entries.iter_mut().for_each(|entry| replace(&mut entry.value, position, with)),
        Value::Null | Value::Boolean(_) | Value::Integer(_) | Value::Float(_) | Value::String(_) => {}
    }
}
