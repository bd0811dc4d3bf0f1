//! Where plugins run. Source: `getExtensionPoints` in `pkg/scheduler/framework/runtime/framework.go`.

use super::document::{PluginSet, Plugins};

/// An extension point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExtensionPoint {
    /// Before a pod is queued.
    PreEnqueue,
    /// Which pod is next.
    QueueSort,
    /// Before nodes are looked at.
    PreFilter,
    /// Which nodes a pod fits on.
    Filter,
    /// What else can be done for one that fits nowhere.
    PostFilter,
    /// Before nodes are scored.
    PreScore,
    /// Which node is best.
    Score,
    /// When a node is chosen.
    Reserve,
    /// Whether it may be bound now.
    Permit,
    /// Before it is bound.
    PreBind,
    /// Binding.
    Bind,
    /// After it is bound.
    PostBind,
    /// Places for groups of pods.
    PlacementGenerate,
    /// Which of these is best.
    PlacementScore,
}

impl ExtensionPoint {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::PreEnqueue,
        Self::QueueSort,
        Self::PreFilter,
        Self::Filter,
        Self::PostFilter,
        Self::PreScore,
        Self::Score,
        Self::Reserve,
        Self::Permit,
        Self::PreBind,
        Self::Bind,
        Self::PostBind,
        Self::PlacementGenerate,
        Self::PlacementScore,
    ];

    /// As configurations name it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PreEnqueue => "preEnqueue",
            Self::QueueSort => "queueSort",
            Self::PreFilter => "preFilter",
            Self::Filter => "filter",
            Self::PostFilter => "postFilter",
            Self::PreScore => "preScore",
            Self::Score => "score",
            Self::Reserve => "reserve",
            Self::Permit => "permit",
            Self::PreBind => "preBind",
            Self::Bind => "bind",
            Self::PostBind => "postBind",
            Self::PlacementGenerate => "placementGenerate",
            Self::PlacementScore => "placementScore",
        }
    }

    /// What a configuration changes here.
    pub(super) const fn of(self, plugins: &Plugins) -> &PluginSet {
        match self {
            Self::PreEnqueue => &plugins.pre_enqueue,
            Self::QueueSort => &plugins.queue_sort,
            Self::PreFilter => &plugins.pre_filter,
            Self::Filter => &plugins.filter,
            Self::PostFilter => &plugins.post_filter,
            Self::PreScore => &plugins.pre_score,
            Self::Score => &plugins.score,
            Self::Reserve => &plugins.reserve,
            Self::Permit => &plugins.permit,
            Self::PreBind => &plugins.pre_bind,
            Self::Bind => &plugins.bind,
            Self::PostBind => &plugins.post_bind,
            Self::PlacementGenerate => &plugins.placement_generate,
            Self::PlacementScore => &plugins.placement_score,
        }
    }

    /// Whether what runs here decides where pods go.
    #[must_use]
    pub const fn decides(self) -> bool {
        match self {
            Self::PreFilter | Self::Filter | Self::PostFilter | Self::PreScore | Self::Score => true,
            Self::PreEnqueue
            | Self::QueueSort
            | Self::Reserve
            | Self::Permit
            | Self::PreBind
            | Self::Bind
            | Self::PostBind
            | Self::PlacementGenerate
            | Self::PlacementScore => false,
        }
    }
}
