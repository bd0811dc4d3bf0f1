//! DefaultTolerationSeconds (`plugin/pkg/admission/defaulttolerationseconds`), and tolerations of two origins merged
//! (`pkg/util/tolerations/tolerations.go`).

use k8s_openapi::api::core::v1::{PodSpec as ApiPodSpec, Toleration as ApiToleration};

/// How long a pod stays on a node that is not ready or unreachable when it says nothing, in seconds
/// (kube-apiserver `--default-not-ready-toleration-seconds`).
const DEFAULT_TOLERATION_SECONDS: i64 = 300;

/// Adds the tolerations of not-ready and unreachable nodes for 300 s, where the pod says nothing about them.
pub(in crate::model) fn add_default_tolerations(spec: &mut ApiPodSpec) {
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let says = |toleration: &ApiToleration| {
            matches!(toleration.key.as_deref().unwrap_or_default(), own if own.is_empty() || own == key)
                && matches!(toleration.effect.as_deref(), None | Some("" | "NoExecute"))
        };
        let tolerations = spec.tolerations.get_or_insert_default();
        if !tolerations.iter().any(says) {
            tolerations.push(ApiToleration {
                key: Some(key.to_owned()),
                operator: Some("Exists".to_owned()),
                effect: Some("NoExecute".to_owned()),
                toleration_seconds: Some(DEFAULT_TOLERATION_SECONDS),
                value: None,
            });
        }
    }
}

/// Both lists as one, without those that another one covers.
pub(super) fn merged(first: &[ApiToleration], second: &[ApiToleration]) -> Vec<ApiToleration> {
    let all: Vec<&ApiToleration> = first.iter().chain(second).collect();
    let mut merged: Vec<ApiToleration> = Vec::new();
    for (index, one) in all.iter().enumerate() {
        let is_covered = merged.iter().any(|other| covers(other, one))
            || all.iter().skip(index + 1).any(|later| later != one && covers(later, one));
        if !is_covered {
            merged.push((*one).clone());
        }
    }
    merged
}

/// Whether `wide` tolerates all that `narrow` does.
fn covers(wide: &ApiToleration, narrow: &ApiToleration) -> bool {
    let text = |text: &Option<String>| text.as_deref().unwrap_or_default().to_owned();
    if wide == narrow {
        return true;
    }
    let every_key = text(&wide.key).is_empty() && text(&wide.operator) == "Exists";
    if text(&narrow.key) != text(&wide.key) && !every_key {
        return false;
    }
    if text(&narrow.effect) != text(&wide.effect) && !text(&wide.effect).is_empty() {
        return false;
    }
    if text(&wide.effect) == "NoExecute"
        && let Some(seconds) = wide.toleration_seconds
        && narrow.toleration_seconds.is_none_or(|other| other > seconds)
    {
        return false;
    }
    match text(&wide.operator).as_str() {
        "" | "Equal" => text(&narrow.operator) == "Equal" && text(&narrow.value) == text(&wide.value),
        operator => operator == "Exists",
    }
}
