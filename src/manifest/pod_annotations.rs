//! Annotations of pods that Kubernetes reads, and those that declare what a manifest has no field for.

/// How dear a pod is to its ReplicaSet: the lower goes first when there are too many.
pub const POD_DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

/// How long a pod takes from its start until it is ready, in seconds: read by this program alone.
pub const STARTUP_SECONDS: &str = "quorate.dev/startup-seconds";
/// How long it takes from the beginning of its deletion until it has stopped, in seconds; at most its grace period.
pub const SHUTDOWN_SECONDS: &str = "quorate.dev/shutdown-seconds";

/// The number of the annotation [`POD_DELETION_COST`]; `None` when the API server refuses it: a 32-bit integer without `+` and leading zeros.
/// Source: `GetDeletionCostFromPodAnnotations` in `pkg/apis/core/helper/helpers.go`.
#[must_use]
pub fn pod_deletion_cost(text: &str) -> Option<i32> {
    let is_plain = match text.as_bytes() {
        [b'-', ..] | [b'1'..=b'9', ..] => true,
        other => other == b"0",
    };
    is_plain.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_read_as_the_api_server_reads_them() {
        let numbers = [("0", 0), ("-0", 0), ("-007", -7), ("12", 12), ("-2147483648", i32::MIN)];
        for (text, cost) in numbers {
            assert_eq!(pod_deletion_cost(text), Some(cost), "{text}");
        }
        for text in ["", "+1", "08", "1.5", "2147483648", "x", " 1"] {
            assert_eq!(pod_deletion_cost(text), None, "{text}");
        }
    }
}
