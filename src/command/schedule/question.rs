//! Which pods are asked about.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use crate::command::arguments::ScheduleArguments;
use crate::command::error::CommandError;
use crate::command::input::Input;
use crate::command::one_cluster::write_findings;
use crate::finding::{Finding, Severity};
use crate::manifest::assemble::{DecodeOptions, assemble};
use crate::manifest::decode::nearest;
use crate::manifest::yaml::{self, Limits, parse_decoded};
use crate::manifest::{FieldPath, Inventory, Object, Origin};
use crate::model::{AskedWorkload, makes_pods};

/// A pod that is asked about, or what makes it.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) object: Object,
    pub(super) workload: AskedWorkload,
}

/// What is asked, and the objects of the cluster that it is asked about.
pub(super) struct Question {
    pub(super) asked: Vec<Asked>,
    pub(super) inventory: Inventory,
}

/// Kinds as people write them, kubectl's short names too.
const KINDS: [(&str, &[&str]); 7] = [
    ("Pod", &["pod", "pods", "po"]),
    ("Deployment", &["deployment", "deployments", "deploy"]),
    ("ReplicaSet", &["replicaset", "replicasets", "rs"]),
    ("StatefulSet", &["statefulset", "statefulsets", "sts"]),
    ("DaemonSet", &["daemonset", "daemonsets", "ds"]),
    ("Job", &["job", "jobs"]),
    ("CronJob", &["cronjob", "cronjobs", "cj"]),
];

/// Reads the question. `None`: the pods' file cannot be read as manifests, and its findings were shown.
pub(super) fn read(
    arguments: &ScheduleArguments,
    input: &mut Input,
    cluster: &Inventory,
) -> Result<Option<Question>, CommandError> {
    if let Some(path) = &arguments.pods {
        let Some(read) = read_file(arguments, &path.display().to_string(), input)? else { return Ok(None) };
        if let Some((_, other)) = read.iter().find(|(_, object)| !makes_pods(object)) {
            let message =
                format!("{}: a {} makes no pods; --pods takes nothing else", at(other, input), other.reference.kind);
            return Err(CommandError::Usage(message));
        }
        if read.is_empty() {
            return Err(CommandError::Usage(format!("{} holds no pod", path.display())));
        }
        let brought = |object: &Object| Asked { object: object.clone(), workload: AskedWorkload::Brought };
        let asked: Vec<Asked> = read.iter().map(|(_, object)| brought(object)).collect();
        // Each is asked for itself: one that the cluster has already stays there.
        return Ok(Some(Question { asked, inventory: cluster.clone() }));
    }
    let text = arguments.pod.as_deref().unwrap_or_default();
    if text == "-" || Path::new(text).exists() {
        let Some(read) = read_file(arguments, text, input)? else { return Ok(None) };
        return of_file(text, &read, cluster, input).map(Some);
    }
    of_cluster(text, &arguments.input.namespace, cluster).map(Some)
}

/// The only pod of a file; what else the file holds is part of the cluster.
fn of_file(file: &str, read: &Inventory, cluster: &Inventory, input: &Input) -> Result<Question, CommandError> {
    let makers: Vec<&Object> = read.iter().map(|(_, object)| object).filter(|object| makes_pods(object)).collect();
    let object = match makers.as_slice() {
        [only] => (*only).clone(),
        [] => {
            let kinds: Vec<&str> = KINDS.iter().map(|(kind, _)| *kind).collect();
            let message = format!("{file} holds nothing that makes pods; give one of {}", kinds.join(", "));
            return Err(CommandError::Usage(message));
        }
        [_, second, ..] => {
            let message = format!(
                "{}: {file} holds {} objects that make pods; --pods asks about each of them, or name one: --pod {}",
                at(second, input),
                makers.len(),
                second.reference
            );
            return Err(CommandError::Usage(message));
        }
    };
    let mut inventory = without(cluster, &object);
    for (_, other) in read.iter().filter(|(_, other)| !makes_pods(other)) {
        inventory.add(other.clone());
    }
    Ok(Question { asked: vec![Asked { object, workload: AskedWorkload::Brought }], inventory })
}

