//! The plugins' arguments as they are written, and their defaults. Source: `staging:kube-scheduler/config/v1/types_pluginargs.go`,
//! `pkg/scheduler/apis/config/v1/defaults.go`.

use k8s_openapi::api::core::v1::{NodeAffinity, TopologySpreadConstraint};
use serde::{Deserialize, Deserializer};

use super::duration::GoDuration;

/// `apiVersion` or `kind`: what the reading has looked at already.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Heading;

impl<'de> Deserialize<'de> for Heading {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|_| Self)
    }
}

/// DefaultPreemptionArgs.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PreemptionArguments {
    #[serde(rename = "apiVersion")]
    _api_version: Heading,
    #[serde(rename = "kind")]
    _kind: Heading,
    /// Hundredths of the nodes where evicting pods may help.
    pub min_candidate_nodes_percentage: Option<i32>,
    /// At least so many.
    pub min_candidate_nodes_absolute: Option<i32>,
}

/// InterPodAffinityArgs.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InterPodAffinityArguments {
    #[serde(rename = "apiVersion")]
    _api_version: Heading,
    #[serde(rename = "kind")]
    _kind: Heading,
    /// What a required affinity term of a placed pod counts.
    pub hard_pod_affinity_weight: Option<i32>,
    /// Whether preferred terms of placed pods count only for pods that have some themselves.
    pub ignore_preferred_terms_of_existing_pods: bool,
}

/// NodeResourcesFitArgs.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FitArguments {
    #[serde(rename = "apiVersion")]
    _api_version: Heading,
    #[serde(rename = "kind")]
    _kind: Heading,
    /// Extended resources that the filter does not look at.
    pub ignored_resources: Vec<String>,
    /// The same by what stands before the slash.
    pub ignored_resource_groups: Vec<String>,
    /// How nodes are scored.
    pub scoring_strategy: Option<ScoringStrategy>,
}

/// How NodeResourcesFit scores nodes.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ScoringStrategy {
    /// `LeastAllocated`, `MostAllocated` or `RequestedToCapacityRatio`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Which resources count, and how much.
    pub resources: Vec<ResourceSpec>,
    /// The line of the third type.
    pub requested_to_capacity_ratio: Option<RequestedToCapacityRatio>,
}

/// A line from utilization to score.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RequestedToCapacityRatio {
    /// Its points.
    pub shape: Vec<UtilizationShapePoint>,
}

/// A point of it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UtilizationShapePoint {
    /// In hundredths.
    pub utilization: i32,
    /// From 0 to 10.
    pub score: i32,
}

/// A resource, and what it weighs.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResourceSpec {
    /// Its name.
    pub name: String,
    /// Its weight.
    pub weight: i64,
}

/// PodTopologySpreadArgs.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodTopologySpreadArguments {
    #[serde(rename = "apiVersion")]
    _api_version: Heading,
    #[serde(rename = "kind")]
    _kind: Heading,
    /// The constraints of pods that declare none, for the defaulting type `List`.
    pub default_constraints: Vec<TopologySpreadConstraint>,
    /// `System` or `List`.
    pub defaulting_type: String,
}

/// NodeResourcesBalancedAllocationArgs.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BalancedAllocationArguments {
    #[serde(rename = "apiVersion")]
    _api_version: Heading,
    #[serde(rename = "kind")]
    _kind: Heading,
    /// The resources that are to be used evenly.
    pub resources: Vec<ResourceSpec>,
}

/// VolumeBindingArgs.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VolumeBindingArguments {
    #[serde(rename = "apiVersion")]
    _api_version: Heading,
    #[serde(rename = "kind")]
    _kind: Heading,
    /// How long binding may take.
    pub bind_timeout_seconds: Option<i64>,
    /// Refused while the feature gate StorageCapacityScoring is off, as it is.
    pub shape: Option<Vec<UtilizationShapePoint>>,
}

/// NodeAffinityArgs.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeAffinityArguments {
    #[serde(rename = "apiVersion")]
    _api_version: Heading,
    #[serde(rename = "kind")]
    _kind: Heading,
    /// What is asked of nodes beside what pods ask.
    pub added_affinity: Option<NodeAffinity>,
}

/// DynamicResourcesArgs.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DynamicResourcesArguments {
    #[serde(rename = "apiVersion")]
    _api_version: Heading,
    #[serde(rename = "kind")]
    _kind: Heading,
    /// How long the filter of one node may take.
    pub filter_timeout: Option<GoDuration>,
    /// How long binding may wait for devices.
    pub binding_timeout: Option<GoDuration>,
}

fn cpu_and_memory() -> Vec<ResourceSpec> {
    ["cpu", "memory"].map(|name| ResourceSpec { name: name.to_owned(), weight: 1 }).to_vec()
}

/// None are the default ones, and a weight of 0 is 1.
fn fill(resources: &mut Vec<ResourceSpec>) {
    if resources.is_empty() {
        *resources = cpu_and_memory();
    }
    for resource in resources.iter_mut().filter(|resource| resource.weight == 0) {
        resource.weight = 1;
    }
}

impl PreemptionArguments {
    pub(super) fn with_defaults(mut self) -> Self {
        self.min_candidate_nodes_percentage.get_or_insert(10);
        self.min_candidate_nodes_absolute.get_or_insert(100);
        self
    }
}

impl InterPodAffinityArguments {
    pub(super) fn with_defaults(mut self) -> Self {
        self.hard_pod_affinity_weight.get_or_insert(1);
        self
    }
}

impl FitArguments {
    pub(super) fn with_defaults(mut self) -> Self {
        let least_allocated = || ScoringStrategy { kind: "LeastAllocated".to_owned(), ..ScoringStrategy::default() };
        fill(&mut self.scoring_strategy.get_or_insert_with(least_allocated).resources);
        self
    }
}

impl PodTopologySpreadArguments {
    pub(super) fn with_defaults(mut self) -> Self {
        if self.defaulting_type.is_empty() {
            "System".clone_into(&mut self.defaulting_type);
        }
        self
    }
}

impl BalancedAllocationArguments {
    pub(super) fn with_defaults(mut self) -> Self {
        fill(&mut self.resources);
        self
    }
}

impl VolumeBindingArguments {
    pub(super) fn with_defaults(mut self) -> Self {
        self.bind_timeout_seconds.get_or_insert(600);
        self
    }
}

impl DynamicResourcesArguments {
    pub(super) fn with_defaults(mut self) -> Self {
        self.filter_timeout.get_or_insert(GoDuration(10 * GoDuration::SECOND));
        self.binding_timeout.get_or_insert(GoDuration(600 * GoDuration::SECOND));
        self
    }
}
