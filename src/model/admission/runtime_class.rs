//! RuntimeClass: overhead, node selector and tolerations. Source: `plugin/pkg/admission/runtimeclass/admission.go`.

use k8s_openapi::api::core::v1::PodSpec as ApiPodSpec;
use k8s_openapi::api::node::v1::RuntimeClass;

use super::chain::Admission;
use super::refusal::{Refusal, RefusalCause};
use super::tolerations;
use crate::model::requests;

const PLUGIN: &str = "RuntimeClass";

/// What is taken for granted of a pod's overhead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overhead {
    /// It has none, or the one of its class.
    Explained,
    /// It has one and names no class: the API server refuses that, unless it has set it itself.
    AsWritten,
}

/// Sets overhead, node selector and tolerations.
pub(super) fn admit(admission: &Admission<'_>, spec: &mut ApiPodSpec) -> Result<Overhead, Box<Refusal>> {
    let Some(name) = spec.runtime_class_name.clone() else {
        return Ok(if spec.overhead.is_some() { Overhead::AsWritten } else { Overhead::Explained });
    };
    let Some(class) = admission.runtime_classes.get(name.as_str()) else {
        let mut refusal = Refusal::new(PLUGIN, format!("pod rejected: RuntimeClass {name:?} not found"));
        refusal.cause = RefusalCause::RuntimeClassNotInInput(name);
        return Err(refusal.about("runtimeClassName"));
    };
    set_overhead(class, spec)?;
    set_scheduling(class, spec)?;
    Ok(Overhead::Explained)
}

/// Refuses an overhead that the pod's class does not have. Without a class see [`Overhead::AsWritten`].
pub(super) fn validate(admission: &Admission<'_>, spec: &ApiPodSpec) -> Result<(), Box<Refusal>> {
    let class = spec.runtime_class_name.as_deref().and_then(|name| admission.runtime_classes.get(name));
    if class.is_none_or(|class| class.overhead.is_some()) || spec.overhead.is_none() {
        return Ok(());
    }
    let reason = "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead";
    Err(Refusal::new(PLUGIN, reason).about("overhead"))
}

fn set_overhead(class: &RuntimeClass, spec: &mut ApiPodSpec) -> Result<(), Box<Refusal>> {
    let written = spec.overhead.as_ref().filter(|overhead| !overhead.is_empty());
    let Some(overhead) = &class.overhead else { return Ok(()) };
    let fixed = requests::amounts(overhead.pod_fixed.as_ref());
    if written.is_some_and(|written| requests::amounts(Some(written)) != fixed) {
        let reason = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";
        return Err(Refusal::new(PLUGIN, reason).about("overhead"));
    }
    spec.overhead.clone_from(&overhead.pod_fixed);
    Ok(())
}

fn set_scheduling(class: &RuntimeClass, spec: &mut ApiPodSpec) -> Result<(), Box<Refusal>> {
    let Some(scheduling) = &class.scheduling else { return Ok(()) };
    for (key, value) in scheduling.node_selector.iter().flatten() {
        let own = spec.node_selector.get_or_insert_default().entry(key.clone()).or_insert_with(|| value.clone());
        if own != value {
            let reason = format!(
                "conflict: runtimeClass.scheduling.nodeSelector[{key}] = {value}; pod.spec.nodeSelector[{key}] = {own}"
            );
            return Err(Refusal::new(PLUGIN, reason).about(&format!("nodeSelector[{key}]")));
        }
    }
    let added = scheduling.tolerations.as_deref().unwrap_or_default();
    spec.tolerations = Some(tolerations::merged(spec.tolerations.as_deref().unwrap_or_default(), added));
    Ok(())
}
