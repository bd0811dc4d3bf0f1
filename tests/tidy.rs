//! What the project holds its own source to: sizes, names, layering, and a core without clocks or hash order.

#![allow(clippy::unwrap_used, reason = "a test that cannot read its own source should stop")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

const FILE_LINES: usize = 500;
const FUNCTION_LINES: usize = 70;
const FORBIDDEN_NAMES: [&str; 8] = ["util", "utils", "helper", "helpers", "common", "misc", "manager", "stuff"];

/// Which modules of `src/` a module may name. `command` may name everything.
fn allowed() -> BTreeMap<&'static str, &'static [&'static str]> {
    BTreeMap::from([
        ("finding", ["finding", "manifest"].as_slice()),
        // Reading reports what it could not read.
        ("manifest", &["manifest", "finding"]),
        ("environment", &["environment", "manifest", "finding"]),
        ("model", &["model", "manifest", "environment"]),
        ("policy", &["policy", "model", "manifest", "finding", "environment"]),
        ("scenario", &["scenario", "model", "manifest", "finding"]),
        ("report", &["report", "finding", "manifest"]),
    ])
}

fn rust_files(root: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if path.file_name().is_some_and(|name| name != "target") {
                    walk(&path, files);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    let mut files = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join(root), &mut files);
    files.sort();
    assert!(!files.is_empty(), "no source found under {root}");
    files
}

fn all_files() -> Vec<PathBuf> {
    ["src", "sim", "tests"].into_iter().flat_map(rust_files).collect()
}

fn fail_with(violations: &[String]) {
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

#[test]
fn files_are_short() {
    let too_long = |path: &PathBuf| {
        let lines = fs::read_to_string(path).unwrap().lines().count();
        (lines > FILE_LINES).then(|| format!("{}: {lines} lines, at most {FILE_LINES}", path.display()))
    };
    fail_with(&all_files().iter().filter_map(too_long).collect::<Vec<_>>());
}

#[derive(Default)]
struct Functions {
    found: Vec<(String, usize)>,
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.found.push((function.sig.ident.to_string(), lines_of(&function.block)));
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.found.push((function.sig.ident.to_string(), lines_of(&function.block)));
        visit::visit_impl_item_fn(self, function);
    }
}

fn lines_of(block: &syn::Block) -> usize {
    block.span().end().line - block.span().start().line + 1
}

fn functions(path: &Path) -> Vec<(String, usize)> {
    let file = syn::parse_file(&fs::read_to_string(path).unwrap()).unwrap();
    let mut functions = Functions::default();
    functions.visit_file(&file);
    functions.found
}

#[test]
fn functions_are_short() {
    let mut violations = Vec::new();
    for path in all_files() {
        for (name, lines) in functions(&path) {
            if lines > FUNCTION_LINES {
                violations.push(format!("{}: {name}: {lines} lines, at most {FUNCTION_LINES}", path.display()));
            }
        }
    }
    fail_with(&violations);
}

#[test]
fn names_say_what_is_inside() {
    let vague = |path: &PathBuf| {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let folder = path.parent().and_then(Path::file_name).and_then(|name| name.to_str()).unwrap_or_default();
        let is_vague = FORBIDDEN_NAMES.contains(&stem) || FORBIDDEN_NAMES.contains(&folder);
        is_vague.then(|| format!("{}: name it after what is inside", path.display()))
    };
    fail_with(&all_files().iter().filter_map(vague).collect::<Vec<_>>());
}

#[test]
fn mod_files_hold_only_a_map_and_declarations() {
    let mut violations = Vec::new();
    for path in all_files() {
        if path.file_name().is_some_and(|name| name == "mod.rs")
            && path.components().all(|part| part.as_os_str() != "tests")
        {
            for (name, _) in functions(&path) {
                violations.push(format!("{}: fn {name} belongs in a file of its own", path.display()));
            }
        }
    }
    fail_with(&violations);
}

#[test]
fn arrows_point_one_way() {
    let allowed = allowed();
    let mut violations = Vec::new();
    for path in rust_files("src") {
        let relative = path.strip_prefix(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).unwrap();
        let module = relative.components().next().unwrap().as_os_str().to_str().unwrap();
        let Some(may_name) = allowed.get(module) else { continue };
        for (number, line) in fs::read_to_string(&path).unwrap().lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for named in code.split("crate::").skip(1) {
                let target: String = named.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if !target.is_empty() && !may_name.contains(&target.as_str()) {
                    let number = number + 1;
                    violations.push(format!("{}:{number}: {module} must not name {target}", path.display()));
                }
            }
        }
    }
    fail_with(&violations);
}

/// The core is a function of its input: nothing in it may read the world or depend on hash order.
#[test]
fn the_core_is_pure() {
    let forbidden = [
        "HashMap",
        "HashSet",
        "std::time",
        "SystemTime",
        "Instant::now",
        "std::fs",
        "std::env",
        "std::net",
        "std::io",
        "std::thread",
        "std::process",
        "println!",
        "eprintln!",
    ];
    let mut violations = Vec::new();
    for path in rust_files("sim/src").into_iter().chain(rust_files("sim/proof/src")) {
        for (number, line) in fs::read_to_string(&path).unwrap().lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for word in forbidden.iter().filter(|word| code.contains(**word)) {
                violations.push(format!("{}:{}: {word} has no place in the core", path.display(), number + 1));
            }
        }
    }
    fail_with(&violations);
}

/// The checker must not lean on what it checks.
#[test]
fn the_checker_depends_on_nothing_of_ours() {
    let manifest = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/sim/proof/Cargo.toml")).unwrap();
    let dependencies = manifest.split("[dependencies]").nth(1).unwrap();
    assert!(!dependencies.contains("quorate"), "{dependencies}");
}

#[test]
fn no_test_is_ignored() {
    let marker = concat!("#[", "ignore");
    let ignores = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        text.contains(marker).then(|| format!("{}: {marker}: assert today's behaviour instead", path.display()))
    };
    fail_with(&all_files().iter().filter_map(ignores).collect::<Vec<_>>());
}
