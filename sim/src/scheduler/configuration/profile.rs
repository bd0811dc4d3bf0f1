//! Which plugins run at which extension point, in which order and with which weights.

use super::arguments::Arguments;
use crate::scheduler::Plugin;

/// `schedulerName` of pods that name no scheduler.
const DEFAULT_NAME: &str = "default-scheduler";

/// A profile, with the plugins of each extension point that decides where pods go. Its default is that of kube-scheduler.
///
/// Plugins of kube-scheduler that this crate has no model of, and other people's, are not among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// `schedulerName`: that of the pods which it places.
    pub scheduler_name: String,
    /// `percentageOfNodesToScore`, from 1 to 100; `None`: the larger the cluster, the fewer.
    pub percentage_of_nodes_to_score: Option<u8>,
    /// PreFilter.
    pub pre_filter: ExtensionPoint,
    /// Filter.
    pub filter: ExtensionPoint,
    /// PostFilter.
    pub post_filter: Vec<PostFilterPlugin>,
    /// PreScore; a plugin that scores without it says something about every pod.
    pub pre_score: ExtensionPoint,
    /// Score.
    pub score: Vec<ScorePlugin>,
    /// Whether scheduling gates hold its pods.
    pub scheduling_gates: SchedulingGates,
    /// The arguments of its plugins.
    pub arguments: Arguments,
}

/// Whether scheduling gates hold pods: the plugin SchedulingGates, which a configuration can disable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SchedulingGates {
    /// They do.
    #[default]
    Hold,
    /// They do not.
    Ignored,
}

/// The plugins of one extension point, in the order in which they run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExtensionPoint {
    ordered: Vec<Plugin>,
    bits: u32,
}

/// A plugin that looks for another way where a pod fits nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostFilterPlugin {
    /// Takes back devices that nobody uses.
    DynamicResources,
    /// Evicts pods of lower priority.
    DefaultPreemption,
}

/// A plugin that scores, and what its scores weigh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScorePlugin {
    /// The plugin.
    pub plugin: Plugin,
    /// Its weight, never 0.
    pub weight: i64,
}

impl ExtensionPoint {
    /// Whether `plugin` runs.
    #[must_use]
    pub const fn has(&self, plugin: Plugin) -> bool {
        self.bits & bit(plugin) != 0
    }

    /// The plugins, in the order in which they run.
    pub fn iter(&self) -> impl Iterator<Item = Plugin> + '_ {
        self.ordered.iter().copied()
    }

    /// Whether `one` runs before `other` does; not where it does not run.
    #[must_use]
    pub fn runs_before(&self, one: Plugin, other: Plugin) -> bool {
        self.iter().find(|plugin| *plugin == one || *plugin == other) == Some(one)
    }
}

impl FromIterator<Plugin> for ExtensionPoint {
    fn from_iter<T: IntoIterator<Item = Plugin>>(plugins: T) -> Self {
        let ordered: Vec<Plugin> = plugins.into_iter().collect();
        let bits = ordered.iter().fold(0, |bits, plugin| bits | bit(*plugin));
        Self { ordered, bits }
    }
}

const fn bit(plugin: Plugin) -> u32 {
    1_u32.wrapping_shl(plugin as u32)
}

impl Profile {
    /// What the scores of `plugin` weigh; `None`: it does not score.
    #[must_use]
    pub fn weight(&self, plugin: Plugin) -> Option<i64> {
        self.score.iter().find(|own| own.plugin == plugin).map(|own| own.weight)
    }

    /// Whether the filter of `plugin` runs and finds what its PreFilter has counted.
    pub(crate) const fn counts_for(&self, plugin: Plugin) -> bool {
        self.filter.has(plugin) && self.pre_filter.has(plugin)
    }

    /// Whether it preempts.
    #[must_use]
    pub fn preempts(&self) -> bool {
        self.post_filter.contains(&PostFilterPlugin::DefaultPreemption)
    }

    /// Whether it is the one that kube-scheduler has without a configuration, by name at least.
    #[must_use]
    pub fn has_default_name(&self) -> bool {
        self.scheduler_name == DEFAULT_NAME
    }
}

/// The plugins of the default profile that decide where pods go, with their weights. Source:
/// `pkg/scheduler/apis/config/v1/default_plugins.go`.
const DEFAULT_PLUGINS: [(Plugin, i64); 16] = [
    (Plugin::NodeUnschedulable, 1),
    (Plugin::NodeName, 1),
    (Plugin::TaintToleration, 3),
    (Plugin::NodeAffinity, 2),
    (Plugin::NodePorts, 1),
    (Plugin::NodeResourcesFit, 1),
    (Plugin::VolumeRestrictions, 1),
    (Plugin::NodeVolumeLimits, 1),
    (Plugin::VolumeBinding, 1),
    (Plugin::VolumeZone, 1),
    (Plugin::PodTopologySpread, 2),
    (Plugin::InterPodAffinity, 2),
    (Plugin::DynamicResources, 2),
    (Plugin::NodeResourcesBalancedAllocation, 1),
    (Plugin::ImageLocality, 1),
    (Plugin::NodeDeclaredFeatures, 1),
];

impl Default for Profile {
    fn default() -> Self {
        let at = |has: fn(Plugin) -> bool| {
            DEFAULT_PLUGINS.iter().map(|(plugin, _)| *plugin).filter(move |plugin| has(*plugin))
        };
        let scoring = DEFAULT_PLUGINS.iter().filter(|(plugin, _)| plugin.scores());
        Self {
            scheduler_name: DEFAULT_NAME.to_owned(),
            percentage_of_nodes_to_score: None,
            pre_filter: at(Plugin::pre_filters).collect(),
            filter: at(Plugin::filters).collect(),
            post_filter: vec![PostFilterPlugin::DynamicResources, PostFilterPlugin::DefaultPreemption],
            pre_score: at(Plugin::pre_scores).collect(),
            score: scoring.map(|(plugin, weight)| ScorePlugin { plugin: *plugin, weight: *weight }).collect(),
            scheduling_gates: SchedulingGates::Hold,
            arguments: Arguments::default(),
        }
    }
}
