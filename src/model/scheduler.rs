//! The scheduler's configuration: as it was read → as the simulation obeys it.

use std::sync::Arc;

use k8s_openapi::api::core::v1::NodeAffinity;
use quorate_sim::cluster::{ClusterState, Duration, PreferredNodeTerm, ProfileId};
use quorate_sim::scheduler::{
    AddedNodeAffinity, Arguments, DefaultSpread, ExistingPreferredTerms, FitArguments, InterPodAffinityArguments,
    OtherSchedulers, Plugin, PostFilterPlugin, PreemptionArguments, Profile, SchedulerConfiguration, SchedulingGates,
    ScorePlugin, ScoredName, ScoredResource, ScoringStrategy, ShapePoint,
};

use super::affinity;
use super::build::{Assumption, Context};
use crate::manifest::Inventory;
use crate::manifest::scheduler_configuration::{
    ExtensionPoint, FitArguments as FileFitArguments, ResourceSpec, SchedulerArguments, SchedulerFile, SchedulerProfile,
};

/// `spec.schedulerName` of pods that name none.
pub(super) const DEFAULT_SCHEDULER: &str = "default-scheduler";

/// Who places a pod.
pub(super) enum Placer {
    /// The scheduler, with this profile.
    Profile(ProfileId),
    /// Somebody of whom nothing is known: taken to decide as the default scheduler does.
    AsDefault,
    /// Nobody: the scheduler's configuration is given, and has no such profile.
    Nobody,
}

/// Who places pods whose `spec.schedulerName` is `name`.
pub(super) fn profile(state: &ClusterState, name: &str) -> Placer {
    match (state.scheduler.profile_named(name), state.scheduler.others) {
        (Some(profile), _) => Placer::Profile(profile),
        (None, OtherSchedulers::Alike) => Placer::AsDefault,
        (None, OtherSchedulers::None) => Placer::Nobody,
    }
}

/// Configures the scheduler of `state` as `inventory` says.
pub(super) fn configure(state: &mut ClusterState, context: &Context<'_>, inventory: &Inventory) {
    let Some(file) = inventory.scheduler() else { return };
    state.scheduler = Arc::new(configuration(state, file));
    for note in &file.notes {
        context.assume(Assumption::Scheduler(note.text.clone()));
    }
}

fn configuration(state: &mut ClusterState, file: &SchedulerFile) -> SchedulerConfiguration {
    let mut profiles =
        file.profiles.iter().map(|own| self::profile_of(state, own)).collect::<Vec<Profile>>().into_iter();
    let first = profiles.next().unwrap_or_default();
    let mut configuration = SchedulerConfiguration::new(first, profiles.collect());
    let duration = |seconds: i64| Duration::from_seconds(u64::try_from(seconds).unwrap_or(0));
    configuration.pod_initial_backoff = duration(file.pod_initial_backoff_seconds);
    configuration.others = OtherSchedulers::None;
    configuration.pod_max_backoff = duration(file.pod_max_backoff_seconds);
    configuration
}

fn profile_of(state: &mut ClusterState, own: &SchedulerProfile) -> Profile {
    let names = |point: ExtensionPoint| own.plugins.get(&point).into_iter().flatten().map(String::as_str);
    // Those without a model are assumptions.
    let modelled = |point: ExtensionPoint| names(point).filter_map(Plugin::named).collect();
    let weight = |plugin: Plugin| own.weights.get(plugin.as_str()).copied().map_or(1, i64::from);
    let gates = names(ExtensionPoint::PreEnqueue).any(|name| name == "SchedulingGates");
    Profile {
        scheduler_name: own.scheduler_name.clone(),
        percentage_of_nodes_to_score: u8::try_from(own.percentage_of_nodes_to_score).ok().filter(|share| *share > 0),
        pre_filter: modelled(ExtensionPoint::PreFilter),
        filter: modelled(ExtensionPoint::Filter),
        post_filter: names(ExtensionPoint::PostFilter).filter_map(post_filter).collect(),
        pre_score: modelled(ExtensionPoint::PreScore),
        score: names(ExtensionPoint::Score)
            .filter_map(Plugin::named)
            .map(|plugin| ScorePlugin { plugin, weight: weight(plugin) })
            .collect(),
        scheduling_gates: if gates { SchedulingGates::Hold } else { SchedulingGates::Ignored },
        arguments: arguments(state, &own.arguments),
    }
}

