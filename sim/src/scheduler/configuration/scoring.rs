//! How NodeResourcesFit and NodeResourcesBalancedAllocation score resources. Source: `plugins/noderesources`.

use crate::cluster::Symbol;

/// A resource that is scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScoredName {
    /// `cpu`.
    Cpu,
    /// `memory`.
    Memory,
    /// `ephemeral-storage`.
    EphemeralStorage,
    /// An extended resource, huge pages, or what no node has.
    Scalar(Symbol),
}

/// A resource with its weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScoredResource {
    /// Its name.
    pub name: ScoredName,
    /// Its weight, from 1 to 100.
    pub weight: i64,
}

/// `scoringStrategy`: how a share of use becomes a score.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScoringStrategy {
    /// The less is used, the better.
    LeastAllocated,
    /// The more is used, the better.
    MostAllocated,
    /// As a line through these points says, sorted by utilization; at least one.
    RequestedToCapacityRatio(Vec<ShapePoint>),
}

/// A point of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShapePoint {
    /// In hundredths of what there is.
    pub utilization: i64,
    /// From 0 to 10, as configurations give it.
    pub score: i64,
}
