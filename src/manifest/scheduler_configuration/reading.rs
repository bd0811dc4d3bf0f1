//! The whole: from a document to profiles with everything filled in.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;

use crate::finding::{Finding, Severity};
use crate::manifest::assemble::report::Report;
use crate::manifest::decode::{decode_kubernetes, nearest};
use crate::manifest::validate::{At, Verdict};
use crate::manifest::{FieldPath, Node, SourceId, Value};

use super::arguments::{
    BalancedAllocationArguments, DynamicResourcesArguments, FitArguments, InterPodAffinityArguments,
    NodeAffinityArguments, PodTopologySpreadArguments, PreemptionArguments, VolumeBindingArguments,
};
use super::document::{Document, Extender, Profile};
use super::extension_point::ExtensionPoint;
use super::in_tree::{IN_TREE, WITHOUT_MODEL, in_tree};
use super::merge::AllPlugins;
use super::{start, validate, validate_arguments};

/// The version that 1.36 reads.
pub(super) const API_VERSION: &str = "kubescheduler.config.k8s.io/v1";
/// The kind of the file.
pub(super) const KIND: &str = "KubeSchedulerConfiguration";
/// The rule of what is not modelled.
const NOT_MODELLED: &str = "scheduler-plugin-not-modelled";

/// A configuration of kube-scheduler that it accepts.
#[derive(Clone, Debug, PartialEq)]
pub struct SchedulerFile {
    /// The profiles, at least one.
    pub profiles: Vec<SchedulerProfile>,
    /// The first wait after a failed attempt, in seconds.
    pub pod_initial_backoff_seconds: i64,
    /// The longest wait after a failed attempt, in seconds.
    pub pod_max_backoff_seconds: i64,
    /// What is not modelled, and what is taken for granted instead.
    pub notes: Vec<SchedulerNote>,
}

/// A profile with everything filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct SchedulerProfile {
    /// `schedulerName`.
    pub scheduler_name: String,
    /// Hundredths of the nodes; 0: the larger the cluster, the fewer.
    pub percentage_of_nodes_to_score: i32,
    /// The plugins of each extension point, in the order in which they run.
    pub plugins: BTreeMap<ExtensionPoint, Vec<String>>,
    /// What the scores of plugins weigh.
    pub weights: BTreeMap<String, i32>,
    /// The plugins' arguments.
    pub arguments: SchedulerArguments,
}

/// The arguments of all plugins that have some, with their defaults.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SchedulerArguments {
    /// DefaultPreemption.
    pub preemption: PreemptionArguments,
    /// InterPodAffinity.
    pub inter_pod_affinity: InterPodAffinityArguments,
    /// NodeResourcesFit.
    pub fit: FitArguments,
    /// PodTopologySpread.
    pub spread: PodTopologySpreadArguments,
    /// NodeResourcesBalancedAllocation.
    pub balanced: BalancedAllocationArguments,
    /// VolumeBinding: of no consequence for where pods go.
    pub volume_binding: VolumeBindingArguments,
    /// NodeAffinity.
    pub node_affinity: NodeAffinityArguments,
    /// DynamicResources: of no consequence for where pods go.
    pub dynamic_resources: DynamicResourcesArguments,
}

/// Something in a configuration that could change where pods go and is not modelled.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SchedulerNote {
    /// What is taken for granted, as a sentence.
    pub text: String,
}

/// What came of reading a file.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The configuration; `None` where kube-scheduler would refuse it.
    pub file: Option<SchedulerFile>,
    /// Errors, and what is not modelled (for information).
    pub findings: Vec<Finding>,
}

/// Reads `root`, which stands in `source`.
#[must_use]
pub fn read(source: SourceId, root: &Node) -> Reading {
    let mut report = Report::new(source, root);
    if !is_of_this_version(&mut report) {
        return Reading { file: None, findings: report.into_findings() };
    }
    let (document, problems) = decode_kubernetes::<Document>(root);
    for problem in problems {
        report.add(problem.into_finding(source, None));
    }
    let document = document.unwrap_or_default();
    let file = file(&document, &mut report);
    let findings = report.into_findings();
    let is_refused = findings.iter().any(|finding| finding.severity == Severity::Error);
    Reading { file: (!is_refused).then_some(file), findings }
}

