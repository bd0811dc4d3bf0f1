//! What the model leaves out that could change the answer.

use std::collections::BTreeSet;

use crate::admission::{Operation, Request, Resource, is_wanted};
use crate::cluster::{
    AccessMode, BudgetId, ClaimName, ClassName, ClusterState, HorizontalPodAutoscaler, Labels, MetricTarget, Owner,
    PersistentVolumeClaim, PersistentVolumeSource, Pod, PodSpec, ProvisionerKind, Symbol, VolumeAssumption,
    VolumeClaim, VolumeSource,
};
use crate::controller::horizontal_pod_autoscaler::rival;

use crate::eviction::budgets_of;

use super::Settings;
use super::outcome::budget_text;

/// The assumptions that a simulation of `state` makes.
pub(super) fn of(state: &ClusterState, settings: &Settings) -> Vec<String> {
    let mut said = BTreeSet::new();
    for pod in state.pods.values() {
        of_owner(state, pod, &mut said);
        of_spec(state, pod.namespace, &pod.template.spec, &mut said);
    }
    let templates = state.deployments.values().map(|item| (item.namespace, &item.template));
    let templates = templates.chain(state.cron_jobs.values().map(|item| (item.namespace, &item.job.template)));
    let templates = templates.chain(state.jobs.values().map(|item| (item.namespace, &item.spec.template)));
    let templates = templates.chain(state.stateful_sets.values().map(|item| (item.namespace, &item.template)));
    for (namespace, template) in
        templates.chain(state.daemon_sets.values().map(|item| (item.namespace, &item.template)))
    {
        of_spec(state, namespace, &template.spec, &mut said);
    }
    if !state.cron_jobs.is_empty() && state.wall_clock.is_none() {
        said.insert(
            "virtual time is taken to begin at 2026-01-05T00:00:00Z, a Monday, for CronJobs: --now or settings.now says otherwise"
                .into(),
        );
    }
    if !state.node_pools.is_empty() {
        said.insert(
            "the cluster autoscaler of 1.36 has its flags' defaults; of pools that waste equally little the first grows, and the \
             provider always delivers; unneeded nodes get no taint that new pods avoid, and a node found needed is judged again \
             at once, not after five minutes"
                .into(),
        );
    }
    if state.descheduler.is_some() {
        said.insert(
            "the descheduler passes at whole multiples of its interval, and what controllers do during a pass is left out"
                .into(),
        );
    }
    for (id, own) in &state.autoscalers {
        of_autoscaler(state, own, &mut said);
        if let Some(other) = rival(state, *id).and_then(|other| state.autoscalers.get(&other)) {
            said.insert(format!(
                "horizontalpodautoscaler/{}/{} does not scale by its metrics: {} selects the same pods",
                state.names.text(own.namespace),
                state.names.text(own.name),
                state.names.text(other.name)
            ));
        }
    }
    super::jobs::assumptions(state, &settings.pods, &mut said);
    of_volumes(state, &mut said);
    of_webhooks(state, &mut said);
    of_overlapping_budgets(state, &mut said);
    if state.budgets.values().any(|budget| budget.status.sync_failed) {
        said.insert(
            "a budget covers pods whose controller is assumed to have no scale: it allows no disruption".into(),
        );
    }
    said.into_iter().collect()
}

/// Of several budgets of one pod the disruption controller looks at one when the pod changes (`getPdbForPod` in
/// `pkg/controller/disruption/disruption.go`): the numbers of the others stay what they were.
fn of_overlapping_budgets(state: &ClusterState, said: &mut BTreeSet<String>) {
    let covering = state.pods.values().map(|pod| budgets_of(state, pod).map(|(id, _)| id).collect::<Vec<BudgetId>>());
    let several: BTreeSet<Vec<BudgetId>> = covering.filter(|ids| ids.len() > 1).collect();
    for ids in several {
        let names: Vec<String> = ids.iter().map(|id| budget_text(state, *id)).collect();
        said.insert(format!(
            "budgets {} cover the same pods: Kubernetes keeps only one of them up to date, which is left to chance; here each is",
            names.join(" and ")
        ));
    }
}

fn of_owner(state: &ClusterState, pod: &Pod, said: &mut BTreeSet<String>) {
    match pod.owner {
        Owner::Other { kind, .. } => {
            let kind = state.names.text(kind);
            said.insert(format!("pods of kind {kind} are not replaced: that controller is not simulated"));
        }
        Owner::None
        | Owner::Node
        | Owner::ReplicaSet(_)
        | Owner::StatefulSet { .. }
        | Owner::DaemonSet(_)
        | Owner::Job(_) => {}
    }
}

fn of_autoscaler(state: &ClusterState, own: &HorizontalPodAutoscaler, said: &mut BTreeSet<String>) {
    let name = format!("{}/{}", state.names.text(own.namespace), state.names.text(own.name));
    let missing: Vec<&str> =
        own.metrics.iter().filter(|metric| metric.load.is_none()).map(|metric| state.names.text(metric.name)).collect();
    if missing.len() < own.metrics.len() {
        said.insert(
            "metrics have no delay: usage of CPU is that of the last 15 s, shared by the pods that are ready".into(),
        );
    }
    if !missing.is_empty() {
        said.insert(format!(
            "horizontalpodautoscaler/{name} has no value of {}, and does not scale by it: setMetric or settings.metrics give one",
            missing.join(", ")
        ));
    }
    if own.metrics.iter().any(|metric| metric.target == MetricTarget::NotModelled) {
        said.insert(format!("metrics of single containers are not modelled: horizontalpodautoscaler/{name} has one"));
    }
}

