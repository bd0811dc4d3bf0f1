//! What kube-scheduler refuses before it starts. Source: `pkg/scheduler/apis/config/validation/validation.go`,
//! `staging:component-base/config/validation`.

use crate::manifest::validate::{At, Verdict, key_problem};

use super::document::{Document, Extender, LeaderElection, PluginConfig, PluginSet, Profile};
use super::duration::GoDuration;
use super::extension_point::ExtensionPoint;
use super::in_tree::REMOVED;

/// `schedulerName` of the only profile where it has none.
pub(super) const DEFAULT_NAME: &str = "default-scheduler";

pub(super) fn document(verdict: &mut Verdict<'_, '_>, document: &Document) {
    let at = At::ROOT;
    if document.client_connection.burst < 0 {
        verdict.invalid(&at.key("clientConnection").key("burst"), "must not be negative");
    }
    leader_election(verdict, &at.key("leaderElection"), &document.leader_election);
    if document.parallelism.is_some_and(|parallelism| parallelism <= 0) {
        verdict.invalid(&at.key("parallelism"), "must be greater than 0");
    }
    percentage(verdict, &at, document.percentage_of_nodes_to_score);
    backoff(verdict, document);
    let profiles = at.key("profiles");
    for (index, profile) in document.profiles.iter().enumerate() {
        let at = profiles.index(index);
        let name = name_of(profile, document.profiles.len());
        if name.is_empty() {
            verdict.invalid(&at.key("schedulerName"), "is required where there are several profiles");
        }
        let before = document.profiles.iter().take(index);
        if before.into_iter().any(|other| name_of(other, document.profiles.len()) == name) && !name.is_empty() {
            verdict.invalid(&at.key("schedulerName"), &format!("another profile is named {name:?} too"));
        }
        percentage(verdict, &at, profile.percentage_of_nodes_to_score);
        plugins(verdict, &at, profile);
    }
    queue_sort(verdict, &profiles, &document.profiles);
    extenders(verdict, &at.key("extenders"), &document.extenders);
}

/// The name of a profile, of so many.
pub(super) fn name_of(profile: &Profile, profiles: usize) -> &str {
    match &profile.scheduler_name {
        None if profiles == 1 => DEFAULT_NAME,
        None => "",
        Some(name) => name,
    }
}

fn leader_election(verdict: &mut Verdict<'_, '_>, at: &At<'_>, election: &LeaderElection) {
    if election.leader_elect == Some(false) {
        return;
    }
    let or = |given: GoDuration, seconds: i64| match given {
        GoDuration(0) => GoDuration(seconds * GoDuration::SECOND),
        given => given,
    };
    let (lease, deadline) = (or(election.lease_duration, 15), or(election.renew_deadline, 10));
    for (key, duration) in
        [("leaseDuration", lease), ("renewDeadline", deadline), ("retryPeriod", or(election.retry_period, 2))]
    {
        if duration.0 <= 0 {
            verdict.invalid(&at.key(key), "must be greater than 0");
        }
    }
    if lease <= deadline {
        verdict.invalid(&at.key("leaseDuration"), "must be greater than renewDeadline");
    }
    if !election.resource_lock.is_empty() && election.resource_lock != "leases" {
        verdict.one_of(&at.key("resourceLock"), Some(&election.resource_lock), &["leases"]);
    }
}

fn percentage(verdict: &mut Verdict<'_, '_>, at: &At<'_>, percentage: Option<i32>) {
    if let Some(percentage) = percentage.filter(|percentage| !(0..=100).contains(percentage)) {
        let message = format!("must be from 0 to 100, and is {percentage}");
        verdict.invalid(&at.key("percentageOfNodesToScore"), &message);
    }
}

fn backoff(verdict: &mut Verdict<'_, '_>, document: &Document) {
    let initial = document.pod_initial_backoff_seconds.unwrap_or(1);
    let longest = document.pod_max_backoff_seconds.unwrap_or(10);
    if initial <= 0 {
        verdict.invalid(&At::ROOT.key("podInitialBackoffSeconds"), "must be greater than 0");
    }
    if longest < initial {
        let message = format!("must be at least podInitialBackoffSeconds: {initial}, and is {longest}");
        verdict.invalid(&At::ROOT.key("podMaxBackoffSeconds"), &message);
    }
}

