//! Pods and their templates (`pkg/apis/core/validation/validation.go`).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Pod, PodSpec, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::amount::not_negative;
use super::at::At;
use super::container::{self, Role};
use super::labels;
use super::resources;
use super::scheduling;
use super::verdict::Verdict;
use crate::manifest::{POD_DELETION_COST, SHUTDOWN_SECONDS, STARTUP_SECONDS, pod_deletion_cost};

pub(super) fn pod(verdict: &mut Verdict<'_, '_>, pod: &Pod) {
    annotations(verdict, &At::ROOT.key("metadata"), &pod.metadata);
    if let Some(spec) = &pod.spec {
        pod_spec(verdict, &At::ROOT.key("spec"), spec, &[]);
    }
}

/// A template of pods, to which the controller adds `volumes`.
pub(super) fn template(verdict: &mut Verdict<'_, '_>, at: &At<'_>, template: &PodTemplateSpec, volumes: &[&str]) {
    if let Some(metadata) = &template.metadata {
        labels::metadata(verdict, &at.key("metadata"), metadata);
        annotations(verdict, &at.key("metadata"), metadata);
    }
    if let Some(spec) = &template.spec {
        pod_spec(verdict, &at.key("spec"), spec, volumes);
    }
}

/// `ValidatePodSpecificAnnotations`, and durations that are declared.
fn annotations(verdict: &mut Verdict<'_, '_>, at: &At<'_>, metadata: &ObjectMeta) {
    let cost = metadata.annotations.as_ref().and_then(|own| own.get(POD_DELETION_COST));
    if let Some(text) = cost.filter(|text| pod_deletion_cost(text).is_none()) {
        let message = format!("must be a 32-bit integer without a plus sign and leading zeros, and is {text:?}");
        verdict.invalid(&at.key("annotations").key(POD_DELETION_COST), &message);
    }
    for key in [STARTUP_SECONDS, SHUTDOWN_SECONDS] {
        let written = metadata.annotations.as_ref().and_then(|own| own.get(key));
        if let Some(text) = written.filter(|text| text.parse::<u64>().is_err()) {
            verdict.invalid(&at.key("annotations").key(key), &format!("must be a number of seconds, and is {text:?}"));
        }
    }
}

fn pod_spec(verdict: &mut Verdict<'_, '_>, at: &At<'_>, spec: &PodSpec, more_volumes: &[&str]) {
    verdict.one_of(&at.key("restartPolicy"), spec.restart_policy.as_deref(), &["Always", "OnFailure", "Never"]);
    let dns_policies = ["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"];
    verdict.one_of(&at.key("dnsPolicy"), spec.dns_policy.as_deref(), &dns_policies);
    let preemption_policies = ["PreemptLowerPriority", "Never"];
    verdict.one_of(&at.key("preemptionPolicy"), spec.preemption_policy.as_deref(), &preemption_policies);
    not_negative(verdict, &at.key("terminationGracePeriodSeconds"), spec.termination_grace_period_seconds);
    labels::labels(verdict, &at.key("nodeSelector"), spec.node_selector.as_ref());
    scheduling::affinity(verdict, &at.key("affinity"), spec.affinity.as_ref());
    scheduling::tolerations(verdict, &at.key("tolerations"), spec.tolerations.as_deref().unwrap_or_default());
    let constraints = spec.topology_spread_constraints.as_deref().unwrap_or_default();
    scheduling::topology_spread_constraints(verdict, &at.key("topologySpreadConstraints"), constraints);
    if let Some(of) = &spec.resources {
        resources::resources(verdict, &at.key("resources"), of);
    }
    let volumes = volume_names(verdict, &at.key("volumes"), spec, more_volumes);
    containers(verdict, at, spec, &volumes);
}

/// The names of the volumes, each once.
fn volume_names<'a>(verdict: &mut Verdict<'_, '_>, at: &At<'_>, spec: &'a PodSpec, more: &[&'a str]) -> Vec<&'a str> {
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, volume) in spec.volumes.iter().flatten().enumerate() {
        let at = at.index(index);
        verdict.required(&at.key("name"), &volume.name);
        if names.insert(&volume.name, index).is_some() {
            verdict.invalid(&at.key("name"), &format!("the name {:?} is there twice", volume.name));
        }
    }
    names.into_keys().chain(more.iter().copied()).collect()
}

fn containers(verdict: &mut Verdict<'_, '_>, at: &At<'_>, spec: &PodSpec, volumes: &[&str]) {
    if spec.containers.is_empty() {
        verdict.invalid(&at.key("containers"), "a pod needs at least one container");
    }
    let regular = spec.containers.iter().map(|container| (Role::Regular, container));
    let init = spec.init_containers.iter().flatten().map(|container| (Role::Init, container));
    let mut names: BTreeMap<&str, (&str, usize)> = BTreeMap::new();
    for (list, members) in [
        ("containers", regular.enumerate().collect::<Vec<_>>()),
        ("initContainers", init.enumerate().collect::<Vec<_>>()),
    ] {
        for (index, (role, of)) in members {
            let list_at = at.key(list);
            let container_at = list_at.index(index);
            container::container(verdict, &container_at, of, role, volumes);
            let Some((other_list, other_index)) = names.insert(&of.name, (list, index)) else { continue };
            if !of.name.is_empty() {
                let other_list_at = at.key(other_list);
                let other_at = other_list_at.index(other_index);
                let message = format!("two containers of the pod are called {:?}", of.name);
                verdict.invalid_given(&container_at.key("name"), &[(&other_at.key("name"), "the other")], &message);
            }
        }
    }
}
