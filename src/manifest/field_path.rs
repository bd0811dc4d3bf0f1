//! Paths to fields inside an object: `spec.template.spec.containers[0].image`.

use std::fmt;
use std::sync::Arc;

/// One step from a value to one inside it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// The value of a mapping's key.
    Key(Arc<str>),
    /// The item of a sequence, from 0.
    Index(usize),
}

/// A path from an object's root to a field. Prints as Kubernetes prints it, `spec.containers[0].image`; a key that is
/// not an identifier prints in brackets, `metadata.annotations[example.com/team]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldPath(Vec<Segment>);

impl FieldPath {
    /// The object itself.
    #[must_use]
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// The segments, outermost first.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// Whether this is the object itself.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// This path, and then the key `key`.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.child(Segment::Key(Arc::from(key)))
    }

    /// This path, and then the item `index`.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.child(Segment::Index(index))
    }

    /// This path, and then `segment`.
    #[must_use]
    pub fn child(&self, segment: Segment) -> Self {
        let mut segments = self.0.clone();
        segments.push(segment);
        Self(segments)
    }

    /// Reads `spec.containers[0].image`, `metadata.annotations[example.com/team]`. Everything between brackets that is
    /// not a number is a key. Any text is a path; nothing fails.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut segments = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            rest = rest.strip_prefix('.').unwrap_or(rest);
            if let Some((inside, after)) = rest.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
                segments.push(inside.parse().map_or_else(|_| Segment::Key(Arc::from(inside)), Segment::Index));
                rest = after;
                continue;
            }
            let end = rest.find(['.', '[']).filter(|end| *end > 0).unwrap_or(rest.len());
            let (key, after) = rest.split_at(end);
            if !key.is_empty() {
                segments.push(Segment::Key(Arc::from(key)));
            }
            rest = after;
        }
        Self(segments)
    }
}

impl FromIterator<Segment> for FieldPath {
    fn from_iter<T: IntoIterator<Item = Segment>>(segments: T) -> Self {
        Self(segments.into_iter().collect())
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Index(index) => write!(formatter, "[{index}]")?,
                Segment::Key(key) if key.contains(['.', '[', ']', '/']) || key.is_empty() => {
                    write!(formatter, "[{key}]")?;
                }
                Segment::Key(key) if position == 0 => write!(formatter, "{key}")?,
                Segment::Key(key) => write!(formatter, ".{key}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_it_was_read() {
        for text in ["", "spec", "spec.containers[0].image", "metadata.annotations[example.com/team]", "[2].a"] {
            assert_eq!(FieldPath::parse(text).to_string(), text);
        }
    }
}
