//! Pod specifications.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::api::core::v1::{
    Container, EmptyDirVolumeSource, PersistentVolumeClaim, Pod, PodSpec as ApiPodSpec, PodStatus, PodTemplateSpec,
    Probe,
};
use quorate_sim::cluster::{
    ClusterState, Descheduling, Duration, HostPort, NodeFeature, PodSpec, PodTemplate, PreemptionPolicy, Protocol,
    Symbol,
};
use quorate_sim::scheduler::SchedulingGates;
use sha2::{Digest, Sha256};

use super::affinity;
use super::build::{Assumption, Context};
use super::horizontal_autoscalers;
use super::jobs;
use super::labels;
use super::nodes::normalised_image;
use super::qos;
use super::scheduler::{DEFAULT_SCHEDULER, Placer};
use super::{admission, requests, scheduler, volumes};
use crate::manifest::{POD_DELETION_COST, SHUTDOWN_SECONDS, STARTUP_SECONDS, default, pod_deletion_cost};

/// `periodSeconds` of a probe that has none.
const DEFAULT_PERIOD: u64 = 10;

/// A template of a workload. `own_claims` are a StatefulSet's claim templates.
pub(super) fn pod_template(
    state: &mut ClusterState,
    context: &mut Context<'_>,
    namespace: &str,
    template: &PodTemplateSpec,
    own_claims: &[PersistentVolumeClaim],
) -> PodTemplate {
    let metadata = template.metadata.clone().unwrap_or_default();
    // Some defaults (requests from limits, host ports) are a pod's alone: the API server sets them in the pod made from the
    // template, not in the template.
    let mut pod = Pod { spec: template.spec.clone(), ..Pod::default() };
    default::pod(&mut pod);
    let (api, refusal) = context.admitted_template(namespace, &pod.spec.unwrap_or_default());
    let source = AdmittedPod { spec: &api, status: None, own_claims };
    let mut spec = pod_spec(state, context, namespace, &source);
    let annotations = metadata.annotations.as_ref();
    jobs::declare_run(&mut spec, annotations);
    spec.deletion_cost = deletion_cost(annotations);
    spec.startup = declared(annotations, STARTUP_SECONDS).unwrap_or(spec.startup);
    spec.shutdown = declared(annotations, SHUTDOWN_SECONDS).unwrap_or(spec.shutdown);
    Arc::make_mut(&mut spec.admission).refusal = refusal.map(Into::into);
    let labels = labels::labels(state, metadata.labels.as_ref());
    let content = state.intern(&content_digest(template));
    PodTemplate { labels, spec, content }
}

/// Annotation `controller.kubernetes.io/pod-deletion-cost`; one that cannot be read was reported and counts as 0. Source:
/// `GetDeletionCostFromPodAnnotations` in `pkg/apis/core/v1/helper/helpers.go`.
pub(super) fn deletion_cost(annotations: Option<&BTreeMap<String, String>>) -> i32 {
    annotations.and_then(|own| own.get(POD_DELETION_COST)).and_then(|text| pod_deletion_cost(text)).unwrap_or(0)
}

/// A digest of the whole template but for the hash label that a Deployment adds.
fn content_digest(template: &PodTemplateSpec) -> String {
    let mut template = template.clone();
    if let Some(labels) = template.metadata.as_mut().and_then(|metadata| metadata.labels.as_mut()) {
        labels.remove("pod-template-hash");
    }
    if let Some(metadata) = template.metadata.as_mut() {
        metadata.creation_timestamp = None;
    }
    let bytes = serde_json::to_vec(&template).unwrap_or_default();
    let digest = Sha256::digest(&bytes);
    digest.iter().take(5).map(|byte| format!("{byte:02x}")).collect()
}

/// A pod after admission.
pub(super) struct AdmittedPod<'a> {
    /// Its specification.
    pub(super) spec: &'a ApiPodSpec,
    /// Its status, where it exists: what it requests while it is resized.
    pub(super) status: Option<&'a PodStatus>,
    /// A StatefulSet's claim templates.
    pub(super) own_claims: &'a [PersistentVolumeClaim],
}

