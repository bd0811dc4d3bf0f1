//! Without nodes: how many a workload needs, found by playing it on more and more ideal ones.
//!
//! An ideal node is eligible and has room for everything; each is a domain of its own for every topology key that the
//! workload names. What a workload needs of them is what it needs of a real cluster at the least.

use std::collections::BTreeSet;
use std::sync::Arc;

use quorate_sim::cluster::{
    ClusterState, DeploymentStrategy, Node, NodeFeature, NodeId, NodeReady, NodeRequirementOperator, PodSpec,
    Resources, Symbol, WhenUnsatisfiable, WorkloadKind, WorkloadName,
};
use quorate_sim::simulation::{StepAction, StepOutcome};
use rayon::prelude::*;
use serde_json::json;

use super::context::{AtRest, Context, finding_at, pending_pods};
use super::{
    drains_exhaust_pdb, node_loss_leaves_pods_pending, pods_stay_pending, rollout_deadlock, volume_blocks_surge, words,
};
use crate::finding::{Finding, NotEvaluated, Severity};
use crate::model::Quantity;
use crate::policy::Evaluation;

/// The most replicas of a workload that is played.
const MOST_REPLICAS: i64 = 200;
/// More than any pod asks for.
const PLENTY: i64 = 1 << 50;

/// Requirements of every workload with hard constraints; one without them is content with any node that has room.
pub(super) fn evaluate(context: &Context<'_>) -> Evaluation {
    let workloads: Vec<WorkloadName> = context.model.workloads.keys().copied().collect();
    let each: Vec<Evaluation> = workloads
        .par_iter()
        .filter_map(|workload| Question::new(context, *workload))
        .map(|question| question.answer())
        .collect();
    let mut all = Evaluation::default();
    for evaluation in each {
        all.findings.extend(evaluation.findings);
        all.not_evaluated.extend(evaluation.not_evaluated);
    }
    all
}

/// What one workload needs.
struct Question<'a> {
    context: Context<'a>,
    workload: WorkloadName,
    spec: PodSpec,
    replicas: i64,
    surge: i64,
}

impl<'a> Question<'a> {
    /// `None` for a workload without hard constraints.
    fn new(context: &Context<'a>, workload: WorkloadName) -> Option<Self> {
        let state = &context.model.state;
        let named = |namespace, name| namespace == workload.namespace && name == workload.name;
        let (template, replicas, surge) = match workload.kind {
            WorkloadKind::Deployment => {
                let own = state.deployments.values().find(|own| named(own.namespace, own.name))?;
                let surge = match own.strategy {
                    DeploymentStrategy::RollingUpdate { max_surge, .. } => max_surge.of_rounded_up(own.replicas),
                    DeploymentStrategy::Recreate => 0,
                };
                (&own.template, own.replicas, surge)
            }
            WorkloadKind::StatefulSet => {
                let own = state.stateful_sets.values().find(|own| named(own.namespace, own.name))?;
                (&own.template, own.replicas, 0)
            }
            WorkloadKind::DaemonSet | WorkloadKind::ReplicaSet | WorkloadKind::Job => return None,
        };
        let spec = template.spec.clone();
        let has_hard_constraint = !spec.required_anti_affinity.is_empty()
            || !spec.required_affinity.is_empty()
            || !spec.host_ports.is_empty()
            || spec.spread_constraints.iter().any(|own| own.when_unsatisfiable == WhenUnsatisfiable::DoNotSchedule);
        (has_hard_constraint && replicas > 0).then_some(Self { context: *context, workload, spec, replicas, surge })
    }

