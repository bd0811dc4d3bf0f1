//! Texts that many mappings share, each kept once.

use std::collections::HashSet;
use std::sync::Arc;

/// The keys of a source.
pub(super) type Interner = HashSet<Arc<str>>;

/// The one copy of `text` among the keys.
pub(super) fn intern(keys: &mut Interner, text: &str) -> Arc<str> {
    if let Some(key) = keys.get(text) {
        return Arc::clone(key);
    }
    let key: Arc<str> = Arc::from(text);
    keys.insert(Arc::clone(&key));
    key
}