fn post_filter(name: &str) -> Option<PostFilterPlugin> {
    match name {
        "DynamicResources" => Some(PostFilterPlugin::DynamicResources),
        "DefaultPreemption" => Some(PostFilterPlugin::DefaultPreemption),
        _ => None,
    }
}

fn arguments(state: &mut ClusterState, own: &SchedulerArguments) -> Arguments {
    let at_least_zero = |number: Option<i32>| usize::try_from(number.unwrap_or(0)).unwrap_or(0);
    let constraints = &own.spread.default_constraints;
    Arguments {
        added_node_affinity: added(state, own.node_affinity.added_affinity.as_ref()),
        fit: fit(state, &own.fit),
        balanced: scored(state, &own.balanced.resources).into_iter().map(|resource| resource.name).collect(),
        default_spread: match own.spread.defaulting_type.as_str() {
            "List" => DefaultSpread::List(
                constraints.iter().map(|constraint| affinity::spread_constraint(state, constraint)).collect(),
            ),
            _ => DefaultSpread::System,
        },
        inter_pod_affinity: InterPodAffinityArguments {
            hard_pod_affinity_weight: own.inter_pod_affinity.hard_pod_affinity_weight.map_or(1, i64::from),
            existing_preferred_terms: if own.inter_pod_affinity.ignore_preferred_terms_of_existing_pods {
                ExistingPreferredTerms::Ignored
            } else {
                ExistingPreferredTerms::Count
            },
        },
        preemption: PreemptionArguments {
            min_candidate_nodes_percentage: at_least_zero(own.preemption.min_candidate_nodes_percentage),
            min_candidate_nodes_absolute: at_least_zero(own.preemption.min_candidate_nodes_absolute),
        },
    }
}

fn added(state: &mut ClusterState, affinity: Option<&NodeAffinity>) -> AddedNodeAffinity {
    let Some(affinity) = affinity else { return AddedNodeAffinity::default() };
    let required = affinity.required_during_scheduling_ignored_during_execution.as_ref();
    let preferred = affinity.preferred_during_scheduling_ignored_during_execution.iter().flatten();
    AddedNodeAffinity {
        required: required
            .map(|required| required.node_selector_terms.iter().map(|term| affinity::node_term(state, term)).collect()),
        preferred: preferred
            .map(|own| PreferredNodeTerm {
                weight: i64::from(own.weight),
                term: affinity::node_term(state, &own.preference),
            })
            .collect(),
    }
}

fn fit(state: &mut ClusterState, own: &FileFitArguments) -> FitArguments {
    let strategy = own.scoring_strategy.clone().unwrap_or_default();
    let points = strategy.requested_to_capacity_ratio.map(|ratio| ratio.shape).unwrap_or_default();
    let points = points
        .iter()
        .map(|point| ShapePoint { utilization: i64::from(point.utilization), score: i64::from(point.score) });
    FitArguments {
        ignored_resources: own.ignored_resources.iter().map(|name| state.intern(name)).collect(),
        ignored_resource_groups: own.ignored_resource_groups.iter().cloned().collect(),
        strategy: match strategy.kind.as_str() {
            "MostAllocated" => ScoringStrategy::MostAllocated,
            "RequestedToCapacityRatio" => ScoringStrategy::RequestedToCapacityRatio(points.collect()),
            _ => ScoringStrategy::LeastAllocated,
        },
        resources: scored(state, &strategy.resources),
    }
}

fn scored(state: &mut ClusterState, resources: &[ResourceSpec]) -> Vec<ScoredResource> {
    let name = |state: &mut ClusterState, name: &str| match name {
        "cpu" => ScoredName::Cpu,
        "memory" => ScoredName::Memory,
        "ephemeral-storage" => ScoredName::EphemeralStorage,
        other => ScoredName::Scalar(state.intern(other)),
    };
    resources.iter().map(|own| ScoredResource { name: name(state, &own.name), weight: own.weight }).collect()
}