/// A pod's specification.
pub(super) fn pod_spec(
    state: &mut ClusterState,
    context: &Context<'_>,
    namespace: &str,
    pod: &AdmittedPod<'_>,
) -> PodSpec {
    let AdmittedPod { spec: api, status, own_claims } = *pod;
    let namespace_symbol = state.intern(namespace);
    let sums = requests::pod_requests(state, api, status);
    let mut spec = PodSpec {
        requests: sums.requests,
        non_zero_requests: sums.non_zero,
        non_zero_requests_while_placed: sums.non_zero_while_placed,
        container_requests: horizontal_autoscalers::container_requests(api),
        node_selector: labels::labels(state, api.node_selector.as_ref()),
        host_ports: host_ports(state, api),
        images: images(state, api),
        container_count: container_count(api),
        has_sidecar: api.init_containers.iter().flatten().any(requests::is_sidecar),
        grace_period_seconds: grace_period_seconds(api),
        startup: startup(api),
        shutdown: shutdown(api),
        restart_policy: jobs::restart_policy(api.restart_policy.as_deref()),
        admission: Arc::new(admission::of_pod(state, api, status)),
        has_local_storage: api.volumes.iter().flatten().any(|volume| {
            let is_on_disk = |own: &EmptyDirVolumeSource| own.medium.as_deref() != Some("Memory");
            volume.host_path.is_some() || volume.empty_dir.as_ref().is_some_and(is_on_disk)
        }),
        descheduling: Descheduling {
            has_local_storage: api
                .volumes
                .iter()
                .flatten()
                .any(|volume| volume.empty_dir.is_some() || volume.host_path.is_some()),
            qos: qos::qos_class(api),
            ..Descheduling::default()
        },
        required_features: required_features(api),
        priority: api.priority.unwrap_or(0),
        preemption_policy: match api.preemption_policy.as_deref() {
            Some("Never") => PreemptionPolicy::Never,
            Some(_) | None => PreemptionPolicy::PreemptLowerPriority,
        },
        ..PodSpec::default()
    };
    if let Some(api_affinity) = &api.affinity {
        affinity::fill(state, &mut spec, api_affinity, namespace_symbol);
    }
    for toleration in api.tolerations.iter().flatten() {
        spec.tolerations.extend(affinity::toleration(state, toleration));
    }
    for constraint in api.topology_spread_constraints.iter().flatten() {
        spec.spread_constraints.push(affinity::spread_constraint(state, constraint));
    }
    spec.volumes = volumes::sources(state, &context.volumes, namespace_symbol, api, own_claims);
    for sentence in volumes::assumptions_of(state, namespace_symbol, &spec.volumes) {
        context.assume(Assumption::Volumes(sentence));
    }
    if api.readiness_gates.as_ref().is_some_and(|gates| !gates.is_empty()) {
        context.assume(Assumption::Sentence(
            "readiness gates of pods are taken to be met once their containers are ready".to_owned(),
        ));
    }
    context.note_devices(api);
    place_outside(state, context, api, &mut spec);
    spec
}

/// What the pod asks of the kubelet beyond what every kubelet can do.
fn required_features(api: &ApiPodSpec) -> BTreeSet<NodeFeature> {
    let mut rules = containers(api).flat_map(|container| container.restart_policy_rules.iter().flatten());
    let restarts_all = rules.any(|rule| rule.action == "RestartAllContainers");
    let is_host_user_namespace = api.host_users == Some(false) && api.host_network == Some(true);
    let needed = [
        (restarts_all, NodeFeature::RestartAllContainersOnContainerExits),
        (is_host_user_namespace, NodeFeature::UserNamespacesHostNetworkSupport),
    ];
    needed.into_iter().filter_map(|(is_needed, feature)| is_needed.then_some(feature)).collect()
}

/// What keeps the modelled scheduler from placing a pod: a fixed node, scheduling gates, another scheduler.
fn place_outside(state: &mut ClusterState, context: &Context<'_>, api: &ApiPodSpec, spec: &mut PodSpec) {
    if let Some(name) = api.node_name.as_deref().filter(|name| !name.is_empty()) {
        let symbol = state.intern(name);
        spec.node_name = state.node_named(symbol);
        spec.not_scheduled_here = spec.node_name.is_none();
    }
    let scheduler = api.scheduler_name.as_deref().filter(|name| !name.is_empty()).unwrap_or(DEFAULT_SCHEDULER);
    match scheduler::profile(state, scheduler) {
        Placer::Profile(profile) => spec.profile = profile,
        Placer::AsDefault => context.assume(Assumption::OtherScheduler(scheduler.to_owned())),
        Placer::Nobody => {
            spec.not_scheduled_here = true;
            // A pod that is on a node already stays there.
            if api.node_name.as_ref().is_none_or(String::is_empty) {
                context.assume(Assumption::NoProfile(scheduler.to_owned()));
            }
        }
    }
    let holds = match state.scheduler.profile(spec.profile).scheduling_gates {
        SchedulingGates::Hold => true,
        SchedulingGates::Ignored => false,
    };
    if holds && api.scheduling_gates.as_ref().is_some_and(|gates| !gates.is_empty()) {
        spec.not_scheduled_here = true;
        context.assume(Assumption::SchedulingGates);
    }
}

