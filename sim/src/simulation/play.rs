//! Plays steps: what a user does, then whatever follows on its own.

use std::collections::BTreeMap;

use crate::cluster::{ClusterState, DeletionCause, NodeId, Owner, PodId, Symbol, Time, WorkloadName};
use crate::controller::{WorkloadId, adoptions, find_workload, template_of, workload_text};
use crate::transition::{Change, NodeChange, PodChange, WorkloadChange};

use super::engine::{GoneNode, Livelock, Simulation};
use super::outcome::Target;
use super::template_change::{with_image, with_restart};
use super::{
    EvictionTarget, Performed, PodSelection, Settings, SimulationReport, StateSummary, Step, StepAction, StepOutcome,
    StepReport,
};
use super::{outcome, summary};

/// Lets `initial` come to rest, then plays `steps` one after the other.
#[must_use]
pub fn simulate(initial: ClusterState, steps: &[Step], settings: &Settings) -> SimulationReport {
    let mut simulation = Simulation::new(initial, settings);
    simulation.settle();
    let initial = simulation.summary();
    let steps = steps.iter().map(|step| simulation.play(step)).collect();
    SimulationReport { initial, steps, assumptions: simulation.assumptions() }
}

impl Simulation {
    /// Lets everything that is pending happen: workloads of the input that have no pods get them.
    pub fn settle(&mut self) -> StepOutcome {
        self.begin_step();
        for change in adoptions(&self.state) {
            self.commit(&change);
        }
        let in_force = self.hold_webhooks_back();
        let outcome = match self.run(None) {
            Ok(()) => StepOutcome::Completed,
            Err(Livelock) => StepOutcome::Livelock,
        };
        self.state.admission = in_force;
        outcome
    }

    /// The cluster as reports show it.
    #[must_use]
    pub fn summary(&self) -> StateSummary {
        summary::summarize(&self.state, |node| self.gone_nodes.get(&node).map(|gone| gone.name))
    }

    /// What the model leaves out that could change what happens to this cluster.
    #[must_use]
    pub fn assumptions(&self) -> Vec<String> {
        let of_state = super::assumptions::of(&self.state, &self.settings);
        let of_webhooks = self.late_webhooks.iter().map(|webhook| {
            let name = self.state.names.text(*webhook);
            format!("webhook {name} is taken to have been added once its pods ran")
        });
        of_state.into_iter().chain(of_webhooks).collect()
    }

    /// The events since the last step began, each a sentence with its time.
    #[must_use]
    pub fn events(&self) -> &[(Time, String)] {
        &self.recorder.events
    }

    /// The lowest readiness of each workload since the last step began.
    #[must_use]
    pub fn lowest_ready(&self) -> BTreeMap<String, i64> {
        let lowest = self.recorder.lowest().iter();
        let named = lowest.map(|(workload, count)| (workload_text(&self.state, *workload), *count));
        named.filter(|(name, _)| !name.is_empty()).collect()
    }

    /// The Deployments of which the condition Progressing has the reason ProgressDeadlineExceeded, as `deployment/NS/NAME`, sorted.
    #[must_use]
    pub fn past_deadline(&self) -> Vec<String> {
        let late = self.progress.iter().filter(|(_, progress)| progress.reported);
        let mut names: Vec<String> =
            late.map(|(id, _)| workload_text(&self.state, WorkloadId::Deployment(*id))).collect();
        names.sort();
        names
    }

    /// The fewest ready endpoints of each Service since the last step began.
    fn lowest_endpoints(&self) -> BTreeMap<String, i64> {
        let lowest = self.recorder.lowest_endpoints().iter();
        let named = lowest.filter_map(|(place, count)| Some((self.state.services.get(place)?, *count)));
        named.map(|(service, count)| (summary::service_text(&self.state, service), count)).collect()
    }

    /// Plays one step.
    pub fn play(&mut self, step: &Step) -> StepReport {
        let started_at = self.state.now;
        let mut report = self.play_action(&step.action);
        report.action.clone_from(&step.description);
        report.unexpected = self.unexpected(step, &report);
        report.met = self.met(step, &report);
        report.started_at = started_at;
        report
    }

