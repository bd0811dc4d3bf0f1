//! The texts that were read, kept so that findings can quote them.

use std::sync::Arc;

use super::span::{LineColumn, LineIndex, Span};

/// Names one source in a [`SourceMap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub(crate) u32);

/// Where a source's text comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file, or standard input: positions are positions in what the user wrote.
    Written,
    /// The output of `helm template`, `kustomize build` or the like: positions are positions in that output.
    Rendered,
}

/// A text that was read.
#[derive(Clone, Debug)]
pub struct Source {
    /// How it is shown: the path as given, `-` for standard input, the chart or overlay for rendered text.
    pub name: Arc<str>,
    /// The text. Bytes that are not UTF-8 were replaced, and that was reported.
    pub text: Arc<str>,
    /// Whether a user wrote it.
    pub origin: Origin,
    lines: LineIndex,
}

impl Source {
    /// Line and column, from 1, of the byte at `offset`.
    #[must_use]
    pub fn line_column(&self, offset: u32) -> LineColumn {
        self.lines.line_column(&self.text, offset)
    }
}

/// A span in one of the sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The source.
    pub source: SourceId,
    /// The bytes in it.
    pub span: Span,
}

/// All sources of one run, in the order in which they were read.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    sources: Vec<Source>,
}

impl SourceMap {
    /// Keeps a text and gives its id.
    pub fn add(&mut self, name: impl Into<Arc<str>>, text: impl Into<Arc<str>>, origin: Origin) -> SourceId {
        let id = SourceId(u32::try_from(self.sources.len()).unwrap_or(u32::MAX));
        let text = text.into();
        let lines = LineIndex::new(&text);
        self.sources.push(Source { name: name.into(), text, origin, lines });
        id
    }

    /// The source named `id`.
    ///
    /// # Panics
    /// Never for an id that this map gave.
    #[must_use]
    pub fn get(&self, id: SourceId) -> &Source {
        &self.sources[id.0 as usize]
    }

    /// The source that was added last; the first when there is none.
    #[must_use]
    pub fn last(&self) -> SourceId {
        SourceId(u32::try_from(self.sources.len().saturating_sub(1)).unwrap_or(u32::MAX))
    }

    /// All sources with their ids, in order.
    pub fn iter(&self) -> impl Iterator<Item = (SourceId, &Source)> {
        self.sources
            .iter()
            .enumerate()
            .map(|(index, source)| (SourceId(u32::try_from(index).unwrap_or(u32::MAX)), source))
    }
}
