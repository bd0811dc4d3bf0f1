//! Priority: the number and the preemption policy of a PriorityClass. Source: `plugin/pkg/admission/priority/admission.go`.

use k8s_openapi::api::core::v1::PodSpec as ApiPodSpec;
use k8s_openapi::api::scheduling::v1::PriorityClass;

use super::chain::Admission;
use super::refusal::{Refusal, RefusalCause};

const PLUGIN: &str = "Priority";
const PREEMPT_LOWER_PRIORITY: &str = "PreemptLowerPriority";
/// The classes that every cluster has (`pkg/apis/scheduling/helpers.go`, `SystemPriorityClasses`).
const SYSTEM_CLASSES: [(&str, i32); 2] =
    [("system-cluster-critical", 2_000_000_000), ("system-node-critical", 2_000_001_000)];

/// Sets priority and preemption policy.
pub(super) fn admit(admission: &Admission<'_>, spec: &mut ApiPodSpec) -> Result<(), Box<Refusal>> {
    let (priority, policy) = established(admission, spec)?;
    if let Some(written) = spec.priority.filter(|written| *written != priority) {
        let reason = format!(
            "the integer value of priority ({written}) must not be provided in pod spec; priority admission controller \
             computed {priority} from the given PriorityClass name"
        );
        return Err(Refusal::new(PLUGIN, reason).about("priority"));
    }
    spec.priority = Some(priority);
    if let Some(policy) = policy {
        if let Some(written) = spec.preemption_policy.as_ref().filter(|written| **written != policy) {
            let reason = format!(
                "the string value of PreemptionPolicy ({written}) must not be provided in pod spec; priority admission \
                 controller computed {policy} from the given PriorityClass name"
            );
            return Err(Refusal::new(PLUGIN, reason).about("preemptionPolicy"));
        }
        spec.preemption_policy = Some(policy);
    }
    Ok(())
}

fn established(admission: &Admission<'_>, spec: &mut ApiPodSpec) -> Result<(i32, Option<String>), Box<Refusal>> {
    let of_class = |class: &PriorityClass| (class.value.unwrap_or(0), class.preemption_policy.clone());
    let Some(name) = spec.priority_class_name.clone().filter(|name| !name.is_empty()) else {
        let Some((name, class)) = global_default(admission) else {
            return Ok((0, Some(PREEMPT_LOWER_PRIORITY.to_owned())));
        };
        spec.priority_class_name = Some(name.to_owned());
        return Ok(of_class(class));
    };
    if let Some(class) = admission.priority_classes.get(name.as_str()) {
        return Ok(of_class(class));
    }
    if let Some((_, value)) = SYSTEM_CLASSES.iter().find(|(own, _)| *own == name) {
        return Ok((*value, Some(PREEMPT_LOWER_PRIORITY.to_owned())));
    }
    let mut refusal = Refusal::new(PLUGIN, format!("no PriorityClass with name {name} was found"));
    refusal.cause = RefusalCause::PriorityClassNotInInput(name);
    Err(refusal.about("priorityClassName"))
}

/// Of several the one of the lowest value.
fn global_default<'a>(admission: &Admission<'a>) -> Option<(&'a str, &'a PriorityClass)> {
    let defaults = admission.priority_classes.iter().filter(|(_, class)| class.global_default == Some(true));
    defaults.min_by_key(|(_, class)| class.value).map(|(name, class)| (*name, *class))
}
