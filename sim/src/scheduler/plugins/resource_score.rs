//! Amounts of one resource, as the plugins that score resources see them. Source: `plugins/noderesources/resource_allocation.go`.

use crate::cluster::Resources;
use crate::scheduler::configuration::ScoredName;

/// How much of `name` there is in `resources`.
pub(super) fn amount(resources: &Resources, name: ScoredName) -> i64 {
    match name {
        ScoredName::Cpu => resources.cpu_milli,
        ScoredName::Memory => resources.memory_bytes,
        ScoredName::EphemeralStorage => resources.ephemeral_storage_bytes,
        ScoredName::Scalar(name) => resources.scalar.get(&name).copied().unwrap_or(0),
    }
}

/// An extended resource does not count for a pod that asks for none of it.
pub(super) const fn is_skipped(name: ScoredName, wanted: i64) -> bool {
    match name {
        ScoredName::Cpu | ScoredName::Memory | ScoredName::EphemeralStorage => false,
        ScoredName::Scalar(_) => wanted == 0,
    }
}
