//! Kustomizations: their files, and which others they use.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::super::node::Node;
use super::super::source::SourceId;
use super::super::span::Span;
use super::super::yaml::{self, Limits};

/// The names of a kustomization's file.
const FILE_NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// The kustomization's file in `directory`. A Flux `Kustomization`, which has the same file name by custom, is none.
pub(super) fn file_in(directory: &Path) -> Option<PathBuf> {
    let file = FILE_NAMES.iter().map(|name| directory.join(name)).find(|file| file.is_file())?;
    let group = read(&file).and_then(|root| root.get("apiVersion").and_then(Node::as_str).map(str::to_owned));
    let other = group.is_some_and(|group| !group.starts_with("kustomize.config.k8s.io/"));
    (!other).then_some(file)
}

fn read(file: &Path) -> Option<Node> {
    let limits = Limits::default();
    let length = fs::metadata(file).ok()?.len();
    if length > limits.document_bytes as u64 {
        return None;
    }
    let bytes = fs::read(file).ok()?;
    let decoded = yaml::decode(&bytes);
    yaml::parse_decoded(SourceId(0), &decoded, &limits).documents.into_iter().next().map(|document| document.root)
}

/// Something that would be fetched from a network.
#[derive(Debug)]
pub(super) struct RemoteResource {
    /// What is named.
    pub reference: String,
    /// The other kustomization's file that names it; `None`: the kustomization itself does.
    pub through: Option<PathBuf>,
    /// Where in the kustomization's file it is named, or what leads to it.
    pub span: Span,
}

/// The first remote resource that the kustomization in `root`, which stands in `directory`, names itself or through the
/// ones that it uses.
pub(super) fn remote_resource(root: &Node, directory: &Path) -> Option<RemoteResource> {
    let mut visited: HashSet<PathBuf> = fs::canonicalize(directory).into_iter().collect();
    references(root).into_iter().find_map(|(reference, span)| {
        if is_remote(&reference) {
            return Some(RemoteResource { reference, through: None, span });
        }
        let (reference, through) = remote_below(&directory.join(reference), &mut visited)?;
        Some(RemoteResource { reference, through: Some(through), span })
    })
}

/// The first remote resource that the kustomization in `directory` names or leads to, and the file that names it.
fn remote_below(directory: &Path, visited: &mut HashSet<PathBuf>) -> Option<(String, PathBuf)> {
    let mut pending = vec![directory.to_owned()];
    while let Some(directory) = pending.pop() {
        let is_new = fs::canonicalize(&directory).is_ok_and(|canonical| visited.insert(canonical));
        let Some(file) = file_in(&directory).filter(|_| is_new) else { continue };
        let named = read(&file).map(|root| references(&root)).unwrap_or_default();
        if let Some((reference, _)) = named.iter().find(|(reference, _)| is_remote(reference)) {
            return Some((reference.clone(), without_detours(&file)));
        }
        pending.extend(named.into_iter().rev().map(|(reference, _)| directory.join(reference)));
    }
    None
}

/// `a/b/../c` as `a/c`, for people.
fn without_detours(path: &Path) -> PathBuf {
    let mut short = PathBuf::new();
    for component in path.components() {
        let goes_back = component == Component::ParentDir;
        if goes_back && matches!(short.components().next_back(), Some(Component::Normal(_))) {
            short.pop();
        } else {
            short.push(component);
        }
    }
    short
}

/// kustomize takes for remote what has a scheme, a user before a host, or the name of a host that serves git.
fn is_remote(reference: &str) -> bool {
    let hosts = ["github.com/", "gitlab.com/", "bitbucket.org/", "gh:", "git::", "git@", "ssh:"];
    reference.contains("://") || reference.contains("?ref=") || hosts.iter().any(|host| reference.starts_with(host))
}

fn references(root: &Node) -> Vec<(String, Span)> {
    ["resources", "bases", "components"]
        .iter()
        .filter_map(|key| root.get(key))
        .flat_map(Node::items)
        .filter_map(|item| Some((item.as_str()?.to_owned(), item.span)))
        .collect()
}

/// The canonical directories of all kustomizations that those with these files use, directly or through others, and of
/// those that are components and never stand alone. One that leads to itself is not among them: nothing else would check
/// it.
pub(super) fn used(files: &[&Path]) -> HashSet<PathBuf> {
    let mut components = HashSet::new();
    let mut uses: HashMap<PathBuf, Vec<PathBuf>> = HashMap::new();
    let mut pending: Vec<PathBuf> = files.iter().map(|file| file.to_path_buf()).collect();
    while let Some(file) = pending.pop() {
        let directory = file.parent().unwrap_or(Path::new("."));
        let Ok(canonical) = fs::canonicalize(directory) else { continue };
        if uses.contains_key(&canonical) {
            continue;
        }
        let root = read(&file);
        if root.as_ref().and_then(|root| root.get("kind")).and_then(Node::as_str) == Some("Component") {
            components.insert(canonical.clone());
        }
        let named = root.as_ref().map(references).unwrap_or_default();
        let local = named.into_iter().filter(|(reference, _)| !is_remote(reference));
        let targets: Vec<PathBuf> = local
            .filter_map(|(reference, _)| fs::canonicalize(directory.join(reference)).ok())
            .filter(|target| target.is_dir())
            .collect();
        pending.extend(targets.iter().filter_map(|target| file_in(target)));
        uses.insert(canonical, targets);
    }
    let mut used: HashSet<PathBuf> = uses.values().flatten().cloned().collect();
    used.retain(|directory| !leads_to_itself(directory, &uses));
    used.extend(components);
    used
}

fn leads_to_itself(directory: &Path, uses: &HashMap<PathBuf, Vec<PathBuf>>) -> bool {
    let mut reached: HashSet<&Path> = HashSet::new();
    let mut pending = vec![directory];
    while let Some(from) = pending.pop() {
        for target in uses.get(from).into_iter().flatten() {
            if target == directory {
                return true;
            }
            if reached.insert(target) {
                pending.push(target);
            }
        }
    }
    false
}