/// Plugins that were removed; upstream does not look at `multiPoint` here, but knows none of them when it starts.
fn plugins(verdict: &mut Verdict<'_, '_>, at: &At<'_>, profile: &Profile) {
    let Some(plugins) = &profile.plugins else { return };
    let at = at.key("plugins");
    let removed = |verdict: &mut Verdict<'_, '_>, at: &At<'_>, set: &PluginSet| {
        let enabled = at.key("enabled");
        for (index, plugin) in set.enabled.iter().enumerate() {
            if REMOVED.contains(&plugin.name.as_str()) {
                let message = format!("{} was removed: NodeVolumeLimits counts these volumes", plugin.name);
                verdict.invalid(&enabled.index(index).key("name"), &message);
            }
        }
    };
    removed(verdict, &at.key("multiPoint"), &plugins.multi_point);
    for point in ExtensionPoint::ALL {
        removed(verdict, &at.key(point.as_str()), point.of(plugins));
    }
}

fn queue_sort(verdict: &mut Verdict<'_, '_>, at: &At<'_>, profiles: &[Profile]) {
    let of = |profile: &Profile| {
        let set = profile.plugins.as_ref().map(|plugins| plugins.queue_sort.clone()).unwrap_or_default();
        let names = |list: Vec<super::document::Plugin>| -> Vec<(String, i32)> {
            list.into_iter().map(|plugin| (plugin.name, plugin.weight.unwrap_or(0))).collect()
        };
        // What is disabled is compared by name alone: its weight is dropped before.
        let disabled: Vec<String> = set.disabled.iter().map(|plugin| plugin.name.clone()).collect();
        (names(set.enabled), disabled)
    };
    let Some((first, others)) = profiles.split_first() else { return };
    let canonical = of(first);
    if canonical.0.len() > 1 {
        let at = at.index(0);
        verdict.invalid(&at.key("plugins").key("queueSort").key("enabled"), "only one plugin can order the queue");
    }
    let sorter = canonical.0.first().map_or("", |(name, _)| name.as_str());
    let has_arguments = |config: &PluginConfig| config.name == sorter && config.args.is_some();
    let first_has = !sorter.is_empty() && first.plugin_config.iter().any(has_arguments);
    for (index, profile) in others.iter().enumerate() {
        let at = at.index(index + 1);
        if of(profile) != canonical {
            verdict.invalid(&at.key("plugins").key("queueSort"), "must be the same in all profiles");
        }
        // Without a plugin that is named here, upstream takes arguments without a name for its arguments.
        let given = profile.plugin_config.iter().position(|config| has_arguments(config) && !first_has);
        if let Some(position) = given {
            let list = at.key("pluginConfig");
            let message = if sorter.is_empty() {
                "arguments need the name of their plugin"
            } else {
                "must be the same in all profiles, as for every plugin that orders the queue"
            };
            verdict.invalid(&list.index(position), message);
        }
    }
}

fn extenders(verdict: &mut Verdict<'_, '_>, at: &At<'_>, extenders: &[Extender]) {
    let mut managed: Vec<&str> = Vec::new();
    for (index, extender) in extenders.iter().enumerate() {
        let at = at.index(index);
        if !extender.prioritize_verb.is_empty() && extender.weight <= 0 {
            verdict.invalid(&at.key("weight"), "must be greater than 0 where there is a prioritizeVerb");
        }
        let resources = at.key("managedResources");
        for (index, resource) in extender.managed_resources.iter().enumerate() {
            let at = resources.index(index);
            let at = at.key("name");
            if let Some(problem) = extended_resource_problem(&resource.name) {
                verdict.invalid(&at, &problem);
            }
            if managed.contains(&resource.name.as_str()) {
                verdict.invalid(&at, &format!("{} is managed by two extenders", resource.name));
            }
            managed.push(&resource.name);
        }
    }
    if extenders.iter().filter(|extender| !extender.bind_verb.is_empty()).count() > 1 {
        verdict.invalid(at, "only one extender can bind");
    }
}

/// What is wrong with the name of an extended resource.
fn extended_resource_problem(name: &str) -> Option<String> {
    if let Some(problem) = key_problem(name) {
        return Some(problem);
    }
    let is_extended = name.contains('/') && !name.contains("kubernetes.io/") && !name.starts_with("requests.");
    (!is_extended).then(|| format!("{name:?} is no extended resource: these have a domain, example.com/gpu"))
}
