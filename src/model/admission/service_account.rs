//! ServiceAccount: the account that a pod runs as must exist. Source: `plugin/pkg/admission/serviceaccount/admission.go`.

use k8s_openapi::api::core::v1::PodSpec as ApiPodSpec;

use super::chain::Admission;
use super::refusal::Refusal;

const PLUGIN: &str = "ServiceAccount";
/// Every namespace of a cluster has this one.
const DEFAULT: &str = "default";

/// Refuses a pod whose account does not exist. The input says which there are if it holds the namespace's `default`.
pub(super) fn admit(admission: &Admission<'_>, namespace: &str, spec: &ApiPodSpec) -> Result<(), Box<Refusal>> {
    let Some(accounts) = admission.service_accounts.get(namespace) else { return Ok(()) };
    let name = spec.service_account_name.as_deref().filter(|name| !name.is_empty()).unwrap_or(DEFAULT);
    if !accounts.contains(DEFAULT) || accounts.contains(name) {
        return Ok(());
    }
    let reason = format!("error looking up service account {namespace}/{name}: serviceaccount \"{name}\" not found");
    Err(Refusal::new(PLUGIN, reason).about("serviceAccountName"))
}
