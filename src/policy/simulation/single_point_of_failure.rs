//! `single-point-of-failure`: one element whose loss ends a service, and that nothing replaces.

use std::sync::Arc;

use quorate_sim::cluster::{NodeId, Symbol, WorkloadKind, WorkloadName};
use serde_json::json;

use super::context::{AtRest, Context, finding_at};
use super::words;
use crate::environment::{DataStore, Dependency, DependencyStrength, ReplicationModel};
use crate::finding::{Finding, Severity};
use crate::manifest::{FieldPath, ObjectReference};

/// The rule's id.
pub(super) const RULE: &str = "single-point-of-failure";

/// The control plane, StatefulSets of one pod, and what quorate.yaml declares: stores of one member, external services
/// that something depends on without an alternative.
pub(super) fn evaluate(at_rest: &AtRest<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = control_plane(at_rest).into_iter().collect();
    let workloads = at_rest.context.model.workloads.keys();
    findings.extend(workloads.filter_map(|workload| single_member(at_rest, *workload)));
    findings.extend(declared(&at_rest.context));
    findings
}

/// What quorate.yaml alone shows; needs no nodes.
pub(super) fn declared(context: &Context<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, store) in context.environment.data_stores.iter().enumerate() {
        findings.extend(data_store(context, index, store));
    }
    let edges = context.environment.dependencies.iter().flat_map(|own| own.edges.iter().enumerate());
    for (index, edge) in edges {
        findings.extend(external(context, index, edge));
    }
    let mut seen = std::collections::BTreeSet::new();
    findings.retain(|finding| finding.object.as_ref().is_none_or(|object| seen.insert(object.clone())));
    findings
}

fn control_plane(at_rest: &AtRest<'_>) -> Option<Finding> {
    let state = at_rest.state();
    let is_control_plane = |node: &quorate_sim::cluster::Node| node.labels.get(Symbol::CONTROL_PLANE_ROLE).is_some();
    let mut nodes = state.nodes.iter().filter(|(_, node)| is_control_plane(node)).map(|(id, _)| *id);
    let only: NodeId = nodes.next()?;
    if nodes.next().is_some() {
        return None;
    }
    let name = words::node(state, only);
    let message = format!("the control plane runs on {name} alone");
    let object = at_rest.context.node_object(only);
    let path = "metadata.labels[node-role.kubernetes.io/control-plane]";
    let mut finding = finding_at(RULE, Severity::Warning, message, object, path);
    finding.label = "the only node with this role".to_owned();
    finding.why = Some(
        "one API server, one scheduler, one controller manager and, unless it is external, one etcd member".to_owned(),
    );
    finding.then = vec![
        "running pods keep serving".to_owned(),
        "nothing is scheduled, replaced, scaled or rolled out until it is back; if its disk is gone, etcd is restored from \
         the last backup"
            .to_owned(),
    ];
    let price = super::mend::price_of_node(at_rest, only, 2);
    finding.mends = vec![crate::finding::Mend { change: "three control-plane nodes".to_owned(), price }];
    finding.evidence = json!({"element": format!("node/{name}")});
    Some(finding)
}

fn single_member(at_rest: &AtRest<'_>, workload: WorkloadName) -> Option<Finding> {
    let state = at_rest.state();
    let name = words::workload(state, workload);
    let desired = at_rest.summary.workloads.get(&name)?.desired;
    if workload.kind != WorkloadKind::StatefulSet || desired != 1 {
        return None;
    }
    let object = at_rest.context.workload_object(workload);
    let grows = at_rest.context.model.autoscaled.get(&workload).is_some_and(|range| range.most > 1);
    let at_least = if grows { " at its autoscaler's minimum" } else { "" };
    let message = format!("{name} has one pod{at_least}, which nothing replaces while its node is unreachable");
    let mut finding = finding_at(RULE, Severity::Warning, message, object, "spec.replicas");
    finding.label = "one pod".to_owned();
    finding.why = Some(
        "a StatefulSet makes its pod anew only when the old one is known to be gone, which a lost node cannot say"
            .to_owned(),
    );
    finding.then = vec!["down until the node is back, or its Node object is deleted by hand".to_owned()];
    finding.evidence = json!({"element": name});
    Some(finding)
}

/// A finding about an element that is no Kubernetes object.
fn about(
    context: &Context<'_>,
    kind: &str,
    namespace: Option<&str>,
    name: &str,
    path: &FieldPath,
    message: String,
) -> Finding {
    let mut finding = Finding::new(RULE, Severity::Warning, message);
    finding.object = Some(ObjectReference {
        api_version: Arc::from("quorate.dev/v1alpha1"),
        kind: Arc::from(kind),
        namespace: namespace.map(Arc::from),
        name: Arc::from(name),
    });
    finding.place = context.facts.locate(path);
    finding.path = path.clone();
    finding
}

fn data_store(context: &Context<'_>, index: usize, store: &DataStore) -> Option<Finding> {
    let path = FieldPath::parse("spec.dataStores").index(index);
    let namespace = store.namespace.as_str();
    let (message, field) = match store.replication {
        ReplicationModel::None => (format!("store {} is not replicated", store.name), "replication"),
        ReplicationModel::PostgresqlManualFailover => (
            format!("store {} takes no writes once its primary is lost: promotion is by hand", store.name),
            "replication",
        ),
        _ if store.replication_factor == Some(1) => {
            (format!("store {} has one member", store.name), "replicationFactor")
        }
        _ => return None,
    };
    let mut finding = about(context, "Store", Some(namespace), &store.name, &path.key(field), message);
    finding.label = "one element that nothing replaces".to_owned();
    finding.evidence = json!({"element": format!("store/{namespace}/{}", store.name)});
    Some(finding)
}

fn external(context: &Context<'_>, index: usize, edge: &Dependency) -> Option<Finding> {
    let target = edge.to.to_string();
    let name = target.strip_prefix("external/")?;
    // A job or an alert that waits is not a service that ends.
    let from = edge.from.to_string();
    let serves = ["service/", "external/", "deployment/", "ingress/"].iter().any(|kind| from.starts_with(kind));
    match edge.strength {
        DependencyStrength::Hard if serves => {}
        _ => return None,
    }
    let path = FieldPath::parse("spec.dependencies.edges").index(index).key("to");
    let message = format!("{from} cannot do without {target}, and there is one of it");
    let mut finding = about(context, "External", None, name, &path, message);
    finding.label = "no alternative is declared".to_owned();
    finding.evidence = json!({"element": target});
    Some(finding)
}
