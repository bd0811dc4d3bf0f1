//! Anchors, and how far aliases may expand a document.

use std::collections::HashMap;

use super::super::node::Node;
use super::limits::Limits;
use super::problem::ProblemKind;
use super::scalar::Scalar;

/// A value with what its parents need to know about it.
#[derive(Clone, Debug)]
pub(super) struct Composed {
    /// The value.
    pub node: Node,
    /// What a scalar means; `None` for collections.
    pub scalar: Option<Scalar>,
    /// Steps that go-yaml takes to decode it; also at least the number of its nodes.
    pub steps: u64,
    /// Collections inside one another in it: 0 for a scalar.
    pub height: usize,
    /// Whether it stands here or elsewhere.
    pub standing: Standing,
}

/// Whether a value stands in its place or is an alias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is written here.
    Here,
    /// It is an alias of a value that is written elsewhere.
    Alias,
}

#[derive(Debug)]
enum Anchored {
    /// The value is not finished.
    Open,
    /// The value.
    Value(Box<Composed>),
}

/// The anchors of one document and the count of what was decoded.
#[derive(Debug)]
pub(super) struct Expansion<'limits> {
    limits: &'limits Limits,
    anchors: HashMap<usize, Anchored>,
    /// Steps of go-yaml's decoder, and those of them inside aliases.
    steps: u64,
    alias_steps: u64,
    /// Nodes that exist: in the tree, and kept for aliases.
    nodes: u64,
    /// Those of them that are not written there.
    copied_nodes: u64,
}

/// Why an alias has no value.
pub(super) enum NoValue {
    /// It stands inside the value.
    Recursive,
    /// There is no such anchor.
    Unknown,
    /// A limit is exceeded.
    Limit(ProblemKind),
}

impl<'limits> Expansion<'limits> {
    pub(super) fn new(limits: &'limits Limits) -> Self {
        // The document itself is a step of go-yaml's decoder.
        Self { limits, anchors: HashMap::new(), steps: 1, alias_steps: 0, nodes: 0, copied_nodes: 0 }
    }

    /// Counts one node that is written in the document.
    ///
    /// # Errors
    /// When a limit is exceeded.
    pub(super) fn count_node(&mut self) -> Result<(), ProblemKind> {
        self.steps += 1;
        self.nodes += 1;
        self.check()
    }

    /// Begins the value of an anchor; 0 is no anchor.
    pub(super) fn open(&mut self, anchor: usize) {
        if anchor != 0 {
            self.anchors.insert(anchor, Anchored::Open);
        }
    }

    /// Ends the value of an anchor; 0 is no anchor.
    ///
    /// # Errors
    /// When a limit is exceeded: anchors inside anchors are kept each on its own.
    pub(super) fn close(&mut self, anchor: usize, value: &Composed) -> Result<(), ProblemKind> {
        if anchor == 0 {
            return Ok(());
        }
        self.count_copies(value.steps);
        self.check_nodes()?;
        self.anchors.insert(anchor, Anchored::Value(Box::new(value.clone())));
        Ok(())
    }

    /// The value of an alias, at `depth` collections.
    pub(super) fn alias(&mut self, anchor: usize, depth: usize) -> Result<Composed, NoValue> {
        let value = match self.anchors.get(&anchor) {
            None => return Err(NoValue::Unknown),
            Some(Anchored::Open) => return Err(NoValue::Recursive),
            Some(Anchored::Value(value)) => value,
        };
        if depth + value.height > self.limits.depth {
            return Err(NoValue::Limit(ProblemKind::Depth { limit: self.limits.depth }));
        }
        self.steps += 1 + value.steps;
        let copies = value.steps;
        self.alias_steps += copies;
        self.count_copies(copies);
        // Before the value is copied.
        self.check().map_err(NoValue::Limit)?;
        let Some(Anchored::Value(value)) = self.anchors.get(&anchor) else { return Err(NoValue::Unknown) };
        let mut value = Composed::clone(value);
        value.steps += 1;
        value.standing = Standing::Alias;
        Ok(value)
    }

    fn check(&self) -> Result<(), ProblemKind> {
        if self.alias_steps > 100 && self.steps > 1000 && self.alias_share() > allowed_alias_share(self.steps) {
            return Err(ProblemKind::ExcessiveAliasing);
        }
        self.check_nodes()
    }

    fn check_nodes(&self) -> Result<(), ProblemKind> {
        if self.copied_nodes > self.limits.copied_nodes as u64 {
            return Err(ProblemKind::Nodes { limit: self.limits.copied_nodes });
        }
        if self.nodes > self.limits.nodes as u64 {
            return Err(ProblemKind::Nodes { limit: self.limits.nodes });
        }
        Ok(())
    }

    fn count_copies(&mut self, copies: u64) {
        self.nodes += copies;
        self.copied_nodes += copies;
    }

    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    fn alias_share(&self) -> f64 {
        self.alias_steps as f64 / self.steps as f64
    }
}

/// The share of steps that go-yaml lets come from aliases (`allowedAliasRatio` in `decode.go`): 99 % up to 400,000
/// steps, 10 % from 4,000,000 on.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
fn allowed_alias_share(steps: u64) -> f64 {
    const LOW: u64 = 400_000;
    const HIGH: u64 = 4_000_000;
    match steps {
        ..=LOW => 0.99,
        HIGH.. => 0.10,
        _ => 0.99 - 0.89 * ((steps - LOW) as f64 / (HIGH - LOW) as f64),
    }
}
