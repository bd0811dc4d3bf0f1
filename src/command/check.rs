//! `quorate check`.

use std::time::Instant;

use rayon::prelude::*;

use super::arguments::{CheckArguments, FailOn};
use super::environment_file::EnvironmentState;
use super::error::CommandError;
use super::exit_status::ExitStatus;
use super::input::{self, Configuration, Input};
use super::progress::{Progress, Show};
use super::{output, prove};
use crate::finding::{self, Finding, NotEvaluated, Severity};
use crate::manifest::Inventory;
use crate::manifest::collect::EmptyInput;
use crate::model;
use crate::policy::{self, FactDocument, Facts, PolicySet, RegoVersion, Rule, simulation};
use crate::report::{CheckReport, CheckSummary, RuleDocumentation, write_check};

/// The version of Kubernetes whose behaviour is modelled.
pub(super) const MODELLED_VERSION: &str = "1.36";

/// Runs the command.
///
/// # Errors
/// When there is nothing to check, or a report cannot be written.
pub(super) fn run(arguments: &CheckArguments) -> Result<ExitStatus, CommandError> {
    let started = Instant::now();
    let progress = Progress::new(if arguments.output.quiet { Show::Never } else { Show::OnTerminal });
    progress.say("reading manifests");
    let empty = if arguments.allow_empty { EmptyInput::Allowed } else { EmptyInput::Refused };
    let mut input = input::read(&arguments.input, empty)?;
    let policies = policies(arguments, &input)?;
    progress.say("evaluating rules");
    let mut verdicts = evaluate(arguments, &input, &policies);
    verdicts.findings.append(&mut input.findings);
    let findings = finish(arguments, &input, &policies, &mut verdicts);
    drop(progress);
    let summary = CheckSummary {
        files: input.counts.files,
        documents: input.counts.documents,
        skipped: input.skipped,
        objects: input.object_count(),
        configurations: input.configurations.len(),
        rules_evaluated: rules_evaluated(&policies, &verdicts),
        kubernetes: MODELLED_VERSION.to_owned(),
        nodes: verdicts.nodes,
        elapsed: Some(started.elapsed()),
    };
    let rules: Vec<RuleDocumentation> = policies.rules().iter().map(documentation).collect();
    let report = CheckReport {
        sources: &input.sources,
        findings: &findings,
        not_evaluated: &verdicts.not_evaluated,
        summary: &summary,
        rules: &rules,
        secrets: &input.secrets,
    };
    let style = output::style(&arguments.output);
    output::write_all(&arguments.output, &style, |format, style, out| write_check(&report, format, style, out))?;
    let readable = match input.environment.state {
        EnvironmentState::Readable => ExitStatus::Holds,
        // Rules without their facts say nothing: the check has not been made.
        EnvironmentState::Unreadable => ExitStatus::Usage,
    };
    // The process ends here: to take a large inventory apart node by node would only cost time.
    std::mem::forget(input);
    Ok(status(&findings, arguments.fail_on).worst(readable))
}

/// What all configurations came to.
#[derive(Default)]
struct Verdicts {
    findings: Vec<Finding>,
    not_evaluated: Vec<NotEvaluated>,
    /// How many nodes the rules had, in the configuration with the most.
    nodes: Option<usize>,
}

/// How many rules could say something about this input.
fn rules_evaluated(policies: &PolicySet, verdicts: &Verdicts) -> usize {
    let lacks = |rule: &Rule| verdicts.not_evaluated.iter().any(|own| own.rule == rule.id);
    policies.rules().iter().filter(|rule| policies.runs(&rule.id) && !lacks(rule)).count()
}

fn evaluate(arguments: &CheckArguments, input: &Input, policies: &PolicySet) -> Verdicts {
    let each: Vec<Verdicts> = input
        .configurations
        .par_iter()
        .map(|configuration| evaluate_one(arguments, input, policies, configuration))
        .collect();
    let mut all = Verdicts::default();
    for verdicts in each {
        all.findings.extend(verdicts.findings);
        all.not_evaluated.extend(verdicts.not_evaluated);
        all.nodes = all.nodes.max(verdicts.nodes);
    }
    all.not_evaluated.retain(|own| policies.runs(&own.rule));
    all.not_evaluated.sort();
    all.not_evaluated.dedup();
    all
}

