//! The cluster's scheduler.

use serde::{Deserialize, Serialize};

/// How the cluster's scheduler is configured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Scheduler {
    /// The file with its KubeSchedulerConfiguration, relative to this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration: Option<String>,
}
