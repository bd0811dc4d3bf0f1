//! Label keys.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The key of a Kubernetes label: an optional DNS prefix and `/`, then up to 63 letters, digits, `-`, `_` or `.`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LabelKey(String);

/// Why a text is no label key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no label key: write a key such as topology.kubernetes.io/zone")]
pub struct LabelKeyError(String);

impl LabelKey {
    /// The key as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_name(name: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    name.len() <= 63
        && edge(name.chars().next())
        && edge(name.chars().next_back())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

fn is_prefix(prefix: &str) -> bool {
    prefix.len() <= 253
        && prefix.split('.').all(|part| {
            !part.is_empty()
                && !part.starts_with('-')
                && !part.ends_with('-')
                && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        })
}

impl TryFrom<String> for LabelKey {
    type Error = LabelKeyError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let valid = match text.split_once('/') {
            Some((prefix, name)) => is_prefix(prefix) && is_name(name),
            None => is_name(&text),
        };
        if valid { Ok(Self(text)) } else { Err(LabelKeyError(text)) }
    }
}

impl From<LabelKey> for String {
    fn from(key: LabelKey) -> Self {
        key.0
    }
}

impl fmt::Display for LabelKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_with_and_without_prefix_are_read_and_others_refused() {
        for good in ["zone", "topology.kubernetes.io/zone", "a_b.c"] {
            assert!(LabelKey::try_from(good.to_owned()).is_ok(), "{good}");
        }
        for bad in ["", "/zone", "a/b/c", "Upper.Case/x", "-x", "kubernetes.io/"] {
            assert!(LabelKey::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