    /// Plays one action, and says no more of it than how it ended: what else a report says can be asked for.
    pub fn perform(&mut self, action: &StepAction) -> Performed {
        let started_at = self.state.now;
        self.begin_step();
        let begun = self.begin(action);
        let until = action.ends_at(started_at);
        let result = match self.run(until) {
            Ok(()) => outcome::judge(self, &begun),
            Err(Livelock) => outcome::livelock(self),
        };
        self.last_drains = std::mem::take(&mut self.drains);
        let ended_at = until.unwrap_or(self.recorder.last_change);
        Performed { outcome: result.outcome, detail: result.detail, targets: result.targets, started_at, ended_at }
    }

    /// Plays one action; the report has no description.
    pub fn play_action(&mut self, action: &StepAction) -> StepReport {
        let end = self.perform(action);
        StepReport {
            action: String::new(),
            outcome: end.outcome,
            detail: end.detail,
            started_at: end.started_at,
            ended_at: end.ended_at,
            min_ready: self.lowest_ready(),
            min_endpoints: self.lowest_endpoints(),
            targets: end.targets,
            past_deadline: self.past_deadline(),
            after: self.summary(),
            unexpected: Vec::new(),
            met: Vec::new(),
            events: std::mem::take(&mut self.recorder.events),
        }
    }

    /// Does what the user does; what follows on its own is not played yet.
    pub(super) fn begin(&mut self, action: &StepAction) -> Target {
        if let Some(reason) = self.refused_request(action) {
            return Target::Refused(reason);
        }
        match action {
            StepAction::SetImage { workload, container, image } => {
                self.set_template(*workload, |state, template| with_image(state, template, *container, *image))
            }
            StepAction::Restart { workload } => self.set_template(*workload, with_restart),
            StepAction::Scale { workload, replicas } => self.scale(*workload, *replicas),
            StepAction::Apply { change } => self.apply_objects(change),
            StepAction::DeletePod { namespace, name } => self.delete_pod(*namespace, name),
            StepAction::DeleteWorkload { workload } => self.delete_workload(*workload),
            StepAction::Cordon { node } => self.change_nodes(&[*node], &NodeChange::Cordon),
            StepAction::Uncordon { node } => self.change_nodes(&[*node], &NodeChange::Uncordon),
            StepAction::Drain { nodes } => {
                let missing = self.missing_node(nodes);
                if missing.is_none() {
                    self.begin_drains(nodes);
                }
                missing.unwrap_or(Target::Drains)
            }
            StepAction::Evict { target } => self.evict(target),
            StepAction::SetReady { pods, ready } => {
                self.set_ready(pods, if *ready { Hold::Release } else { Hold::Hold })
            }
            StepAction::FailNode { nodes } => {
                let failed = Target::FailedNodes { nodes: nodes.clone(), since: self.state.now };
                self.hold_evictions(nodes);
                match self.change_nodes(nodes, &NodeChange::Crash) {
                    missing @ Target::Missing(_) => missing,
                    Target::Nothing
                    | Target::Refused(_)
                    | Target::Waited
                    | Target::Workloads(_)
                    | Target::Drains
                    | Target::Evictions
                    | Target::Bindings
                    | Target::FailedNodes { .. } => failed,
                }
            }
            StepAction::RecoverNode { nodes } => self.recover(nodes),
            StepAction::DeleteNode { nodes } => self.delete_nodes(nodes),
            StepAction::Bind { bindings } => self.begin_bindings(bindings),
            StepAction::SetMetric { autoscaler, metric, load } => self.set_metric(*autoscaler, *metric, *load),
            StepAction::Wait { .. } => Target::Waited,
        }
    }

