//! What every command reads: manifests, the environment, nodes.

use std::io;
use std::path::Path;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node as ApiNode, Taint};
use quorate_sim::cluster::ClusterState;

use super::arguments::InputArguments;
use super::environment_file::{self, EnvironmentFiles, EnvironmentState};
use super::error::CommandError;
use super::node_argument;
use super::scheduler_file::{self, Scheduler};
use crate::environment::{DeclaredNode, TaintEffect};
use crate::finding::{Finding, NotEvaluated};
use crate::manifest::assemble::{DecodeOptions, assemble};
use crate::manifest::collect::{CollectOptions, Counts, EmptyInput, collect};
use crate::manifest::scheduler_configuration::STRAY_RULE;
use crate::manifest::{Inventory, Node, Place, SourceMap, Typed};
use crate::model;

/// Everything that was read for one run.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) sources: SourceMap,
    pub(super) configurations: Vec<Configuration>,
    pub(super) environment: EnvironmentFiles,
    /// About documents and `quorate.yaml`.
    pub(super) findings: Vec<Finding>,
    pub(super) counts: Counts,
    /// Documents that are no Kubernetes objects.
    pub(super) skipped: usize,
    /// Where values of Secrets stand.
    pub(super) secrets: Vec<Place>,
    /// The scheduler's configuration as written.
    pub(super) scheduler: Option<Node>,
}

/// Objects that are checked together: all plain files, or one chart or overlay.
#[derive(Debug)]
pub(super) struct Configuration {
    /// The chart or overlay; `None` for the plain files.
    pub(super) name: Option<String>,
    pub(super) inventory: Inventory,
    pub(super) findings: Vec<Finding>,
    pub(super) not_evaluated: Vec<NotEvaluated>,
    /// Nodes from elsewhere than its own manifests.
    pub(super) other_nodes: Vec<ApiNode>,
}

impl Input {
    /// Sources of which nothing is understood yet.
    pub(super) fn of(sources: SourceMap, counts: Counts) -> Self {
        Self {
            sources,
            configurations: Vec::new(),
            environment: EnvironmentFiles::default(),
            findings: Vec::new(),
            counts,
            skipped: counts.skipped,
            secrets: Vec::new(),
            scheduler: None,
        }
    }

    /// Where schedulers are configured among the manifests that are not obeyed, as sentences.
    pub(super) fn stray_schedulers(&self) -> Vec<String> {
        let findings = self.configurations.iter().flat_map(|configuration| &configuration.findings);
        let places = findings.filter(|finding| *finding.rule == *STRAY_RULE).filter_map(|finding| finding.place);
        let sentence = |place: Place| {
            let source = self.sources.get(place.source);
            let line = source.line_column(place.span.start).line;
            format!(
                "{}:{line} configures a scheduler, and is not obeyed unasked: --scheduler-config FILE does that",
                source.name
            )
        };
        places.map(sentence).collect()
    }

    /// How many objects there are in all configurations.
    pub(super) fn object_count(&self) -> usize {
        self.configurations.iter().map(|configuration| configuration.inventory.len()).sum()
    }
}

/// Reads what `arguments` name.
///
/// # Errors
/// When a path cannot be read, or there is no object and `empty` does not allow that.
pub(super) fn read(arguments: &InputArguments, empty: EmptyInput) -> Result<Input, CommandError> {
    let paths = arguments.all_paths();
    if paths.is_empty() {
        return Err(CommandError::NoPath);
    }
    let kubernetes_version = arguments.kubernetes_version;
    let options = CollectOptions { empty, kubernetes_version, ..CollectOptions::default() };
    let collection = collect(&paths, &mut io::stdin(), &options)?;
    let mut input = Input::of(collection.sources, collection.counts);
    input.findings = collection.findings;
    input.environment = environment_file::read(&paths, &arguments.environment, &mut input.sources)?;
    input.findings.append(&mut input.environment.findings);
    let decode = DecodeOptions { kubernetes_version };
    for configuration in collection.configurations {
        let documents = configuration.documents.into_iter().map(|document| (document.source, document.root));
        let assembled = assemble(documents, &decode);
        input.skipped += assembled.skipped;
        input.secrets.extend(assembled.secret_places);
        input.configurations.push(Configuration {
            name: configuration.name,
            inventory: assembled.inventory,
            findings: assembled.findings,
            not_evaluated: assembled.not_evaluated,
            other_nodes: Vec::new(),
        });
    }
    share_nodes(&mut input, arguments);
    configure_scheduler(&mut input, arguments)?;
    Ok(input)
}

