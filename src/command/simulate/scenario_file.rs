//! A scenario file and what it applies.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use quorate_sim::cluster::ClusterState;
use quorate_sim::simulation::{ObjectChange, Settings};
use serde_json::{Value, json};

use super::plan::Plan;
use super::saved_state::Inherited;
use crate::command::arguments::{InputArguments, SimulateArguments};
use crate::command::error::CommandError;
use crate::command::input::{Input, shown};
use crate::command::one_cluster;
use crate::finding::{Finding, Severity};
use crate::manifest::assemble::{DecodeOptions, assemble};
use crate::manifest::yaml::{self, Limits, parse_decoded};
use crate::manifest::{Inventory, Node, Origin, SourceId, SourceMap, Typed};
use crate::model;
use crate::report::PlayOrder;
use crate::scenario::{self, AppliedObjects, Scenario};

/// Reads the scenario in a file. Gives it as it can be saved, too.
pub(super) fn read(
    arguments: &SimulateArguments,
    path: &Path,
    input: &mut Input,
    inventory: &Inventory,
    state: &mut ClusterState,
    inherited: &Inherited,
) -> Result<(Plan, Value), CommandError> {
    let root = inherited.joined(read_scenario(arguments, path, input)?, path)?;
    let source = input.sources.last();
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    let resolver = Resolver { arguments: &arguments.input, inventory, sources: &input.sources, folder };
    match resolver.resolve((&root, source), state, inherited.settings) {
        Ok((scenario, document)) => {
            let plan = Plan {
                name: scenario.name.unwrap_or_else(|| shown(path)),
                settings: scenario.settings,
                steps: scenario.steps,
                order: PlayOrder::OneAfterTheOther,
            };
            Ok((plan, document))
        }
        Err(findings) => {
            one_cluster::write_findings(&arguments.output, input, &findings)?;
            Err(CommandError::Usage(format!("{} cannot be played", path.display())))
        }
    }
}

/// What a scenario is resolved with, beside the cluster.
pub(super) struct Resolver<'a> {
    pub(super) arguments: &'a InputArguments,
    pub(super) inventory: &'a Inventory,
    pub(super) sources: &'a SourceMap,
    /// Where files are that it applies.
    pub(super) folder: &'a Path,
}

impl Resolver<'_> {
    /// The scenario in a tree, and itself with everything in it that it applies.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(super) fn resolve(
        &self,
        (root, source): (&Node, SourceId),
        state: &mut ClusterState,
        settings: Settings,
    ) -> Result<(Scenario, Value), Vec<Finding>> {
        let mut sources = self.sources.clone();
        let names = &state.names;
        let mut known: BTreeSet<String> = state.nodes.values().map(|node| names.text(node.name).to_owned()).collect();
        let mut of_files = Vec::new();
        let mut apply = |objects: AppliedObjects<'_>| -> Result<ObjectChange, String> {
            let documents = match objects {
                AppliedObjects::Inline(node) => node.items().iter().map(|item| (source, item.clone())).collect(),
                AppliedObjects::Path(relative) => {
                    let documents = read_applied(&self.folder.join(relative), relative, &mut sources)?;
                    of_files.push(documents.iter().map(|(_, root)| root.to_json()).collect::<Vec<Value>>());
                    documents
                }
            };
            self.change(documents, &mut known)
        };
        let mut policy = None;
        let mut read = |relative: &str| -> Result<Node, String> {
            let root = read_policy(&self.folder.join(relative), relative, source)?;
            policy = Some(root.to_json());
            Ok(root)
        };
        let namespace = &self.arguments.namespace;
        let scenario = scenario::resolve(root, source, state, namespace, settings, &mut apply, &mut read)?;
        Ok((scenario, with_files(root.to_json(), of_files, policy)))
    }

    fn change(&self, documents: Vec<(SourceId, Node)>, known: &mut BTreeSet<String>) -> Result<ObjectChange, String> {
        let decode = DecodeOptions { kubernetes_version: self.arguments.kubernetes_version };
        let assembled = assemble(documents, &decode);
        if let Some(finding) = assembled.findings.iter().find(|finding| finding.severity == Severity::Error) {
            return Err(finding.message.clone());
        }
        for (_, object) in assembled.inventory.applied() {
            let Typed::Node(node) = &object.typed else { continue };
            let name = object.reference.name.to_string();
            if !model::says_its_room(node) && !known.contains(&name) {
                return Err(format!("node {name} does not say how much room it has: give status.allocatable"));
            }
            known.insert(name);
        }
        Ok(model::apply_change(self.inventory, &assembled.inventory))
    }
}

fn read_applied(path: &Path, relative: &str, sources: &mut SourceMap) -> Result<Vec<(SourceId, Node)>, String> {
    let bytes = fs::read(path).map_err(|error| format!("{relative}: {error}"))?;
    let decoded = yaml::decode(&bytes);
    let id = sources.add(relative.to_owned(), decoded.text.as_ref(), Origin::Written);
    let parsed = parse_decoded(id, &decoded, &Limits::default());
    Ok(parsed.documents.into_iter().map(|document| (id, document.root)).collect())
}

/// The descheduler's policy beside a scenario.
fn read_policy(path: &Path, relative: &str, source: SourceId) -> Result<Node, String> {
    let bytes = fs::read(path).map_err(|error| format!("{relative}: {error}"))?;
    let parsed = parse_decoded(source, &yaml::decode(&bytes), &Limits::default());
    match (parsed.problems.first(), parsed.documents.into_iter().next()) {
        (None, Some(document)) => Ok(document.root),
        (Some(problem), _) => Err(format!("{relative}: {}", problem.finding().message)),
        (None, None) => Err(format!("{relative} is empty")),
    }
}

/// The scenario with what files hold in the places of their paths: the objects, in the order of its steps, and the descheduler's
/// policy.
fn with_files(mut scenario: Value, objects_of_files: Vec<Vec<Value>>, policy: Option<Value>) -> Value {
    let steps = scenario.pointer_mut("/spec/steps").and_then(Value::as_array_mut);
    let applied = steps.into_iter().flatten().filter_map(|step| step.get_mut("apply"));
    let of_paths = applied.filter(|apply| apply.get("path").is_some());
    for (apply, objects) in of_paths.zip(objects_of_files) {
        *apply = json!({"objects": objects});
    }
    let descheduler = scenario.pointer_mut("/spec/settings/descheduler").and_then(Value::as_object_mut);
    if let (Some(descheduler), Some(policy)) = (descheduler, policy) {
        descheduler.remove("path");
        descheduler.insert("policy".to_owned(), policy);
    }
    scenario
}

/// The scenario's tree; its text is the last of the sources.
fn read_scenario(arguments: &SimulateArguments, path: &Path, input: &mut Input) -> Result<Node, CommandError> {
    let bytes = fs::read(path).map_err(|source| CommandError::File { path: path.display().to_string(), source })?;
    let decoded = yaml::decode(&bytes);
    let source = input.sources.add(path.display().to_string(), decoded.text.as_ref(), Origin::Written);
    let parsed = parse_decoded(source, &decoded, &Limits::default());
    let findings: Vec<Finding> = parsed.problems.iter().map(yaml::Problem::finding).collect();
    if !findings.is_empty() {
        one_cluster::write_findings(&arguments.output, input, &findings)?;
    }
    match parsed.documents.into_iter().next() {
        Some(document) if findings.is_empty() => Ok(document.root),
        Some(_) | None => Err(CommandError::Usage(format!("{} holds no scenario that can be read", path.display()))),
    }
}