/// `KIND/NAMESPACE/NAME`, or `KIND/NAME` in `namespace`.
fn of_cluster(text: &str, namespace: &str, cluster: &Inventory) -> Result<Question, CommandError> {
    let parts: Vec<&str> = text.split('/').collect();
    let (kind, namespace, name) = match parts.as_slice() {
        [kind, name] => (*kind, namespace, *name),
        [kind, namespace, name] => (*kind, *namespace, *name),
        _ => {
            let message = format!("there is no file {text}; give a file, or a workload of PATH: kind/namespace/name");
            return Err(CommandError::Usage(message));
        }
    };
    let lower = kind.to_lowercase();
    let known = KINDS.iter().find(|(_, names)| names.contains(&lower.as_str()));
    let is_it = |object: &Object| {
        known.is_some_and(|(kind, _)| *object.reference.kind == **kind)
            && object.reference.namespace.as_deref() == Some(namespace)
            && *object.reference.name == *name
    };
    let Some((_, object)) = cluster.applied().find(|(_, object)| is_it(object)) else {
        let all: Vec<String> =
            cluster.applied().filter(|(_, own)| makes_pods(own)).map(|(_, own)| own.reference.to_string()).collect();
        let wanted = format!("{lower}/{namespace}/{name}");
        let hint = match nearest(&wanted, all.iter().map(String::as_str)) {
            Some(near) => format!("did you mean {near}?"),
            None if all.is_empty() => "PATH holds nothing that makes pods".to_owned(),
            None => format!("PATH holds {} objects that make pods, none with a name like it", all.len()),
        };
        return Err(CommandError::Usage(format!("there is no file {text} and no {wanted} in PATH; {hint}")));
    };
    let asked = Asked { object: object.clone(), workload: AskedWorkload::OfCluster };
    Ok(Question { inventory: without(cluster, object), asked: vec![asked] })
}

/// The cluster without the pod that is asked about. A workload stays: one more pod of it is meant.
fn without(cluster: &Inventory, asked: &Object) -> Inventory {
    let mut left = Inventory::default();
    left.set_scheduler(cluster.scheduler().cloned());
    let is_asked = |object: &Object| *asked.reference.kind == *"Pod" && object.reference == asked.reference;
    for (_, object) in cluster.iter().filter(|(_, object)| !is_asked(object)) {
        left.add(object.clone());
    }
    left
}

fn read_file(arguments: &ScheduleArguments, name: &str, input: &mut Input) -> Result<Option<Inventory>, CommandError> {
    let mut bytes = Vec::new();
    let in_file = |source| CommandError::File { path: name.to_owned(), source };
    if name == "-" {
        std::io::stdin().read_to_end(&mut bytes).map_err(in_file)?;
    } else {
        bytes = fs::read(name).map_err(in_file)?;
    }
    let shown = if name == "-" { "standard input" } else { name };
    let decoded = yaml::decode(&bytes);
    let source = input.sources.add(shown.to_owned(), decoded.text.as_ref(), Origin::Written);
    let parsed = parse_decoded(source, &decoded, &Limits::default());
    let mut findings: Vec<Finding> = parsed.problems.iter().map(yaml::Problem::finding).collect();
    let documents = parsed.documents.into_iter().map(|document| (source, document.root));
    let decode = DecodeOptions { kubernetes_version: arguments.input.kubernetes_version };
    let assembled = assemble(documents, &decode);
    input.secrets.extend(assembled.secret_places);
    findings.extend(assembled.findings);
    findings.retain(|finding| finding.severity == Severity::Error);
    if findings.is_empty() {
        return Ok(Some(assembled.inventory));
    }
    write_findings(&arguments.output, input, &findings)?;
    Ok(None)
}

/// `pod.yaml:12`.
pub(super) fn at(object: &Object, input: &Input) -> String {
    let (place, _) = object.locate(&FieldPath::root());
    let source = input.sources.get(place.source);
    format!("{}:{}", source.name, source.line_column(place.span.start).line)
}
