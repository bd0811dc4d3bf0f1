//! Why a proof is rejected.

use thiserror::Error;

use crate::check::SCHEMA_VERSION;
use crate::evidence::FORMAT;

/// Why a proof is rejected.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Rejection {
    /// Another format.
    #[error("the proof has format {0}; this checker reads format {SCHEMA_VERSION}")]
    Format(u32),
    /// A node without a fact.
    #[error("node {0} has no refutation")]
    NodeNotRefuted(String),
    /// A fact about a node that is not there.
    #[error("there is a refutation of node {0}, which is not in the input")]
    UnknownNode(String),
    /// A placed pod on a node that is not there.
    #[error("placed pod {0} is on a node that is not in the input")]
    PlacedNowhere(String),
    /// A fact that names something that is not there.
    #[error("the refutation of node {node} names {what}, which is not in the input")]
    Dangling {
        /// The node.
        node: String,
        /// What is named.
        what: String,
    },
    /// A fact that is not one.
    #[error("the refutation of node {node} does not hold: {why}")]
    DoesNotHold {
        /// The node.
        node: String,
        /// Why not.
        why: &'static str,
    },
    /// Bytes that are no proof file.
    #[error("this is not a proof file: {0}")]
    Unreadable(String),
    /// A proof file that is written in another way than the canonical one.
    #[error("the proof file is not in its canonical form: written again, it has other bytes")]
    NotCanonical,
    /// Another format.
    #[error("the proof file has format {0}; this checker reads format {FORMAT}")]
    ProofFormat(u32),
    /// A cluster that contradicts itself.
    #[error("the cluster is not one: {at}: {why}")]
    Cluster {
        /// Where.
        at: String,
        /// Why not.
        why: &'static str,
    },
    /// A proof about another cluster.
    #[error("the proof file is about the cluster {file}; this one is {cluster}")]
    OtherCluster {
        /// The digest in the file.
        file: String,
        /// The digest of the cluster.
        cluster: String,
    },
    /// A claim that means nothing for this cluster, or that this kind of evidence cannot show.
    #[error("the claim cannot be shown in this way: {0}")]
    Claim(String),
    /// A number that is another one when it is computed again.
    #[error("{what}: the proof file says {said}, it is {found}")]
    Number {
        /// What is counted, and of what.
        what: String,
        /// The number in the file.
        said: i64,
        /// The number that the checker finds.
        found: i128,
    },
    /// What remains is not enough.
    #[error("{found} pods remain, fewer than the {at_least} of the claim")]
    TooFew {
        /// So many are shown to remain.
        found: i128,
        /// So many are claimed.
        at_least: i64,
    },
    /// What is available is enough after all.
    #[error("{found} pods are available, not fewer than the {at_least} of the claim")]
    Enough {
        /// So many are available.
        found: i128,
        /// So many are claimed.
        at_least: i64,
    },
    /// A bound on a workload that does not hold.
    #[error("the bound on {workload} does not hold: {why}")]
    Bound {
        /// The workload.
        workload: String,
        /// Why not.
        why: String,
    },
    /// All other pods together can keep a pod of a workload off every node.
    #[error(
        "a pod of {workload} may stay pending{within}: there is room for {room} beside conflicts and failures, and others can hold {held}"
    )]
    MayStayPending {
        /// The workload.
        workload: String,
        /// ` in domain D`, or nothing.
        within: String,
        /// The sum of `v` that is left.
        room: i128,
        /// What others can hold, in the same weights.
        held: i128,
    },
    /// A step of a witness that is not legal, or an end that is none.
    #[error("the witness does not hold: {at}: {why}")]
    Witness {
        /// Which step or pod.
        at: String,
        /// Why not.
        why: String,
    },
    /// A witness for placement `scheduled` whose every step is legal, or a search by score without somebody who knows the scores.
    #[error("it is a matter of the scheduler's scores, which this checker does not know")]
    NeedsScores,
    /// A set of states that shows nothing.
    #[error("the search does not hold: {at}: {why}")]
    Search {
        /// Which state.
        at: String,
        /// Why not.
        why: String,
    },
}
