//! How much of an input is read before it is refused.

/// Upper bounds on what one input may ask of memory and time. Each that is exceeded is a problem with a position, and
/// what stands before it is still read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one source (a file, standard input, the output of a renderer). At most `u32::MAX`, as spans count in 32
    /// bits.
    pub source_bytes: usize,
    /// Bytes of one document.
    pub document_bytes: usize,
    /// Documents of one source.
    pub documents: usize,
    /// Nodes of one document, after aliases were expanded. (A node takes 48 bytes, an entry of a mapping 80.)
    pub nodes: usize,
    /// Those of them that are copies: values of aliases, and what is kept for them.
    pub copied_nodes: usize,
    /// Collections inside one another, after aliases were expanded. Kubernetes' own limit is 10,000; the deepest
    /// schemas of real CustomResourceDefinitions stay under 100. Trees are walked by recursion, so it bounds the stack.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // A list of some 90,000 pods.
            source_bytes: 256 << 20,
            document_bytes: 256 << 20,
            documents: 100_000,
            nodes: 40_000_000,
            copied_nodes: 4_000_000,
            depth: 256,
        }
    }
}
