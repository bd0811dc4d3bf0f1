//! Findings with a place in an object.

use crate::finding::{Finding, Mend, Related, Severity};
use crate::manifest::{FieldPath, Node, ObjectReference, Place, SourceId};

/// Collects what is found in one object.
pub(in crate::manifest) struct Report<'a> {
    source: SourceId,
    root: &'a Node,
    object: Option<ObjectReference>,
    findings: Vec<Finding>,
}

impl<'a> Report<'a> {
    pub(in crate::manifest) const fn new(source: SourceId, root: &'a Node) -> Self {
        Self { source, root, object: None, findings: Vec::new() }
    }

    /// Names the object that what was and will be found is about.
    pub(in crate::manifest) fn name(&mut self, object: &ObjectReference) {
        for finding in &mut self.findings {
            finding.object.get_or_insert_with(|| object.clone());
        }
        self.object = Some(object.clone());
    }

    /// Adds an error of `rule` on `path`, which is there or is missing.
    pub(in crate::manifest) fn error(
        &mut self,
        rule: &str,
        path: FieldPath,
        message: impl Into<String>,
    ) -> &mut Finding {
        let mut finding = Finding::new(rule, Severity::Error, message);
        finding.path = path;
        self.add(finding)
    }

    /// Adds a finding; its object and its place are filled in where they are not.
    pub(in crate::manifest) fn add(&mut self, mut finding: Finding) -> &mut Finding {
        finding.object = finding.object.or_else(|| self.object.clone());
        if finding.place.is_none() {
            finding.place = Some(self.place(&finding.path));
        }
        let index = self.findings.len();
        self.findings.push(finding);
        &mut self.findings[index]
    }

    /// Another place in this object that is part of a cause.
    pub(in crate::manifest) fn related(&self, path: FieldPath, message: impl Into<String>) -> Related {
        let place = Some(self.place(&path));
        Related { message: message.into(), object: self.object.clone(), path, place }
    }

    fn place(&self, path: &FieldPath) -> Place {
        Place { source: self.source, span: self.root.locate(path).span }
    }

    pub(in crate::manifest) const fn source(&self) -> SourceId {
        self.source
    }

    pub(in crate::manifest) const fn root(&self) -> &'a Node {
        self.root
    }

    /// What was found so far.
    pub(in crate::manifest) fn findings(&self) -> &[Finding] {
        &self.findings
    }

    pub(in crate::manifest) fn into_findings(self) -> Vec<Finding> {
        self.findings
    }
}

/// A way out that costs nothing to name.
pub(in crate::manifest) fn mend(change: impl Into<String>) -> Mend {
    Mend { change: change.into(), price: None }
}
