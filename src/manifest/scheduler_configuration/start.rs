//! What kube-scheduler refuses when it starts with a profile, and what it would start with only to fail every pod. Source:
//! `NewFramework` in `pkg/scheduler/framework/runtime/framework.go`; the plugins' reading of what was left for them.

use crate::manifest::validate::{At, Verdict};

use super::extension_point::ExtensionPoint;
use super::in_tree::in_tree;
use super::merge::{AllPlugins, Enabled};

/// Plugins that fail at a point when they had no turn at the point before.
const DEPENDENT: &[(ExtensionPoint, ExtensionPoint, &[&str])] = &[
    (
        ExtensionPoint::Filter,
        ExtensionPoint::PreFilter,
        &[
            "NodePorts",
            "NodeResourcesFit",
            "VolumeRestrictions",
            "VolumeBinding",
            "PodTopologySpread",
            "InterPodAffinity",
            "DynamicResources",
            "NodeDeclaredFeatures",
        ],
    ),
    (ExtensionPoint::Score, ExtensionPoint::PreScore, &["TaintToleration", "PodTopologySpread", "InterPodAffinity"]),
    (ExtensionPoint::Score, ExtensionPoint::PreFilter, &["DynamicResources"]),
    (ExtensionPoint::PostFilter, ExtensionPoint::PreFilter, &["DynamicResources"]),
    (ExtensionPoint::Reserve, ExtensionPoint::PreFilter, &["VolumeBinding", "DynamicResources"]),
];

/// Checks the plugins of the profile at `at`.
pub(super) fn plugins(verdict: &mut Verdict<'_, '_>, at: &At<'_>, all: &AllPlugins) {
    let at = at.key("plugins");
    for (point, merged) in &all.points {
        let point_at = at.key(point.as_str());
        let enabled_at = point_at.key("enabled");
        for (position, own) in merged.enabled.iter().enumerate() {
            let Some(index) = own.index else { continue };
            let at = enabled_at.index(index);
            let at = at.key("name");
            if in_tree(&own.name).is_some_and(|plugin| !plugin.points.contains(point)) {
                verdict.invalid(&at, &format!("{} has no {}", own.name, point.as_str()));
            } else if merged.enabled.iter().take(position).any(|other| other.name == own.name) {
                verdict.invalid(&at, &format!("{} is enabled twice", own.name));
            }
        }
    }
    twice_at_multi_point(verdict, &at, all);
    weights(verdict, &at, all);
    let queue_sort = all.at(ExtensionPoint::QueueSort);
    if queue_sort.len() != 1 {
        let message = match queue_sort.as_slice() {
            [] => "no plugin orders the queue: enable PrioritySort".to_owned(),
            several => format!("one plugin orders the queue, and {} are enabled", names(several)),
        };
        verdict.invalid(&at.key("queueSort"), &message);
    }
    if all.at(ExtensionPoint::Bind).is_empty() && !anyone_elses(all) {
        verdict.invalid(&at.key("bind"), "no plugin binds pods: enable DefaultBinder");
    }
    for (point, before, dependents) in DEPENDENT {
        let (at_point, at_before) = (all.at(*point), all.at(*before));
        let is_at = |plugins: &[&Enabled], name: &str| plugins.iter().any(|own| own.name == name);
        for name in dependents.iter().filter(|name| is_at(&at_point, name) && !is_at(&at_before, name)) {
            let message = format!(
                "{name} runs at {} and not at {}: kube-scheduler starts and then fails every pod with an error",
                point.as_str(),
                before.as_str()
            );
            verdict.invalid(&at.key(before.as_str()), &message);
        }
    }
}

/// Upstream adds weights up, and takes a sum below 0 for an overflow as soon as it looks at one more.
fn weights(verdict: &mut Verdict<'_, '_>, at: &At<'_>, all: &AllPlugins) {
    let at_score = all.points.get(&ExtensionPoint::Score).into_iter().flat_map(|merged| &merged.enabled);
    let mut seen: Vec<&str> = Vec::new();
    let mut sum = 0_i64;
    for own in at_score.chain(&all.multi_point.enabled) {
        let scores = in_tree(&own.name).is_some_and(|plugin| plugin.points.contains(&ExtensionPoint::Score));
        if !scores || seen.contains(&own.name.as_str()) {
            continue;
        }
        if sum < 0 {
            verdict.invalid(&at.key("score"), "the weights up to a plugin must not add up to less than 0");
            return;
        }
        seen.push(&own.name);
        sum += if own.weight == 0 { 1 } else { i64::from(own.weight) };
    }
}

/// A plugin that is named twice counts once for each point that it is disabled at or named at, and else is refused.
fn twice_at_multi_point(verdict: &mut Verdict<'_, '_>, at: &At<'_>, all: &AllPlugins) {
    let multi_point_at = at.key("multiPoint");
    let enabled_at = multi_point_at.key("enabled");
    let enabled = &all.multi_point.enabled;
    for (position, own) in enabled.iter().enumerate() {
        let Some(index) = own.index else { continue };
        let is_second = enabled.iter().take(position).any(|other| other.name == own.name);
        let at_points = |point: ExtensionPoint| all.at(point).iter().filter(|other| other.name == own.name).count();
        if is_second && ExtensionPoint::ALL.into_iter().any(|point| at_points(point) > 1) {
            let at = enabled_at.index(index);
            verdict.invalid(&at.key("name"), &format!("{} is enabled twice", own.name));
        }
    }
}

/// Whether a plugin of somebody else's may run anywhere.
fn anyone_elses(all: &AllPlugins) -> bool {
    all.multi_point.enabled.iter().any(|own| in_tree(&own.name).is_none())
}

fn names(plugins: &[&Enabled]) -> String {
    plugins.iter().map(|own| own.name.as_str()).collect::<Vec<&str>>().join(" and ")
}