fn containers(api: &ApiPodSpec) -> impl Iterator<Item = &Container> {
    api.init_containers.iter().flatten().chain(&api.containers)
}

fn container_count(api: &ApiPodSpec) -> u32 {
    u32::try_from(containers(api).count()).unwrap_or(u32::MAX)
}

/// Host ports of containers and sidecars; ordinary init containers do not count.
fn host_ports(state: &mut ClusterState, api: &ApiPodSpec) -> Vec<HostPort> {
    let sidecars = api.init_containers.iter().flatten().filter(|container| requests::is_sidecar(container));
    let mut ports = Vec::new();
    for port in sidecars.chain(&api.containers).flat_map(|container| container.ports.iter().flatten()) {
        let Some(number) = port.host_port.and_then(|number| u16::try_from(number).ok()).filter(|number| *number > 0)
        else {
            continue;
        };
        let protocol = match port.protocol.as_deref() {
            Some("UDP") => Protocol::Udp,
            Some("SCTP") => Protocol::Sctp,
            Some(_) | None => Protocol::Tcp,
        };
        let host_ip = match port.host_ip.as_deref() {
            None | Some("" | "0.0.0.0") => Symbol::EMPTY,
            Some(address) => state.intern(address),
        };
        ports.push(HostPort { port: number, protocol, host_ip });
    }
    ports
}

fn images(state: &mut ClusterState, api: &ApiPodSpec) -> Vec<Symbol> {
    // Images that are mounted as volumes count too, though not as containers.
    let mounted = api.volumes.iter().flatten().filter_map(|volume| volume.image.as_ref()?.reference.as_deref());
    containers(api)
        .filter_map(|container| container.image.as_deref())
        .chain(mounted)
        .map(|image| state.intern(&normalised_image(image)))
        .collect()
}

fn grace_period_seconds(api: &ApiPodSpec) -> u64 {
    api.termination_grace_period_seconds.map_or(30, |seconds| u64::try_from(seconds).unwrap_or(1))
}

/// From bound to Ready, by the probes of the slowest container or sidecar. How long the process itself takes is not in a
/// manifest: the annotation `quorate.dev/startup-seconds` says it, or a scenario's `settings.pods.startupSeconds`. Sources:
/// `pkg/kubelet/prober/{worker,prober_manager}.go`.
fn startup(api: &ApiPodSpec) -> Duration {
    let sidecars = api.init_containers.iter().flatten().filter(|container| requests::is_sidecar(container));
    Duration::from_seconds(api.containers.iter().chain(sidecars).map(ready_after_seconds).max().unwrap_or(0))
}

/// Both delays count from the start of the container. A probe is run at once where it has no delay, else at the first multiple
/// of its period after that; readiness at once when the startup probe has succeeded.
fn ready_after_seconds(container: &Container) -> u64 {
    let number = |number: Option<i32>, default: u64| {
        number.and_then(|number| u64::try_from(number).ok()).filter(|number| *number > 0).unwrap_or(default)
    };
    let first_run = |probe: &Probe| {
        let (delay, period) = (number(probe.initial_delay_seconds, 0), number(probe.period_seconds, DEFAULT_PERIOD));
        delay.div_ceil(period).saturating_mul(period)
    };
    let started = container.startup_probe.as_ref().map_or(0, first_run);
    let Some(probe) = &container.readiness_probe else { return started };
    let delay = number(probe.initial_delay_seconds, 0);
    let first = if delay <= started { started } else { first_run(probe).max(started) };
    let more = number(probe.success_threshold, 1) - 1;
    first.saturating_add(more.saturating_mul(number(probe.period_seconds, DEFAULT_PERIOD)))
}

/// Seconds that an annotation of the template declares; what cannot be read was reported.
fn declared(annotations: Option<&BTreeMap<String, String>>, key: &str) -> Option<Duration> {
    let text = annotations.and_then(|own| own.get(key))?;
    text.parse().ok().map(Duration::from_seconds)
}

/// From deletion to gone: the longest `preStop` sleep, at most the grace period. A process that ends at once on SIGTERM is
/// assumed beyond that; the annotation `quorate.dev/shutdown-seconds` or a scenario's `settings.pods.shutdownSeconds` says
/// otherwise.
fn shutdown(api: &ApiPodSpec) -> Duration {
    let sleep_seconds = |container: &Container| {
        let sleep = container.lifecycle.as_ref()?.pre_stop.as_ref()?.sleep.as_ref()?;
        u64::try_from(sleep.seconds).ok()
    };
    let longest = api.containers.iter().filter_map(sleep_seconds).max().unwrap_or(0);
    Duration::from_seconds(longest.min(grace_period_seconds(api)))
}
