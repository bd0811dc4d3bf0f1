//! Values of autoscalers' metrics.

use quorate_sim::cluster::{AutoscalerId, ClusterState, MetricLoad, MetricTarget, Symbol};

use super::file::SetMetric;
use crate::manifest::decode::parse_quantity;

/// Which metric of which autoscaler gets which value.
pub(super) struct Given {
    pub(super) autoscaler: AutoscalerId,
    pub(super) metric: Symbol,
    pub(super) load: MetricLoad,
    /// `averageUtilization 90`.
    pub(super) text: String,
}

/// The metric has this value from the beginning.
pub(super) fn set(state: &mut ClusterState, given: &Given) {
    if let Some(own) = state.autoscalers.get_mut(&given.autoscaler) {
        for metric in own.metrics.iter_mut().filter(|metric| metric.name == given.metric) {
            metric.load = Some(given.load);
        }
    }
}

/// Reads a value. The error names the field that is wrong, and says what is.
pub(super) fn read(state: &ClusterState, own: &SetMetric, namespace: &str) -> Result<Given, (&'static str, String)> {
    let (autoscaler, found) = find(state, &own.horizontal_pod_autoscaler, namespace)?;
    let metrics = &state.autoscalers.get(&autoscaler).map(|own| own.metrics.as_slice()).unwrap_or_default();
    let metric = metrics.iter().find(|metric| state.names.text(metric.name) == own.metric).ok_or_else(|| {
        let known: Vec<&str> = metrics.iter().map(|metric| state.names.text(metric.name)).collect();
        ("metric", format!("{found} has no metric {}; its metrics are {}", own.metric, known.join(", ")))
    })?;
    let (field, load, text) = match (own.average_utilization, &own.usage, &own.value) {
        (Some(percent), None, None) => {
            ("averageUtilization", MetricLoad::Utilization(i64::from(percent)), format!("averageUtilization {percent}"))
        }
        (None, Some(usage), None) => {
            ("usage", MetricLoad::Usage(milli("usage", usage)?), format!("usage {}", plain(usage)))
        }
        (None, None, Some(value)) => {
            ("value", MetricLoad::Total(milli("value", value)?), format!("value {}", plain(value)))
        }
        (None, None, None) | (Some(_), Some(_), _) | (Some(_), _, Some(_)) | (_, Some(_), Some(_)) => {
            return Err((
                "",
                "give one of averageUtilization, usage (of each pod) and value (of all together)".to_owned(),
            ));
        }
    };
    let fits = match metric.target {
        MetricTarget::Utilization(..) | MetricTarget::ResourceValue(..) => true,
        MetricTarget::PodsValue(_) => !matches!(load, MetricLoad::Utilization(_)),
        MetricTarget::Value(_) | MetricTarget::AverageValue(_) => matches!(load, MetricLoad::Total(_)),
        MetricTarget::NotModelled => {
            return Err(("metric", format!("{} is a metric of single containers, which is not modelled", own.metric)));
        }
    };
    if !fits {
        return Err((field, format!("{} is measured for all pods together or as an amount: give value", own.metric)));
    }
    Ok(Given { autoscaler, metric: metric.name, load, text })
}

fn find(state: &ClusterState, text: &str, namespace: &str) -> Result<(AutoscalerId, String), (&'static str, String)> {
    let (namespace, name) = text.split_once('/').unwrap_or((namespace, text));
    let shown = |id: &AutoscalerId| {
        state.autoscalers.get(id).map_or_else(String::new, |own| {
            format!("{}/{}", state.names.text(own.namespace), state.names.text(own.name))
        })
    };
    let wanted = format!("{namespace}/{name}");
    match state.autoscalers.keys().find(|id| shown(id) == wanted) {
        Some(id) => Ok((*id, format!("horizontalpodautoscaler/{wanted}"))),
        None => {
            let known: Vec<String> = state.autoscalers.keys().map(shown).collect();
            let known = if known.is_empty() {
                "the input holds none".to_owned()
            } else {
                format!("there are {}", known.join(", "))
            };
            Err(("horizontalPodAutoscaler", format!("there is no HorizontalPodAutoscaler {wanted}; {known}")))
        }
    }
}

fn plain(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn milli(field: &'static str, value: &serde_json::Value) -> Result<i64, (&'static str, String)> {
    let text = plain(value);
    let amount = parse_quantity(&text).ok().and_then(|amount| i64::try_from(amount.milli()).ok());
    amount.filter(|amount| *amount >= 0).ok_or_else(|| {
        (field, format!("{text:?} is no amount that could be measured; write for example 450m, 12 or 2Gi"))
    })
}
