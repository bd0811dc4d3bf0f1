//! LimitRanger: requests and limits by default; the least, the most, and the ratio of limit to request.
//! Source: `plugin/pkg/admission/limitranger/admission.go`.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, LimitRange, LimitRangeItem, PodSpec as ApiPodSpec};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;

use super::refusal::Refusal;
use crate::manifest::decode::ParsedQuantity;
use crate::manifest::{FieldPath, ObjectId};
use crate::model::requests::{self, Sum};

const PLUGIN: &str = "LimitRanger";

type Amounts = BTreeMap<String, ApiQuantity>;

/// Fills in what containers leave out. The LimitRange has its own defaults already: `default` from `max`, `defaultRequest`
/// from `default` and then from `min`.
pub(super) fn mutate(range: &LimitRange, spec: &mut ApiPodSpec) {
    let items = range.spec.iter().flat_map(|spec| &spec.limits).filter(|item| item.type_ == "Container");
    for item in items {
        let containers = spec.containers.iter_mut().chain(spec.init_containers.iter_mut().flatten());
        for container in containers {
            let resources = container.resources.get_or_insert_default();
            fill_missing(resources.limits.get_or_insert_default(), item.default.as_ref());
            fill_missing(resources.requests.get_or_insert_default(), item.default_request.as_ref());
        }
    }
}

fn fill_missing(amounts: &mut Amounts, defaults: Option<&Amounts>) {
    for (name, amount) in defaults.into_iter().flatten() {
        amounts.entry(name.clone()).or_insert_with(|| amount.clone());
    }
}

/// Everything in which the pod is outside of the range.
pub(super) fn validate(id: ObjectId, range: &LimitRange, spec: &ApiPodSpec) -> Result<(), Box<Refusal>> {
    let mut violations = Violations::default();
    for (index, item) in range.spec.iter().flat_map(|spec| &spec.limits).enumerate() {
        let at = FieldPath::parse("spec.limits").index(index);
        match item.type_.as_str() {
            "Container" => containers(item, &at, spec, &mut violations),
            "Pod" => {
                let (requests, limits) = (pod_sum(spec, Side::Requests), pod_sum(spec, Side::Limits));
                let field = if spec.resources.is_some() { "resources" } else { "containers" };
                check(item, &at, &Measured { requests, limits, field: FieldPath::parse(field) }, &mut violations);
            }
            _ => {}
        }
    }
    if violations.reasons.is_empty() {
        return Ok(());
    }
    let mut refusal = Refusal::new(PLUGIN, "");
    refusal.reasons = violations.reasons;
    refusal.fields = violations.fields;
    refusal.fields.dedup();
    refusal.against = violations.bound.map(|bound| (id, bound));
    Err(refusal)
}

#[derive(Default)]
struct Violations {
    reasons: Vec<String>,
    fields: Vec<FieldPath>,
    /// The first bound that is violated.
    bound: Option<FieldPath>,
}

/// What is compared with an item of a range.
struct Measured {
    requests: Sum,
    limits: Sum,
    /// Where it stands in the pod's specification.
    field: FieldPath,
}

fn containers(item: &LimitRangeItem, at: &FieldPath, spec: &ApiPodSpec, violations: &mut Violations) {
    let init = spec.init_containers.as_deref().unwrap_or_default();
    for (list, members) in [("containers", spec.containers.as_slice()), ("initContainers", init)] {
        for (index, container) in members.iter().enumerate() {
            let of = |side| requests::amounts(side_of(container, side));
            let field = FieldPath::root().key(list).index(index).key("resources");
            let measured = Measured { requests: of(Side::Requests), limits: of(Side::Limits), field };
            check(item, at, &measured, violations);
        }
    }
}

#[derive(Clone, Copy)]
enum Side {
    Requests,
    Limits,
}

fn side_of(container: &Container, side: Side) -> Option<&Amounts> {
    let resources = container.resources.as_ref()?;
    match side {
        Side::Requests => resources.requests.as_ref(),
        Side::Limits => resources.limits.as_ref(),
    }
}