fn of_spec(state: &ClusterState, namespace: Symbol, spec: &PodSpec, said: &mut BTreeSet<String>) {
    let claims = spec.volumes.iter().filter_map(|volume| match volume {
        VolumeSource::Claim(name) => state.storage.claims.get(&ClaimName { namespace, name: *name }),
        VolumeSource::SetClaim(template) | VolumeSource::Ephemeral(template) => Some(&template.claim),
        VolumeSource::Disk(_) => None,
    });
    let unknown = claims.into_iter().any(|claim| is_for_one_node(claim) && !says_how_it_attaches(state, claim));
    if unknown {
        said.insert(
            "volumes of which the input does not show the driver attach and detach at once: none on a lost node holds a pod \
             back"
                .into(),
        );
    }
    if spec.not_scheduled_here {
        said.insert("pods that another scheduler or a scheduling gate holds stay pending".into());
    }
}

/// What else a webhook that fails closed stops while nobody answers, and is not stopped here.
fn of_webhooks(state: &ClusterState, said: &mut BTreeSet<String>) {
    let others = [
        (Operation::Delete, Resource::Pods, "deletions of pods by controllers"),
        (Operation::Create, Resource::PodBindings, "bindings"),
        (Operation::Update, Resource::PodStatuses, "the status of pods"),
        (Operation::Update, Resource::Leases, "heartbeats of nodes"),
        (Operation::Update, Resource::EndpointSlices, "endpoints"),
    ];
    for webhook in &state.admission.webhooks {
        let namespace = Some(webhook.service_namespace);
        let labels = Labels::default();
        let is_held = |&(operation, resource, _): &(Operation, Resource, &str)| {
            is_wanted(state, webhook, &Request { operation, resource, namespace, labels: &labels })
        };
        let held: Vec<&str> = others.iter().filter(|other| is_held(other)).map(|(_, _, text)| *text).collect();
        if !held.is_empty() {
            let name = state.names.text(webhook.name);
            said.insert(format!("webhook {name} is taken to let through {}", held.join(", ")));
        }
    }
}

/// Whether only one node at a time may mount the claim's volume.
fn is_for_one_node(claim: &PersistentVolumeClaim) -> bool {
    let has = |mode| claim.access_modes.contains(&mode);
    has(AccessMode::ReadWriteOnce) && !has(AccessMode::ReadWriteMany) && !has(AccessMode::ReadOnlyMany)
}

/// Whether the input shows the claim's volume, or the class that it comes from.
fn says_how_it_attaches(state: &ClusterState, claim: &PersistentVolumeClaim) -> bool {
    let bound = claim.binding.volume().and_then(|name| state.storage.volumes.get(&name));
    let class = || state.storage.classes.get(&claim.class).map(|class| class.provisioner_kind);
    match bound {
        Some(volume) => volume.source != PersistentVolumeSource::Other || volume.assumption.is_none(),
        None => matches!(class(), Some(ProvisionerKind::External | ProvisionerKind::InTree(..))),
    }
}

/// What is taken for granted about the volumes of claims.
fn of_volumes(state: &ClusterState, said: &mut BTreeSet<String>) {
    for volume in state.storage.volumes.values() {
        if let (Some(assumption), VolumeClaim::Of(claim)) = (volume.assumption, volume.claim) {
            let class = state.storage.claims.get(&claim).map_or(ClassName::NONE, |claim| claim.class);
            said.insert(of_volume(state, claim, class, assumption));
        }
    }
}

/// What is taken for granted about the volume of `claim`, which is of `class`; the same for all claims of a class where it follows from the class.
#[must_use]
pub fn of_volume(state: &ClusterState, claim: ClaimName, class: ClassName, assumption: VolumeAssumption) -> String {
    let text = |symbol| state.names.text(symbol);
    let name = || format!("PersistentVolumeClaim {}/{}", text(claim.namespace), text(claim.name));
    let class = || match text(class.0) {
        "" => "of no class".to_owned(),
        class => format!("of StorageClass {class}"),
    };
    match assumption {
        VolumeAssumption::ClaimNotInInput => {
            format!("{} is not in the input: taken to be usable on every node", name())
        }
        VolumeAssumption::VolumeNotInInput => {
            format!("the PersistentVolume of {} is not in the input: taken to be usable on every node", name())
        }
        VolumeAssumption::ClassNotInInput => {
            format!("the input does not say where volumes {} are: taken to be usable on every node", class())
        }
        VolumeAssumption::StaysInItsZone => {
            format!("volumes provisioned {} are taken to stay in the zone of their first pod", class())
        }
        VolumeAssumption::ReachableEverywhere => {
            format!("volumes provisioned {} are taken to be usable wherever the class allows them", class())
        }
    }
}
