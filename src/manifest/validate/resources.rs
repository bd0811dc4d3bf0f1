//! Requests and limits (`ValidateContainerResourceRequirements` in `pkg/apis/core/validation/validation.go`).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::manifest::decode::parse_quantity;

use super::at::At;
use super::labels::key_problem;
use super::verdict::Verdict;

/// Requests are not above limits, and nothing is negative.
pub(super) fn resources(verdict: &mut Verdict<'_, '_>, at: &At<'_>, resources: &ResourceRequirements) {
    let (requests_at, limits_at) = (at.key("requests"), at.key("limits"));
    amounts(verdict, &limits_at, resources.limits.as_ref());
    amounts(verdict, &requests_at, resources.requests.as_ref());
    for (name, request) in resources.requests.iter().flatten() {
        let at = requests_at.key(name);
        let limit = resources.limits.as_ref().and_then(|limits| limits.get(name));
        let Some(limit) = limit else {
            if !is_overcommittable(name) {
                verdict.invalid(&at, &format!("needs a limit too: {name} cannot be shared"));
            }
            continue;
        };
        let (Ok(asked), Ok(most)) = (parse_quantity(&request.0), parse_quantity(&limit.0)) else { continue };
        let limit_at = limits_at.key(name);
        if asked > most {
            let message = format!("the request of {} is more than the limit of {}", request.0, limit.0);
            verdict.invalid_given(&at, &[(&limit_at, "the limit")], &message);
        } else if asked < most && !is_overcommittable(name) {
            let message = format!("must equal the limit of {}: {name} cannot be shared", limit.0);
            verdict.invalid_given(&at, &[(&limit_at, "the limit")], &message);
        }
    }
}

fn amounts(verdict: &mut Verdict<'_, '_>, at: &At<'_>, list: Option<&BTreeMap<String, Quantity>>) {
    for (name, quantity) in list.into_iter().flatten() {
        let at = at.key(name);
        if parse_quantity(&quantity.0).is_ok_and(crate::manifest::decode::ParsedQuantity::is_negative) {
            verdict.invalid(&at, &format!("must not be negative, and is {}", quantity.0));
        }
        let is_plain =
            matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage") || name.starts_with("hugepages-");
        if !name.contains('/') && !is_plain {
            let message = format!(
                "there is no resource {name:?}; others than cpu, memory, ephemeral-storage and hugepages-* \
                 have a prefix, such as example.com/"
            );
            verdict.invalid(&at, &message);
        } else if let Some(problem) = key_problem(name) {
            verdict.invalid(&at, &problem);
        }
    }
}

/// Whether a node may have less than its pods' limits add up to.
fn is_overcommittable(name: &str) -> bool {
    let is_native =
        !name.contains('/') || name.split_once('/').is_some_and(|(prefix, _)| prefix.ends_with("kubernetes.io"));
    is_native && !name.starts_with("hugepages-")
}
