//! The profile of a recorded case, as kube-scheduler itself has filled it in: plugins in the order in which they run, weights,
//! arguments. (How a configuration becomes one is tested where configurations are read.)

use std::sync::Arc;

use quorate_sim::cluster::{ClusterState, PreferredNodeTerm};
use quorate_sim::scheduler::{
    AddedNodeAffinity, Arguments, DefaultSpread, ExistingPreferredTerms, ExtensionPoint, FitArguments,
    InterPodAffinityArguments, Plugin, PostFilterPlugin, PreemptionArguments, Profile, SchedulerConfiguration,
    SchedulingGates, ScorePlugin, ScoredName, ScoredResource, ScoringStrategy, ShapePoint,
};
use serde_json::Value;

use crate::affinity::{node_term, spread_constraint};

/// Configures the scheduler of `state` as `case` says.
pub(crate) fn configure(state: &mut ClusterState, case: &Value) {
    let profile = &case["profile"];
    if profile.is_null() {
        return;
    }
    let first = Profile {
        scheduler_name: profile["schedulerName"].as_str().unwrap().to_owned(),
        percentage_of_nodes_to_score: match profile["percentageOfNodesToScore"].as_u64().unwrap() {
            0 => None,
            percentage => Some(u8::try_from(percentage).unwrap()),
        },
        pre_filter: point(profile, "preFilter"),
        filter: point(profile, "filter"),
        post_filter: names(&profile["plugins"]["postFilter"]).map(post_filter).collect(),
        pre_score: point(profile, "preScore"),
        score: names(&profile["plugins"]["score"])
            .map(|name| ScorePlugin {
                plugin: Plugin::named(name).unwrap(),
                weight: profile["weights"][name].as_i64().unwrap(),
            })
            .collect(),
        scheduling_gates: SchedulingGates::Hold,
        arguments: arguments(state, &profile["arguments"]),
    };
    state.scheduler = Arc::new(SchedulerConfiguration::new(first, Vec::new()));
}

fn names(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().map(|name| name.as_str().unwrap())
}

fn point(profile: &Value, name: &str) -> ExtensionPoint {
    names(&profile["plugins"][name]).map(|name| Plugin::named(name).unwrap()).collect()
}

fn post_filter(name: &str) -> PostFilterPlugin {
    match name {
        "DynamicResources" => PostFilterPlugin::DynamicResources,
        "DefaultPreemption" => PostFilterPlugin::DefaultPreemption,
        other => panic!("PostFilter {other}"),
    }
}

fn arguments(state: &mut ClusterState, arguments: &Value) -> Arguments {
    let mut read = Arguments::default();
    let given = |name: &str| Some(&arguments[name]).filter(|value| !value.is_null());
    if let Some(value) = given("NodeAffinity") {
        read.added_node_affinity = added(state, &value["addedAffinity"]);
    }
    if let Some(value) = given("NodeResourcesFit") {
        read.fit = fit(state, value);
    }
    if let Some(value) = given("NodeResourcesBalancedAllocation") {
        read.balanced = scored(state, &value["resources"]).into_iter().map(|resource| resource.name).collect();
    }
    if let Some(value) = given("PodTopologySpread") {
        read.default_spread = match value["defaultingType"].as_str().unwrap() {
            "System" => DefaultSpread::System,
            "List" => DefaultSpread::List(
                value["defaultConstraints"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|one| spread_constraint(state, one))
                    .collect(),
            ),
            other => panic!("defaultingType {other}"),
        };
    }
    if let Some(value) = given("InterPodAffinity") {
        read.inter_pod_affinity = InterPodAffinityArguments {
            hard_pod_affinity_weight: value["hardPodAffinityWeight"].as_i64().unwrap(),
            existing_preferred_terms: if value["ignorePreferredTermsOfExistingPods"] == true {
                ExistingPreferredTerms::Ignored
            } else {
                ExistingPreferredTerms::Count
            },
        };
    }
    if let Some(value) = given("DefaultPreemption") {
        let number = |name: &str| usize::try_from(value[name].as_u64().unwrap()).unwrap();
        read.preemption = PreemptionArguments {
            min_candidate_nodes_percentage: number("minCandidateNodesPercentage"),
            min_candidate_nodes_absolute: number("minCandidateNodesAbsolute"),
        };
    }
    read
}

fn added(state: &mut ClusterState, affinity: &Value) -> AddedNodeAffinity {
    let terms = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let required = &affinity["requiredDuringSchedulingIgnoredDuringExecution"];
    let preferred = terms(&affinity["preferredDuringSchedulingIgnoredDuringExecution"]);
    AddedNodeAffinity {
        required: (!required.is_null())
            .then(|| terms(&required["nodeSelectorTerms"]).iter().map(|term| node_term(state, term)).collect()),
        preferred: preferred
            .iter()
            .map(|one| PreferredNodeTerm {
                weight: one["weight"].as_i64().unwrap(),
                term: node_term(state, &one["preference"]),
            })
            .collect(),
    }
}

fn fit(state: &mut ClusterState, value: &Value) -> FitArguments {
    let strategy = &value["scoringStrategy"];
    let point = |point: &Value| ShapePoint {
        utilization: point["utilization"].as_i64().unwrap(),
        score: point["score"].as_i64().unwrap(),
    };
    FitArguments {
        ignored_resources: names(&value["ignoredResources"]).map(|name| state.intern(name)).collect(),
        ignored_resource_groups: names(&value["ignoredResourceGroups"]).map(str::to_owned).collect(),
        strategy: match strategy["type"].as_str().unwrap() {
            "LeastAllocated" => ScoringStrategy::LeastAllocated,
            "MostAllocated" => ScoringStrategy::MostAllocated,
            "RequestedToCapacityRatio" => ScoringStrategy::RequestedToCapacityRatio(
                strategy["requestedToCapacityRatio"]["shape"].as_array().unwrap().iter().map(point).collect(),
            ),
            other => panic!("strategy {other}"),
        },
        resources: scored(state, &strategy["resources"]),
    }
}

fn scored(state: &mut ClusterState, list: &Value) -> Vec<ScoredResource> {
    let resource = |value: &Value| ScoredResource {
        name: match value["name"].as_str().unwrap() {
            "cpu" => ScoredName::Cpu,
            "memory" => ScoredName::Memory,
            "ephemeral-storage" => ScoredName::EphemeralStorage,
            other => ScoredName::Scalar(state.intern(other)),
        },
        weight: value["weight"].as_i64().unwrap(),
    };
    list.as_array().into_iter().flatten().map(resource).collect()
}
