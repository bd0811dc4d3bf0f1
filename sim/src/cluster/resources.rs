//! Amounts of resources, in the units in which kube-scheduler counts them.

use std::collections::BTreeMap;

use super::name::Symbol;

/// An amount of each resource. Source: `pkg/scheduler/framework/types.go`, `Resource`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resources {
    /// CPU, in thousandths of a core.
    pub cpu_milli: i64,
    /// Memory, in bytes.
    pub memory_bytes: i64,
    /// Local storage, in bytes.
    pub ephemeral_storage_bytes: i64,
    /// Extended resources, huge pages and attachable volumes, in whole units.
    pub scalar: BTreeMap<Symbol, i64>,
}

/// What the least-allocated score counts for a pod: a container without a request counts 100m CPU and 200 MiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NonZeroRequests {
    /// CPU, in thousandths of a core.
    pub cpu_milli: i64,
    /// Memory, in bytes.
    pub memory_bytes: i64,
}

impl Resources {
    /// Adds `other`.
    pub fn add(&mut self, other: &Self) {
        self.cpu_milli = self.cpu_milli.saturating_add(other.cpu_milli);
        self.memory_bytes = self.memory_bytes.saturating_add(other.memory_bytes);
        self.ephemeral_storage_bytes = self.ephemeral_storage_bytes.saturating_add(other.ephemeral_storage_bytes);
        for (name, amount) in &other.scalar {
            let total = self.scalar.entry(*name).or_insert(0);
            *total = total.saturating_add(*amount);
        }
    }

    /// Takes `other` away again.
    pub fn subtract(&mut self, other: &Self) {
        self.cpu_milli = self.cpu_milli.saturating_sub(other.cpu_milli);
        self.memory_bytes = self.memory_bytes.saturating_sub(other.memory_bytes);
        self.ephemeral_storage_bytes = self.ephemeral_storage_bytes.saturating_sub(other.ephemeral_storage_bytes);
        for (name, amount) in &other.scalar {
            let total = self.scalar.entry(*name).or_insert(0);
            *total = total.saturating_sub(*amount);
        }
    }

    /// The larger of the two for each resource.
    #[must_use]
    pub fn maximum(&self, other: &Self) -> Self {
        let mut largest = Self {
            cpu_milli: self.cpu_milli.max(other.cpu_milli),
            memory_bytes: self.memory_bytes.max(other.memory_bytes),
            ephemeral_storage_bytes: self.ephemeral_storage_bytes.max(other.ephemeral_storage_bytes),
            scalar: self.scalar.clone(),
        };
        for (name, amount) in &other.scalar {
            let entry = largest.scalar.entry(*name).or_insert(*amount);
            *entry = (*entry).max(*amount);
        }
        largest
    }

    /// Whether nothing is asked for.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.cpu_milli == 0
            && self.memory_bytes == 0
            && self.ephemeral_storage_bytes == 0
            && self.scalar.values().all(|amount| *amount == 0)
    }
}
