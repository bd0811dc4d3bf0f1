//! Kustomizations: their files, and which others they use.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

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

/// Something that a kustomization names and that would be fetched from a network.
pub(super) struct RemoteResource {
    /// Where it is named in the kustomization's file.
    pub span: Span,
}

/// The remote resources that the kustomization in `root` names.
pub(super) fn remote_resources(root: &Node) -> Vec<RemoteResource> {
    references(root).into_iter().filter(|(text, _)| is_remote(text)).map(|(_, span)| RemoteResource { span }).collect()
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
/// those that are components and never stand alone.
pub(super) fn used(files: &[&Path]) -> HashSet<PathBuf> {
    let mut used = HashSet::new();
    let mut pending: Vec<PathBuf> = files.iter().map(|file| file.to_path_buf()).collect();
    let mut read_files = HashSet::new();
    while let Some(file) = pending.pop() {
        if !read_files.insert(file.clone()) {
            continue;
        }
        let Some(root) = read(&file) else { continue };
        let directory = file.parent().unwrap_or(Path::new("."));
        if root.get("kind").and_then(Node::as_str) == Some("Component") {
            used.extend(fs::canonicalize(directory));
        }
        for (reference, _) in references(&root).into_iter().filter(|(reference, _)| !is_remote(reference)) {
            let Ok(target) = fs::canonicalize(directory.join(reference)) else { continue };
            // A kustomization that names itself is its own user and would never be checked.
            let itself = fs::canonicalize(directory).is_ok_and(|directory| directory == target);
            if target.is_dir() && !itself {
                pending.extend(file_in(&target));
                used.insert(target);
            }
        }
    }
    used
}
