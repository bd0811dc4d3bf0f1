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
    Machine(Code),
}

/// The instructions of a rule. Its entry points stand in the order of [`RegoRule::paths`].
#[derive(Clone)]
struct Code {
    program: Arc<rvm::Program>,
    policy: CompiledPolicy,
    data: Value,
}

/// Evaluates one rule on one object after the other.
pub(in crate::policy) enum Evaluator {
    Interpreter(Box<Program>),
    Machine(Box<RegoVM>),
}

impl Prepared {
    /// Compiles `rule` of `program`, whose data is complete.
    pub(in crate::policy) fn new(mut program: Program, rule: &RegoRule, engine: Engine) -> Result<Self, Failure> {
        let policy = program.compile(rule).map_err(Failure::Evaluation)?;
        match (engine, policy) {
            (Engine::Machine, Some(policy)) => {
                let paths: Vec<&str> = rule.paths().collect();
                let compiled = Compiler::compile_from_policy(&policy, &paths)
                    .map_err(|error| Failure::Evaluation(error.to_string()))?;
                Ok(Self(Kind::Machine(Code { program: compiled, policy, data: program.data() })))
            }
            (Engine::Machine, None) | (Engine::Interpreter, _) => Ok(Self(Kind::Interpreter(Box::new(program)))),
        }
    }

    /// An evaluator for one thread.
    pub(in crate::policy) fn evaluator(&self) -> Result<Evaluator, Failure> {
        match &self.0 {
            Kind::Interpreter(program) => Ok(Evaluator::Interpreter(program.clone())),
            Kind::Machine(code) => {
                let mut machine = RegoVM::new_with_policy(code.policy.clone());
                machine.load_program(Arc::clone(&code.program));
                machine.set_max_instructions(INSTRUCTION_LIMIT);
                // As the interpreter: a builtin that is called wrongly is an error, not "undefined".
                machine.set_strict_builtin_errors(true);
                machine.set_data(code.data.clone()).map_err(|error| machine_failure(&error))?;
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
