//! Names, reasons and steps as findings say them.

use std::collections::{BTreeMap, BTreeSet};

use quorate_sim::cluster::{BudgetId, ClusterState, NodeId, NodeReady, PodId, Time, WorkloadName};
use quorate_sim::scheduler::{Plugin, SchedulingResult, Verdict, schedule};
use serde_json::{Value, json};

/// How many names a sentence lists before it counts the others.
const LISTED_NAMES: usize = 6;

/// `deployment/default/backend`.
pub(super) fn workload(state: &ClusterState, name: WorkloadName) -> String {
    format!("{}/{}/{}", name.kind.as_str(), state.names.text(name.namespace), state.names.text(name.name))
}

/// `default/backend`.
pub(super) fn budget(state: &ClusterState, id: BudgetId) -> String {
    state
        .budgets
        .get(&id)
        .map_or_else(String::new, |own| format!("{}/{}", state.names.text(own.namespace), state.names.text(own.name)))
}

/// `worker-1`.
pub(super) fn node(state: &ClusterState, id: NodeId) -> String {
    state.nodes.get(&id).map_or_else(String::new, |own| state.names.text(own.name).to_owned())
}

/// `worker-1, worker-2 and 3 more`.
pub(super) fn list(names: &[String]) -> String {
    match names {
        [] => "none".to_owned(),
        [only] => only.clone(),
        names if names.len() <= LISTED_NAMES => names.join(", "),
        names => {
            let shown = names.get(..LISTED_NAMES).unwrap_or(names);
            format!("{} and {} more", shown.join(", "), names.len() - shown.len())
        }
    }
}

/// `3 pods`, `1 pod`.
pub(super) fn count(number: i64, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}

/// `the pods of deployment/default/web are made and removed without end`.
pub(super) fn restless(state: &ClusterState, workloads: &BTreeSet<WorkloadName>) -> String {
    let names: Vec<String> = workloads.iter().map(|name| workload(state, *name)).collect();
    let whose = if names.is_empty() { "some workload".to_owned() } else { list(&names) };
    format!("the pods of {whose} are made and removed without end")
}

/// Why a pending pod fits nowhere: the nodes by reason, `worker-1, worker-2 (pod anti-affinity), cp-1 (untolerated taint)`.
pub(super) fn why_nowhere(state: &ClusterState, pod: PodId) -> String {
    let result = schedule(state, pod);
    if let Some(rejection) = &result.pre_filter {
        return format!("every node ({})", rejection.reason);
    }
    let by_reason = nodes_by_reason(state, &result);
    let part = |(reason, nodes): (&String, &Vec<String>)| format!("{} ({reason})", list(nodes));
    by_reason.iter().map(part).collect::<Vec<_>>().join(", ")
}

fn nodes_by_reason(state: &ClusterState, result: &SchedulingResult) -> BTreeMap<String, Vec<String>> {
    let mut by_reason: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (id, verdict) in &result.verdicts {
        if let Verdict::Rejected { plugin, reasons, .. } = verdict {
            let text = match plugin {
                Plugin::NodeUnschedulable => "cordoned".to_owned(),
                // A node that is gone is not one that a toleration would open.
                Plugin::TaintToleration if is_lost(state, *id) => "not ready".to_owned(),
                Plugin::TaintToleration => "untolerated taint".to_owned(),
                Plugin::NodeAffinity => "node affinity".to_owned(),
                Plugin::NodePorts => "host port in use".to_owned(),
                Plugin::InterPodAffinity => "pod anti-affinity".to_owned(),
                Plugin::PodTopologySpread => "topology spread".to_owned(),
                Plugin::NodeName
                | Plugin::NodeResourcesFit
                | Plugin::VolumeRestrictions
                | Plugin::NodeVolumeLimits
                | Plugin::VolumeBinding
                | Plugin::VolumeZone
                | Plugin::NodeResourcesBalancedAllocation
                | Plugin::DynamicResources
                | Plugin::ImageLocality
                | Plugin::NodeDeclaredFeatures
                | Plugin::PreFilterResult => reasons.iter().map(lower_first).collect::<Vec<_>>().join(", "),
            };
            by_reason.entry(text).or_default().push(node(state, *id));
        }
    }
    by_reason
}

fn is_lost(state: &ClusterState, id: NodeId) -> bool {
    state.nodes.get(&id).is_some_and(|node| node.ready != NodeReady::True)
}

fn lower_first(reason: &impl ToString) -> String {
    let text = reason.to_string();
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}

/// The plugins that keep a pending pod off nodes that would otherwise take it, the most frequent first.
pub(super) fn deciding_plugins(state: &ClusterState, pod: PodId) -> Vec<Plugin> {
    let mut counts: BTreeMap<Plugin, usize> = BTreeMap::new();
    for verdict in schedule(state, pod).verdicts.values() {
        if let Verdict::Rejected { plugin, .. } = verdict {
            *counts.entry(*plugin).or_default() += 1;
        }
    }
    let mut plugins: Vec<(Plugin, usize)> = counts.into_iter().collect();
    plugins.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    plugins.into_iter().map(|(plugin, _)| plugin).collect()
}

/// The events of a run, for machines: `[{"milliseconds": 0, "event": …}]`, counted from the first.
pub(super) fn trace(events: &[(Time, String)]) -> Value {
    let start = events.first().map_or(Time::ZERO, |(time, _)| *time);
    let plain =
        events.iter().map(|(time, event)| json!({"milliseconds": time.since(start).milliseconds(), "event": event}));
    Value::Array(plain.collect())
}
