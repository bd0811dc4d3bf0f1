//! Interned names: every namespace, name, label key and value is a [`Symbol`], equal exactly when the texts are.

use std::collections::BTreeMap;
use std::sync::Arc;

/// An interned text. Its order is the order of interning and means nothing to users; sort by text for output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol(u32);

macro_rules! well_known {
    ($($constant:ident = $index:literal, $text:literal;)*) => {
        impl Symbol {
            $(#[doc = concat!("`", $text, "`")] pub const $constant: Self = Self($index);)*
        }
        const WELL_KNOWN: &[&str] = &[$($text),*];
    };
}

well_known! {
    EMPTY = 0, "";
    DEFAULT = 1, "default";
    HOSTNAME = 2, "kubernetes.io/hostname";
    ZONE = 3, "topology.kubernetes.io/zone";
    REGION = 4, "topology.kubernetes.io/region";
    POD_TEMPLATE_HASH = 5, "pod-template-hash";
    UNSCHEDULABLE_TAINT = 6, "node.kubernetes.io/unschedulable";
    NOT_READY_TAINT = 7, "node.kubernetes.io/not-ready";
    UNREACHABLE_TAINT = 8, "node.kubernetes.io/unreachable";
    METADATA_NAME = 9, "metadata.name";
    NAMESPACE_NAME_LABEL = 10, "kubernetes.io/metadata.name";
    BETA_ZONE = 11, "failure-domain.beta.kubernetes.io/zone";
    BETA_REGION = 12, "failure-domain.beta.kubernetes.io/region";
    EXCLUDE_DISRUPTION = 13, "node.kubernetes.io/exclude-disruption";
    OUT_OF_SERVICE_TAINT = 14, "node.kubernetes.io/out-of-service";
    MEMORY_PRESSURE_TAINT = 15, "node.kubernetes.io/memory-pressure";
    DISK_PRESSURE_TAINT = 16, "node.kubernetes.io/disk-pressure";
    PID_PRESSURE_TAINT = 17, "node.kubernetes.io/pid-pressure";
    NETWORK_UNAVAILABLE_TAINT = 18, "node.kubernetes.io/network-unavailable";
    CONTROL_PLANE_ROLE = 19, "node-role.kubernetes.io/control-plane";
    STATEFUL_SET_POD_NAME = 20, "statefulset.kubernetes.io/pod-name";
    POD_INDEX = 21, "apps.kubernetes.io/pod-index";
    CONTROLLER_REVISION_HASH = 22, "controller-revision-hash";
    PODS = 23, "pods";
    COUNT_PODS = 24, "count/pods";
    JOB_NAME = 25, "batch.kubernetes.io/job-name";
    JOB_COMPLETION_INDEX = 26, "batch.kubernetes.io/job-completion-index";
}

/// The table of all interned texts.
#[derive(Clone, Debug)]
pub struct Names {
    texts: Vec<Arc<str>>,
    symbols: BTreeMap<Arc<str>, Symbol>,
}

impl Names {
    /// A table that holds the well-known names.
    #[must_use]
    pub fn new() -> Self {
        let mut names = Self { texts: Vec::new(), symbols: BTreeMap::new() };
        for text in WELL_KNOWN {
            names.intern(text);
        }
        names
    }

    /// The symbol of `text`, which is added when it is new.
    pub fn intern(&mut self, text: &str) -> Symbol {
        if let Some(symbol) = self.symbols.get(text) {
            return *symbol;
        }
        let symbol = Symbol(u32::try_from(self.texts.len()).unwrap_or(u32::MAX));
        let text: Arc<str> = Arc::from(text);
        self.texts.push(Arc::clone(&text));
        self.symbols.insert(text, symbol);
        symbol
    }

    /// The symbol of `text`, if it has one.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<Symbol> {
        self.symbols.get(text).copied()
    }

    /// The text of `symbol`; empty for a symbol of another table.
    #[must_use]
    pub fn text(&self, symbol: Symbol) -> &str {
        self.texts.get(symbol.0 as usize).map_or("", |text| text)
    }
}

impl Default for Names {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_known_names_stand_at_their_constants() {
        let mut names = Names::new();
        assert_eq!(names.find("kubernetes.io/hostname"), Some(Symbol::HOSTNAME));
        assert_eq!(names.find("controller-revision-hash"), Some(Symbol::CONTROLLER_REVISION_HASH));
        let added = names.intern("added");
        assert_eq!(names.intern("added"), added);
        assert_eq!(names.text(added), "added");
    }
}
