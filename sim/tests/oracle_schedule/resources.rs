//! Quantities, and what a pod requests. Source: `staging:component-helpers/resource/helpers.go`.

use std::collections::BTreeMap;

use quorate_sim::cluster::{NonZeroRequests, Resources};
use serde_json::Value;

/// Amounts by name: CPU in thousandths, everything else in whole units, both rounded up.
pub(crate) type Amounts = BTreeMap<String, i64>;

/// Reads a Kubernetes quantity, in thousandths.
fn thousandths(text: &str) -> i128 {
    let split = text.find(|character: char| !character.is_ascii_digit() && !"+-.".contains(character));
    let (number, suffix) = text.split_at(split.unwrap_or(text.len()));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits: i128 = format!("{whole}{fraction}").parse().unwrap();
    let scale = 10_i128.pow(u32::try_from(fraction.len()).unwrap());
    let (multiplier, divisor) = match suffix {
        "m" => (1, 1),
        "" => (1000, 1),
        "k" => (1_000_000, 1),
        "M" => (1_000_000_000, 1),
        "G" => (1_000_000_000_000, 1),
        "Ki" => (1000 << 10, 1),
        "Mi" => (1000 << 20, 1),
        "Gi" => (1000 << 30, 1),
        other => panic!("quantity suffix {other}"),
    };
    let numerator: i128 = digits * multiplier;
    let denominator: i128 = scale * divisor;
    (numerator + denominator - 1).div_euclid(denominator)
}

/// Reads a resource list.
pub(crate) fn amounts(list: &Value) -> Amounts {
    let pairs = list.as_object().into_iter().flatten();
    pairs
        .map(|(name, quantity)| {
            let text = quantity.as_str().map_or_else(|| quantity.to_string(), str::to_owned);
            let value = thousandths(&text);
            let amount = if name == "cpu" { value } else { (value + 999).div_euclid(1000) };
            (name.clone(), i64::try_from(amount).unwrap())
        })
        .collect()
}

/// As the scheduler counts them; `pods` and names that it does not know are left out.
pub(crate) fn resources(amounts: &Amounts, mut intern: impl FnMut(&str) -> quorate_sim::cluster::Symbol) -> Resources {
    let get = |name: &str| amounts.get(name).copied().unwrap_or(0);
    let scalar = |name: &&String| name.contains('/') || name.starts_with("hugepages-");
    Resources {
        cpu_milli: get("cpu"),
        memory_bytes: get("memory"),
        ephemeral_storage_bytes: get("ephemeral-storage"),
        scalar: amounts.keys().filter(scalar).map(|name| (intern(name), get(name))).collect(),
    }
}

/// What NonMissingContainerRequests and the status change in the sum.
#[derive(Clone, Default)]
pub(crate) struct Options {
    /// Taken for a container without a request.
    pub defaults: Amounts,
    /// Requests of resized containers count as their status says.
    pub use_status: bool,
    /// Requests given for the whole pod do not count.
    pub skip_pod_level: bool,
}

fn add(to: &mut Amounts, other: &Amounts) {
    for (name, amount) in other {
        *to.entry(name.clone()).or_insert(0) += amount;
    }
}

fn raise(to: &mut Amounts, other: &Amounts) {
    for (name, amount) in other {
        let entry = to.entry(name.clone()).or_insert(*amount);
        *entry = (*entry).max(*amount);
    }
}

/// Requests of a container, after the API server has defaulted them to the limits.
fn defaulted_requests(container: &Value) -> Amounts {
    let mut requests = amounts(&container["resources"]["limits"]);
    requests.extend(amounts(&container["resources"]["requests"]));
    requests
}

fn container_requests(pod: &Value, container: &Value, options: &Options, resizable: bool) -> Amounts {
    let mut requests = defaulted_requests(container);
    let statuses = ["containerStatuses", "initContainerStatuses"].map(|list| pod["status"][list].as_array());
    let mut statuses = statuses.into_iter().flatten().flatten();
    let status = statuses.find(|status| status["name"] == container["name"] && !status["resources"].is_null());
    if let (true, true, Some(status)) = (options.use_status, resizable, status) {
        let infeasible = pod["status"]["conditions"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|condition| condition["type"] == "PodResizePending")
            .is_some_and(|condition| condition["reason"] == "Infeasible");
        if infeasible {
            requests.clear();
        }
        raise(&mut requests, &amounts(&status["resources"]["requests"]));
        raise(&mut requests, &amounts(&status["allocatedResources"]));
    }
    for (name, amount) in &options.defaults {
        requests.entry(name.clone()).or_insert(*amount);
    }
    requests
}

