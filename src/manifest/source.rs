//! The texts that were read, kept so that findings can quote them.

use std::sync::Arc;

use super::span::{LineColumn, LineIndex, Span};

/// Names one source in a [`SourceMap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub(crate) u32);

/// Where a source's text comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    templates: Vec<Template>,
}

/// Where in a chart's rendered text what one template gave begins.
#[derive(Clone, Debug)]
struct Template {
    start: u32,
    path: Arc<str>,
}

impl Source {
    /// The file of the chart that gave what stands at `offset`, as a path below the chart (`templates/service.yaml`).
    /// `None` when that is not known: for texts that a user wrote, and those of other renderers than Helm.
    #[must_use]
    pub fn template(&self, offset: u32) -> Option<&str> {
        let after = self.templates.partition_point(|template| template.start <= offset);
        self.templates.get(after.checked_sub(1)?).map(|template| &*template.path)
    }

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
        let templates = match origin {
            Origin::Written => Vec::new(),
            Origin::Rendered => templates(&text),
        };
        self.sources.push(Source { name: name.into(), text, origin, lines, templates });
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

/// The templates of a chart's rendered text. Helm writes `# Source: CHART/PATH` below the `---` before each document
/// (`pkg/action/action.go`, `renderResources`).
fn templates(text: &str) -> Vec<Template> {
    const HEAD: &str = "---\n# Source: ";
    let path = |start: usize| {
        let line = text.get(start + HEAD.len()..)?.lines().next()?;
        let (_, path) = line.split_once('/')?;
        // A comment of this form may also stand in what a user wrote.
        let is_of_chart = ["templates/", "crds/", "charts/"].iter().any(|directory| path.starts_with(directory));
        is_of_chart.then(|| Template { start: u32::try_from(start).unwrap_or(u32::MAX), path: Arc::from(path) })
    };
    let at_line_start = |start: &usize| *start == 0 || text.as_bytes().get(start - 1) == Some(&b'\n');
    text.match_indices(HEAD).map(|(start, _)| start).filter(at_line_start).filter_map(path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_s_text_names_the_template_of_each_document() {
        let text = "---\n# Source: a/crds/b.yaml\nc: 1\n---\n# Source: https://example.com/b\nd: 1\n---\n\
                    # Source: a/charts/e/templates/f.yaml\ng: |\n  ---\n  # Source: a/templates/h.yaml\n";
        let offset = |needle: &str| u32::try_from(text.find(needle).unwrap()).unwrap();
        let mut sources = SourceMap::default();
        let rendered = sources.add("a", text, Origin::Rendered);
        let written = sources.add("b", text, Origin::Written);
        let source = sources.get(rendered);
        let found: Vec<_> = ["c: 1", "d: 1", "g: ", "h.yaml"].map(|needle| source.template(offset(needle))).into();
        let in_subchart = Some("charts/e/templates/f.yaml");
        assert_eq!(found, [Some("crds/b.yaml"), Some("crds/b.yaml"), in_subchart, in_subchart]);
        assert_eq!(sources.get(written).template(offset("d: 1")), None);
        let other = sources.add("c", "a: 1\n", Origin::Rendered);
        assert_eq!(sources.get(other).template(0), None);
    }
}
