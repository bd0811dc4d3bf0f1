//! A cluster with a scenario, and what the simulator says of it.

use std::path::Path;

use quorate::finding::Severity;
use quorate::manifest::assemble::{DecodeOptions, assemble};
use quorate::manifest::yaml::{self, Limits, parse_decoded};
use quorate::manifest::{Inventory, Node, Origin, SourceId, SourceMap};
use quorate::model;
use quorate::scenario::{self, AppliedObjects};
use quorate_sim::simulation::{ObjectChange, Settings, Simulation, Step};
use serde_json::Value;

use crate::facts::{Run, StepFacts, summary};

/// The two files of a case.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) cluster: String,
    pub(crate) scenario: String,
}

impl Case {
    /// From a folder with `cluster.yaml` and `scenario.yaml`.
    pub(crate) fn read(folder: &Path) -> Self {
        let text = |name: &str| {
            let path = folder.join(name);
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let mut scenario = text("scenario.yaml");
        if !scenario.contains("settings") {
            scenario.push_str(&recorded_settings(&serde_json::from_str(&text("real-1.json")).unwrap()));
        }
        Self { name, cluster: text("cluster.yaml"), scenario }
    }

    /// From JSON: a list of objects, and a scenario.
    pub(crate) fn of_json(name: &str, objects: &[Value], scenario: &Value) -> Self {
        let objects: Vec<String> = objects.iter().map(ToString::to_string).collect();
        // The comment keeps readers that guess from the first byte from taking a stream of documents for JSON.
        let cluster = format!("# {name}\n{}\n", objects.join("\n---\n"));
        Self { name: name.to_owned(), cluster, scenario: scenario.to_string() }
    }

    /// The settings, as text: what a control plane has to be started with.
    pub(crate) fn settings(&self) -> String {
        let at = self.scenario.find("settings");
        at.map_or_else(String::new, |at| self.scenario[at..].to_owned())
    }

    /// How many steps it has.
    pub(crate) fn steps(&self) -> usize {
        self.load(0).map_or(0, |(_, steps)| steps.len())
    }

    /// The files in a folder, for programs that read them there.
    pub(crate) fn write(&self, folder: &Path) {
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(folder.join("cluster.yaml"), &self.cluster).unwrap();
        std::fs::write(folder.join("scenario.yaml"), &self.scenario).unwrap();
    }

    /// A simulation in which nothing has happened yet, and the steps. A refusal is an error: what the simulator cannot play.
    pub(crate) fn load(&self, seed: u64) -> Result<(Simulation, Vec<Step>), String> {
        let mut sources = SourceMap::default();
        let documents = parse(&mut sources, "cluster.yaml", &self.cluster)?;
        let inventory: Inventory = assemble(documents, &DecodeOptions::default()).inventory;
        let mut model = model::build(&inventory, &[]);
        let mut scenario = parse(&mut sources, "scenario.yaml", &self.scenario)?;
        let (source, root) = scenario.pop().ok_or("no scenario")?;
        let mut apply = |objects: AppliedObjects<'_>| -> Result<ObjectChange, String> {
            let AppliedObjects::Inline(node) = objects else { return Err("objects of a case stand in it".to_owned()) };
            let documents: Vec<_> = node.items().iter().map(|item| (source, item.clone())).collect();
            let assembled = assemble(documents, &DecodeOptions::default());
            let error = assembled.findings.iter().find(|finding| finding.severity == Severity::Error);
            match error {
                Some(finding) => Err(finding.message.clone()),
                None => Ok(model::apply_change(&inventory, &assembled.inventory)),
            }
        };
        let settings = Settings { seed, ..Settings::default() };
        let mut read = |path: &str| Err(format!("{path}: a case stands alone"));
        let state = &mut model.state;
        let resolved = scenario::resolve(&root, source, state, "default", settings, &mut apply, &mut read).map_err(
            |findings| findings.iter().map(|finding| finding.message.clone()).collect::<Vec<_>>().join("; "),
        )?;
        Ok((Simulation::new(model.state, &resolved.settings), resolved.steps))
    }

    /// What happens with this seed.
    pub(crate) fn play(&self, seed: u64) -> Result<Run, String> {
        let (mut simulation, steps) = self.load(seed)?;
        simulation.settle();
        let initial = summary(&simulation);
        let steps = steps.iter().map(|step| {
            let report = simulation.play(step);
            StepFacts::simulated(&report, &simulation)
        });
        Ok(Run { steps: steps.collect(), initial })
    }
}

/// The flags of a recorded control plane that differ from Kubernetes' defaults, as a scenario's settings.
fn recorded_settings(recording: &Value) -> String {
    let flags = ["apiserverArgs", "controllerManagerArgs"].map(|key| recording["settings"][key].as_array().unwrap());
    let flags: Vec<&Value> = flags.into_iter().flatten().collect();
    let line = |flag: &&Value| format!("    {}\n", flag.as_str().unwrap().trim_start_matches('-').replace('=', ": "));
    let lines: String = flags.iter().map(line).collect();
    if lines.is_empty() { lines } else { format!("  settings:\n{lines}") }
}

fn parse(sources: &mut SourceMap, name: &str, text: &str) -> Result<Vec<(SourceId, Node)>, String> {
    let source = sources.add(name.to_owned(), text, Origin::Written);
    let parsed = parse_decoded(source, &yaml::decode(text.as_bytes()), &Limits::default());
    match parsed.problems.first() {
        Some(problem) => Err(format!("{name}: {problem:?}")),
        None => Ok(parsed.documents.into_iter().map(|document| (source, document.root)).collect()),
    }
}
