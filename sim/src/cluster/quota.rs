//! What admission reads of a pod and counts for it, and the ResourceQuotas that it is held to.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::name::Symbol;

/// An amount, exact to a thousandth; equal however it is written.
#[derive(Clone, Copy, Debug, Default)]
pub struct QuotaAmount {
    milli: i128,
    suffixes: Suffixes,
}

/// The kind of suffix that an amount is written with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Suffixes {
    /// `m`, `k`, `M`, or none.
    #[default]
    Decimal,
    /// `Ki`, `Mi`.
    Binary,
}

impl PartialEq for QuotaAmount {
    fn eq(&self, other: &Self) -> bool {
        self.milli == other.milli
    }
}

impl Eq for QuotaAmount {}

impl Hash for QuotaAmount {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.milli.hash(hasher);
    }
}

impl PartialOrd for QuotaAmount {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for QuotaAmount {
    fn cmp(&self, other: &Self) -> Ordering {
        self.milli.cmp(&other.milli)
    }
}

impl QuotaAmount {
    /// One of something.
    pub const ONE: Self = Self { milli: 1000, suffixes: Suffixes::Decimal };

    /// So many thousandths.
    #[must_use]
    pub const fn from_milli(milli: i128, suffixes: Suffixes) -> Self {
        Self { milli, suffixes }
    }

    /// Whether it is nothing.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.milli == 0
    }

    /// So many times as much.
    #[must_use]
    pub const fn times(self, count: i64) -> Self {
        Self { milli: self.milli.saturating_mul(count as i128), suffixes: self.suffixes }
    }

    /// The sum of both, written as the first of them that is not zero.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        let suffixes = if self.milli == 0 { other.suffixes } else { self.suffixes };
        Self { milli: self.milli.saturating_add(other.milli), suffixes }
    }
}

const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const DECIMAL: [&str; 8] = ["m", "", "k", "M", "G", "T", "P", "E"];

impl fmt::Display for QuotaAmount {
    /// As the API server writes it: with the largest suffix that needs no fraction. Source: `CanonicalizeBytes` in
    /// `staging:apimachinery/pkg/api/resource/quantity.go`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.milli.checked_div(1000).unwrap_or(0);
        let is_whole = self.milli.checked_rem(1000) == Some(0);
        let (mut amount, factor, suffixes): (i128, i128, &[&str]) = match self.suffixes {
            Suffixes::Binary if is_whole && whole.unsigned_abs() >= 1024 => (whole, 1024, &BINARY),
            Suffixes::Binary | Suffixes::Decimal => (self.milli, 1000, &DECIMAL),
        };
        if amount == 0 {
            return formatter.write_str("0");
        }
        let mut suffixes = suffixes.iter().peekable();
        let mut suffix = suffixes.next();
        while let (Some(0), Some(next)) = (amount.checked_rem(factor), suffixes.next()) {
            amount = amount.checked_div(factor).unwrap_or(amount);
            suffix = Some(next);
        }
        write!(formatter, "{amount}{}", suffix.copied().unwrap_or_default())
    }
}

/// What admission reads of a pod once it has set its defaults; the same for all pods of a template.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PodAdmission {
    /// Why no pod of the template is ever created: a LimitRange, an unknown PriorityClass, a missing ServiceAccount …
    pub refusal: Option<Arc<str>>,
    /// What quotas count for it by the names that they use: `cpu`, `requests.cpu`, `limits.memory`, `requests.hugepages-2Mi`.
    /// Source: `podComputeUsageHelper` in `pkg/quota/v1/evaluator/core/pods.go`.
    pub usage: BTreeMap<Symbol, QuotaAmount>,
    /// For each of `cpu`, `memory`, `requests.…`, `limits.…` the containers that do not say how much of it they want, sorted
    /// by name; empty for a pod with `spec.resources`.
    pub unsaid: BTreeMap<Symbol, Vec<Symbol>>,
    /// `activeDeadlineSeconds` is set.
    pub has_deadline: bool,
    /// Its quality of service is BestEffort.
    pub is_best_effort: bool,
    /// `priorityClassName`.
    pub priority_class: Option<Symbol>,
    /// A term of its pod affinity or anti-affinity names namespaces.
    pub has_cross_namespace_affinity: bool,
}

/// A ResourceQuota.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceQuota {
    /// Its namespace.
    pub namespace: Symbol,
    /// Its name.
    pub name: Symbol,
    /// `spec.hard`, as far as it is about pods.
    pub hard: BTreeMap<Symbol, QuotaAmount>,
    /// `spec.scopes` and `spec.scopeSelector`: all must hold.
    pub scopes: Vec<QuotaScope>,
}

/// To which pods a quota restricts itself. Source: `podMatchesScopeFunc` in `pkg/quota/v1/evaluator/core/pods.go`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QuotaScope {
    /// Those with a deadline.
    Terminating,
    /// Those without one.
    NotTerminating,
    /// Those of quality of service BestEffort.
    BestEffort,
    /// The others.
    NotBestEffort,
    /// Those whose affinity names namespaces.
    CrossNamespacePodAffinity,
    /// Those of some priority classes.
    PriorityClass(PriorityClassScope),
    /// A scope that no pod is in.
    NoPod,
}

/// Which priority classes a quota is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PriorityClassScope {
    /// These.
    In(Vec<Symbol>),
    /// All but these; none as well.
    NotIn(Vec<Symbol>),
    /// Any.
    Exists,
    /// None.
    DoesNotExist,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_as_the_api_server_writes_them() {
        let text = |milli, suffixes| QuotaAmount::from_milli(milli, suffixes).to_string();
        let (decimal, binary) = (Suffixes::Decimal, Suffixes::Binary);
        assert_eq!(text(1500, decimal), "1500m");
        assert_eq!(text(2000, decimal), "2");
        assert_eq!(text(3_000_000, decimal), "3k");
        assert_eq!(text(0, binary), "0");
        assert_eq!(text(1000 << 30, binary), "1Gi");
        assert_eq!(text(1_536_000 << 20, binary), "1536Mi");
        // Below 1024 there is no binary suffix, and a fraction has none either.
        assert_eq!(text(1_000_000, binary), "1k");
        assert_eq!(text(1500, binary), "1500m");
        assert_eq!(text(-2000, decimal), "-2");
    }

    #[test]
    fn a_sum_is_written_as_its_first_part() {
        let (decimal, binary) =
            (QuotaAmount::from_milli(0, Suffixes::Decimal), QuotaAmount::from_milli(1000 << 20, Suffixes::Binary));
        assert_eq!(decimal.plus(binary).to_string(), "1Mi");
        assert_eq!(binary.plus(QuotaAmount::ONE).to_string(), "1048577");
        assert!(QuotaAmount::ONE < binary && QuotaAmount::default().is_zero());
    }
}
