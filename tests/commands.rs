//! The smaller commands: `policy`, `explain`, `init`, help and version.
#![allow(clippy::unwrap_used)]

mod binary;

use std::fs;
use std::path::Path;

use binary::{Run, binary, directory, finish, quorate, read, root, text};

/// The ids in `quorate policy list`.
fn rules() -> Vec<String> {
    let list = quorate(&["policy", "list"]).with_status(0).stdout;
    // Continued lines begin far to the right, the heading is in capitals.
    let rows = list.lines().filter_map(|line| line.strip_prefix(' '));
    let rows = rows.filter(|row| row.starts_with(|first: char| first.is_ascii_lowercase()));
    rows.filter_map(|row| row.split(' ').next().map(str::to_owned)).collect()
}

#[test]
fn every_listed_rule_is_explained() {
    let rules = rules();
    assert!(rules.len() > 40 && rules.contains(&"rollout-deadlock".to_owned()), "{rules:?}");
    for rule in &rules {
        let explained = quorate(&["explain", rule]).with_status(0).stdout;
        assert!(explained.contains(&format!("[{rule}]: ")), "{explained}");
        assert!(explained.lines().count() > 5, "{explained}");
        // Examples and what belongs to an item of a list are indented deeper; addresses and values are not torn.
        let fits = |line: &str| line.starts_with("    ") || line.chars().count() <= 120;
        assert!(explained.lines().all(fits), "{explained}");
    }
    insta::assert_snapshot!("explain_rollout_deadlock", quorate(&["explain", "rollout-deadlock"]).stdout);
}

#[test]
fn an_unknown_rule_has_a_nearest_one() {
    let run = quorate(&["explain", "rolout-deadlock"]).with_status(2);
    assert_eq!(run.stderr, "error: there is no rule rolout-deadlock; did you mean rollout-deadlock?\n");
    let run = quorate(&["explain", "zzzzzzzz"]).with_status(2);
    assert_eq!(run.stderr, "error: there is no rule zzzzzzzz; quorate policy list shows all\n");
}

#[test]
fn the_policies_pass_their_own_tests() {
    let run = quorate(&["policy", "test"]).with_status(0);
    let closing = run.stdout.lines().last().unwrap();
    assert!(closing.ends_with(" passed, 0 failed"), "{}", run.stdout);
    assert!(!closing.starts_with("0 "), "{closing}");
}

/// The twin: a policy's test that does not hold is told.
#[test]
fn a_failing_test_of_a_policy_fails() {
    let policy = "# METADATA\n# title: t\n# custom:\n#   id: my-rule\n#   severity: warning\npackage mine.my_rule\n\ndeny contains \"x\" if input.kind == \"Pod\"\n";
    let test = "package mine.my_rule_test\n\nimport data.mine.my_rule\n\ntest_wrong if count(my_rule.deny) == 1 with input as {\"kind\": \"Service\"}\n";
    let folder = directory(&[("my_rule.rego", policy), ("my_rule_test.rego", test)]);
    let run = quorate(&["policy", "test", "--policy", text(folder.path())]).with_status(1);
    assert!(run.stdout.contains("test_wrong"), "{}", run.stdout);
    assert!(run.stdout.trim_end().ends_with(" 1 failed"), "{}", run.stdout);
}

