//! A state that is saved, and resumed.
//!
//! The file holds what the simulation began with and what was done since, not the inside of the simulator: a simulation is a
//! function of both, so that it is played again when it is resumed, with every timer where it was. The state that it had reached
//! is in the file too, and compared: another version whose simulation goes another way says so.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use k8s_openapi::api::core::v1::Node as ApiNode;
use quorate_sim::cluster::{ClusterState, Time, WallClock};
use quorate_sim::simulation::{Settings, Simulation};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::scenario_file::Resolver;
use crate::command::arguments::InputArguments;
use crate::command::check::MODELLED_VERSION;
use crate::command::error::CommandError;
use crate::command::input::{Configuration, Input, shown};
use crate::environment::{Environment, EnvironmentSpec};
use crate::finding::Severity;
use crate::manifest::assemble::{DecodeOptions, assemble};
use crate::manifest::collect::Counts;
use crate::manifest::decode::{decode, decode_kubernetes};
use crate::manifest::scheduler_configuration;
use crate::manifest::yaml::{self, Limits, parse_decoded};
use crate::manifest::{Entry, FieldPath, Inventory, Node, Origin, SourceId, SourceMap, Span, Value as NodeValue};
use crate::model::Model;

const API_VERSION: &str = "quorate.dev/v1alpha1";
const KIND: &str = "SimulationState";

/// The file.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct SavedState {
    api_version: String,
    kind: String,
    /// The version that saved it.
    quorate: String,
    /// The modelled version.
    kubernetes: String,
    seed: u64,
    /// What the wall clock showed when it began, where that was given; milliseconds since 1970.
    began_at: Option<i64>,
    cluster: SavedCluster,
    /// What was played since.
    scenarios: Vec<SavedScenario>,
    /// Virtual time, in milliseconds.
    time: u64,
    /// As `quorate simulate -o json` shows it.
    state: Value,
}

/// What was played in one run.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct SavedScenario {
    /// The namespace of workloads that are named without one.
    pub(super) namespace: String,
    pub(super) scenario: Value,
}

/// What the simulation began with. Secrets and ConfigMaps are left out: nothing depends on them.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct SavedCluster {
    objects: Vec<Value>,
    /// Nodes from elsewhere than the objects.
    nodes: Vec<Value>,
    /// The pools of quorate.yaml.
    environment: Option<Value>,
    /// A KubeSchedulerConfiguration.
    scheduler: Option<Value>,
}

/// What a scenario goes on from.
#[derive(Clone, Debug)]
pub(super) struct Inherited {
    pub(super) settings: Settings,
    /// The cluster as it was left; `None` at the beginning.
    pub(super) left: Option<Simulation>,
    /// `spec.settings` of the scenario before it, as far as it goes on to hold.
    written: Option<Node>,
}

impl Inherited {
    pub(super) const fn nothing(settings: Settings) -> Self {
        Self { settings, left: None, written: None }
    }

    /// The settings as they were written.
    pub(super) fn written(&self) -> Value {
        self.written.as_ref().map_or_else(|| json!({}), Node::to_json)
    }

    /// A scenario that goes on with what was set before. It cannot change it.
    pub(super) fn joined(&self, mut scenario: Node, path: &Path) -> Result<Node, CommandError> {
        let Some(written) = &self.written else { return Ok(scenario) };
        let own = scenario.at(&FieldPath::parse("spec.settings"));
        if own.is_some_and(|own| own.to_json() != json!({}) && own.to_json() != written.to_json()) {
            let message = "gives settings; a simulation that is resumed keeps those that it began with: leave them out";
            return Err(CommandError::Usage(format!("{} {message}", path.display())));
        }
        let spec = entries(&mut scenario).into_iter().flatten().find(|entry| &*entry.key == "spec");
        if let Some((key_span, all)) = spec.and_then(|spec| Some((spec.key_span, entries(&mut spec.value)?))) {
            all.retain(|entry| &*entry.key != "settings");
            all.push(Entry { key: "settings".into(), key_span, value: written.clone() });
        }
        Ok(scenario)
    }
}

/// What a saved file says beside its input.
pub(super) struct Reading {
    saved: SavedState,
    root: Node,
    source: SourceId,
    path: String,
}