/// Whether `apiVersion` and `kind` are right; it is reported where not.
fn is_of_this_version(report: &mut Report<'_>) -> bool {
    let text = |field: &str| report.root().get(field).and_then(Node::as_str).unwrap_or_default().to_owned();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    let mut is_right = true;
    let mut complain = |field: &str, found: &str, wanted: &str, why: String| {
        is_right = false;
        let rule = if found.is_empty() { "missing-field" } else { "invalid-value" };
        let message = if found.is_empty() { format!("missing field `{field}`") } else { format!("`{field}`: {why}") };
        let finding = report.error(rule, FieldPath::root().key(field), message);
        finding.label = if found.is_empty() { format!("`{field}` is missing here") } else { why };
        finding.mends.push(crate::manifest::assemble::report::mend(format!("{field}: {wanted}")));
    };
    if kind != KIND {
        complain("kind", &kind, KIND, format!("expected {KIND}, found {kind:?}"));
    }
    if api_version != API_VERSION {
        let why = if api_version.starts_with("kubescheduler.config.k8s.io/") {
            format!("kube-scheduler 1.36 reads {api_version} no longer: {API_VERSION} has taken its place")
        } else {
            format!("expected {API_VERSION}, found {api_version:?}")
        };
        complain("apiVersion", &api_version, API_VERSION, why);
    }
    is_right
}

fn file(document: &Document, report: &mut Report<'_>) -> SchedulerFile {
    let profiles: Vec<&Profile> = document.profiles.iter().collect();
    let without = Profile::default();
    let profiles = if profiles.is_empty() { vec![&without] } else { profiles };
    let arguments: Vec<SchedulerArguments> =
        profiles.iter().enumerate().map(|(index, profile)| read_arguments(index, profile, report)).collect();
    let all: Vec<AllPlugins> = profiles
        .iter()
        .map(|profile| AllPlugins::new(profile.plugins.as_ref().unwrap_or(&Default::default())))
        .collect();
    let verdict = &mut Verdict::new(report);
    validate::document(verdict, document);
    let at = At::ROOT.key("profiles");
    for (index, (own, plugins)) in arguments.iter().zip(&all).enumerate() {
        let at = at.index(index);
        check_arguments(verdict, &at, profiles[index], own, plugins);
        start::plugins(verdict, &at, plugins);
    }
    let mut notes = Vec::new();
    for (index, plugins) in all.iter().enumerate() {
        note_plugins(index, plugins, report, &mut notes);
    }
    note_extenders(&document.extenders, report, &mut notes);
    notes.sort();
    notes.dedup();
    let ignored: Vec<String> = document
        .extenders
        .iter()
        .flat_map(|extender| &extender.managed_resources)
        .filter(|resource| resource.ignored_by_scheduler)
        .map(|resource| resource.name.clone())
        .collect();
    let profile = |(index, mut arguments): (usize, SchedulerArguments)| {
        if !ignored.is_empty() {
            arguments.fit.ignored_resources.clone_from(&ignored);
        }
        let percentage = profiles[index].percentage_of_nodes_to_score.or(document.percentage_of_nodes_to_score);
        SchedulerProfile {
            scheduler_name: validate::name_of(profiles[index], profiles.len()).to_owned(),
            percentage_of_nodes_to_score: percentage.unwrap_or(0),
            ..with_plugins(&all[index], arguments)
        }
    };
    SchedulerFile {
        profiles: arguments.into_iter().enumerate().map(profile).collect(),
        pod_initial_backoff_seconds: document.pod_initial_backoff_seconds.unwrap_or(1),
        pod_max_backoff_seconds: document.pod_max_backoff_seconds.unwrap_or(10),
        notes,
    }
}

fn with_plugins(all: &AllPlugins, arguments: SchedulerArguments) -> SchedulerProfile {
    let at = |point: ExtensionPoint| (point, all.at(point).iter().map(|own| own.name.clone()).collect::<Vec<String>>());
    let plugins: BTreeMap<ExtensionPoint, Vec<String>> = ExtensionPoint::ALL.into_iter().map(at).collect();
    let scoring = plugins.get(&ExtensionPoint::Score).into_iter().flatten();
    SchedulerProfile {
        scheduler_name: String::new(),
        percentage_of_nodes_to_score: 0,
        weights: scoring.map(|name| (name.clone(), all.weight(name))).collect(),
        plugins,
        arguments,
    }
}