#[test]
fn the_documentation_of_the_rules_is_current() {
    let written = quorate(&["policy", "docs"]).with_status(0).stdout;
    let is_current = written == read("docs/rules.md");
    assert!(is_current, "docs/rules.md is old; write it anew with: cargo run -- policy docs > docs/rules.md");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// In `folder`, as a user stands there.
fn within(folder: &Path, arguments: &[&str]) -> Run {
    finish(binary().current_dir(folder).args(arguments))
}

/// The findings about `quorate.yaml` itself.
fn about_environment(folder: &Path) -> Vec<String> {
    let report = within(folder, &["check", ".", "-o", "json"]).json("check");
    let findings = report["findings"].as_array().unwrap().iter();
    let loader =
        ["unreadable-document", "duplicate-key", "unknown-field", "wrong-type", "missing-field", "invalid-value"];
    findings
        .filter(|own| own["location"]["file"].as_str().is_some_and(|file| file.ends_with("quorate.yaml")))
        .filter(|own| loader.iter().any(|rule| own["rule"] == *rule))
        .map(|own| own["message"].as_str().unwrap().to_owned())
        .collect()
}

/// Takes the comment sign off every line that is YAML behind it: keys have no blanks, prose has.
fn uncommented(environment: &str) -> String {
    let line = |line: &str| {
        let Some(content) = line.strip_prefix("  # ") else { return format!("{line}\n") };
        let key = content.split_once(':').map_or(content, |(key, _)| key);
        let is_yaml = content.starts_with(' ') || (content.contains(':') && !key.contains(' '));
        if is_yaml { format!("  {content}\n") } else { format!("{line}\n") }
    };
    environment.lines().map(line).collect()
}

#[test]
fn init_writes_an_environment_that_holds() {
    let folder = tempfile::tempdir().unwrap();
    copy(&root("fixtures/qawave"), folder.path());
    let environment = folder.path().join("quorate.yaml");
    fs::remove_file(&environment).unwrap();
    let run = within(folder.path(), &["init"]).with_status(0);
    assert_eq!(run.stdout, "wrote quorate.yaml; uncomment what holds for your environment, then: quorate check .\n");
    let written = fs::read_to_string(&environment).unwrap();
    insta::assert_snapshot!("init", written);
    assert_eq!(about_environment(folder.path()), Vec::<String>::new());
    assert_eq!(within(folder.path(), &["init", "-o", "-"]).with_status(0).stdout, written);

    // What it suggests can be taken as it stands.
    fs::write(&environment, uncommented(&written)).unwrap();
    assert_eq!(about_environment(folder.path()), Vec::<String>::new());
    let report = within(folder.path(), &["check", ".", "-o", "json"]).json("check");
    let needs = report["notEvaluated"].as_array().unwrap().iter().map(|own| own["needs"].as_str().unwrap());
    let missing: Vec<&str> = needs.filter(|needs| needs.contains("quorate.yaml")).collect();
    assert!(missing.is_empty(), "with every suggestion taken rules still lack {missing:?}");
}

#[test]
fn init_replaces_nothing_unasked() {
    let folder = directory(&[("quorate.yaml", "mine\n")]);
    let environment = folder.path().join("quorate.yaml");
    let refused = within(folder.path(), &["init"]).with_status(2);
    assert_eq!(refused.stderr, "error: quorate.yaml exists; --force replaces it\n");
    assert_eq!(fs::read_to_string(&environment).unwrap(), "mine\n");
    within(folder.path(), &["init", "--force"]).with_status(0);
    let written = fs::read_to_string(&environment).unwrap();
    assert!(written.contains("kind: Environment") && written.contains("No Node manifests were found"), "{written}");
    within(folder.path(), &["init", "-o", "other.yaml"]).with_status(0);
    assert!(folder.path().join("other.yaml").exists());
    // Without anything to look at, its suggestions still hold.
    fs::write(folder.path().join("pod.yaml"), "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n").unwrap();
    fs::write(&environment, uncommented(&written)).unwrap();
    assert_eq!(about_environment(folder.path()), Vec::<String>::new());
}

#[test]
fn help_and_version_are_no_mistakes() {
    insta::assert_snapshot!("help", quorate(&["--help"]).with_status(0).stdout);
    insta::assert_snapshot!("help_of_check", quorate(&["check", "--help"]).with_status(0).stdout);
    insta::assert_snapshot!("help_of_schedule", quorate(&["schedule", "--help"]).with_status(0).stdout);
    insta::assert_snapshot!("help_of_simulate", quorate(&["simulate", "--help"]).with_status(0).stdout);
    let version = quorate(&["--version"]).with_status(0).stdout;
    assert_eq!(version, format!("quorate {}\n", env!("CARGO_PKG_VERSION")));
    let nothing = quorate(&[]).with_status(2);
    assert!(nothing.stderr.contains("Usage: quorate <COMMAND>"), "{}", nothing.stderr);
    let typo = quorate(&["chek", "."]).with_status(2).stderr;
    assert!(typo.contains("'check'"), "{typo}");
}
