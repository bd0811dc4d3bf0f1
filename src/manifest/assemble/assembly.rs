//! All documents of one configuration, in parallel, results in order.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use rayon::prelude::*;

use crate::finding::{Finding, NotEvaluated};
use crate::manifest::api::{KubernetesVersion, Resolved, group_of, resolve};
use crate::manifest::custom_resource::{Definition, Definitions};
use crate::manifest::decode::{DecodeProblem, DecodeProblemKind, decode_kubernetes};
use crate::manifest::validate::validate;
use crate::manifest::{
    Inventory, Node, Object, ObjectReference, Place, SourceId, Typed, custom_resource, default, scheduler_configuration,
};

use super::duplicate::duplicates;
use super::header::{Header, header, is_named, reference};
use super::list::take_apart;
use super::placeholder;
use super::report::Report;
use super::secret;

/// Fields that only versions had whose objects are decoded as their replacements.
const FORMER_FIELDS: &[&str] = &["rollbackTo", "templateGeneration"];

/// How documents are decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DecodeOptions {
    /// The version of Kubernetes that the manifests are for: which API versions it serves.
    pub kubernetes_version: KubernetesVersion,
}

/// What documents hold.
#[derive(Clone, Debug, Default)]
pub struct Assembled {
    /// The objects, in reading order, also those with findings.
    pub inventory: Inventory,
    /// What was found, in reading order.
    pub findings: Vec<Finding>,
    /// What could not be checked, and what would make it so; sorted, each once.
    pub not_evaluated: Vec<NotEvaluated>,
    /// How many documents are not Kubernetes objects.
    pub skipped: usize,
    /// Where the values of Secrets stand: no report may show these parts of a source.
    pub secret_places: Vec<Place>,
}

/// What became of one document.
#[derive(Default)]
struct Outcome {
    object: Option<Object>,
    findings: Vec<Finding>,
    not_evaluated: Vec<NotEvaluated>,
    secret_places: Vec<Place>,
    skipped: usize,
}

/// What all documents share.
struct Run<'a> {
    definitions: &'a Definitions,
    options: &'a DecodeOptions,
}

/// Makes objects of the documents of one configuration. Lists are taken apart. Nothing fails: what is wrong is a
/// finding.
#[must_use]
pub fn assemble(documents: impl IntoIterator<Item = (SourceId, Node)>, options: &DecodeOptions) -> Assembled {
    let mut roots = Vec::new();
    for (source, root) in documents {
        take_apart(source, root, &mut roots);
    }
    let definitions = Definitions::among(roots.iter().map(|(_, root)| root));
    let run = Run { definitions: &definitions, options };
    let outcomes: Vec<Outcome> = roots.into_par_iter().map(|(source, root)| outcome(source, root, &run)).collect();
    let mut assembled = Assembled::default();
    let mut not_evaluated = BTreeSet::new();
    for outcome in outcomes {
        assembled.findings.extend(outcome.findings);
        not_evaluated.extend(outcome.not_evaluated);
        assembled.secret_places.extend(outcome.secret_places);
        assembled.skipped += outcome.skipped;
        if let Some(object) = outcome.object {
            assembled.inventory.add(object);
        }
    }
    assembled.findings.extend(duplicates(&assembled.inventory));
    assembled.not_evaluated = not_evaluated.into_iter().collect();
    assembled
}

fn outcome(source: SourceId, root: Node, run: &Run<'_>) -> Outcome {
    let mut outcome = Outcome::default();
    secret::places(source, &root, &mut outcome.secret_places);
    let mut report = Report::new(source, &root);
    let object = match header(&mut report) {
        Header::Foreign => {
            outcome.skipped = 1;
            None
        }
        Header::Broken => None,
        Header::Object { api_version, kind } => {
            let resolved = resolve(&api_version, &kind);
            if is_foreign(&api_version, &kind, &resolved, &root) {
                outcome.skipped = 1;
                None
            } else {
                let definition = run.definitions.get(group_of(&api_version), &kind);
                let scope = match &resolved {
                    Resolved::BuiltIn(known) | Resolved::StandIn(known, _) => Some(known.scope),
                    Resolved::Gone(_) | Resolved::Unknown(_) => None,
                    Resolved::Custom => definition.map(|definition| definition.scope),
                };
                let reference = reference(&api_version, &kind, scope, run.options.kubernetes_version, &mut report);
                let typed = match &resolved {
                    Resolved::Custom => {
                        outcome.not_evaluated.extend(custom(&reference, definition, &mut report));
                        validate(&Typed::Dynamic, &mut report);
                        Typed::Dynamic
                    }
                    Resolved::BuiltIn(_) | Resolved::StandIn(..) | Resolved::Gone(_) | Resolved::Unknown(_) => {
                        decode(&resolved, &kind, run.options, &mut report)
                    }
                };
                Some((reference, typed))
            }
        }
    };
    outcome.findings = placeholder::judge(report.into_findings(), &root);
    outcome.findings.extend(scheduler_configuration::stray(source, &root));
    outcome.object = object.map(|(reference, typed)| Object { reference, root, source, typed });
    outcome
}

