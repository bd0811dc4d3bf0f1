//! Pseudo-Boolean constraints, and what their variables mean.

use std::fmt::{self, Write as _};

/// The number of a variable, from 1.
pub(super) type Variable = usize;

/// `Σ coefficient · variable ≥ at_least`, each variable 0 or 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Constraint {
    /// Coefficients and numbers of variables, from 1; no variable twice.
    pub terms: Vec<(i128, usize)>,
    /// The right-hand side.
    pub at_least: i128,
}

impl Constraint {
    /// Whether an assignment (by the number of the variable less one) satisfies it.
    #[must_use]
    pub fn holds(&self, assignment: &[bool]) -> bool {
        let is_set = |variable: usize| variable.checked_sub(1).and_then(|place| assignment.get(place)) == Some(&true);
        let set = self.terms.iter().filter(|(_, variable)| is_set(*variable));
        set.fold(0_i128, |sum, (coefficient, _)| sum.saturating_add(*coefficient)) >= self.at_least
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (coefficient, variable) in &self.terms {
            write!(out, "{coefficient:+} x{variable} ")?;
        }
        write!(out, ">= {}", self.at_least)
    }
}

/// A number from 0 to the sum of the weights: each variable that is set adds its weight.
#[derive(Clone, Debug, Default)]
pub(super) struct Amount {
    bits: Vec<(i128, Variable)>,
}

impl Amount {
    /// The largest number that it can be.
    pub(super) fn most(&self) -> i128 {
        self.bits.iter().fold(0, |sum, (weight, _)| sum.saturating_add(*weight))
    }

    /// The number so many times, as terms.
    pub(super) fn times(&self, factor: i128) -> impl Iterator<Item = (i128, Variable)> + '_ {
        self.bits.iter().map(move |(weight, variable)| (weight.saturating_mul(factor), *variable))
    }

    pub(super) fn variables(&self) -> impl Iterator<Item = Variable> + '_ {
        self.bits.iter().map(|(_, variable)| *variable)
    }
}

/// What a variable of a formula says. Where it has `pods`, the number meant is the sum over all variables that are alike but for it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of the sentence that it is displayed as")]
pub enum Meaning {
    /// A failure domain fails.
    Fails { domain: String },
    /// So many pods of a workload are bound, no more than are wanted: before the failure where it survives, after it where it is replaced.
    Bound { workload: String, pods: i128 },
    /// A pod of a workload waits.
    Waits { workload: String },
    /// Others hold room on a node, which is not failed, and where nobody is in the way of the pod that waits.
    Holds { waiting: String, other: String, node: String, pods: i128 },
    /// A node has too little of a resource for the pod that waits.
    Lacks { waiting: String, node: String, resource: String },
    /// Others are in a domain where a term or a host port, theirs or its own, keeps the pod that waits off.
    InTheWay { waiting: String, key: String, domain: String },
    /// A domain has the fewest pods that the spread constraint of the pod that waits counts.
    Fewest { waiting: String, domain: String },
    /// Pods are on a node that fails.
    Lost { workload: String, node: String, pods: i128 },
    /// Pods are on a node before the failure.
    On { workload: String, node: String, pods: i128 },
    /// So many pods are in the domain with the fewest.
    Least { workload: String, pods: i128 },
}

impl Meaning {
    /// The same with another number of pods.
    fn of(mut self, number: i128) -> Meaning {
        match &mut self {
            Meaning::Bound { pods, .. }
            | Meaning::Holds { pods, .. }
            | Meaning::Lost { pods, .. }
            | Meaning::On { pods, .. }
            | Meaning::Least { pods, .. } => *pods = number,
            Meaning::Fails { .. }
            | Meaning::Waits { .. }
            | Meaning::Lacks { .. }
            | Meaning::InTheWay { .. }
            | Meaning::Fewest { .. } => {}
        }
        self
    }
}

