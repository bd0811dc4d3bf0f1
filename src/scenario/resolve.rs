//! Names in a scenario become nodes and workloads of the cluster.

use std::collections::BTreeMap;

use quorate_sim::cluster::{ClusterState, LabelSelector, NodeId, Operator, Requirement, WorkloadKind, WorkloadName};
use quorate_sim::simulation::{EvictionTarget, ObjectChange, PodSelection, Settings, Step, StepAction, StepOutcome};

use super::file;
use super::metrics;
use super::problem::{Problem, ProblemKind};
use super::settings;
use super::workload_reference::{WorkloadReference, find_workload, workload_names};
use crate::finding::Finding;
use crate::manifest::decode::{decode, nearest};
use crate::manifest::{FieldPath, Node, SourceId};

/// A scenario, ready to be played.
#[derive(Debug)]
pub struct Scenario {
    /// Its name.
    pub name: Option<String>,
    /// Its steps.
    pub steps: Vec<Step>,
    /// Its settings.
    pub settings: Settings,
}

/// Makes a change of the cluster from `apply`: inline objects as a tree, or a path beside the scenario.
pub type ApplyObjects<'a> = dyn FnMut(AppliedObjects<'_>) -> Result<ObjectChange, String> + 'a;

/// Reads a YAML file beside the scenario.
pub type ReadFile<'a> = dyn FnMut(&str) -> Result<Node, String> + 'a;

