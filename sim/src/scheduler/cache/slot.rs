//! What a node holds.

use std::sync::Arc;

use super::keeping::Step;
use crate::cluster::{HostPort, Node, NodeId, NonZeroRequests, PodSpec, Resources};

/// A node's place in the cache.
#[derive(Clone, Debug)]
pub(super) struct NodeSlot {
    pub(super) id: NodeId,
    /// Its object, as far as the scheduler looks at it.
    pub(super) node: Arc<Node>,
    /// Grows with every change, so that views see what they have to look at again.
    pub(super) version: u32,
    pub(super) requested: Resources,
    pub(super) non_zero_requested: NonZeroRequests,
    pub(super) pod_count: i64,
    /// Host ports in use, with how many pods use each.
    ports: Vec<(HostPort, u32)>,
}

impl NodeSlot {
    pub(super) fn new(id: NodeId, node: Arc<Node>) -> Self {
        Self {
            id,
            node,
            version: 1,
            requested: Resources::default(),
            non_zero_requested: NonZeroRequests::default(),
            pod_count: 0,
            ports: Vec::new(),
        }
    }

    /// Holds nothing.
    pub(super) fn clear(&mut self) {
        *self = Self { version: self.version, ..Self::new(self.id, Arc::clone(&self.node)) };
        self.touch();
    }

    /// Something about the node has changed.
    pub(super) fn touch(&mut self) {
        // 0 is the version of what was never looked at.
        self.version = self.version.wrapping_add(1).max(1);
    }

    pub(super) fn used_ports(&self) -> impl Iterator<Item = &HostPort> + Clone {
        self.ports.iter().map(|(port, _)| port)
    }

    /// A pod of `spec` comes or goes.
    pub(super) fn change(&mut self, spec: &PodSpec, step: Step) {
        self.touch();
        self.pod_count = self.pod_count.saturating_add(step.sign());
        self.change_requests(spec, step);
        self.change_ports(spec, step);
    }

    fn change_requests(&mut self, spec: &PodSpec, step: Step) {
        let (sum, own) = (&mut self.non_zero_requested, &spec.non_zero_requests);
        match step {
            Step::Comes => {
                self.requested.add(&spec.requests);
                sum.cpu_milli = sum.cpu_milli.saturating_add(own.cpu_milli);
                sum.memory_bytes = sum.memory_bytes.saturating_add(own.memory_bytes);
            }
            Step::Goes => {
                self.requested.subtract(&spec.requests);
                sum.cpu_milli = sum.cpu_milli.saturating_sub(own.cpu_milli);
                sum.memory_bytes = sum.memory_bytes.saturating_sub(own.memory_bytes);
            }
        }
    }

    fn change_ports(&mut self, spec: &PodSpec, step: Step) {
        for port in &spec.host_ports {
            let position = self.ports.iter().position(|(used, _)| used == port);
            match (step, position.and_then(|position| self.ports.get_mut(position))) {
                (Step::Comes, Some((_, users))) => *users = users.saturating_add(1),
                (Step::Comes, None) => self.ports.push((*port, 1)),
                (Step::Goes, Some((_, users))) => *users = users.saturating_sub(1),
                (Step::Goes, None) => {}
            }
        }
        self.ports.retain(|(_, users)| *users > 0);
    }
}