/// Checks an object of a kind that is not built in.
fn custom(
    reference: &ObjectReference,
    definition: Option<&Definition>,
    report: &mut Report<'_>,
) -> Option<NotEvaluated> {
    metadata(report);
    let ObjectReference { api_version, kind, .. } = reference;
    let (group, version) = api_version.split_once('/')?;
    match definition {
        Some(definition) => custom_resource::check(definition, version, kind, report),
        None => Some(NotEvaluated {
            rule: "custom-resource-invalid".into(),
            needs: format!("the CustomResourceDefinition of {kind} ({group})"),
        }),
    }
}

/// Every object has the same metadata.
fn metadata(report: &mut Report<'_>) {
    let Some(node) = report.root().get("metadata") else { return };
    let (_, problems) = decode_kubernetes::<ObjectMeta>(node);
    for problem in problems {
        let finding = problem.inside("metadata").into_finding(report.source(), None);
        report.add(finding);
    }
}

/// Whether a document has `apiVersion` and `kind` and is no object of a cluster: the configuration of a client.
fn is_foreign(api_version: &str, kind: &str, resolved: &Resolved, root: &Node) -> bool {
    match resolved {
        Resolved::Custom => is_of_a_client(group_of(api_version)) || !is_named(root),
        // Notes of releases, policies of schedulers: what has no metadata was never meant for an API server.
        Resolved::Unknown(_) => {
            root.get("metadata").is_none()
                || (api_version, kind) == ("v1", "Config")
                || group_of(api_version) == "skaffold"
        }
        Resolved::BuiltIn(_) | Resolved::StandIn(..) | Resolved::Gone(_) => false,
    }
}

/// Groups of files that programs read and no API server: they look like objects and have names.
const CLIENT_GROUPS: &[&str] = &[
    "audit.k8s.io",
    "backstage.io",
    "cli.kyverno.io",
    "eksctl.io",
    "k3d.io",
    "kind.x-k8s.io",
    "kubeadm.k8s.io",
    "kustomize.config.k8s.io",
    "quorate.dev",
];

/// Whether `group` is one of those, or the configuration of one of Kubernetes' own programs (`kubelet.config.k8s.io`).
fn is_of_a_client(group: &str) -> bool {
    CLIENT_GROUPS.contains(&group) || group.ends_with(".quorate.dev") || group.ends_with(".config.k8s.io")
}

fn decode(resolved: &Resolved, kind: &str, options: &DecodeOptions, report: &mut Report<'_>) -> Typed {
    let (known, end) = match resolved {
        Resolved::BuiltIn(known) => (Some(*known), crate::manifest::api::lifecycle(known.api_version, known.kind)),
        Resolved::StandIn(known, end) => (Some(*known), Some(*end)),
        Resolved::Gone(end) => (None, Some(*end)),
        Resolved::Unknown(unknown) => {
            report.add(unknown.finding());
            (None, None)
        }
        Resolved::Custom => (None, None),
    };
    if let Some(finding) = end.and_then(|end| end.finding(kind, options.kubernetes_version)) {
        report.add(finding);
    }
    let Some(known) = known else { return Typed::Dynamic };
    let (mut typed, problems) = known.decode(report.root());
    default::apply(&mut typed);
    let is_stand_in = matches!(resolved, Resolved::StandIn(..));
    for problem in problems.into_iter().filter(|problem| !(is_stand_in && is_of_former_field(problem))) {
        let finding = problem.into_finding(report.source(), None);
        report.add(finding);
    }
    validate(&typed, report);
    typed
}

fn is_of_former_field(problem: &DecodeProblem) -> bool {
    match &problem.kind {
        DecodeProblemKind::UnknownField { field, .. } => FORMER_FIELDS.contains(&&**field),
        DecodeProblemKind::WrongType { .. }
        | DecodeProblemKind::InvalidValue { .. }
        | DecodeProblemKind::InvalidQuantity { .. }
        | DecodeProblemKind::MissingField { .. } => false,
    }
}