    fn answer(&self) -> Evaluation {
        let mut evaluation = Evaluation::default();
        if self.replicas > MOST_REPLICAS {
            let needs = format!("{}: at most {MOST_REPLICAS} replicas are played", self.name());
            evaluation.not_evaluated.push(not_evaluated(rollout_deadlock::RULE, needs));
            return evaluation;
        }
        let Some(placed) = self.smallest(1, |at_rest| at_rest.is_whole(self.workload)) else {
            let needs = format!("nodes, and what {} must run beside: {}", self.name(), self.constraints());
            evaluation.not_evaluated.push(not_evaluated(pods_stay_pending::RULE, needs));
            return evaluation;
        };
        if placed > 1 {
            let message = format!("{}: its pods need at least {}", self.name(), self.nodes(placed, 0));
            evaluation.findings.push(self.finding(pods_stay_pending::RULE, message, "spec.replicas", placed));
        }
        evaluation.findings.extend(self.rollout(placed));
        evaluation.findings.extend(self.loss(placed));
        evaluation.findings.extend(self.drains(placed));
        evaluation
    }

    fn rollout(&self, placed: usize) -> Option<Finding> {
        let completes = |at_rest: &AtRest<'_>| {
            let (report, _) = at_rest.what_if(StepAction::Restart { workload: self.workload });
            !rollout_deadlock::never_completes(report.outcome)
        };
        let field = match self.workload.kind {
            WorkloadKind::Deployment => "spec.strategy.rollingUpdate.maxUnavailable",
            WorkloadKind::StatefulSet | WorkloadKind::DaemonSet | WorkloadKind::ReplicaSet | WorkloadKind::Job => {
                "spec.updateStrategy"
            }
        };
        match self.smallest(placed, completes) {
            Some(needed) if needed > placed => {
                let (nodes, hangs) = (self.nodes(needed, self.surge), needed - 1);
                let message = format!("{}: its rollout needs at least {nodes}; on {hangs} it hangs", self.name());
                Some(self.finding(rollout_deadlock::RULE, message, field, needed))
            }
            Some(_) => None,
            None => {
                let message = format!("no rollout of {} can ever complete, however many nodes there are", self.name());
                let mut finding = self.finding(rollout_deadlock::RULE, message, field, 0);
                finding.severity = Severity::Error;
                finding.help = Some(format!("see also {}", volume_blocks_surge::RULE));
                Some(finding)
            }
        }
    }

    fn loss(&self, placed: usize) -> Option<Finding> {
        if self.workload.kind == WorkloadKind::StatefulSet {
            // Its pods wait for their node, however many others there are.
            return None;
        }
        let holds = |at_rest: &AtRest<'_>| {
            let (_, after) = at_rest.what_if(StepAction::FailNode { nodes: vec![NodeId(0)] });
            pending_pods(&after.state, self.workload).is_empty()
        };
        let needed = self.smallest(placed, holds).filter(|needed| *needed > placed.max(2))?;
        let message = format!(
            "{}: to place its pods again after the loss of one node it needs at least {}",
            self.name(),
            self.nodes(needed, 0)
        );
        Some(self.finding(node_loss_leaves_pods_pending::RULE, message, "spec.replicas", needed))
    }

    fn drains(&self, placed: usize) -> Option<Finding> {
        let completes = |at_rest: &AtRest<'_>| {
            let mut simulation = at_rest.simulation.branch();
            let drain = |node| StepAction::Drain { nodes: vec![NodeId(node)] };
            [0, 1].into_iter().all(|node| simulation.perform(&(drain(node))).outcome == StepOutcome::Completed)
        };
        let is_covered = |budget: &quorate_sim::cluster::PodDisruptionBudget| self.covers(budget);
        if !self.context.model.state.budgets.values().any(is_covered) {
            return None;
        }
        let needed = self.smallest(placed.max(2), completes).filter(|needed| *needed > placed.max(2))?;
        let message = format!(
            "{}: to drain two nodes one after the other without a return it needs at least {}",
            self.name(),
            self.nodes(needed, 0)
        );
        Some(self.finding(drains_exhaust_pdb::RULE, message, "spec.replicas", needed))
    }

    /// The smallest number of ideal nodes, from `least`, on which `holds`; more nodes never hurt. `None`: not on any number.
    fn smallest(&self, least: usize, holds: impl Fn(&AtRest<'_>) -> bool) -> Option<usize> {
        let most = usize::try_from(self.replicas + self.surge.max(0)).unwrap_or(1) + 2;
        let on = |nodes: usize| holds(&AtRest::of_state(self.context, self.ideal_cluster(nodes)));
        if on(least) {
            return Some(least);
        }
        if most <= least || !on(most) {
            return None;
        }
        let (mut fails, mut works) = (least, most);
        while works - fails > 1 {
            let middle = fails.midpoint(works);
            if on(middle) { works = middle } else { fails = middle }
        }
        Some(works)
    }

    /// The workload and its budgets alone, on so many ideal nodes.
    fn ideal_cluster(&self, nodes: usize) -> ClusterState {
        let whole = &self.context.model.state;
        let mut state = ClusterState {
            names: Arc::clone(&whole.names),
            namespaces: whole.namespaces.clone(),
            services: whole.services.clone(),
            storage: Arc::new(whole.storage.everywhere()),
            ..ClusterState::default()
        };
        let named = |namespace, name| namespace == self.workload.namespace && name == self.workload.name;
        match self.workload.kind {
            WorkloadKind::Deployment => {
                let own = whole.deployments.iter().filter(|(_, own)| named(own.namespace, own.name));
                state.deployments.extend(own.map(|(id, own)| (*id, own.clone())));
            }
            WorkloadKind::StatefulSet => {
                let own = whole.stateful_sets.iter().filter(|(_, own)| named(own.namespace, own.name));
                state.stateful_sets.extend(own.map(|(id, own)| (*id, own.clone())));
            }
            WorkloadKind::DaemonSet | WorkloadKind::ReplicaSet | WorkloadKind::Job => {}
        }
        let budgets = whole.budgets.iter().filter(|(_, own)| self.covers(own));
        state.budgets.extend(budgets.map(|(id, own)| (*id, own.clone())));
        for index in 0..nodes {
            let node = self.ideal_node(&mut state, index);
            state.nodes.insert(NodeId(u32::try_from(index).unwrap_or(u32::MAX)), node);
        }
        state
    }

    fn covers(&self, budget: &quorate_sim::cluster::PodDisruptionBudget) -> bool {
        let state = &self.context.model.state;
        let deployments = state.deployments.values().map(|own| (own.namespace, own.name, &own.template));
        let sets = state.stateful_sets.values().map(|own| (own.namespace, own.name, &own.template));
        let mut mine = deployments
            .chain(sets)
            .filter(|(namespace, name, _)| *namespace == self.workload.namespace && *name == self.workload.name);
        let selector = budget.selector.as_ref();
        budget.namespace == self.workload.namespace
            && mine.any(|(_, _, template)| selector.is_some_and(|selector| selector.matches(&template.labels)))
    }

    fn ideal_node(&self, state: &mut ClusterState, index: usize) -> Node {
        let name = state.intern(&format!("node-{}", index + 1));
        let mut labels = self.spec.node_selector.clone();
        for key in self.topology_keys() {
            let value = state.intern(&format!("domain-{}", index + 1));
            labels.insert(key, value);
        }
        labels.insert(Symbol::HOSTNAME, name);
        self.satisfy_affinity(state, &mut labels);
        let scalar = self.spec.requests.scalar.keys().map(|name| (*name, PLENTY)).collect();
        Node {
            name,
            labels,
            taints: Vec::new(),
            unschedulable: false,
            allocatable: Resources { cpu_milli: PLENTY, memory_bytes: PLENTY, ephemeral_storage_bytes: PLENTY, scalar },
            allocatable_pods: PLENTY,
            images: std::collections::BTreeMap::new(),
            ready: NodeReady::True,
            crashed_at: None,
            declared_features: NodeFeature::DEFAULT.into(),
        }
    }

    /// Labels that satisfy the first term of the required node affinity.
    fn satisfy_affinity(&self, state: &mut ClusterState, labels: &mut quorate_sim::cluster::Labels) {
        let first = self.spec.required_node_terms.as_ref().and_then(|terms| terms.first());
        for requirement in first.into_iter().flat_map(|term| &term.expressions) {
            let value = match &requirement.operator {
                NodeRequirementOperator::In(values) => values.first().copied(),
                NodeRequirementOperator::Exists => Some(Symbol::EMPTY),
                NodeRequirementOperator::GreaterThan(bound) => Some(state.intern(&bound.saturating_add(1).to_string())),
                NodeRequirementOperator::LessThan(bound) => Some(state.intern(&bound.saturating_sub(1).to_string())),
                NodeRequirementOperator::NotIn(_)
                | NodeRequirementOperator::DoesNotExist
                | NodeRequirementOperator::Invalid => None,
            };
            if let Some(value) = value {
                labels.insert(requirement.key, value);
            }
        }
    }

    fn topology_keys(&self) -> BTreeSet<Symbol> {
        let terms = self.spec.required_anti_affinity.iter().chain(&self.spec.required_affinity);
        let of_terms = terms.map(|term| term.topology_key);
        of_terms.chain(self.spec.spread_constraints.iter().map(|own| own.topology_key)).collect()
    }

    fn name(&self) -> String {
        words::workload(&self.context.model.state, self.workload)
    }

    /// `4 eligible nodes with 500m CPU and 512Mi free (3 replicas + maxSurge 1, required anti-affinity)`.
    fn nodes(&self, number: usize, surge: i64) -> String {
        let requests = &self.spec.requests;
        let mut amounts = Vec::new();
        if requests.cpu_milli > 0 {
            amounts.push(format!("{} CPU", Quantity::from_milli(requests.cpu_milli)));
        }
        if requests.memory_bytes > 0 {
            amounts.push(Quantity::from_whole(requests.memory_bytes).to_string());
        }
        let free =
            if amounts.is_empty() { String::new() } else { format!(" with {} free each", amounts.join(" and ")) };
        let mut parts = vec![words::count(self.replicas, "replica", "replicas")];
        if surge > 0 {
            parts = vec![format!("{} + maxSurge {surge}", parts.join(""))];
        }
        parts.push(self.constraints());
        format!("{number} eligible nodes{free} ({})", parts.join(", "))
    }

    fn constraints(&self) -> String {
        let names = &self.context.model.state.names;
        let mut parts = Vec::new();
        let keys = |keys: BTreeSet<Symbol>| keys.into_iter().map(|key| names.text(key)).collect::<Vec<_>>().join(", ");
        if !self.spec.required_anti_affinity.is_empty() {
            let of = self.spec.required_anti_affinity.iter().map(|term| term.topology_key).collect();
            parts.push(format!("required anti-affinity over {}", keys(of)));
        }
        if !self.spec.required_affinity.is_empty() {
            let of = self.spec.required_affinity.iter().map(|term| term.topology_key).collect();
            parts.push(format!("required affinity over {}", keys(of)));
        }
        let hard = self
            .spec
            .spread_constraints
            .iter()
            .filter(|own| own.when_unsatisfiable == WhenUnsatisfiable::DoNotSchedule);
        let hard: BTreeSet<Symbol> = hard.map(|own| own.topology_key).collect();
        if !hard.is_empty() {
            parts.push(format!("DoNotSchedule spread over {}", keys(hard)));
        }
        if !self.spec.host_ports.is_empty() {
            parts.push("host ports".to_owned());
        }
        parts.join(", ")
    }

    fn finding(&self, rule: &str, message: String, field: &str, nodes: usize) -> Finding {
        let mut finding = finding_at(rule, Severity::Info, message, self.context.workload_object(self.workload), field);
        finding.evidence = json!({"requirement": {
            "nodes": nodes,
            "cpuMilli": self.spec.requests.cpu_milli,
            "memoryBytes": self.spec.requests.memory_bytes,
        }});
        finding
    }
}

fn not_evaluated(rule: &str, needs: String) -> NotEvaluated {
    NotEvaluated { rule: Arc::from(rule), needs }
}
