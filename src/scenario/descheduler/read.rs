//! The policy and its profiles. Source: `pkg/descheduler/policyconfig.go` and `pkg/framework/profile/profile.go` of
//! `kubernetes-sigs/descheduler` v0.36.0.

use quorate_sim::cluster::{
    BalancePlugin, ClusterState, DeschedulerPolicy, DeschedulerProfile, Duration, EvictionLimits, LabelSelector,
};
use serde::de::DeserializeOwned;

use super::{evictor, file, plugin, selector};
use crate::manifest::decode::decode;
use crate::manifest::{FieldPath, Node, SourceId};

pub(in crate::scenario) use super::super::settings::go_duration;

const EVICTOR: &str = "DefaultEvictor";
const MODELLED: [&str; 3] = ["RemoveDuplicates", "RemovePodsViolatingTopologySpreadConstraint", "LowNodeUtilization"];
/// The descheduler's others: their arguments may stand in a policy as long as they are not enabled.
const OTHERS: [&str; 7] = [
    "HighNodeUtilization",
    "PodLifeTime",
    "RemoveFailedPods",
    "RemovePodsHavingTooManyRestarts",
    "RemovePodsViolatingInterPodAntiAffinity",
    "RemovePodsViolatingNodeAffinity",
    "RemovePodsViolatingNodeTaints",
];

/// Something wrong with a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::scenario) struct PolicyProblem {
    /// The field of the policy.
    pub path: FieldPath,
    /// What is wrong with it.
    pub message: String,
}

/// A place in the policy at which problems are found.
pub(super) struct At<'a> {
    path: FieldPath,
    problems: &'a mut Vec<PolicyProblem>,
}

impl At<'_> {
    /// Something is wrong at a field below.
    pub(super) fn problem(&mut self, below: &str, message: String) {
        self.problems.push(PolicyProblem { path: joined(&self.path, &FieldPath::parse(below)), message });
    }

    /// What was read, or else a problem.
    pub(super) fn or_problem<T>(&mut self, below: &str, read: Result<T, String>) -> Option<T> {
        read.map_err(|message| self.problem(below, message)).ok()
    }
}

fn joined(path: &FieldPath, below: &FieldPath) -> FieldPath {
    path.segments().iter().chain(below.segments()).cloned().collect()
}

/// Reads the policy in `root`; the interval stands beside it.
///
/// # Errors
/// Everything that is wrong with it or not modelled.
pub(in crate::scenario) fn read(
    root: &Node,
    source: SourceId,
    state: &mut ClusterState,
    interval: Duration,
) -> Result<DeschedulerPolicy, Vec<PolicyProblem>> {
    let mut problems = Vec::new();
    let file = decoded::<file::Policy>(root, source, &FieldPath::root(), &mut problems).unwrap_or_default();
    let mut at = At { path: FieldPath::root(), problems: &mut problems };
    if file.api_version != "descheduler/v1alpha2" || file.kind != "DeschedulerPolicy" {
        let found = format!("{} {}", file.api_version, file.kind);
        at.problem(
            "apiVersion",
            format!("a policy has apiVersion descheduler/v1alpha2 and kind DeschedulerPolicy, not {found}"),
        );
    }
    if file.grace_period_seconds.is_some() {
        at.problem("gracePeriodSeconds", "is not modelled: pods stop as they are declared to".to_owned());
    }
    for (key, value) in [("metricsCollector", &file.metrics_collector), ("metricsProviders", &file.metrics_providers)] {
        if value.is_some() {
            at.problem(key, "is not modelled: nodes are compared by what their pods request".to_owned());
        }
    }
    let node_selector: Option<LabelSelector> = file
        .node_selector
        .as_deref()
        .and_then(|text| at.or_problem("nodeSelector", selector::of_text(state, text)))
        .flatten();
    if file.profiles.is_empty() {
        at.problem("profiles", format!("is needed: at least one profile that enables {}", MODELLED.join(", ")));
    }
    let mut profiles = Vec::new();
    for (index, profile) in file.profiles.iter().enumerate() {
        let path = FieldPath::parse("profiles").index(index);
        profiles.push(read_profile(&Reading { root, source, path, profile }, state, &mut problems));
    }
    let limits = EvictionLimits {
        per_node: file.max_no_of_pods_to_evict_per_node,
        per_namespace: file.max_no_of_pods_to_evict_per_namespace,
        total: file.max_no_of_pods_to_evict_total,
    };
    if problems.is_empty() {
        Ok(DeschedulerPolicy { interval, node_selector, limits, profiles })
    } else {
        Err(problems)
    }
}