impl fmt::Display for Meaning {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Meaning::Fails { domain } => write!(out, "{domain} fails"),
            Meaning::Bound { workload, pods } => write!(out, "{pods} of the pods of {workload} that are bound"),
            Meaning::Waits { workload } => write!(out, "a pod of {workload} waits"),
            Meaning::Holds { waiting, other, node, pods } => {
                write!(out, "{pods} of the pods of {other} that hold room of a pod of {waiting} on {node}")
            }
            Meaning::Lacks { waiting, node, resource } => {
                write!(out, "{node} has too little {resource} for a pod of {waiting}")
            }
            Meaning::InTheWay { waiting, key, domain } => {
                write!(out, "pods in {domain} are in the way of a pod of {waiting} by {key}")
            }
            Meaning::Fewest { waiting, domain } => {
                write!(out, "{domain} has the fewest pods that the spread constraint of {waiting} counts")
            }
            Meaning::Lost { workload, node, pods } => {
                write!(out, "{pods} of the pods of {workload} on {node}, which fails")
            }
            Meaning::On { workload, node, pods } => write!(out, "{pods} of the pods of {workload} on {node}"),
            Meaning::Least { workload, pods } => {
                write!(out, "{pods} of the pods of {workload} in the domain with the fewest")
            }
        }
    }
}

/// Where a constraint is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Id {
    /// By its number in the formula, from 1.
    Formula(usize),
    /// By the number of the step that derives it.
    Step(usize),
}

impl fmt::Display for Id {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Id::Formula(number) => write!(out, "{number}"),
            Id::Step(number) => write!(out, "@s{number}"),
        }
    }
}

/// "There is a violation": constraints that every violation satisfies.
#[derive(Clone, Debug, Default)]
pub struct Formula {
    meanings: Vec<Meaning>,
    constraints: Vec<Constraint>,
    /// What is said before the constraint with this place.
    remarks: Vec<(usize, String)>,
}

impl Formula {
    /// What each variable says.
    #[must_use]
    pub fn meanings(&self) -> &[Meaning] {
        &self.meanings
    }

    /// The constraints.
    #[must_use]
    pub fn constraints(&self) -> &[Constraint] {
        &self.constraints
    }

    pub(super) fn variable(&mut self, meaning: Meaning) -> Variable {
        self.meanings.push(meaning);
        self.meanings.len()
    }

    /// A number from 0 to `most`.
    pub(super) fn amount(&mut self, most: i128, meaning: &Meaning) -> Amount {
        let (mut left, mut weight) = (most, 1_i128);
        let mut amount = Amount::default();
        while left > 0 {
            let pods = weight.min(left);
            let variable = self.variable(meaning.clone().of(pods));
            amount.bits.push((pods, variable));
            left = left.saturating_sub(pods);
            weight = weight.saturating_mul(2);
        }
        amount
    }

    /// Says something about the constraints that follow.
    pub(super) fn remark(&mut self, text: impl Into<String>) {
        self.remarks.push((self.constraints.len(), text.into()));
    }

    /// Adds a constraint; terms without weight are left out.
    pub(super) fn require(&mut self, terms: impl IntoIterator<Item = (i128, Variable)>, at_least: i128) -> Id {
        let terms = terms.into_iter().filter(|(coefficient, _)| *coefficient != 0).collect();
        self.constraints.push(Constraint { terms, at_least });
        Id::Formula(self.constraints.len())
    }

    /// The text of an OPB file: what its variables say, and its constraints.
    #[must_use]
    pub fn to_opb(&self, title: &[String]) -> String {
        let mut text = format!("* #variable= {} #constraint= {}\n", self.meanings.len(), self.constraints.len());
        for line in title {
            let _ = writeln!(text, "* {}", plain(line));
        }
        text.push_str("*\n* The variables:\n");
        for (place, meaning) in self.meanings.iter().enumerate() {
            let _ = writeln!(text, "* x{}: {}", place.saturating_add(1), plain(&meaning.to_string()));
        }
        let mut remarks = self.remarks.iter().peekable();
        for (place, constraint) in self.constraints.iter().enumerate() {
            while let Some((_, remark)) = remarks.next_if(|(before, _)| *before <= place) {
                let _ = writeln!(text, "*\n* {}", plain(remark));
            }
            let _ = writeln!(text, "{constraint} ;");
        }
        text
    }
}

/// Names are free text: one line of it.
fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}
