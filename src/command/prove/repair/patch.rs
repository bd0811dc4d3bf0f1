//! What a repair writes: a patch, and the files that it is for.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use similar::{ChangeTag, TextDiff};

use super::base::Base;
use super::candidate::Candidate;
use crate::command::error::CommandError;
use crate::environment::Money;
use crate::manifest::{Origin, SourceId};
use crate::policy::simulation::currency;

/// Changes of files.
#[derive(Clone, Debug, Default)]
pub(in crate::command::prove) struct Patch {
    files: Vec<ChangedFile>,
    text: String,
    changed_lines: usize,
    not_written: Vec<String>,
}

#[derive(Clone, Debug)]
struct ChangedFile {
    path: String,
    before: String,
    after: String,
}

/// The patch of `candidate`, which changes `texts` so.
pub(super) fn of(base: &Base<'_>, candidate: &Candidate, texts: &BTreeMap<SourceId, (String, String)>) -> Patch {
    let mut patch = Patch::default();
    for (source, (before, after)) in texts {
        let source = base.input.sources.get(*source);
        let diff = TextDiff::from_lines(before.as_str(), after);
        patch.changed_lines += diff.iter_all_changes().filter(|own| own.tag() != ChangeTag::Equal).count();
        if source.origin == Origin::Rendered {
            patch.not_written.push(format!("{} is rendered: change what it is rendered from", source.name));
            continue;
        }
        if &*source.name == "-" {
            patch.not_written.push("it came from standard input".to_owned());
            continue;
        }
        let name = source.name.trim_start_matches('/');
        let header = (format!("a/{name}"), format!("b/{name}"));
        patch.text.push_str(&diff.unified_diff().context_radius(3).header(&header.0, &header.1).to_string());
        let path = source.name.to_string();
        patch.files.push(ChangedFile { path, before: before.clone(), after: after.clone() });
    }
    for node in candidate.nodes.iter().filter(|node| node.edit.is_none()) {
        patch.not_written.push(format!("node {} is added to the cluster, not to a file", node.name));
    }
    patch
}

/// `€0`, `€10.00 a month`.
pub(super) fn price(base: &Base<'_>, candidate: &Candidate) -> String {
    let sign = currency(base.environment);
    match candidate.monthly() {
        Some(Money::ZERO) if candidate.nodes.is_empty() => format!("{sign}0"),
        Some(money) => format!("{sign}{money} a month"),
        None => "price not known".to_owned(),
    }
}

impl Patch {
    /// As a unified diff; empty where there is nothing to write.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// How many lines are new or gone.
    pub(super) const fn changed_lines(&self) -> usize {
        self.changed_lines
    }

    /// What has to be done elsewhere, as sentences.
    pub(super) fn not_written(&self) -> &[String] {
        &self.not_written
    }

    /// Writes the files, each only if it is still as it was read; none is written unless all can be.
    ///
    /// # Errors
    /// When there is nothing to write, when a file has changed since it was read, and when one cannot be read or written.
    pub(in crate::command::prove) fn write(&self) -> Result<Vec<&str>, CommandError> {
        if self.files.is_empty() {
            let why = self.not_written.join("; ");
            return Err(CommandError::Usage(format!("there is nothing to write: {why}")));
        }
        for file in &self.files {
            let now = fs::read(&file.path).map_err(|source| CommandError::File { path: file.path.clone(), source })?;
            if now != file.before.as_bytes() {
                let path = &file.path;
                return Err(CommandError::Usage(format!(
                    "{path} is not as it was read, and is left alone: prove again"
                )));
            }
        }
        for file in &self.files {
            fs::write(Path::new(&file.path), &file.after)
                .map_err(|source| CommandError::File { path: file.path.clone(), source })?;
        }
        Ok(self.files.iter().map(|file| file.path.as_str()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &Path, before: &str) -> ChangedFile {
        ChangedFile { path: path.display().to_string(), before: before.to_owned(), after: "new".to_owned() }
    }

    #[test]
    fn a_file_that_changed_meanwhile_is_left_alone_and_so_are_the_others() {
        let directory = tempfile::tempdir().unwrap();
        let (one, two) = (directory.path().join("one"), directory.path().join("two"));
        fs::write(&one, "old").unwrap();
        fs::write(&two, "someone else's").unwrap();
        let mut patch = Patch { files: vec![file(&one, "old"), file(&two, "old")], ..Patch::default() };
        let refused = patch.write().unwrap_err().to_string();
        assert!(refused.contains("two is not as it was read"), "{refused}");
        assert_eq!(fs::read_to_string(&one).unwrap(), "old");
        patch.files.pop();
        assert_eq!(patch.write().unwrap().len(), 1);
        assert_eq!(fs::read_to_string(&one).unwrap(), "new");
    }
}