/// Reads a saved file.
///
/// # Errors
/// When it is none.
pub(super) fn read(path: &Path, arguments: &InputArguments) -> Result<(Input, Reading), CommandError> {
    let name = shown(path);
    let usage = |why: &str| CommandError::Usage(format!("{name} {why}; --resume takes what --save has written"));
    let bytes = std::fs::read(path).map_err(|source| CommandError::File { path: name.clone(), source })?;
    let decoded = yaml::decode(&bytes);
    let mut sources = SourceMap::default();
    let source = sources.add(name.clone(), decoded.text.as_ref(), Origin::Written);
    let parsed = parse_decoded(source, &decoded, &Limits::default());
    if let Some(problem) = parsed.problems.first() {
        return Err(usage(&format!("cannot be read: {}", problem.finding().message)));
    }
    let Some(document) = parsed.documents.into_iter().next() else { return Err(usage("is empty")) };
    let text = |key: &str| document.root.get(key).and_then(Node::as_str).unwrap_or("");
    if (text("apiVersion"), text("kind")) != (API_VERSION, KIND) {
        return Err(usage("is no saved state"));
    }
    let (saved, problems) = decode::<SavedState>(&document.root);
    let Some(saved) = saved.filter(|_| problems.is_empty()) else {
        let first = problems.into_iter().next().map(|problem| problem.into_finding(source, None).message);
        return Err(usage(&format!("is damaged: {}", first.unwrap_or_default())));
    };
    let input = input(&document.root, source, sources, arguments)?;
    if let Some(finding) =
        input.configurations.iter().flat_map(|own| &own.findings).find(|own| own.severity == Severity::Error)
    {
        return Err(usage(&format!("is damaged: {}", finding.message)));
    }
    Ok((input, Reading { saved, root: document.root, source, path: name }))
}

/// What the simulation began with, as if it had just been read.
fn input(root: &Node, source: SourceId, sources: SourceMap, arguments: &InputArguments) -> Result<Input, CommandError> {
    let items = |path: &str| root.at(&FieldPath::parse(path)).map_or(&[][..], Node::items);
    let given = |path: &str| root.at(&FieldPath::parse(path)).filter(|node| !matches!(node.value, NodeValue::Null));
    let documents = items("cluster.objects").iter().map(|object| (source, object.clone()));
    let assembled = assemble(documents, &DecodeOptions { kubernetes_version: arguments.kubernetes_version });
    let mut inventory = assembled.inventory;
    if let Some(scheduler) = given("cluster.scheduler") {
        let reading = scheduler_configuration::read(source, scheduler);
        inventory.set_scheduler(reading.file.map(std::sync::Arc::new));
    }
    let other_nodes = items("cluster.nodes").iter().filter_map(|node| decode_kubernetes::<ApiNode>(node).0).collect();
    let mut input = Input::of(sources, Counts { files: 1, documents: 1, ..Counts::default() });
    input.environment.environment = given("cluster.environment").and_then(|own| decode::<Environment>(own).0);
    input.secrets = assembled.secret_places;
    input.configurations.push(Configuration {
        name: None,
        inventory,
        findings: assembled.findings,
        not_evaluated: assembled.not_evaluated,
        other_nodes,
    });
    Ok(input)
}

impl Reading {
    /// What the wall clock showed when it began.
    pub(super) fn began_at(&self) -> Option<WallClock> {
        self.saved.began_at.map(WallClock)
    }

    /// Plays what was played before, and checks that it leads to the state that was saved. Gives what was played, too.
    ///
    /// # Errors
    /// When it does not.
    pub(super) fn resume(
        &self,
        arguments: &InputArguments,
        (sources, inventory): (&SourceMap, &Inventory),
        model: &mut Model,
    ) -> Result<(Inherited, Vec<SavedScenario>), CommandError> {
        let damaged = |why: &str| CommandError::Usage(format!("{} is damaged: {why}", self.path));
        let roots = self.root.get("scenarios").map_or(&[][..], Node::items);
        let mut inherited = Inherited::nothing(Settings { seed: self.saved.seed, ..Settings::default() });
        let mut simulation: Option<Simulation> = None;
        for (root, saved) in roots.iter().zip(&self.saved.scenarios) {
            let Some(root) = root.get("scenario") else { continue };
            let arguments = InputArguments { namespace: saved.namespace.clone(), ..arguments.clone() };
            let resolver = Resolver { arguments: &arguments, inventory, sources, folder: Path::new("") };
            let state = simulation.as_mut().map_or(&mut model.state, |simulation| &mut simulation.state);
            let resolved = resolver.resolve((root, self.source), state, inherited.settings);
            let (scenario, _) = resolved.map_err(|findings| {
                damaged(findings.first().map_or("a scenario cannot be played", |finding| finding.message.as_str()))
            })?;
            inherited.settings = scenario.settings;
            inherited.written = Some(lasting(root.at(&FieldPath::parse("spec.settings"))));
            let playing = simulation.get_or_insert_with(|| at_rest(&model.state, &scenario.settings));
            for step in &scenario.steps {
                playing.perform(&step.action);
            }
        }
        let simulation = simulation.ok_or_else(|| damaged("nothing was played"))?;
        let reached = json_of(&simulation.summary());
        if simulation.state.now != Time::from_milliseconds(self.saved.time) || reached != self.saved.state {
            let (by, own) = (&self.saved.quorate, env!("CARGO_PKG_VERSION"));
            return Err(CommandError::Usage(format!(
                "{} cannot be resumed: played again, it does not lead to the state that was saved (saved by quorate {by}, \
                 this is {own}); play the scenarios again from the manifests",
                self.path
            )));
        }
        inherited.left = Some(simulation);
        Ok((inherited, self.saved.scenarios.clone()))
    }
}

