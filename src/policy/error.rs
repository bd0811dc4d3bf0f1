//! What can be wrong with policies before they are evaluated.

/// A policy that cannot be loaded, or a configuration that does not fit the rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// A file or directory cannot be read.
    #[error("cannot read the policies in {path}: {reason}")]
    Read {
        /// The path as given.
        path: String,
        /// What the system says.
        reason: String,
    },
    /// A file is not Rego.
    #[error("{path}:{line}:{column}: not valid Rego ({version}): {reason}")]
    Syntax {
        /// The file.
        path: String,
        /// The line, from 1.
        line: u32,
        /// The column, from 1.
        column: u32,
        /// The version of Rego it was read as.
        version: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The modules do not fit together (an unsafe variable, a recursion).
    #[error("{path}: the policy does not compile: {reason}")]
    Compile {
        /// The file or package.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// A METADATA comment cannot be read.
    #[error("{path}:{line}: the METADATA comment cannot be read: {reason}")]
    Metadata {
        /// The file.
        path: String,
        /// The line of `# METADATA`, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// Two rules have one id.
    #[error("{path}: a rule `{id}` exists already; give this one another `custom.id`")]
    DuplicateRule {
        /// The id.
        id: String,
        /// The file or package of the second.
        path: String,
    },
    /// The configuration names a rule or pack that does not exist.
    #[error("there is no rule or pack `{name}`{}", nearest_text(.nearest.as_deref()))]
    UnknownRule {
        /// The name that was given.
        name: String,
        /// The nearest that exists.
        nearest: Option<String>,
    },
    /// The configuration names a parameter that the rule does not have.
    #[error("rule `{rule}` has no parameter `{parameter}`{}", nearest_text(.nearest.as_deref()))]
    UnknownParameter {
        /// The rule.
        rule: String,
        /// The name that was given.
        parameter: String,
        /// The nearest that exists.
        nearest: Option<String>,
    },
    /// A parameter's value has another type than its default.
    #[error("parameter `{parameter}` of rule `{rule}` must be {expected}, not {found}")]
    ParameterType {
        /// The rule.
        rule: String,
        /// The parameter.
        parameter: String,
        /// The type of its default.
        expected: &'static str,
        /// The type that was given.
        found: &'static str,
    },
}

fn nearest_text(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}
