//! Labels and selectors.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector as ApiSelector;
use quorate_sim::cluster::{ClusterState, LabelSelector, Labels, Namespace, Operator, Requirement, Symbol};

/// Labels of an object.
pub(super) fn labels(state: &mut ClusterState, labels: Option<&BTreeMap<String, String>>) -> Labels {
    labels.into_iter().flatten().map(|(key, value)| (state.intern(key), state.intern(value))).collect()
}

/// A namespace; the API server labels each with its name.
pub(super) fn namespace(state: &mut ClusterState, name: Symbol, own: Option<&BTreeMap<String, String>>) -> Namespace {
    let mut labels = labels(state, own);
    labels.insert(Symbol::NAMESPACE_NAME_LABEL, name);
    Namespace { labels }
}

/// A label selector. An operator that is not known matches nothing, as an invalid object would never be created.
pub(super) fn selector(state: &mut ClusterState, selector: &ApiSelector) -> LabelSelector {
    let mut requirements = Vec::new();
    for (key, value) in selector.match_labels.iter().flatten() {
        let operator = Operator::In(vec![state.intern(value)]);
        requirements.push(Requirement { key: state.intern(key), operator });
    }
    for expression in selector.match_expressions.iter().flatten() {
        let values: Vec<_> = expression.values.iter().flatten().map(|value| state.intern(value)).collect();
        let operator = match expression.operator.as_str() {
            "NotIn" => Operator::NotIn(values),
            "Exists" => Operator::Exists,
            "DoesNotExist" => Operator::DoesNotExist,
            "In" => Operator::In(values),
            _ => Operator::In(Vec::new()),
        };
        requirements.push(Requirement { key: state.intern(&expression.key), operator });
    }
    LabelSelector { requirements }
}

/// A label selector of something that is no object of the cluster.
pub fn label_selector(state: &mut ClusterState, own: &ApiSelector) -> LabelSelector {
    selector(state, own)
}

/// A selector that is a plain map, as a Service's; `None` or an empty one selects nothing.
pub(super) fn map_selector(
    state: &mut ClusterState,
    selector: Option<&BTreeMap<String, String>>,
) -> Option<LabelSelector> {
    let selector = selector.filter(|selector| !selector.is_empty())?;
    let requirements = selector
        .iter()
        .map(|(key, value)| Requirement { operator: Operator::In(vec![state.intern(value)]), key: state.intern(key) })
        .collect();
    Some(LabelSelector { requirements })
}