/// The scheduler of all configurations. Where one is given, others that lie among the manifests are of no interest.
fn configure_scheduler(input: &mut Input, arguments: &InputArguments) -> Result<(), CommandError> {
    let named = input.environment.scheduler.clone();
    let argument = arguments.scheduler_config.as_deref();
    match scheduler_file::read(argument, named.as_ref(), &mut input.sources, &mut input.findings)? {
        Scheduler::Default => return Ok(()),
        Scheduler::Configured(file, document) => {
            input.scheduler = Some(document);
            for configuration in &mut input.configurations {
                configuration.inventory.set_scheduler(Some(Arc::clone(&file)));
            }
        }
        Scheduler::Refused => input.environment.state = EnvironmentState::Unreadable,
    }
    for configuration in &mut input.configurations {
        configuration.findings.retain(|finding| *finding.rule != *STRAY_RULE);
    }
    Ok(())
}

/// Nodes that a configuration does not bring itself: Node manifests among the plain files that say how much room they have,
/// or of which a pool of quorate.yaml says it; else all pools, else `--nodes`.
fn share_nodes(input: &mut Input, arguments: &InputArguments) {
    let (sized, unsized_nodes): (Vec<ApiNode>, Vec<ApiNode>) = input
        .configurations
        .iter()
        .filter(|configuration| configuration.name.is_none())
        .flat_map(|configuration| configuration.inventory.applied())
        .filter_map(|(_, object)| match &object.typed {
            Typed::Node(node) => Some((**node).clone()),
            _ => None,
        })
        .partition(model::says_its_room);
    let pools: Vec<ApiNode> = input.environment.spec().declared_nodes().iter().map(declared_node).collect();
    let mut declared = if pools.is_empty() { node_argument::nodes(&arguments.nodes) } else { pools };
    let is_written = |node: &ApiNode, written: &ApiNode| node.metadata.name == written.metadata.name;
    if !sized.is_empty() {
        declared.retain(|node| unsized_nodes.iter().any(|written| is_written(node, written)));
    }
    for node in &mut declared {
        if let Some(written) = unsized_nodes.iter().find(|written| is_written(node, written)) {
            *node = model::with_room_of(written, node);
        }
    }
    let other: Vec<ApiNode> = sized.into_iter().chain(declared).collect();
    for configuration in &mut input.configurations {
        configuration.other_nodes.clone_from(&other);
    }
}

/// The pools of quorate.yaml whose numbers of nodes may change go to the cluster autoscaler.
pub(super) fn add_pools(state: &mut ClusterState, input: &Input) {
    for pool in &input.environment.spec().nodes {
        if let Some(node) = pool.autoscaled_node() {
            let size = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
            model::add_pool(state, &pool.name, (size(pool.min), size(pool.max)), &declared_node(&node));
        }
    }
}

fn declared_node(declared: &DeclaredNode) -> ApiNode {
    let taint = |taint: &crate::environment::Taint| Taint {
        key: taint.key.to_string(),
        value: (!taint.value.is_empty()).then(|| taint.value.clone()),
        effect: match taint.effect {
            TaintEffect::NoSchedule => "NoSchedule",
            TaintEffect::PreferNoSchedule => "PreferNoSchedule",
            TaintEffect::NoExecute => "NoExecute",
        }
        .to_owned(),
        time_added: None,
    };
    let taints = declared.taints.iter().map(taint).collect();
    let mut amounts: Vec<(String, String)> =
        declared.allocatable.iter().map(|(name, amount)| (name.to_string(), amount.to_string())).collect();
    if !amounts.iter().any(|(name, _)| name == "pods") {
        // The kubelet's default.
        amounts.push(("pods".to_owned(), "110".to_owned()));
    }
    node_argument::node(declared.name.clone(), declared.labels.clone(), taints, amounts)
}

/// A path as users see it.
pub(super) fn shown(path: &Path) -> String {
    path.display().to_string()
}