    fn set_template(
        &mut self,
        name: WorkloadName,
        edit: impl Fn(&mut ClusterState, &crate::cluster::PodTemplate) -> crate::cluster::PodTemplate,
    ) -> Target {
        let Some(workload) = find_workload(&self.state, name) else { return self.missing_workload(name) };
        if matches!(workload, WorkloadId::Job(_)) {
            return self.not_possible(name, "its template cannot be changed");
        }
        if let Some(template) = template_of(&self.state, workload).cloned() {
            let new = std::sync::Arc::new(edit(&mut self.state, &template));
            self.commit(&Change::Workload(workload, WorkloadChange::SetTemplate(new)));
        }
        Target::Workloads(vec![workload])
    }

    /// The API server does not let a user do that.
    fn not_possible(&self, name: WorkloadName, why: &str) -> Target {
        Target::Missing(format!("{}: {why}", name_text(&self.state, name)))
    }

    fn missing_workload(&self, name: WorkloadName) -> Target {
        Target::Missing(format!("{} does not exist", name_text(&self.state, name)))
    }

    fn scale(&mut self, name: WorkloadName, replicas: i64) -> Target {
        let Some(workload) = find_workload(&self.state, name) else { return self.missing_workload(name) };
        if let WorkloadId::Job(_) = workload {
            return self.not_possible(name, "a Job has no scale");
        }
        self.commit(&Change::Workload(workload, WorkloadChange::SetReplicas(replicas)));
        Target::Workloads(vec![workload])
    }

    fn apply_objects(&mut self, change: &super::ObjectChange) -> Target {
        let before = self.state.clone();
        self.cache = None;
        let refusals = (change.0)(&mut self.state);
        let changed = super::template_change::changed_workloads(&before, &self.state);
        if let Some(reason) = self.refused_change(&before, &changed) {
            self.state = before;
            return Target::Refused(reason);
        }
        for (id, node) in before.nodes.iter() {
            if !self.state.nodes.contains_key(id) {
                self.gone_nodes.insert(*id, GoneNode { name: node.name, found_at: None });
                self.dirty.insert(super::engine::Key::Node(*id));
            }
        }
        self.last_commit = Some(self.state.now);
        self.look_at_everything();
        for refused in self.state.refusals.keys() {
            // What is applied wakes nobody who waits for it, but for those whose own object it is.
            self.dirty.remove(&super::engine::Key::Workload(*refused));
        }
        self.dirty.extend(changed.iter().map(|workload| super::engine::Key::Workload(*workload)));
        self.spare_daemon_sets(&before);
        self.recorder.record(self.state.now, Some("objects are applied".to_owned()));
        if !refusals.is_empty() {
            return Target::Missing(refusals.join("; "));
        }
        Target::Workloads(changed)
    }

    fn delete_pod(&mut self, namespace: Symbol, name: &str) -> Target {
        match self.find_pod(namespace, name) {
            Some(pod) => {
                self.commit(&Change::Pod(pod, PodChange::Delete(DeletionCause::Delete)));
                Target::Nothing
            }
            None => Target::Missing(format!("pod/{}/{name} does not exist", self.state.names.text(namespace))),
        }
    }

    fn delete_workload(&mut self, name: WorkloadName) -> Target {
        let Some(workload) = find_workload(&self.state, name) else { return self.missing_workload(name) };
        self.remove_workload(workload);
        Target::Nothing
    }

    /// A workload goes, and its pods with it.
    pub(super) fn remove_workload(&mut self, workload: WorkloadId) {
        let replica_sets = self.replica_sets_of(workload);
        let owned = self.state.pods.iter().filter(|(_, pod)| match pod.owner {
            Owner::ReplicaSet(id) => replica_sets.contains(&id),
            Owner::StatefulSet { set, .. } => workload == WorkloadId::StatefulSet(set),
            Owner::DaemonSet(id) => workload == WorkloadId::DaemonSet(id),
            Owner::Job(id) => workload == WorkloadId::Job(id),
            Owner::None | Owner::Node | Owner::Other { .. } => false,
        });
        let pods: Vec<PodId> = owned.map(|(id, _)| *id).collect();
        self.commit(&Change::Workload(workload, WorkloadChange::Delete));
        for pod in pods {
            self.commit(&Change::Pod(pod, PodChange::Delete(DeletionCause::Controller)));
        }
    }

