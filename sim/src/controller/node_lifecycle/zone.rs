//! A zone's state and its rate-limited queue for NoExecute taints.

use crate::cluster::{Duration, Node, NodeId, NodeReady, Symbol, Time};
use crate::event_queue::Zone;
use crate::simulation::Settings;

/// With this many nodes down or fewer, a zone is never partially disrupted.
const PARTIAL_MORE_THAN: u32 = 2;

/// How disrupted a zone is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ZoneState {
    /// Most nodes are ready.
    #[default]
    Normal,
    /// More than two nodes and at least the threshold's share are not ready.
    PartialDisruption,
    /// No node is ready.
    FullDisruption,
}

/// The zone of a node: region and zone labels, the older ones before the newer.
#[must_use]
pub fn zone_of(node: &Node) -> Zone {
    let label = |beta, stable| node.labels.get(beta).or_else(|| node.labels.get(stable)).unwrap_or(Symbol::EMPTY);
    Zone { region: label(Symbol::BETA_REGION, Symbol::REGION), zone: label(Symbol::BETA_ZONE, Symbol::ZONE) }
}

impl ZoneState {
    /// The state of a zone of these nodes.
    pub(super) fn of<'a>(nodes: impl Iterator<Item = &'a Node>, settings: &Settings) -> Self {
        let (mut total, mut not_ready): (u32, u32) = (0, 0);
        for node in nodes {
            total = total.saturating_add(1);
            not_ready = not_ready.saturating_add(u32::from(node.ready != NodeReady::True));
        }
        let share_reached = u64::from(not_ready).saturating_mul(100)
            >= u64::from(settings.unhealthy_zone_threshold_percent).saturating_mul(u64::from(total));
        if not_ready > 0 && not_ready == total {
            Self::FullDisruption
        } else if not_ready > PARTIAL_MORE_THAN && share_reached {
            Self::PartialDisruption
        } else {
            Self::Normal
        }
    }

    /// The time between two NoExecute taints in a zone of `size` nodes; `None`: none at all.
    pub(super) const fn interval(self, size: usize, settings: &Settings) -> Option<Duration> {
        match self {
            Self::Normal | Self::FullDisruption => Some(settings.node_eviction_interval),
            Self::PartialDisruption if size > settings.large_cluster_size_threshold as usize => {
                Some(settings.secondary_node_eviction_interval)
            }
            Self::PartialDisruption => None,
        }
    }
}

/// Nodes of a zone that wait for their NoExecute taint; a token bucket of size one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ZoneQueue {
    /// The state at the last look.
    pub state: ZoneState,
    /// The time between two nodes; `None`: none is taken.
    pub interval: Option<Duration>,
    /// When the last one was taken.
    pub last_taken: Option<Time>,
    /// The nodes, in order.
    pub nodes: Vec<NodeId>,
}

impl ZoneQueue {
    pub(super) const fn new(settings: &Settings) -> Self {
        Self {
            state: ZoneState::Normal,
            interval: Some(settings.node_eviction_interval),
            last_taken: None,
            nodes: Vec::new(),
        }
    }

    /// When the next node may be taken; `None` if none waits or none may be.
    #[must_use]
    pub fn next_time(&self, now: Time) -> Option<Time> {
        let interval = self.interval?;
        self.nodes.first()?;
        Some(self.last_taken.map_or(now, |last| last.after(interval).max(now)))
    }
}
