//! Where bound volumes can be reached from. Source: `plugins/volumebinding/binder.go`. Claims that are not bound yet, and
//! classes that bind them where the pod goes, are taken to bind everywhere.

use super::node_affinity::labels_match;
use crate::cluster::{Names, Node, NodeSelectorTerm, VolumeUse};
use crate::scheduler::framework::Rejection;
use crate::scheduler::reasons::Reason;
use crate::scheduler::scheduling_cycle::CycleState;
use crate::scheduler::snapshot::NodeInfo;

pub(crate) fn filter(cycle: &CycleState<'_, '_>, node: &NodeInfo<'_>) -> Option<Rejection> {
    let names = &cycle.snapshot.state.names;
    let unreachable = cycle.pod.spec.volumes.iter().any(|volume| match volume {
        VolumeUse::OnlyOn(terms) => !terms.iter().any(|term| reachable(names, term, node.node)),
        VolumeUse::ReadWriteOnce(_) | VolumeUse::ReadWriteOncePod(_) | VolumeUse::Unknown(_) => false,
    });
    unreachable.then(|| Rejection::unresolvable(Reason::VolumeNodeAffinity))
}

/// Of a volume's node affinity upstream looks at labels only.
fn reachable(names: &Names, term: &NodeSelectorTerm, node: &Node) -> bool {
    let empty = term.expressions.is_empty() && term.fields.is_empty();
    !empty && labels_match(names, &term.expressions, &node.labels)
}
