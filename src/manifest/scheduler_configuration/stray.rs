//! Such a file among manifests: it is no object of a cluster, and is not obeyed unasked.

use crate::finding::{Finding, Mend, Severity};
use crate::manifest::{FieldPath, Node, Place, SourceId, Value};

use super::reading::KIND;

const GROUP: &str = "kubescheduler.config.k8s.io/";
/// The rule of a configuration that lies there.
pub const STRAY_RULE: &str = "scheduler-configuration-not-used";

/// The note about `root`, where it is a KubeSchedulerConfiguration or a ConfigMap that holds one.
#[must_use]
pub fn stray(source: SourceId, root: &Node) -> Option<Finding> {
    let text = |field: &str| root.get(field).and_then(Node::as_str).unwrap_or_default();
    let path = match text("kind") {
        KIND if text("apiVersion").starts_with(GROUP) => FieldPath::root().key("kind"),
        "ConfigMap" => held(root)?,
        _ => return None,
    };
    let place = Place { source, span: root.locate(&path).span };
    let message = "the configuration of a scheduler lies here and is not obeyed unasked";
    let mut finding = Finding::new(STRAY_RULE, Severity::Info, message);
    finding.path = path;
    finding.place = Some(place);
    finding.label = "not a manifest, and not used".to_owned();
    let change = "if this is the scheduler of the cluster, give it as a file: --scheduler-config FILE";
    finding.mends.push(Mend { change: change.to_owned(), price: None });
    Some(finding)
}

/// The entry of a ConfigMap that holds one.
fn held(root: &Node) -> Option<FieldPath> {
    let Value::Mapping(entries) = &root.get("data")?.value else { return None };
    let holds = |text: &str| text.contains(GROUP) && text.contains(KIND);
    let entry = entries.iter().find(|entry| entry.value.as_str().is_some_and(holds))?;
    Some(FieldPath::root().key("data").key(&entry.key))
}
