//! A case as a reader wants to see it, where two answers differ.

use std::fmt::{self, Display, Formatter};

use quorate_sim::cluster::*;
use quorate_sim::controller::{WorkloadId, all_workloads, template_of, workload_text};

use super::generate::Case;

impl Display for Case {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let state = &self.state;
        let text = |symbol: Symbol| state.names.text(symbol).to_owned();
        let (subject, seed) = (text(self.subject.name), self.seed);
        let domain = format!("{:?}", self.failures);
        writeln!(formatter, "case {seed}: {subject} keeps {} whatever fails of {domain}", self.at_least)?;
        for node in state.nodes.values() {
            let taints: Vec<String> =
                node.taints.iter().map(|own| format!("{}:{:?}", text(own.key), own.effect)).collect();
            writeln!(
                formatter,
                "  {}: {}, {}m, {} GiB, {} slots, {taints:?}{}",
                text(node.name),
                labels(state, &node.labels),
                node.allocatable.cpu_milli,
                node.allocatable.memory_bytes >> 30,
                node.allocatable_pods,
                if node.unschedulable { ", cordoned" } else { "" }
            )?;
        }
        for workload in all_workloads(state) {
            let replicas = match workload {
                WorkloadId::Deployment(id) => state.deployments.get(&id).map(|own| own.replicas),
                WorkloadId::ReplicaSet(id) => state.replica_sets.get(&id).map(|own| own.replicas),
                WorkloadId::StatefulSet(id) => state.stateful_sets.get(&id).map(|own| own.replicas),
                WorkloadId::DaemonSet(_) | WorkloadId::Job(_) => None,
            };
            write!(formatter, "  {} of {replicas:?}", workload_text(state, workload))?;
            if let WorkloadId::StatefulSet(id) = workload {
                write!(formatter, " {:?}", state.stateful_sets.get(&id).map(|own| own.pod_management_policy))?;
            }
            template(formatter, state, template_of(state, workload).unwrap())?;
        }
        for quota in &state.admission.quotas {
            let hard: Vec<_> = quota.hard.iter().map(|(name, amount)| (text(*name), amount)).collect();
            writeln!(formatter, "  quota {hard:?}")?;
        }
        for budget in state.budgets.values() {
            let selector = budget.selector.as_ref().map(|own| self::selector(state, own));
            writeln!(formatter, "  budget of {selector:?}: {:?}", budget.target)?;
        }
        Ok(())
    }
}

fn template(formatter: &mut Formatter<'_>, state: &ClusterState, template: &PodTemplate) -> fmt::Result {
    let text = |symbol: Symbol| state.names.text(symbol).to_owned();
    let spec = &template.spec;
    let gibibytes = spec.requests.memory_bytes >> 30;
    write!(formatter, ": {}, {}m, {gibibytes} GiB", labels(state, &template.labels), spec.requests.cpu_milli)?;
    if spec.priority != 0 {
        write!(formatter, ", priority {} {:?}", spec.priority, spec.preemption_policy)?;
    }
    for (kind, terms) in [("apart from", &spec.required_anti_affinity), ("near", &spec.required_affinity)] {
        for term in terms {
            let of = term.selector.as_ref().map(|own| selector(state, own));
            write!(formatter, ", {kind} {of:?} by {}", text(term.topology_key))?;
        }
    }
    for own in &spec.spread_constraints {
        let of = own.selector.as_ref().map(|own| selector(state, own));
        let policies = (own.node_affinity_policy, own.node_taints_policy);
        let by = text(own.topology_key);
        let more = (own.min_domains, own.match_label_keys.len());
        write!(formatter, ", spread {of:?} by {by} within {} {policies:?} {more:?}", own.max_skew)?;
    }
    for port in &spec.host_ports {
        write!(formatter, ", port {}", port.port)?;
    }
    if !spec.node_selector.is_empty() {
        write!(formatter, ", on {}", labels(state, &spec.node_selector))?;
    }
    for requirement in spec.required_node_terms.iter().flatten().flat_map(|term| &term.expressions) {
        write!(formatter, ", on {} {:?}", text(requirement.key), requirement.operator)?;
    }
    for own in &spec.tolerations {
        let key = own.key.map_or_else(|| "*".to_owned(), text);
        if own.toleration_seconds != Some(300) {
            write!(formatter, ", tolerates {key}:{:?} {:?}", own.effect, own.toleration_seconds)?;
        }
    }
    writeln!(formatter)
}

fn labels(state: &ClusterState, labels: &Labels) -> String {
    let pairs = labels.iter().map(|(key, value)| (state.names.text(key).to_owned(), state.names.text(value)));
    let short = |key: &str| key.rsplit('/').next().unwrap_or_default().to_owned();
    pairs.map(|(key, value)| format!("{}={value}", short(&key))).collect::<Vec<String>>().join(",")
}

fn selector(state: &ClusterState, selector: &LabelSelector) -> String {
    let text = |symbol: Symbol| state.names.text(symbol).to_owned();
    let pair = |own: &Requirement| match &own.operator {
        Operator::In(values) => values.iter().map(|value| text(*value)).collect::<Vec<String>>().join("|"),
        other => format!("{} {other:?}", text(own.key)),
    };
    selector.requirements.iter().map(pair).collect::<Vec<String>>().join("+")
}
