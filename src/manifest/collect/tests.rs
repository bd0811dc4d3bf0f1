use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::super::source::Origin;
use super::super::yaml::{Limits, UNREADABLE_DOCUMENT};
use super::*;
use crate::finding::{Finding, Severity};

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n";

/// A directory with these files.
fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    directory
}

/// Adds a program that prints what the shell commands say.
fn program(directory: &Path, name: &str, script: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let path = directory.join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn options(programs: &Path) -> CollectOptions {
    CollectOptions { search_path: Some(programs.as_os_str().to_owned()), ..CollectOptions::default() }
}

fn read(paths: &[PathBuf]) -> Result<Collection, CollectError> {
    collect(paths, &mut std::io::empty(), &options(Path::new("/nowhere")))
}

fn read_directory(directory: &TempDir) -> Collection {
    read(&[directory.path().to_owned()]).unwrap()
}

/// The names of the sources, without the directory before them.
fn names(collection: &Collection, directory: &TempDir) -> Vec<String> {
    let prefix = format!("{}/", directory.path().display());
    collection.sources.iter().map(|(_, source)| source.name.replace(&prefix, "")).collect()
}

fn rules(collection: &Collection) -> Vec<&str> {
    collection.findings.iter().map(|finding| &*finding.rule).collect()
}

#[test]
fn directories_are_read_in_the_order_of_names() {
    let directory = directory(&[
        ("b.yaml", POD),
        ("a/z.yml", POD),
        ("a.json", "{\"apiVersion\": \"v1\", \"kind\": \"Pod\"}"),
        ("quorate.yaml", POD),
        ("a/quorate.yaml", POD),
        (".git/c.yaml", POD),
        ("node_modules/d.yaml", POD),
        ("e.txt", "no"),
    ]);
    let collection = read_directory(&directory);
    assert_eq!(names(&collection, &directory), ["a/z.yml", "a.json", "b.yaml"]);
    assert_eq!(collection.counts, Counts { files: 3, documents: 3, skipped: 0 });
    assert_eq!(collection.configurations.len(), 1);
    assert_eq!(collection.configurations[0].name, None);
    // What was found stands in the source it names.
    for document in &collection.configurations[0].documents {
        let source = collection.sources.get(document.source);
        assert!(source.text.contains("Pod") && source.origin == Origin::Written);
    }
}

#[test]
fn each_file_is_read_once_and_links_in_circles_end() {
    let directory = directory(&[("a/b.yaml", POD)]);
    std::os::unix::fs::symlink(directory.path(), directory.path().join("a/loop")).unwrap();
    std::os::unix::fs::symlink(directory.path().join("a/b.yaml"), directory.path().join("a/c.yaml")).unwrap();
    std::os::unix::fs::symlink("nowhere", directory.path().join("a/d.yaml")).unwrap();
    let path = directory.path().to_owned();
    let collection = read(&[path.join("a/b.yaml"), path.clone(), path]).unwrap();
    assert_eq!(collection.counts.files, 1);
}

#[test]
fn standard_input_is_read_where_it_stands() {
    let directory = directory(&[("a.yaml", POD)]);
    let paths = [PathBuf::from("-"), directory.path().to_owned(), PathBuf::from("-")];
    let mut stdin = POD.as_bytes();
    let collection = collect(&paths, &mut stdin, &CollectOptions::default()).unwrap();
    assert_eq!(names(&collection, &directory), ["-", "a.yaml"]);
    assert_eq!(collection.counts.documents, 2);
}

#[test]
fn documents_that_are_no_objects_are_counted_and_half_ones_found() {
    let text = "a: 1\n---\nkind: Pod\nspec: 1\n---\napiVersion: v1\nmetadata: 1\n---\n- 1\n---\nkind: 3\nitems: 1\napiVersion: v1\n---\n";
    let directory = directory(&[("a.yaml", &format!("{text}{POD}"))]);
    let collection = read_directory(&directory);
    assert_eq!(collection.counts, Counts { files: 1, documents: 1, skipped: 2 });
    let messages: Vec<_> = collection.findings.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(messages, ["apiVersion is missing", "kind is missing", "kind must be a text"]);
    assert!(rules(&collection).iter().all(|rule| *rule == INCOMPLETE_OBJECT));
    let starts: Vec<_> = collection.findings.iter().map(|finding| finding.place.unwrap().span.start).collect();
    assert_eq!(starts, [15, 31, 76]);
}

#[test]
fn lists_are_their_items() {
    let text = "\
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Pod
- apiVersion: v1
  kind: PodList
  items: [{metadata: {name: b}}, {kind: Other, apiVersion: x/v1}]
- {}
";
    let directory = directory(&[("a.yaml", text), ("b.yaml", "apiVersion: v1\nkind: AllowList\n")]);
    let collection = read_directory(&directory);
    let documents = &collection.configurations[0].documents;
    let kinds: Vec<_> = documents.iter().map(|document| document.root.get("kind").unwrap().as_str().unwrap()).collect();
    assert_eq!(kinds, ["Pod", "Pod", "Other", "AllowList"]);
    let span = documents[1].root.span;
    assert_eq!(&text[span.start as usize..span.end as usize], "{metadata: {name: b}}");
    assert_eq!(collection.findings.len(), 1);
    assert!(collection.findings[0].message.contains("neither apiVersion nor kind"));
}

#[test]
fn a_broken_document_is_a_finding_and_the_others_are_read() {
    let directory = directory(&[("a.yaml", &format!("a: [\n---\n{POD}")), ("b.yaml", POD)]);
    let collection = read_directory(&directory);
    assert_eq!(rules(&collection), [UNREADABLE_DOCUMENT]);
    assert_eq!(collection.counts.documents, 2);
}

#[test]
fn nothing_at_all_is_an_error_unless_it_is_allowed() {
    let directory = directory(&[("a.yaml", "a: 1\n")]);
    let error = read(&[directory.path().to_owned()]).unwrap_err();
    assert!(matches!(error, CollectError::NoObject { files: 1, skipped: 1 }), "{error}");
    let allowed = CollectOptions { empty: EmptyInput::Allowed, ..CollectOptions::default() };
    assert!(collect(&[directory.path().to_owned()], &mut std::io::empty(), &allowed).is_ok());
    assert!(matches!(read(&[]), Err(CollectError::NoPath)));
    fs::write(directory.path().join("a.yaml"), "a: [").unwrap();
    let error = read(&[directory.path().to_owned()]).unwrap_err();
    assert!(matches!(error, CollectError::NoObject { files: 1, skipped: 1 }), "{error}");
    fs::write(directory.path().join("a.yaml"), "kind: [").unwrap();
    assert_eq!(rules(&read_directory(&directory)), [UNREADABLE_DOCUMENT]);
}

#[test]
fn what_looks_like_no_manifest_is_passed_over_with_a_note_unless_it_was_named() {
    let directory = directory(&[
        ("both.yaml", "a: [\n---\na: 1\na: 2\n---\nkind: [\n"),
        ("bomb.yaml", "a: &a [*a]\n"),
        ("broken.yaml", "a: [\n---\na: 1\na: 2\n"),
        ("broken.json", "{\"include\": [}\n"),
        (".travis.yml", "go: 1\ngo: 2\n"),
        ("pod.yaml", POD),
    ]);
    let collection = read_directory(&directory);
    let found = |collection: &Collection| -> Vec<(Severity, u32)> {
        let start = |finding: &Finding| finding.place.unwrap().span.start;
        collection.findings.iter().map(|finding| (finding.severity, start(finding))).collect()
    };
    // The key that is there twice is in a document that is not Kubernetes'.
    let expected =
        [(Severity::Error, 7), (Severity::Error, 3), (Severity::Error, 29), (Severity::Info, 13), (Severity::Info, 3)];
    assert_eq!(found(&collection), expected);
    assert!(collection.findings[4].message.starts_with("passed over"), "{}", collection.findings[4].message);
    assert_eq!(collection.counts.skipped, 5);
    let named = read(&[directory.path().join("broken.yaml"), directory.path().join("pod.yaml")]).unwrap();
    assert_eq!(found(&named), [(Severity::Error, 3)]);
}

#[test]
fn half_an_object_without_metadata_is_no_manifest() {
    let directory = directory(&[
        ("chart-index.yaml", "apiVersion: v1\nentries: {}\n"),
        ("grafana.yaml", "apiVersion: 1\ndatasources: []\n"),
        ("pipeline.yaml", "kind: pipeline\nname: default\n"),
        ("half.yaml", "apiVersion: v1\nknd: Pod\nmetadata: {name: a}\n"),
        ("items.yaml", "kind: List\nitems: []\n"),
        ("pod.yaml", POD),
    ]);
    let collection = read_directory(&directory);
    assert_eq!(rules(&collection), [INCOMPLETE_OBJECT, INCOMPLETE_OBJECT]);
    assert_eq!(collection.counts.skipped, 3);
}

#[test]
fn a_path_that_cannot_be_read_is_named() {
    let error = read(&[PathBuf::from("/nowhere/at/all.yaml")]).unwrap_err();
    assert!(error.to_string().contains("/nowhere/at/all.yaml"), "{error}");
}

#[test]
fn a_source_that_is_too_large_is_not_read_whole() {
    let directory = directory(&[("a.yaml", &"#".repeat(2000)), ("b.yaml", POD)]);
    let limits = Limits { source_bytes: 1000, ..Limits::default() };
    let options = CollectOptions { limits, ..CollectOptions::default() };
    let collection = collect(&[directory.path().to_owned()], &mut std::io::empty(), &options).unwrap();
    assert_eq!(rules(&collection), [UNREADABLE_DOCUMENT]);
    assert_eq!(collection.counts.documents, 1);
}

#[test]
fn a_chart_is_rendered_and_its_templates_are_never_read() {
    let directory = directory(&[
        ("chart/Chart.yaml", "apiVersion: v2\nname: a\n"),
        ("chart/templates/a.yaml", "a: {{ .Values.a }}\n"),
        ("chart/values.yaml", "a: 1\n"),
        ("library/Chart.yaml", "apiVersion: v2\nname: l\ntype: library\n"),
        ("plain.yaml", POD),
    ]);
    let programs = tempfile::tempdir().unwrap();
    program(programs.path(), "helm", "echo apiVersion: v1; echo kind: Service; echo \"metadata: {name: $2}\"");
    let paths = [directory.path().to_owned()];
    let collection = collect(&paths, &mut std::io::empty(), &options(programs.path())).unwrap();
    assert_eq!(names(&collection, &directory), ["chart", "plain.yaml"]);
    assert_eq!(collection.configurations.len(), 2);
    assert_eq!(collection.configurations[1].name, Some(format!("chart {}/chart", directory.path().display())));
    let document = &collection.configurations[1].documents[0];
    assert_eq!(document.root.to_json()["metadata"]["name"], "chart");
    assert_eq!(collection.sources.get(document.source).origin, Origin::Rendered);

    let without = read(&paths).unwrap();
    assert_eq!(rules(&without), [UNRENDERED_SOURCE]);
    assert!(without.findings[0].message.contains("helm is not on PATH"), "{}", without.findings[0].message);
    assert_eq!(names(&without, &directory), ["chart/Chart.yaml", "plain.yaml"]);

    let given = read(&[directory.path().join("chart/templates/a.yaml")]).unwrap();
    let hint = format!("give the chart's directory {}/chart", directory.path().display());
    assert!(given.findings[0].message.ends_with(&hint), "{}", given.findings[0].message);
}

#[test]
fn a_renderer_that_fails_or_hangs_is_a_finding() {
    let directory = directory(&[("Chart.yaml", "apiVersion: v2\nname: a\n")]);
    let programs = tempfile::tempdir().unwrap();
    let paths = [directory.path().to_owned()];
    program(programs.path(), "helm", "echo 'Error: no such value' >&2; exit 1");
    let failed = collect(&paths, &mut std::io::empty(), &options(programs.path())).unwrap();
    assert_eq!(failed.findings[0].message, "helm says: no such value");
    let way_out = format!("`helm template {} | quorate check -`", directory.path().display());
    assert!(failed.findings[0].help.as_ref().unwrap().ends_with(&way_out), "{:?}", failed.findings[0].help);
    program(programs.path(), "helm", "exec sleep 30");
    let quick = CollectOptions { render_time: std::time::Duration::from_millis(50), ..options(programs.path()) };
    let hung = collect(&paths, &mut std::io::empty(), &quick).unwrap();
    assert!(hung.findings[0].message.contains("took longer"), "{}", hung.findings[0].message);
    program(programs.path(), "helm", "exec yes 'a: 1'");
    let limits = Limits { source_bytes: 100_000, ..Limits::default() };
    let endless = CollectOptions { limits, ..options(programs.path()) };
    let endless = collect(&paths, &mut std::io::empty(), &endless).unwrap();
    assert_eq!(rules(&endless), [UNREADABLE_DOCUMENT]);
}

#[test]
fn a_chart_is_rendered_for_the_version_and_the_apis_of_the_cluster() {
    let directory = directory(&[("Chart.yaml", "apiVersion: v2\nname: a\n")]);
    let programs = tempfile::tempdir().unwrap();
    program(programs.path(), "helm", "echo apiVersion: v1; echo kind: Pod; echo \"metadata: {name: '$*'}\"");
    let said = |options: &CollectOptions| {
        let paths = [directory.path().to_owned()];
        let collection = collect(&paths, &mut std::io::empty(), options).unwrap();
        collection.configurations[0].documents[0].root.to_json()["metadata"]["name"].to_string()
    };
    let modelled = said(&options(programs.path()));
    assert!(modelled.contains("--kube-version 1.36 --api-versions apiregistration.k8s.io/v1 "), "{modelled}");
    let older = CollectOptions { kubernetes_version: "1.31".parse().unwrap(), ..options(programs.path()) };
    assert!(said(&older).contains("--kube-version 1.31 "));
}

#[test]
fn a_chart_without_its_dependencies_says_which_and_how_to_get_them() {
    let chart = "# a chart\n---\nname: a\ndependencies:\n- name: there\n- name: common\n- name: redis\n";
    let directory = directory(&[("Chart.yaml", chart)]);
    let programs = tempfile::tempdir().unwrap();
    let found = |missing: &str| {
        let script = format!(
            "echo 'WARNING: This chart is deprecated' >&2; echo 'Error: An error occurred while checking for chart \
             dependencies. You may need to run `helm dependency build` to fetch missing dependencies: found in \
             Chart.yaml, but missing in charts/ directory: {missing}' >&2; exit 1"
        );
        program(programs.path(), "helm", &script);
        let paths = [directory.path().to_owned()];
        let collection = collect(&paths, &mut std::io::empty(), &options(programs.path())).unwrap();
        let finding = collection.findings[0].clone();
        let span = finding.place.unwrap().span;
        assert!(finding.help.unwrap().starts_with("`helm dependency build /"));
        (finding.message, chart[span.start as usize..span.end as usize].to_owned())
    };
    let several = "dependencies \"common\", \"redis\" are not in charts/, and nothing is fetched".to_owned();
    assert_eq!(found("common, redis, redis"), (several, "common".to_owned()));
    // It may stand in another file; then the first line that says something is shown.
    let one = "dependency \"kafka\" is not in charts/, and nothing is fetched".to_owned();
    assert_eq!(found("kafka"), (one, "name: a".to_owned()));
}

#[test]
fn each_overlay_is_a_configuration_and_a_base_is_none() {
    let directory = directory(&[
        ("base/kustomization.yaml", "resources: [deployment.yaml, ../component]\n"),
        ("base/deployment.yaml", POD),
        ("component/kustomization.yml", "kind: Component\napiVersion: kustomize.config.k8s.io/v1alpha1\n"),
        ("overlays/one/kustomization.yaml", "resources:\n- ../../base\n"),
        ("overlays/two/Kustomization", "bases:\n- ../../base/\n"),
        ("overlays/two/patch.yaml", "kind: Pod\n"),
        ("remote/kustomization.yaml", "resources:\n- https://github.com/a/b\n"),
        ("flux/kustomization.yaml", "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n"),
    ]);
    let programs = tempfile::tempdir().unwrap();
    program(programs.path(), "kubectl", "echo apiVersion: v1; echo kind: $1; echo \"metadata: {name: x}\"");
    let paths = [directory.path().to_owned()];
    let collection = collect(&paths, &mut std::io::empty(), &options(programs.path())).unwrap();
    let prefix = format!("kustomization {}/", directory.path().display());
    let configurations: Vec<_> = collection
        .configurations
        .iter()
        .map(|configuration| configuration.name.as_ref().map(|name| name.replace(&prefix, "")))
        .collect();
    let name = |name: &str| Some(name.to_owned());
    assert_eq!(configurations, [None, name("overlays/one"), name("overlays/two"), name("remote")]);
    assert_eq!(collection.configurations[1].documents[0].root.to_json()["kind"], "kustomize");
    assert_eq!(rules(&collection), [UNRENDERED_SOURCE]);
    assert!(collection.findings[0].message.contains("remote"));
    assert_eq!(collection.findings[0].place.unwrap().span.start, 13);
    // A base of a base may be remote.
    let file = directory.path().join("overlays/two/kustomization.yaml");
    fs::remove_file(directory.path().join("overlays/two/Kustomization")).unwrap();
    fs::write(&file, "namePrefix: a\nresources: [../two, ../three]\n").unwrap();
    fs::create_dir_all(directory.path().join("overlays/three")).unwrap();
    fs::write(directory.path().join("overlays/three/kustomization.yaml"), "bases: [../../remote, ../two]\n").unwrap();
    let nested = collect(&[file], &mut std::io::empty(), &options(programs.path())).unwrap();
    let leads = format!(
        "this leads to {}/remote/kustomization.yaml, which names the remote resource \"https://github.com/a/b\"",
        directory.path().display()
    );
    assert!(nested.findings[0].message.starts_with(&leads), "{}", nested.findings[0].message);
    assert_eq!(nested.findings[0].place.unwrap().span, crate::manifest::Span::new(34, 42));
    // Those that lead to each other are not lost.
    let circle = [directory.path().join("overlays/two"), directory.path().join("overlays/three")];
    let circle = collect(&circle, &mut std::io::empty(), &options(programs.path())).unwrap();
    assert_eq!(rules(&circle), [UNRENDERED_SOURCE, UNRENDERED_SOURCE]);
    // A base that is given alone is checked.
    let base = collect(&[directory.path().join("base")], &mut std::io::empty(), &options(programs.path())).unwrap();
    assert_eq!(base.counts.documents, 1);
}

#[test]
fn the_environment_is_found_upwards_to_the_root_of_the_repository() {
    let directory = directory(&[
        ("quorate.yaml", ""),
        ("repository/.git/HEAD", ""),
        ("repository/quorate.yaml", ""),
        ("repository/team/quorate.yaml", ""),
        ("repository/team/app/a.yaml", POD),
        ("repository/other/a.yaml", POD),
    ]);
    let root = fs::canonicalize(directory.path()).unwrap();
    let paths = [root.join("repository/team/app/a.yaml"), root.join("repository/other")];
    let expected = [root.join("repository/team/quorate.yaml"), root.join("repository/quorate.yaml")];
    assert_eq!(find_environment_files(&paths), expected);
    // Outside of a repository only what stands beside the path is taken.
    assert_eq!(find_environment_files(std::slice::from_ref(&root)), [root.join("quorate.yaml")]);
    fs::remove_dir_all(root.join("repository/.git")).unwrap();
    assert_eq!(find_environment_files(&[root.join("repository/other")]), Vec::<PathBuf>::new());
}

#[test]
fn reading_is_the_same_every_time() {
    let files: Vec<(String, String)> =
        (0..40).map(|index| (format!("{index}.yaml"), POD.replace("name: a", &format!("name: n{index}")))).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let directory = directory(&files);
    let list = |collection: &Collection| format!("{:?}", collection.configurations[0].documents);
    let first = read_directory(&directory);
    for _ in 0..5 {
        assert_eq!(list(&read_directory(&directory)), list(&first));
    }
}