fn evaluate_one(
    arguments: &CheckArguments,
    input: &Input,
    policies: &PolicySet,
    configuration: &Configuration,
) -> Verdicts {
    let spec = input
        .environment
        .environment
        .as_ref()
        .map_or(serde_json::Value::Null, |environment| serde_json::to_value(&environment.spec).unwrap_or_default());
    let documents: Vec<FactDocument<'_>> = input
        .environment
        .documents
        .iter()
        .map(|document| FactDocument { root: &document.root, source: document.source })
        .collect();
    let facts = Facts { spec: &spec, documents: &documents };
    let inventory = &configuration.inventory;
    let simulate = || {
        let model = model::build(inventory, &configuration.other_nodes);
        let environment = input.environment.spec();
        let context =
            simulation::Context { inventory, model: &model, environment: &environment, facts, seed: arguments.seed };
        let nodes = (!model.state.nodes.is_empty()).then_some(model.state.nodes.len());
        let runs = |rule: &str| policies.runs(rule);
        let mut simulated = simulation::evaluate(&context, &runs);
        let proved = prove::guarantee_rules(&context, input, &runs);
        simulated.findings.extend(proved.findings);
        simulated.not_evaluated.extend(proved.not_evaluated);
        (simulated, nodes)
    };
    let (rego, (simulated, nodes)) = rayon::join(|| policies.evaluate_with(inventory, &facts), simulate);
    let mut verdicts = Verdicts { nodes, ..Verdicts::default() };
    verdicts.findings.extend(configuration.findings.iter().cloned());
    verdicts.findings.extend(rego.findings);
    verdicts.findings.extend(simulated.findings);
    verdicts.not_evaluated.extend(configuration.not_evaluated.iter().cloned());
    verdicts.not_evaluated.extend(rego.not_evaluated);
    verdicts.not_evaluated.extend(simulated.not_evaluated);
    verdicts
}

/// Severities as configured, waivers, order.
fn finish(arguments: &CheckArguments, input: &Input, policies: &PolicySet, verdicts: &mut Verdicts) -> Vec<Finding> {
    let mut findings = policies.adjust(std::mem::take(&mut verdicts.findings));
    let mut waivers = input.environment.waivers.clone();
    let inventories: Vec<&Inventory> =
        input.configurations.iter().map(|configuration| &configuration.inventory).collect();
    for inventory in &inventories {
        let (annotated, problems) = policy::from_annotations(inventory);
        waivers.extend(annotated);
        findings.extend(problems);
    }
    let today = arguments.now.map_or_else(|| jiff::ZonedDateTime::now().date(), |now| now.day);
    policy::apply(&mut findings, &waivers, &inventories, &verdicts.not_evaluated, today);
    finding::sort(&mut findings);
    findings
}

fn policies(arguments: &CheckArguments, input: &Input) -> Result<PolicySet, CommandError> {
    let version = if arguments.rego_v0 { RegoVersion::V0 } else { RegoVersion::Detect };
    let mut policies = PolicySet::builtin()?;
    for directory in &arguments.policy {
        policies = policies.with_directory(directory, version)?;
    }
    let configured = input.environment.environment.as_ref().and_then(|environment| environment.spec.policies.as_ref());
    let mut configuration = configured
        .and_then(|policies| serde_json::to_value(policies).ok())
        .and_then(|value| serde_json::from_value::<policy::Configuration>(value).ok())
        .unwrap_or_default();
    configuration.include.extend(arguments.include.iter().cloned());
    configuration.exclude.extend(arguments.exclude.iter().cloned());
    Ok(policies.configure(&configuration)?)
}

fn documentation(rule: &Rule) -> RuleDocumentation {
    RuleDocumentation {
        id: rule.id.clone(),
        title: rule.title.clone(),
        description: rule.description.clone(),
        help: rule.help.clone(),
        severity: rule.severity,
        help_uri: None,
    }
}

/// A document that cannot be read fails the check whatever `--fail-on` says.
fn status(findings: &[Finding], fail_on: FailOn) -> ExitStatus {
    let fails = |finding: &Finding| {
        // What cannot be read and looks like no manifest is a note of the same rule.
        let unreadable =
            &*finding.rule == crate::manifest::yaml::UNREADABLE_DOCUMENT && finding.severity == Severity::Error;
        let severe = match fail_on {
            FailOn::Error => finding.severity == Severity::Error,
            FailOn::Warning => finding.severity <= Severity::Warning,
            FailOn::Never => false,
        };
        unreadable || (severe && finding.waived.is_none())
    };
    if findings.iter().any(fails) { ExitStatus::Violated } else { ExitStatus::Holds }
}
