//! Who may do what, and how secrets are kept.

use serde::{Deserialize, Serialize};

use super::{LabelKey, Period};

/// What a role of people may do in the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AccessRole {
    /// Users and groups as RBAC names them, `group:NAME`, `user:NAME` or `serviceaccount:NAMESPACE/NAME`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<String>,
    /// All that they may do; empty for no access.
    pub may: Vec<Permission>,
    /// What must be given before they may.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<AccessCondition>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
}

/// Something that people may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Permission {
    /// Log in to nodes as root.
    Ssh,
    /// Do anything with the Kubernetes API.
    KubectlFull,
    /// Read from the Kubernetes API, Secrets excepted.
    KubectlRead,
    /// Read logs of pods.
    Logs,
}

/// Something that must be given before access is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AccessCondition {
    /// A connection to the private network.
    Vpn,
    /// A key that was authorized before.
    AuthorizedSshKey,
    /// A kubeconfig that is handed out in person.
    RestrictedKubeconfig,
}

/// How secrets are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Secrets {
    /// Where workloads get them from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<SecretStorage>,
    /// How they are protected where they are written down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sealing: Option<SecretSealing>,
    /// The longest that a secret stays the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation: Option<Period>,
    /// The annotation that carries the date (YYYY-MM-DD) of the last rotation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotated_at_annotation: Option<LabelKey>,
}

/// Where workloads get secrets from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SecretStorage {
    /// Kubernetes Secrets.
    KubernetesSecrets,
    /// A store outside the cluster.
    ExternalStore,
}

/// How secrets are protected where they are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SecretSealing {
    /// Bitnami Sealed Secrets: only the cluster can open them.
    SealedSecrets,
    /// References to an outside store (External Secrets).
    ExternalSecrets,
    /// Files encrypted with SOPS.
    Sops,
    /// Not at all.
    None,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_role_without_permissions_has_no_access() {
        let developers: AccessRole = serde_json::from_value(json!({"may": []})).unwrap();
        assert_eq!(developers, AccessRole::default());
        let devops: AccessRole =
            serde_json::from_value(json!({"may": ["ssh", "kubectlFull"], "requires": ["vpn", "authorizedSshKey"]}))
                .unwrap();
        assert_eq!(devops.may, [Permission::Ssh, Permission::KubectlFull]);
    }
}