/// The arguments of a profile; of several for one plugin the last ones, and that is reported.
fn read_arguments(index: usize, profile: &Profile, report: &mut Report<'_>) -> SchedulerArguments {
    let list = FieldPath::root().key("profiles").index(index).key("pluginConfig");
    let mut read = SchedulerArguments::default();
    for (position, config) in profile.plugin_config.iter().enumerate() {
        let path = list.index(position);
        if profile.plugin_config.iter().take(position).any(|other| other.name == config.name) {
            let message = format!("`{path}`: there are arguments for {} already", config.name);
            report.error("invalid-value", path.key("name"), message).label = "a second time".to_owned();
        }
        let path = path.key("args");
        match config.name.as_str() {
            "DefaultPreemption" => read.preemption = arguments_of(&config.name, &path, report),
            "InterPodAffinity" => read.inter_pod_affinity = arguments_of(&config.name, &path, report),
            "NodeResourcesFit" => read.fit = arguments_of(&config.name, &path, report),
            "PodTopologySpread" => read.spread = arguments_of(&config.name, &path, report),
            "NodeResourcesBalancedAllocation" => read.balanced = arguments_of(&config.name, &path, report),
            "VolumeBinding" => read.volume_binding = arguments_of(&config.name, &path, report),
            "NodeAffinity" => read.node_affinity = arguments_of(&config.name, &path, report),
            "DynamicResources" => read.dynamic_resources = arguments_of(&config.name, &path, report),
            // Other plugins of kube-scheduler have none; those of others are not known.
            _ => {}
        }
    }
    SchedulerArguments {
        preemption: read.preemption.with_defaults(),
        inter_pod_affinity: read.inter_pod_affinity.with_defaults(),
        fit: read.fit.with_defaults(),
        spread: read.spread.with_defaults(),
        balanced: read.balanced.with_defaults(),
        volume_binding: read.volume_binding.with_defaults(),
        node_affinity: read.node_affinity,
        dynamic_resources: read.dynamic_resources.with_defaults(),
    }
}

fn arguments_of<T: DeserializeOwned + Default + 'static>(plugin: &str, path: &FieldPath, report: &mut Report<'_>) -> T {
    let Some(node) = find(report.root(), path).filter(|node| !matches!(node.value, Value::Null)) else {
        return T::default();
    };
    for (field, wanted) in [("apiVersion", API_VERSION.to_owned()), ("kind", format!("{plugin}Args"))] {
        if let Some(found) =
            node.get(field).and_then(Node::as_str).filter(|found| *found != wanted && !found.is_empty())
        {
            let message = format!("`{path}.{field}`: expected {wanted}, found {found:?}");
            report.error("invalid-value", path.key(field), message).label = format!("{wanted} is wanted here");
        }
    }
    let (decoded, problems) = decode_kubernetes::<T>(node);
    for problem in problems {
        let finding = problem.below(path).into_finding(report.source(), None);
        report.add(finding);
    }
    decoded.unwrap_or_default()
}

fn find<'n>(root: &'n Node, path: &FieldPath) -> Option<&'n Node> {
    path.segments().iter().try_fold(root, |node, segment| match (segment, &node.value) {
        (crate::manifest::Segment::Key(key), _) => node.get(key),
        (crate::manifest::Segment::Index(index), Value::Sequence(items)) => items.get(*index),
        (crate::manifest::Segment::Index(_), _) => None,
    })
}

fn check_arguments(
    verdict: &mut Verdict<'_, '_>,
    at: &At<'_>,
    profile: &Profile,
    arguments: &SchedulerArguments,
    plugins: &AllPlugins,
) {
    let list = at.key("pluginConfig");
    for (position, config) in profile.plugin_config.iter().enumerate() {
        let at = list.index(position);
        let at = &at.key("args");
        match config.name.as_str() {
            "DefaultPreemption" => validate_arguments::preemption(verdict, at, &arguments.preemption),
            "InterPodAffinity" => validate_arguments::inter_pod_affinity(verdict, at, &arguments.inter_pod_affinity),
            "NodeResourcesFit" if is_needed(plugins, &config.name) => {
                validate_arguments::fit(verdict, at, &arguments.fit)
            }
            "PodTopologySpread" => validate_arguments::spread(verdict, at, &arguments.spread),
            "NodeResourcesBalancedAllocation" => validate_arguments::balanced(verdict, at, &arguments.balanced),
            "VolumeBinding" => validate_arguments::volume_binding(verdict, at, &arguments.volume_binding),
            "NodeAffinity" => validate_arguments::node_affinity(verdict, at, &arguments.node_affinity),
            "DynamicResources" => validate_arguments::dynamic_resources(verdict, at, &arguments.dynamic_resources),
            _ => {}
        }
    }
}

