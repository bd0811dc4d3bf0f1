//! How a profile's plugins change the default ones, in the order in which they run. Source: `mergePlugins` in
//! `pkg/scheduler/apis/config/v1/default_plugins.go`, `expandMultiPointPlugins` in `framework/runtime/framework.go`.

use std::collections::BTreeMap;

use super::document::{PluginSet, Plugins};
use super::extension_point::ExtensionPoint;
use super::in_tree::{DEFAULT, in_tree};

/// A plugin that is enabled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Enabled {
    pub(super) name: String,
    pub(super) weight: i32,
    /// Its place in the list of the configuration; `None`: it is one of the defaults.
    pub(super) index: Option<usize>,
}

/// What is enabled at one extension point, or at `multiPoint`.
#[derive(Clone, Debug, Default)]
pub(super) struct Merged {
    pub(super) enabled: Vec<Enabled>,
    disabled: Vec<String>,
}

impl Merged {
    fn disables(&self, name: &str) -> bool {
        self.disabled.iter().any(|disabled| disabled == name)
    }
}

/// All plugins of a profile, the defaults among them.
pub(super) struct AllPlugins {
    pub(super) multi_point: Merged,
    pub(super) points: BTreeMap<ExtensionPoint, Merged>,
}

impl AllPlugins {
    pub(super) fn new(plugins: &Plugins) -> Self {
        let defaults =
            DEFAULT.iter().map(|(name, weight)| Enabled { name: (*name).to_owned(), weight: *weight, index: None });
        let at = |point: ExtensionPoint| (point, merge(Vec::new(), point.of(plugins)));
        Self {
            multi_point: merge(defaults.collect(), &plugins.multi_point),
            points: ExtensionPoint::ALL.into_iter().map(at).collect(),
        }
    }

    /// The plugins that run at `point`, in their order: those that are named there in place of their entry in `multiPoint`,
    /// then the others of `multiPoint`, then the others that are named there.
    pub(super) fn at(&self, point: ExtensionPoint) -> Vec<&Enabled> {
        let Some(merged) = self.points.get(&point) else { return Vec::new() };
        if merged.disables("*") {
            return merged.enabled.iter().collect();
        }
        let named = |name: &str| merged.enabled.iter().any(|own| own.name == name);
        let runs_here = |own: &&Enabled| in_tree(&own.name).is_some_and(|plugin| plugin.points.contains(&point));
        let expanded: Vec<&Enabled> =
            self.multi_point.enabled.iter().filter(runs_here).filter(|own| !merged.disables(&own.name)).collect();
        let overrides = |own: &&Enabled| expanded.iter().any(|other| other.name == own.name);
        let mut ordered: Vec<&Enabled> = merged.enabled.iter().filter(overrides).collect();
        ordered.extend(expanded.iter().copied().filter(|own| !named(&own.name)));
        ordered.extend(merged.enabled.iter().filter(|own| !overrides(own)));
        ordered
    }

    /// What the scores of `name` weigh: as it is named at `score`, else at `multiPoint`.
    pub(super) fn weight(&self, name: &str) -> i32 {
        let at_score = self.points.get(&ExtensionPoint::Score).into_iter().flat_map(|merged| &merged.enabled);
        let found = at_score.chain(&self.multi_point.enabled).find(|own| own.name == name);
        found.map(|own| own.weight).filter(|weight| *weight != 0).unwrap_or(1)
    }
}

/// The defaults that are not disabled, with what is said anew of them, and behind them the others.
fn merge(defaults: Vec<Enabled>, custom: &PluginSet) -> Merged {
    let disabled: Vec<String> = custom.disabled.iter().map(|plugin| plugin.name.clone()).collect();
    let is_disabled = |name: &str| disabled.iter().any(|disabled| disabled == name);
    let of_custom = |index: usize| {
        let plugin = &custom.enabled[index];
        Enabled { name: plugin.name.clone(), weight: plugin.weight.unwrap_or(0), index: Some(index) }
    };
    let mut replaced = Vec::new();
    let mut enabled = Vec::new();
    if !is_disabled("*") {
        for default in defaults.into_iter().filter(|default| !is_disabled(&default.name)) {
            match custom.enabled.iter().rposition(|plugin| plugin.name == default.name) {
                Some(index) => {
                    replaced.push(index);
                    enabled.push(of_custom(index));
                }
                None => enabled.push(default),
            }
        }
    }
    enabled.extend((0..custom.enabled.len()).filter(|index| !replaced.contains(index)).map(of_custom));
    Merged { enabled, disabled }
}
