//! The plugins' arguments. Source: `pkg/scheduler/apis/config/types_pluginargs.go`, defaults in `v1/defaults.go`.

use std::collections::BTreeSet;

use super::scoring::{ScoredName, ScoredResource, ScoringStrategy};
use crate::cluster::{Names, NodeSelectorTerm, PreferredNodeTerm, SpreadConstraint, Symbol};

/// The arguments of all plugins of a profile that decide where pods go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arguments {
    /// NodeAffinityArgs.
    pub added_node_affinity: AddedNodeAffinity,
    /// NodeResourcesFitArgs.
    pub fit: FitArguments,
    /// NodeResourcesBalancedAllocationArgs: the resources that are to be used evenly.
    pub balanced: Vec<ScoredName>,
    /// PodTopologySpreadArgs.
    pub default_spread: DefaultSpread,
    /// InterPodAffinityArgs.
    pub inter_pod_affinity: InterPodAffinityArguments,
    /// DefaultPreemptionArgs.
    pub preemption: PreemptionArguments,
}

/// `addedAffinity`: what is asked of nodes beside what the pod asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddedNodeAffinity {
    /// One of these terms; `None`: no requirement.
    pub required: Option<Vec<NodeSelectorTerm>>,
    /// Preferred terms.
    pub preferred: Vec<PreferredNodeTerm>,
}

/// What NodeResourcesFit ignores, and how it scores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FitArguments {
    /// Extended resources that the filter does not look at.
    pub ignored_resources: BTreeSet<Symbol>,
    /// The same for all extended resources of a group: what stands before the slash.
    pub ignored_resource_groups: BTreeSet<String>,
    /// How a share of use becomes a score.
    pub strategy: ScoringStrategy,
    /// Which resources count, and how much.
    pub resources: Vec<ScoredResource>,
}

/// The spread constraints of pods that declare none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DefaultSpread {
    /// Over hosts and zones, soft.
    #[default]
    System,
    /// These, each with the selector of the pod's Services and controller.
    List(Vec<SpreadConstraint>),
}

/// How InterPodAffinity scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterPodAffinityArguments {
    /// What a required affinity term of a placed pod counts, from 0 to 100.
    pub hard_pod_affinity_weight: i64,
    /// `ignorePreferredTermsOfExistingPods`.
    pub existing_preferred_terms: ExistingPreferredTerms,
}

/// Whether preferred terms of placed pods count for a pod without preferred terms of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExistingPreferredTerms {
    /// They do.
    #[default]
    Count,
    /// They do not: nor do required ones.
    Ignored,
}

/// With how many candidates preemption is content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PreemptionArguments {
    /// Hundredths of the nodes where evicting pods may help.
    pub min_candidate_nodes_percentage: usize,
    /// At least so many.
    pub min_candidate_nodes_absolute: usize,
}

impl Default for Arguments {
    fn default() -> Self {
        Self {
            added_node_affinity: AddedNodeAffinity::default(),
            fit: FitArguments::default(),
            balanced: vec![ScoredName::Cpu, ScoredName::Memory],
            default_spread: DefaultSpread::System,
            inter_pod_affinity: InterPodAffinityArguments::default(),
            preemption: PreemptionArguments::default(),
        }
    }
}

impl Default for FitArguments {
    fn default() -> Self {
        Self {
            ignored_resources: BTreeSet::new(),
            ignored_resource_groups: BTreeSet::new(),
            strategy: ScoringStrategy::LeastAllocated,
            resources: [ScoredName::Cpu, ScoredName::Memory].map(|name| ScoredResource { name, weight: 1 }).to_vec(),
        }
    }
}

impl Default for InterPodAffinityArguments {
    fn default() -> Self {
        Self { hard_pod_affinity_weight: 1, existing_preferred_terms: ExistingPreferredTerms::Count }
    }
}

impl Default for PreemptionArguments {
    fn default() -> Self {
        Self { min_candidate_nodes_percentage: 10, min_candidate_nodes_absolute: 100 }
    }
}

impl FitArguments {
    /// Whether the filter does not look at `resource`, which is none of CPU, memory and ephemeral storage. Only extended
    /// resources can be ignored: those with a group that is not Kubernetes' own.
    pub(crate) fn ignores(&self, names: &Names, resource: Symbol) -> bool {
        if self.ignored_resources.is_empty() && self.ignored_resource_groups.is_empty() {
            return false;
        }
        let name = names.text(resource);
        let Some((group, _)) = name.split_once('/') else { return false };
        let is_extended = !name.contains("kubernetes.io/") && !name.starts_with("requests.");
        is_extended && (self.ignored_resources.contains(&resource) || self.ignored_resource_groups.contains(group))
    }
}

impl PreemptionArguments {
    /// With how many candidates among `nodes` the search ends.
    pub(crate) fn candidates(self, nodes: usize) -> usize {
        let share = nodes.saturating_mul(self.min_candidate_nodes_percentage).div_euclid(100);
        share.max(self.min_candidate_nodes_absolute).min(nodes)
    }
}
