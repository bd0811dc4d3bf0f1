//! The lines of a VeriPB proof.

use std::fmt::Write as _;

use super::formula::{Constraint, Id, Variable};

/// Something that is shown by contradiction.
#[must_use]
pub(super) struct Supposed {
    /// Where it will be found.
    result: Id,
    /// Where its negation is found while it is shown.
    pub(super) negation: Id,
}

/// A proof as it is written.
#[derive(Default)]
pub(super) struct Steps {
    text: String,
    count: usize,
}

impl Steps {
    fn next(&mut self) -> Id {
        self.count = self.count.saturating_add(1);
        Id::Step(self.count)
    }

    /// How many bytes are written.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    pub(super) fn remark(&mut self, text: &str) {
        let line: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
        let _ = writeln!(self.text, "% {line}");
    }

    /// Adds multiples of constraints, then takes variables out of the sum, whatever they are.
    pub(super) fn sum(&mut self, parts: &[(Id, i128)], out: impl IntoIterator<Item = Variable>) -> Id {
        let mut expression = String::new();
        for (place, (id, factor)) in parts.iter().filter(|(_, factor)| *factor > 0).enumerate() {
            let _ = write!(expression, " {id}");
            if *factor > 1 {
                let _ = write!(expression, " {factor} *");
            }
            if place > 0 {
                expression.push_str(" +");
            }
        }
        for variable in out {
            let _ = write!(expression, " x{variable} w");
        }
        self.derive(&expression)
    }

    /// Derives a constraint by an expression in reverse Polish notation.
    pub(super) fn derive(&mut self, expression: &str) -> Id {
        let id = self.next();
        let _ = writeln!(self.text, "{id} pol {};", expression.trim_start());
        id
    }

    /// A contradiction by unit propagation in these constraints.
    pub(super) fn propagate(&mut self, among: &[Id]) -> Id {
        let id = self.next();
        let _ = write!(self.text, "{id} rup >= 1 :");
        for constraint in among {
            let _ = write!(self.text, " {constraint}");
        }
        self.text.push_str(";\n");
        id
    }

    /// Begins to show a constraint: its negation holds from here on.
    pub(super) fn suppose_not(&mut self, constraint: &Constraint) -> Supposed {
        let result = self.next();
        let _ = writeln!(self.text, "{result} pbc {constraint} : subproof");
        let negation = self.derive("-1");
        Supposed { result, negation }
    }

    /// Ends it: the last constraint that was derived is a contradiction.
    pub(super) fn contradicted(&mut self, supposed: Supposed) -> Id {
        self.text.push_str("qed pbc : -1;\n");
        supposed.result
    }

    /// The text of the file; the last constraint that was derived is a contradiction.
    pub(super) fn finish(self, title: &[String], constraints: usize) -> String {
        let mut text = "pseudo-Boolean proof version 3.0\n".to_owned();
        for line in title {
            let line: String = line.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
            let _ = writeln!(text, "% {line}");
        }
        let _ = writeln!(text, "f {constraints};");
        text.push_str(&self.text);
        text.push_str("output NONE;\nconclusion UNSAT : -1;\nend pseudo-Boolean proof;\n");
        text
    }
}