/// The settings that hold on: the clock goes on by itself, metrics stay as they are, and pods where they are.
fn lasting(settings: Option<&Node>) -> Node {
    let nothing = Node { value: NodeValue::Mapping(Vec::new()), span: Span::default() };
    let mut kept = settings.cloned().unwrap_or(nothing);
    if let Some(entries) = entries(&mut kept) {
        entries.retain(|entry| !matches!(&*entry.key, "now" | "metrics" | "placement"));
    }
    kept
}

/// The entries of a mapping.
fn entries(node: &mut Node) -> Option<&mut Vec<Entry>> {
    match &mut node.value {
        NodeValue::Mapping(entries) => Some(entries),
        NodeValue::Null
        | NodeValue::Boolean(_)
        | NodeValue::Integer(_)
        | NodeValue::Float(_)
        | NodeValue::String(_)
        | NodeValue::Sequence(_) => None,
    }
}

/// A cluster in which everything that was pending has happened.
pub(super) fn at_rest(state: &ClusterState, settings: &Settings) -> Simulation {
    let mut simulation = Simulation::new(state.clone(), settings);
    simulation.settle();
    simulation
}

/// What is saved beside the state.
pub(super) struct Origins<'a> {
    pub(super) input: &'a Input,
    pub(super) inventory: &'a Inventory,
    pub(super) other_nodes: &'a [ApiNode],
    pub(super) began_at: Option<WallClock>,
    pub(super) seed: u64,
    pub(super) scenarios: Vec<SavedScenario>,
}

/// A type of ours has no part that JSON cannot carry.
fn json_of<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// Writes the state of `simulation` to a file.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn save(path: &Path, origins: Origins<'_>, simulation: &Simulation) -> Result<(), CommandError> {
    let is_kept = |kind: &str| !matches!(kind, "Secret" | "ConfigMap");
    let objects = origins.inventory.iter().filter(|(_, object)| is_kept(&object.reference.kind));
    let pools = origins.input.environment.environment.as_ref().map(|own| Environment {
        spec: EnvironmentSpec { nodes: own.spec.nodes.clone(), ..EnvironmentSpec::default() },
        ..own.clone()
    });
    let saved = SavedState {
        api_version: API_VERSION.to_owned(),
        kind: KIND.to_owned(),
        quorate: env!("CARGO_PKG_VERSION").to_owned(),
        kubernetes: MODELLED_VERSION.to_owned(),
        seed: origins.seed,
        began_at: origins.began_at.map(|clock| clock.0),
        cluster: SavedCluster {
            objects: objects.map(|(_, object)| object.root.to_json()).collect(),
            nodes: origins.other_nodes.iter().map(json_of).collect(),
            environment: pools.as_ref().map(json_of),
            scheduler: origins.input.scheduler.as_ref().map(Node::to_json),
        },
        scenarios: origins.scenarios,
        time: simulation.state.now.milliseconds(),
        state: json_of(&simulation.summary()),
    };
    let failed = |source: std::io::Error| CommandError::File { path: shown(path), source };
    let mut out = BufWriter::new(File::create(path).map_err(failed)?);
    serde_json::to_writer_pretty(&mut out, &saved).map_err(|error| failed(error.into()))?;
    out.write_all(b"\n").and_then(|()| out.flush()).map_err(failed)
}
