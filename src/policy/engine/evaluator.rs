//! Rules made ready to look at many objects, by the two engines of regorus.
//!
//! The library runs as compiled code on regorus' virtual machine, five to ten times as fast as its interpreter; a test holds
//! both to the same answers on every fixture and on broken objects. Policies of users run on the interpreter, which is the
//! reference: regorus 0.14's machine does not know all of Rego (`with`, nested partial objects), and `x := input.missing`
//! does not end a body there when `x` is only used behind `not`.

use std::sync::Arc;

use regorus::languages::rego::compiler::Compiler;
use regorus::rvm;
use regorus::rvm::vm::{RegoVM, VmError};
use regorus::{CompiledPolicy, Value};

use super::outcome::{self, Violation};
use super::program::{Failure, Program, RegoRule};

/// How many instructions of the virtual machine one rule may take on one object: a guard against rules without end, far
/// above what an honest one takes (some thousands), and the same on every machine.
const INSTRUCTION_LIMIT: usize = 500_000_000;

/// Which engine evaluates a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::policy) enum Engine {
    /// regorus' interpreter.
    Interpreter,
    /// regorus' virtual machine.
    Machine,
}

/// A rule with its data, from which each thread makes an [`Evaluator`] of its own.
#[derive(Clone)]
pub(in crate::policy) struct Prepared(Kind);

#[derive(Clone)]
enum Kind {
    Interpreter(Box<Program>),
    Machine { code: Code, data: Value },
}

/// The instructions of a rule, whatever its data. Its entry points stand in the order of [`RegoRule::paths`].
#[derive(Clone)]
pub(in crate::policy) struct Code {
    program: Arc<rvm::Program>,
    policy: CompiledPolicy,
}

impl std::fmt::Debug for Code {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Code").finish_non_exhaustive()
    }
}

impl Code {
    /// Compiles `rule` of `program`.
    pub(in crate::policy) fn new(mut program: Program, rule: &RegoRule) -> Result<Self, Failure> {
        let policy = program.compile(rule).map_err(Failure::Evaluation)?;
        let paths: Vec<&str> = rule.paths().collect();
        let program =
            Compiler::compile_from_policy(&policy, &paths).map_err(|error| Failure::Evaluation(error.to_string()))?;
        Ok(Self { program, policy })
    }
}

/// Evaluates one rule on one object after the other.
pub(in crate::policy) enum Evaluator {
    Interpreter(Box<Program>),
    Machine(Box<RegoVM>),
}

impl Prepared {
    /// The rule's program on the interpreter, over `data`.
    pub(in crate::policy) fn interpreted(mut program: Program, rule: &RegoRule, data: Value) -> Result<Self, Failure> {
        program.add_data(data)?;
        // Compiled here, so that the threads' own copies need not.
        program.compile(rule).map_err(Failure::Evaluation)?;
        Ok(Self(Kind::Interpreter(Box::new(program))))
    }

    /// The rule's code on the machine, over `data`.
    pub(in crate::policy) const fn compiled(code: Code, data: Value) -> Self {
        Self(Kind::Machine { code, data })
    }

    /// An evaluator for one thread.
    pub(in crate::policy) fn evaluator(&self) -> Result<Evaluator, Failure> {
        match &self.0 {
            Kind::Interpreter(program) => Ok(Evaluator::Interpreter(program.clone())),
            Kind::Machine { code, data } => {
                let mut machine = RegoVM::new_with_policy(code.policy.clone());
                machine.load_program(Arc::clone(&code.program));
                machine.set_max_instructions(INSTRUCTION_LIMIT);
                // As the interpreter: a builtin that is called wrongly is an error, not "undefined".
                machine.set_strict_builtin_errors(true);
                machine.set_data(data.clone()).map_err(|error| machine_failure(&error))?;
                Ok(Evaluator::Machine(Box::new(machine)))
            }
        }
    }
}

impl Evaluator {
    /// What `rule`, which it was made for, says of `input`.
    pub(in crate::policy) fn evaluate(&mut self, rule: &RegoRule, input: &Value) -> Result<Vec<Violation>, Failure> {
        match self {
            Self::Interpreter(program) => program.set_input(input.clone()),
            Self::Machine(machine) => machine.set_input(input.clone()),
        }
        let mut paths = rule.paths().enumerate();
        if let Some(name) = rule.exception_name()
            && let Some((index, path)) = paths.next()
            && outcome::excepts(&self.value(index, path)?, name)
        {
            return Ok(Vec::new());
        }
        let mut violations = Vec::new();
        for ((index, path), strength) in paths.zip(rule.strengths()) {
            let value = self.value(index, path)?;
            violations.extend(outcome::read(&value, strength).map_err(Failure::Shape)?);
        }
        Ok(violations)
    }

    fn value(&mut self, index: usize, path: &str) -> Result<Value, Failure> {
        match self {
            Self::Interpreter(program) => program.value(path),
            Self::Machine(machine) => {
                machine.execute_entry_point_by_index(index).map_err(|error| machine_failure(&error))
            }
        }
    }
}

fn machine_failure(error: &VmError) -> Failure {
    match error {
        VmError::InstructionLimitExceeded { limit, .. } => Failure::StepLimit(*limit),
        other => Failure::Evaluation(other.to_string()),
    }
}