fn aggregate(pod: &Value, of: impl Fn(&Value, bool) -> Amounts) -> Amounts {
    let mut sum = Amounts::new();
    for container in pod["spec"]["containers"].as_array().into_iter().flatten() {
        add(&mut sum, &of(container, true));
    }
    let (mut sidecars, mut initial) = (Amounts::new(), Amounts::new());
    for container in pod["spec"]["initContainers"].as_array().into_iter().flatten() {
        let restartable = container["restartPolicy"] == "Always";
        let own = of(container, restartable);
        if restartable {
            add(&mut sum, &own);
            add(&mut sidecars, &own);
            raise(&mut initial, &sidecars);
        } else {
            let mut with_sidecars = own;
            add(&mut with_sidecars, &sidecars);
            raise(&mut initial, &with_sidecars);
        }
    }
    raise(&mut sum, &initial);
    sum
}

fn supported_at_pod_level(name: &str) -> bool {
    name == "cpu" || name == "memory" || name.starts_with("hugepages-")
}

/// `spec.resources.requests` after the API server's defaults.
fn pod_level_requests(pod: &Value) -> Amounts {
    let resources = &pod["spec"]["resources"];
    let (mut requests, mut limits) = (amounts(&resources["requests"]), amounts(&resources["limits"]));
    if requests.is_empty() && limits.is_empty() {
        return requests;
    }
    for (name, amount) in aggregate(pod, |container, _| amounts(&container["resources"]["limits"])) {
        if name.starts_with("hugepages-") && !requests.contains_key(&name) {
            limits.entry(name).or_insert(amount);
        }
    }
    if !limits.is_empty() {
        for (name, amount) in aggregate(pod, |container, _| defaulted_requests(container)) {
            if name == "cpu" || name == "memory" {
                requests.entry(name).or_insert(amount);
            }
        }
        for (name, amount) in limits.into_iter().filter(|(name, _)| supported_at_pod_level(name)) {
            requests.entry(name).or_insert(amount);
        }
    }
    requests
}

/// What the scheduler counts for `pod`.
pub(crate) fn pod_requests(pod: &Value, options: &Options) -> Amounts {
    let mut sum = aggregate(pod, |container, resizable| container_requests(pod, container, options, resizable));
    if !options.skip_pod_level {
        sum.extend(pod_level_requests(pod).into_iter().filter(|(name, _)| supported_at_pod_level(name)));
    }
    add(&mut sum, &amounts(&pod["spec"]["overhead"]));
    sum
}

/// A container without a request counts this much for the least-allocated score.
fn defaults() -> Amounts {
    Amounts::from([("cpu".to_owned(), 100), ("memory".to_owned(), 200 << 20)])
}

fn non_zero(pod: &Value, options: &Options) -> NonZeroRequests {
    let requests = pod_requests(pod, options);
    let get = |name: &str| requests.get(name).copied().unwrap_or(0);
    NonZeroRequests { cpu_milli: get("cpu"), memory_bytes: get("memory") }
}

/// What the least-allocated score counts for `pod` on its node: with requests for the whole pod the defaults stand only in for
/// a resource that nobody requests.
pub(crate) fn non_zero_requests(pod: &Value) -> NonZeroRequests {
    let mut defaults = defaults();
    if !pod_level_requests(pod).is_empty() {
        let requests = pod_requests(pod, &Options { use_status: true, ..Options::default() });
        defaults.retain(|name, _| !requests.contains_key(name));
    }
    non_zero(pod, &Options { defaults, use_status: true, ..Options::default() })
}

/// What it counts for `pod` while it is being placed.
pub(crate) fn non_zero_requests_while_placed(pod: &Value) -> NonZeroRequests {
    non_zero(pod, &Options { defaults: defaults(), skip_pod_level: true, ..Options::default() })
}