    fn change_nodes(&mut self, nodes: &[NodeId], change: &NodeChange) -> Target {
        for node in nodes {
            if self.state.nodes.contains_key(node) {
                self.commit(&Change::Node(*node, change.clone()));
            }
        }
        self.missing_node(nodes).unwrap_or(Target::Nothing)
    }

    /// The first of `nodes` that does not exist.
    fn missing_node(&self, nodes: &[NodeId]) -> Option<Target> {
        let missing = nodes.iter().find(|node| !self.state.nodes.contains_key(node))?;
        let name = self.gone_nodes.get(missing).map_or("", |gone| self.state.names.text(gone.name));
        Some(Target::Missing(format!("node/{name} does not exist")))
    }

    /// Containers did not survive the crash: pods that nobody has seen unready yet become so.
    fn recover(&mut self, nodes: &[NodeId]) -> Target {
        let crashed: Vec<NodeId> = nodes
            .iter()
            .filter(|id| self.state.nodes.get(id).is_some_and(|node| node.crashed_at.is_some()))
            .copied()
            .collect();
        let ready =
            self.state.pods.iter().filter(|(_, pod)| pod.ready && pod.node.is_some_and(|id| crashed.contains(&id)));
        let ready: Vec<PodId> = ready.map(|(id, _)| *id).collect();
        for pod in ready {
            self.commit(&Change::Pod(pod, PodChange::BecomeUnready));
        }
        self.change_nodes(&crashed, &NodeChange::Recover);
        self.missing_node(nodes).unwrap_or(Target::Nothing)
    }

    pub(super) fn delete_nodes(&mut self, nodes: &[NodeId]) -> Target {
        for node in nodes {
            if let Some(name) = self.state.nodes.get(node).map(|node| node.name) {
                self.gone_nodes.insert(*node, GoneNode { name, found_at: None });
            }
        }
        let missing = self.missing_node(nodes);
        self.change_nodes(nodes, &NodeChange::Delete);
        missing.unwrap_or(Target::Nothing)
    }

    fn evict(&mut self, target: &EvictionTarget) -> Target {
        let pods = match target {
            EvictionTarget::Pod { namespace, name } => match self.find_pod(*namespace, name) {
                Some(pod) => vec![pod],
                None => {
                    let namespace = self.state.names.text(*namespace);
                    return Target::Missing(format!("pod/{namespace}/{name} does not exist"));
                }
            },
            EvictionTarget::Pods(selection) => self.select(selection),
        };
        self.call_evictions(pods)
    }

    fn set_ready(&mut self, selection: &PodSelection, hold: Hold) -> Target {
        for pod in self.select(selection) {
            let held = self.state.pods.get(&pod).is_some_and(|pod| pod.held_unready);
            match hold {
                Hold::Hold if !held => self.commit(&Change::Pod(pod, PodChange::Hold)),
                Hold::Release if held => self.commit(&Change::Pod(pod, PodChange::Release)),
                Hold::Hold | Hold::Release => {}
            }
        }
        Target::Nothing
    }

    /// The pods of a selection, oldest first.
    fn select(&self, selection: &PodSelection) -> Vec<PodId> {
        let matching = self.state.pods.iter().filter(|(_, pod)| {
            pod.namespace == selection.namespace
                && selection.selector.matches(&pod.labels)
                && selection.node.is_none_or(|node| pod.node == Some(node))
        });
        matching.map(|(id, _)| *id).take(selection.limit.unwrap_or(usize::MAX)).collect()
    }

    pub(super) fn find_pod(&self, namespace: Symbol, name: &str) -> Option<PodId> {
        let mut pods = self.state.pods.iter();
        let found = pods.find(|(_, pod)| pod.namespace == namespace && self.state.pod_name(pod) == name);
        found.map(|(id, _)| *id)
    }
}

/// What `setReady` does with a pod.
#[derive(Clone, Copy)]
enum Hold {
    Hold,
    Release,
}

pub(super) fn name_text(state: &ClusterState, name: WorkloadName) -> String {
    format!("{}/{}/{}", name.kind.as_str(), state.names.text(name.namespace), state.names.text(name.name))
}