/// Decodes a part of the policy at `path`.
fn decoded<T: DeserializeOwned + 'static>(
    node: &Node,
    source: SourceId,
    path: &FieldPath,
    problems: &mut Vec<PolicyProblem>,
) -> Option<T> {
    let (value, found) = decode::<T>(node);
    problems.extend(found.into_iter().map(|problem| {
        let own = problem.path.clone();
        PolicyProblem { path: joined(path, &own), message: problem.into_finding(source, None).message }
    }));
    value
}

/// A profile that is being read.
struct Reading<'a> {
    root: &'a Node,
    source: SourceId,
    path: FieldPath,
    profile: &'a file::Profile,
}

impl Reading<'_> {
    /// The arguments of a plugin, where they are given, and where.
    fn arguments<T: DeserializeOwned + Default + 'static>(
        &self,
        name: &str,
        problems: &mut Vec<PolicyProblem>,
    ) -> Option<(T, FieldPath)> {
        let index = self.profile.plugin_config.iter().position(|config| config.name == name)?;
        let path = self.path.key("pluginConfig").index(index).key("args");
        let given = self.root.at(&path).and_then(|node| decoded(node, self.source, &path, problems));
        Some((given.unwrap_or_default(), path))
    }
}

fn read_profile(
    reading: &Reading<'_>,
    state: &mut ClusterState,
    problems: &mut Vec<PolicyProblem>,
) -> DeschedulerProfile {
    check_names(reading, problems);
    let given = reading.arguments::<file::Evictor>(EVICTOR, problems);
    let path = given.as_ref().map_or_else(|| reading.path.clone(), |(_, path)| path.clone());
    let own = given.as_ref().map(|(own, _)| own);
    let evictor = evictor::evictor(state, own, &mut At { path, problems });
    let mut balance = Vec::new();
    for (index, name) in reading.profile.plugins.balance.enabled.iter().enumerate() {
        let at = reading.path.key("plugins").key("balance").key("enabled").index(index);
        match read_plugin(reading, name, state, problems) {
            Some(plugin) => balance.push(plugin),
            None if MODELLED.contains(&name.as_str()) => {
                let message = format!("{name} needs an entry in pluginConfig, as the descheduler demands");
                problems.push(PolicyProblem { path: at, message });
            }
            None => problems.push(PolicyProblem { path: at, message: not_modelled(name) }),
        }
    }
    DeschedulerProfile { evictor, balance }
}

fn read_plugin(
    reading: &Reading<'_>,
    name: &str,
    state: &mut ClusterState,
    problems: &mut Vec<PolicyProblem>,
) -> Option<BalancePlugin> {
    match name {
        "RemoveDuplicates" => {
            let (own, path) = reading.arguments::<file::RemoveDuplicates>(name, problems)?;
            Some(plugin::remove_duplicates(state, &own, &mut At { path, problems }))
        }
        "RemovePodsViolatingTopologySpreadConstraint" => {
            let (own, path) = reading.arguments::<file::TopologySpread>(name, problems)?;
            Some(plugin::topology_spread(state, &own, &mut At { path, problems }))
        }
        "LowNodeUtilization" => {
            let (own, path) = reading.arguments::<file::LowNodeUtilization>(name, problems)?;
            Some(plugin::low_node_utilization(state, &own, &mut At { path, problems }))
        }
        _ => None,
    }
}

/// Plugins that nobody knows, and those at an extension point that is not theirs.
fn check_names(reading: &Reading<'_>, problems: &mut Vec<PolicyProblem>) {
    let mut at = At { path: reading.path.clone(), problems };
    for (index, config) in reading.profile.plugin_config.iter().enumerate() {
        let name = config.name.as_str();
        if name != EVICTOR && !MODELLED.contains(&name) && !OTHERS.contains(&name) {
            at.problem(&format!("pluginConfig[{index}].name"), not_modelled(name));
        }
    }
    let plugins = &reading.profile.plugins;
    let others = [("deschedule", &plugins.deschedule), ("sort", &plugins.sort), ("presort", &plugins.presort)];
    for (point, set) in others {
        for (index, name) in set.enabled.iter().enumerate() {
            let is_elsewhere = MODELLED.contains(&name.as_str());
            let message =
                if is_elsewhere { format!("{name} belongs under plugins.balance.enabled") } else { not_modelled(name) };
            at.problem(&format!("plugins.{point}.enabled[{index}]"), message);
        }
    }
    for (point, set) in [("filter", &plugins.filter), ("preevictionfilter", &plugins.preevictionfilter)] {
        for (index, name) in set.enabled.iter().enumerate().filter(|(_, name)| *name != EVICTOR) {
            at.problem(&format!("plugins.{point}.enabled[{index}]"), format!("{name} is no filter; {EVICTOR} is"));
        }
    }
}

fn not_modelled(name: &str) -> String {
    format!("the plugin {name} is not modelled; {} are", MODELLED.join(", "))
}