/// The pod's sum; here only CPU and memory of the pod as a whole take the place of its containers', and overhead is no part.
fn pod_sum(spec: &ApiPodSpec, side: Side) -> Sum {
    let mut sum = requests::folded(spec, |container| requests::amounts(side_of(container, side)));
    let whole = spec.resources.as_ref().and_then(|resources| match side {
        Side::Requests => resources.requests.as_ref(),
        Side::Limits => resources.limits.as_ref(),
    });
    let whole = requests::amounts(whole).into_iter();
    sum.extend(whole.filter(|(name, _)| matches!(name.as_str(), "cpu" | "memory")));
    sum
}

fn check(item: &LimitRangeItem, at: &FieldPath, measured: &Measured, violations: &mut Violations) {
    let lists: [(&str, Option<&Amounts>, Bound); 3] = [
        ("min", item.min.as_ref(), least),
        ("max", item.max.as_ref(), most),
        ("maxLimitRequestRatio", item.max_limit_request_ratio.as_ref(), ratio),
    ];
    for (key, list, bound) in lists {
        for (name, enforced) in requests::amounts(list) {
            let request = measured.requests.get(&name).copied();
            let limit = measured.limits.get(&name).copied();
            let Some(reason) = bound(&format!("{name} {{}} per {}", item.type_), enforced, request, limit) else {
                continue;
            };
            violations.reasons.push(reason);
            violations.fields.push(measured.field.clone());
            violations.bound.get_or_insert_with(|| at.key(key).key(&name));
        }
    }
}

/// What is wrong, given `cpu {} per Container`, the bound, the request and the limit.
type Bound = fn(&str, ParsedQuantity, Option<ParsedQuantity>, Option<ParsedQuantity>) -> Option<String>;

fn least(
    what: &str,
    enforced: ParsedQuantity,
    request: Option<ParsedQuantity>,
    limit: Option<ParsedQuantity>,
) -> Option<String> {
    let what = format!("minimum {} is {}", what.replace("{}", "usage"), enforced.canonical());
    match (request, limit) {
        (None, _) => Some(format!("{what}.  No request is specified")),
        (Some(request), _) if request < enforced => Some(format!("{what}, but request is {}", request.canonical())),
        (Some(_), Some(limit)) if limit < enforced => Some(format!("{what}, but limit is {}", limit.canonical())),
        (Some(_), Some(_) | None) => None,
    }
}

fn most(
    what: &str,
    enforced: ParsedQuantity,
    request: Option<ParsedQuantity>,
    limit: Option<ParsedQuantity>,
) -> Option<String> {
    let what = format!("maximum {} is {}", what.replace("{}", "usage"), enforced.canonical());
    match (limit, request) {
        (None, _) => Some(format!("{what}.  No limit is specified")),
        (Some(limit), _) if limit > enforced => Some(format!("{what}, but limit is {}", limit.canonical())),
        (Some(_), Some(request)) if request > enforced => {
            Some(format!("{what}, but request is {}", request.canonical()))
        }
        (Some(_), Some(_) | None) => None,
    }
}

fn ratio(
    what: &str,
    enforced: ParsedQuantity,
    request: Option<ParsedQuantity>,
    limit: Option<ParsedQuantity>,
) -> Option<String> {
    let what = format!("{} is {}", what.replace("{}", "max limit to request ratio"), enforced.canonical());
    let positive = |amount: Option<ParsedQuantity>| amount.map(ParsedQuantity::milli).filter(|milli| *milli != 0);
    let Some(request) = positive(request) else {
        return Some(format!("{what}, but no request is specified or request is 0"));
    };
    let Some(limit) = positive(limit) else {
        return Some(format!("{what}, but no limit is specified or limit is 0"));
    };
    // limit / request > enforced, without division.
    let is_above = limit.saturating_mul(1000) > enforced.milli().saturating_mul(request);
    #[expect(clippy::cast_precision_loss, reason = "shown with six digits")]
    let provided = limit as f64 / request as f64;
    is_above.then(|| format!("{what}, but provided ratio is {provided:.6}"))
}