/// Whether a plugin is made at all.
fn is_needed(plugins: &AllPlugins, name: &str) -> bool {
    let named = plugins.points.values().chain([&plugins.multi_point]);
    named.flat_map(|merged| &merged.enabled).any(|own| own.name == name)
}

/// Plugins of others, and own ones without a model.
fn note_plugins(index: usize, all: &AllPlugins, report: &mut Report<'_>, notes: &mut Vec<SchedulerNote>) {
    let plugins = FieldPath::root().key("profiles").index(index).key("plugins");
    let named = all.points.iter().map(|(point, merged)| (Some(*point), merged)).chain([(None, &all.multi_point)]);
    for (point, merged) in named {
        let list = plugins.key(point.map_or("multiPoint", ExtensionPoint::as_str)).key("enabled");
        for own in &merged.enabled {
            let Some(position) = own.index else { continue };
            let text = match in_tree(&own.name) {
                Some(_) if !WITHOUT_MODEL.contains(&own.name.as_str()) => continue,
                Some(_) => format!("plugin {} is not modelled: it is taken to change nothing", own.name),
                None => of_others(&own.name, point),
            };
            note(report, notes, list.index(position).key("name"), text);
        }
    }
    for (name, point, then) in LEFT_OUT {
        if !all.at(*point).iter().any(|own| own.name == *name) {
            let text = format!("{name} does not run at {}: {then}", point.as_str());
            note(report, notes, plugins.key(point.as_str()), text);
        }
    }
}

/// What changes, outside of the choice of a node, when a default plugin does not run.
const LEFT_OUT: &[(&str, ExtensionPoint, &str)] = &[
    ("VolumeBinding", ExtensionPoint::Reserve, "volumes are taken to be bound all the same"),
    ("VolumeBinding", ExtensionPoint::PreBind, "volumes are taken to be bound all the same"),
    ("DefaultBinder", ExtensionPoint::Bind, "another plugin is taken to bind pods as it does"),
];

fn of_others(name: &str, point: Option<ExtensionPoint>) -> String {
    let near = nearest(name, IN_TREE.iter().map(|plugin| plugin.name));
    let near = near.map_or_else(String::new, |near| format!(" (did you mean {near}?)"));
    let taken = match point {
        Some(ExtensionPoint::QueueSort) => "pods are taken to be tried by priority",
        Some(
            ExtensionPoint::PreEnqueue
            | ExtensionPoint::PreFilter
            | ExtensionPoint::Filter
            | ExtensionPoint::PostFilter
            | ExtensionPoint::PreScore
            | ExtensionPoint::Score
            | ExtensionPoint::Reserve
            | ExtensionPoint::Permit
            | ExtensionPoint::PreBind
            | ExtensionPoint::Bind
            | ExtensionPoint::PostBind
            | ExtensionPoint::PlacementGenerate
            | ExtensionPoint::PlacementScore,
        )
        | None => "it is taken to accept every pod on every node and to score all nodes alike",
    };
    format!("plugin {name} is not one of kube-scheduler's own{near} and is not modelled: {taken}")
}

fn note_extenders(extenders: &[Extender], report: &mut Report<'_>, notes: &mut Vec<SchedulerNote>) {
    let list = FieldPath::root().key("extenders");
    for (index, extender) in extenders.iter().enumerate() {
        let verbs = [
            (&extender.filter_verb, "filter nodes"),
            (&extender.prioritize_verb, "score them"),
            (&extender.preempt_verb, "choose victims"),
            (&extender.bind_verb, "bind pods"),
        ];
        let does: Vec<&str> = verbs.iter().filter(|(verb, _)| !verb.is_empty()).map(|(_, does)| *does).collect();
        if does.is_empty() {
            continue;
        }
        // What stands before an @ may be a password.
        let url = extender.url_prefix.rsplit_once('@').map_or(extender.url_prefix.as_str(), |(_, behind)| behind);
        let text = format!(
            "the extender at {url:?} is not asked, which may {}: it is taken to agree with what the plugins say",
            does.join(", ")
        );
        note(report, notes, list.index(index).key("urlPrefix"), text);
    }
}

fn note(report: &mut Report<'_>, notes: &mut Vec<SchedulerNote>, path: FieldPath, text: String) {
    let mut finding = Finding::new(NOT_MODELLED, Severity::Info, text.clone());
    finding.path = path;
    report.add(finding);
    notes.push(SchedulerNote { text });
}