/// What an `apply` step names.
#[derive(Clone, Copy, Debug)]
pub enum AppliedObjects<'a> {
    /// Objects in the scenario itself.
    Inline(&'a Node),
    /// A file, as written.
    Path(&'a str),
}

/// Reads the scenario in `root` for the cluster in `state` (interning new names there). `namespace` is that of workloads
/// written without one.
///
/// # Errors
/// Everything that is wrong with it, as findings in its own source.
pub fn resolve(
    root: &Node,
    source: SourceId,
    state: &mut ClusterState,
    namespace: &str,
    base: Settings,
    apply: &mut ApplyObjects<'_>,
    read: &mut ReadFile<'_>,
) -> Result<Scenario, Vec<Finding>> {
    let (file, problems) = decode::<file::File>(root);
    let mut findings: Vec<Finding> = problems.into_iter().map(|problem| problem.into_finding(source, None)).collect();
    let Some(file) = file.filter(|_| findings.is_empty()) else { return Err(findings) };
    let mut problems = Vec::new();
    if file.api_version != "quorate.dev/v1alpha1" || file.kind != "Scenario" {
        let found = format!("{} {}", file.api_version, file.kind);
        problems.push(Problem { path: FieldPath::root(), kind: ProblemKind::NotAScenario(found) });
    }
    if file.spec.steps.is_empty() {
        problems.push(Problem { path: FieldPath::parse("spec.steps"), kind: ProblemKind::NoSteps });
    }
    let settings = settings::settings(&file.spec.settings, base, &mut problems);
    settings::place(state, &file.spec.settings, &mut problems);
    settings::apply_default_tolerations(state, &file.spec.settings);
    settings::set_clock(state, &file.spec.settings, &mut problems);
    settings::set_descheduler((root, source), state, &file.spec.settings, read, &mut problems);
    for (index, own) in file.spec.settings.metrics.iter().enumerate() {
        match metrics::read(state, own, namespace) {
            Ok(given) => metrics::set(state, &given),
            Err((field, message)) => {
                let holder = FieldPath::parse("spec.settings.metrics").index(index);
                let path = if field.is_empty() { holder } else { holder.key(field) };
                problems.push(Problem { path, kind: ProblemKind::Value(message) });
            }
        }
    }
    let mut steps = Vec::new();
    let mut applied = AppliedBefore::default();
    for (index, step) in file.spec.steps.iter().enumerate() {
        let path = FieldPath::parse("spec.steps").index(index);
        let settings = &file.spec.settings;
        let mut resolver = Resolver { state, namespace, root, path: &path, apply, settings, applied: &mut applied };
        match resolver.step(step) {
            Ok(step) => steps.push(step),
            Err(problem) => problems.push(problem),
        }
    }
    findings.extend(problems.into_iter().map(|problem| problem.into_finding(root, source)));
    if findings.is_empty() { Ok(Scenario { name: file.metadata.name, steps, settings }) } else { Err(findings) }
}

pub(super) struct Resolver<'a, 'b> {
    pub(super) state: &'a mut ClusterState,
    pub(super) namespace: &'a str,
    root: &'a Node,
    path: &'a FieldPath,
    apply: &'a mut ApplyObjects<'b>,
    pub(super) settings: &'a file::Settings,
    applied: &'a mut AppliedBefore,
}

/// What earlier steps of the scenario have made: later ones may name it.
#[derive(Default)]
struct AppliedBefore {
    /// The cluster with what was applied, and nothing else that steps do.
    state: Option<ClusterState>,
    workloads: Vec<(WorkloadName, String)>,
}

impl AppliedBefore {
    fn apply(&mut self, change: &ObjectChange, initial: &mut ClusterState) {
        let state = self.state.get_or_insert_with(|| initial.clone());
        (change.0)(state);
        for (own, text) in workload_names(state) {
            let (namespace, name) = (state.names.text(own.namespace), state.names.text(own.name));
            let own = WorkloadName { namespace: initial.intern(namespace), name: initial.intern(name), ..own };
            self.workloads.push((own, text));
        }
    }

    fn workload(&self, reference: &WorkloadReference, namespace: &str) -> Option<WorkloadName> {
        let namespace = reference.namespace.as_deref().unwrap_or(namespace);
        let wanted = format!("{}/{namespace}/{}", reference.kind.as_str(), reference.name);
        self.workloads.iter().find(|(_, text)| *text == wanted).map(|(own, _)| *own)
    }
}

/// An action with the text that reports show.
pub(super) type Action = (StepAction, String);

impl Resolver<'_, '_> {
    fn step(&mut self, step: &file::Step) -> Result<Step, Problem> {
        let actions = self.actions(step);
        let count = actions.len();
        let (action, description) = match actions.into_iter().next() {
            Some(action) if count == 1 => action?,
            Some(_) => return Err(self.problem(self.path.clone(), ProblemKind::SeveralActions(count))),
            None => return Err(self.problem(self.path.clone(), ProblemKind::NoAction)),
        };
        let expect = step.expect.as_ref();
        let expected_outcome = match expect.and_then(|expect| expect.outcome.as_deref()) {
            Some(text) => Some(self.outcome(text)?),
            None => None,
        };
        let mut expected_min_ready = BTreeMap::new();
        for (workload, ready) in expect.iter().flat_map(|expect| &expect.min_ready) {
            expected_min_ready.insert(self.workload(workload, "expect.minReady")?, *ready);
        }
        let expected_available = match expect {
            Some(expect) => self.expected_available(&expect.available)?,
            None => BTreeMap::new(),
        };
        let name = step.name.clone();
        Ok(Step { name, description, action, expected_outcome, expected_min_ready, expected_available })
    }

    fn actions(&mut self, step: &file::Step) -> Vec<Result<Action, Problem>> {
        let mut actions = Vec::new();
        actions.extend(step.set_image.as_ref().map(|own| self.set_image(own)));
        actions.extend(step.restart.as_ref().map(|own| {
            let workload = self.workload(&own.workload, "restart.workload")?;
            self.has_revisions(workload, "restart.workload")?;
            Ok(restart_step(self.state, workload))
        }));
        actions.extend(step.scale.as_ref().map(|own| self.scale(own)));
        actions.extend(step.apply.as_ref().map(|own| self.apply(own)));
        actions.extend(step.delete.as_ref().map(|own| self.delete(own)));
        actions.extend(step.cordon.as_ref().map(|own| {
            let node = self.node(&own.node, "cordon.node")?;
            Ok((StepAction::Cordon { node }, format!("cordon {}", own.node)))
        }));
        actions.extend(step.uncordon.as_ref().map(|own| {
            let node = self.node(&own.node, "uncordon.node")?;
            Ok((StepAction::Uncordon { node }, format!("uncordon {}", own.node)))
        }));
        actions.extend(step.drain.as_ref().map(|own| {
            let nodes = self.nodes(&own.nodes, "drain.nodes")?;
            Ok((StepAction::Drain { nodes }, format!("drain {}", own.nodes.join(", "))))
        }));
        actions.extend(step.evict.as_ref().map(|own| self.evict(own)));
        actions.extend(step.set_ready.as_ref().map(|own| self.set_ready(own)));
        actions.extend(step.fail_node.as_ref().map(|own| {
            let nodes = self.nodes(&own.nodes, "failNode.nodes")?;
            Ok((StepAction::FailNode { nodes }, format!("fail {}", own.nodes.join(", "))))
        }));
        actions.extend(step.recover_node.as_ref().map(|own| {
            let nodes = self.nodes(&own.nodes, "recoverNode.nodes")?;
            Ok((StepAction::RecoverNode { nodes }, format!("recover {}", own.nodes.join(", "))))
        }));
        actions.extend(step.delete_node.as_ref().map(|own| {
            let nodes = self.nodes(&own.nodes, "deleteNode.nodes")?;
            Ok((StepAction::DeleteNode { nodes }, format!("delete node {}", own.nodes.join(", "))))
        }));
        actions.extend(step.bind.as_ref().map(|own| self.bind(own)));
        actions.extend(step.set_metric.as_ref().map(|own| self.set_metric(own)));
        actions.extend(
            step.wait
                .as_ref()
                .map(|own| Ok((StepAction::Wait { seconds: own.seconds }, format!("wait {} s", own.seconds)))),
        );
        actions
    }

    fn set_image(&mut self, own: &file::SetImage) -> Result<Action, Problem> {
        let workload = self.workload(&own.workload, "setImage.workload")?;
        self.has_revisions(workload, "setImage.workload")?;
        let (container, image) = (self.state.intern(&own.container), self.state.intern(&own.image));
        let description = format!("set image of {} to {}", workload_text(self.state, workload), own.image);
        Ok((StepAction::SetImage { workload, container, image }, description))
    }

    fn has_revisions(&self, workload: WorkloadName, field: &str) -> Result<(), Problem> {
        if workload.kind == WorkloadKind::Job {
            let message = "a Job's template cannot be changed; delete the Job and apply another".to_owned();
            return Err(self.problem(self.field(field), ProblemKind::Value(message)));
        }
        Ok(())
    }

    fn set_metric(&mut self, own: &file::SetMetric) -> Result<Action, Problem> {
        let given = metrics::read(self.state, own, self.namespace).map_err(|(field, message)| {
            let holder = self.field("setMetric");
            let path = if field.is_empty() { holder } else { holder.key(field) };
            self.problem(path, ProblemKind::Value(message))
        })?;
        let metrics::Given { autoscaler, metric, load, text } = given;
        let description = format!("set metric {} of {} to {text}", own.metric, own.horizontal_pod_autoscaler);
        Ok((StepAction::SetMetric { autoscaler, metric, load }, description))
    }

    fn scale(&mut self, own: &file::Scale) -> Result<Action, Problem> {
        let workload = self.workload(&own.workload, "scale.workload")?;
        if workload.kind == WorkloadKind::Job {
            let message = "a Job has no scale; apply it with another parallelism".to_owned();
            return Err(self.problem(self.field("scale.workload"), ProblemKind::Value(message)));
        }
        if own.replicas < 0 {
            let kind = ProblemKind::Value("replicas must not be negative".to_owned());
            return Err(self.problem(self.field("scale.replicas"), kind));
        }
        let description = format!("scale {} to {}", workload_text(self.state, workload), own.replicas);
        Ok((StepAction::Scale { workload, replicas: i64::from(own.replicas) }, description))
    }

    fn apply(&mut self, own: &file::Apply) -> Result<Action, Problem> {
        let inline = self.root.at(&self.field("apply.objects"));
        let (objects, description) = match (&own.path, inline) {
            (Some(path), None) => (AppliedObjects::Path(path), format!("apply {path}")),
            (None, Some(node)) => (AppliedObjects::Inline(node), "apply inline objects".to_owned()),
            (Some(_), Some(_)) | (None, None) => {
                let kind = ProblemKind::Value("apply takes either objects or path".to_owned());
                return Err(self.problem(self.field("apply"), kind));
            }
        };
        let change = (self.apply)(objects).map_err(|why| self.problem(self.field("apply"), ProblemKind::Value(why)))?;
        let change = settings::with_default_tolerations(change, self.settings);
        self.applied.apply(&change, self.state);
        Ok((StepAction::Apply { change }, description))
    }

    fn delete(&mut self, own: &file::Delete) -> Result<Action, Problem> {
        let description = format!("delete {}", own.object);
        let parts: Vec<&str> = own.object.split('/').collect();
        if let ["pod" | "pods" | "po", namespace, name] = parts.as_slice() {
            let (namespace, name) = (self.state.intern(namespace), (*name).to_owned());
            return Ok((StepAction::DeletePod { namespace, name }, description));
        }
        let workload = self.workload(&own.object, "delete.object")?;
        Ok((StepAction::DeleteWorkload { workload }, description))
    }

    fn evict(&mut self, own: &file::Evict) -> Result<Action, Problem> {
        match (&own.pod, &own.pod_selector) {
            (Some(pod), None) => {
                let (namespace, name) = pod.split_once('/').unwrap_or((self.namespace, pod));
                let (namespace, name) = (self.state.intern(namespace), name.to_owned());
                let target = EvictionTarget::Pod { namespace, name };
                Ok((StepAction::Evict { target }, format!("evict {pod}")))
            }
            (None, Some(selector)) => {
                let selection = self.selection(selector);
                let target = EvictionTarget::Pods(selection);
                Ok((StepAction::Evict { target }, format!("evict pods {}", labels_text(selector))))
            }
            (Some(_), Some(_)) | (None, None) => {
                let kind = ProblemKind::Value("evict takes either pod or podSelector".to_owned());
                Err(self.problem(self.field("evict"), kind))
            }
        }
    }

    fn set_ready(&mut self, own: &file::SetReady) -> Result<Action, Problem> {
        let mut pods = self.selection(&own.pods);
        if let Some(node) = &own.node {
            pods.node = Some(self.node(node, "setReady.node")?);
        }
        pods.limit = own.limit.map(|limit| limit as usize);
        let state = if own.ready { "ready" } else { "unready" };
        Ok((StepAction::SetReady { pods, ready: own.ready }, format!("set pods {} {state}", labels_text(&own.pods))))
    }

    fn selection(&mut self, selector: &file::PodSelector) -> PodSelection {
        let namespace = self.state.intern(selector.namespace.as_deref().unwrap_or(self.namespace));
        let mut requirements = Vec::new();
        for (key, value) in &selector.labels {
            let operator = Operator::In(vec![self.state.intern(value)]);
            requirements.push(Requirement { key: self.state.intern(key), operator });
        }
        PodSelection { namespace, selector: LabelSelector { requirements }, node: None, limit: None }
    }

    fn outcome(&self, text: &str) -> Result<StepOutcome, Problem> {
        StepOutcome::ALL.into_iter().find(|outcome| outcome.as_str() == text).ok_or_else(|| {
            let all = StepOutcome::ALL.map(StepOutcome::as_str).join(", ");
            let kind = ProblemKind::Value(format!("{text:?} is not an outcome; the outcomes are {all}"));
            self.problem(self.field("expect.outcome"), kind)
        })
    }

    pub(super) fn workload(&self, text: &str, field: &str) -> Result<WorkloadName, Problem> {
        let reference: WorkloadReference = text.parse().map_err(|error: super::WorkloadReferenceError| {
            self.problem(self.field(field), ProblemKind::Value(error.to_string()))
        })?;
        find_workload(self.state, &reference, self.namespace).or_else(|nearest| {
            self.applied.workload(&reference, self.namespace).ok_or_else(|| {
                self.problem(self.field(field), ProblemKind::UnknownWorkload { name: text.to_owned(), nearest })
            })
        })
    }

    fn nodes(&self, names: &[String], field: &str) -> Result<Vec<NodeId>, Problem> {
        if names.is_empty() {
            return Err(self.problem(self.field(field), ProblemKind::Value("name at least one node".to_owned())));
        }
        let node = |(index, name): (usize, &String)| self.node(name, &format!("{field}[{index}]"));
        names.iter().enumerate().map(node).collect()
    }

    pub(super) fn node(&self, name: &str, field: &str) -> Result<NodeId, Problem> {
        let applied = self.applied.state.as_ref().and_then(|state| find_node(state, name).ok());
        find_node(self.state, name).or_else(|kind| applied.ok_or_else(|| self.problem(self.field(field), kind)))
    }

    pub(super) fn field(&self, field: &str) -> FieldPath {
        self.path.segments().iter().chain(FieldPath::parse(field).segments()).cloned().collect()
    }

    pub(super) fn problem(&self, path: FieldPath, kind: ProblemKind) -> Problem {
        Problem { path, kind }
    }
}

/// The node named `name`.
///
/// # Errors
/// With the nodes that are there.
pub fn find_node(state: &ClusterState, name: &str) -> Result<NodeId, ProblemKind> {
    let found = state.names.find(name).and_then(|symbol| state.node_named(symbol));
    found.ok_or_else(|| {
        let all: Vec<&str> = state.nodes.values().map(|node| state.names.text(node.name)).collect();
        let known = match nearest(name, all.iter().copied()) {
            _ if all.len() <= 8 => all.join(", "),
            Some(near) => format!("{} in number; did you mean {near}?", all.len()),
            None => format!("{} in number", all.len()),
        };
        ProblemKind::UnknownNode { name: name.to_owned(), known }
    })
}

fn labels_text(selector: &file::PodSelector) -> String {
    selector.labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

pub(super) fn workload_text(state: &ClusterState, workload: WorkloadName) -> String {
    let (namespace, name) = (state.names.text(workload.namespace), state.names.text(workload.name));
    format!("{}/{namespace}/{name}", workload.kind.as_str())
}

fn nodes_text(state: &ClusterState, nodes: &[NodeId]) -> String {
    let name = |id: &NodeId| state.nodes.get(id).map_or("", |node| state.names.text(node.name)).to_owned();
    nodes.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// `restart` of a workload, with its text.
#[must_use]
pub fn restart_step(state: &ClusterState, workload: WorkloadName) -> Action {
    (StepAction::Restart { workload }, format!("restart {}", workload_text(state, workload)))
}

/// `drain` of nodes, with its text.
#[must_use]
pub fn drain_step(state: &ClusterState, nodes: Vec<NodeId>) -> Action {
    let description = format!("drain {}", nodes_text(state, &nodes));
    (StepAction::Drain { nodes }, description)
}

/// A crash of nodes, with its text.
#[must_use]
pub fn fail_step(state: &ClusterState, nodes: Vec<NodeId>) -> Action {
    let description = format!("fail {}", nodes_text(state, &nodes));
    (StepAction::FailNode { nodes }, description)
}
