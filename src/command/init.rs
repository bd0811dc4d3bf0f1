//! `quorate init`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::arguments::InitArguments;
use super::error::CommandError;
use super::exit_status::ExitStatus;
use super::input::shown;
use super::output::to_standard_output;
use crate::manifest::api::KubernetesVersion;
use crate::manifest::assemble::{DecodeOptions, assemble};
use crate::manifest::collect::{CollectOptions, EmptyInput, collect};
use crate::manifest::{Inventory, Node, Typed};
use crate::report::ReportError;

/// Runs the command.
///
/// # Errors
/// When the file exists, or cannot be written.
pub(super) fn run(arguments: &InitArguments) -> Result<ExitStatus, CommandError> {
    let paths = if arguments.paths.is_empty() { vec![PathBuf::from(".")] } else { arguments.paths.clone() };
    let options = CollectOptions { empty: EmptyInput::Allowed, ..CollectOptions::default() };
    let collection = collect(&paths, &mut io::stdin(), &options)?;
    let decode = DecodeOptions { kubernetes_version: KubernetesVersion::MODELLED };
    let documents = collection.configurations.into_iter().flat_map(|configuration| configuration.documents);
    let assembled = assemble(documents.map(|document| (document.source, document.root)), &decode);
    let text = environment(&Found::in_inventory(&assembled.inventory));
    if arguments.output == Path::new("-") {
        to_standard_output(|out| out.write_all(text.as_bytes()).map_err(ReportError::from))?;
        return Ok(ExitStatus::Holds);
    }
    write(arguments, &text)?;
    let path = shown(&arguments.output);
    to_standard_output(|out| {
        writeln!(out, "wrote {path}; uncomment what holds for your environment, then: quorate check .")
            .map_err(ReportError::from)
    })?;
    Ok(ExitStatus::Holds)
}

fn write(arguments: &InitArguments, text: &str) -> Result<(), CommandError> {
    let path = shown(&arguments.output);
    let mut open = OpenOptions::new();
    open.write(true).create(true);
    if arguments.force {
        open.truncate(true);
    } else {
        open.create_new(true);
    }
    let mut file = open.open(&arguments.output).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => CommandError::Usage(format!("{path} exists; --force replaces it")),
        _ => CommandError::File { path: path.clone(), source },
    })?;
    file.write_all(text.as_bytes()).map_err(|source| CommandError::File { path, source })
}

/// What the manifests show.
#[derive(Default)]
struct Found {
    nodes: usize,
    /// Nodes by instance type.
    instance_types: BTreeMap<String, usize>,
    zones: bool,
    /// Replicated workloads with a budget of their own namespace.
    replicated: Vec<String>,
    /// StatefulSets with volumes, and the engine that their image suggests.
    stores: Vec<(String, String, &'static str)>,
    ports: BTreeMap<i32, String>,
    seals_secrets: bool,
    applications: Vec<String>,
    /// Names and severities.
    alerts: Vec<(String, &'static str)>,
}

impl Found {
    fn in_inventory(inventory: &Inventory) -> Self {
        let mut found = Self::default();
        for (_, object) in inventory.iter() {
            let namespace = object.reference.namespace.as_deref().unwrap_or("default");
            let name = &*object.reference.name;
            match &object.typed {
                Typed::Node(node) => found.node(node.metadata.labels.as_ref()),
                Typed::Deployment(own) => {
                    if own.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1) > 1 {
                        found.replicated.push(format!("deployment/{namespace}/{name}"));
                    }
                }
                Typed::StatefulSet(own) => {
                    let spec = own.spec.as_ref();
                    if spec
                        .and_then(|spec| spec.volume_claim_templates.as_ref())
                        .is_some_and(|claims| !claims.is_empty())
                    {
                        found
                            .stores
                            .extend(engine(&object.root).map(|engine| (namespace.to_owned(), name.to_owned(), engine)));
                    }
                }
                Typed::Service(own) => {
                    let spec = own.spec.as_ref().filter(|spec| spec.type_.as_deref() == Some("LoadBalancer"));
                    for port in spec.iter().flat_map(|spec| spec.ports.iter().flatten()) {
                        found.ports.insert(port.port, format!("service/{namespace}/{name}"));
                    }
                }
                _ => found.other(&object.reference.kind, namespace, name, &object.root),
            }
        }
        found
    }

    fn node(&mut self, labels: Option<&BTreeMap<String, String>>) {
        self.nodes += 1;
        let label = |key: &str| labels.and_then(|labels| labels.get(key));
        if let Some(kind) = label("node.kubernetes.io/instance-type") {
            *self.instance_types.entry(kind.clone()).or_default() += 1;
        }
        self.zones |= label("topology.kubernetes.io/zone").is_some();
    }

    fn other(&mut self, kind: &str, namespace: &str, name: &str, root: &Node) {
        match kind {
            "SealedSecret" => self.seals_secrets = true,
            "Application" => self.applications.push(format!("application/{namespace}/{name}")),
            "PrometheusRule" => {
                let groups = root.get("spec").and_then(|spec| spec.get("groups")).map_or(&[][..], Node::items);
                let rules = groups.iter().filter_map(|group| group.get("rules")).flat_map(Node::items);
                self.alerts
                    .extend(rules.filter_map(|rule| Some((rule.get("alert")?.as_str()?.to_owned(), severity(rule)))));
            }
            _ => {}
        }
    }
}

/// The severity that an alerting rule carries as a label, where it is one of those that quorate.yaml knows.
fn severity(rule: &Node) -> &'static str {
    let label = rule.get("labels").and_then(|labels| labels.get("severity")).and_then(Node::as_str);
    ["critical", "info"].into_iter().find(|known| label == Some(known)).unwrap_or("warning")
}

/// The data store that an image name suggests.
fn engine(root: &Node) -> Option<&'static str> {
    let containers = root.get("spec")?.get("template")?.get("spec")?.get("containers")?.items();
    let images = containers.iter().filter_map(|container| container.get("image")?.as_str());
    let known = [
        ("postgres", "postgresql"),
        ("mysql", "mysql"),
        ("mariadb", "mysql"),
        ("redis", "redis"),
        ("kafka", "kafka"),
        ("mongo", "mongodb"),
        ("elasticsearch", "elasticsearch"),
        ("cassandra", "cassandra"),
        ("rabbitmq", "rabbitmq"),
        ("etcd", "etcd"),
        ("nats", "nats"),
    ];
    images
        .flat_map(|image| known.iter().filter(move |(part, _)| image.contains(part)))
        .map(|(_, engine)| *engine)
        .next()
}

/// The file's text. Everything that is not certain is a comment, so that the file holds as it is written.
fn environment(found: &Found) -> String {
    let mut text = String::from(
        "# Facts that manifests do not carry. Every part is optional; a rule that needs an absent one is not evaluated.\n\
         apiVersion: quorate.dev/v1alpha1\nkind: Environment\nmetadata:\n  name: production\nspec:\n",
    );
    nodes(&mut text, found);
    guarantees(&mut text, found);
    stores(&mut text, found);
    rest(&mut text, found);
    // A document whose `spec` holds comments alone is null there, which is as good as empty.
    text
}

fn nodes(text: &mut String, found: &Found) {
    if found.nodes > 0 {
        let _ = writeln!(
            text,
            "  # {} nodes come from Node manifests. Prices let findings say what a mend costs:",
            found.nodes
        );
        text.push_str("  # prices:\n  #   currency: EUR\n  #   catalogue:\n");
        for kind in found.instance_types.keys() {
            let _ = writeln!(text, "  #     {kind}: \"10.00\"");
        }
        text.push_str("  #   monthlyLimit: \"100.00\"\n\n");
    } else {
        text.push_str(
            "  # No Node manifests were found. With nodes, rollouts, drains and failures are simulated:\n  # nodes:\n  #   - name: worker\n  \
             #     count: 3\n  #     instanceType: m6i.xlarge\n  #     capacity: {cpu: \"4\", memory: 16Gi}\n  #     reservations: {cpu: \
             100m, memory: 1Gi}\n  # prices:\n  #   currency: EUR\n  #   catalogue: {m6i.xlarge: \"140.00\"}\n\n",
        );
    }
    let domains =
        if found.zones { "[kubernetes.io/hostname, topology.kubernetes.io/zone]" } else { "[kubernetes.io/hostname]" };
    let _ = writeln!(text, "  failureDomains: {domains}\n");
}

fn guarantees(text: &mut String, found: &Found) {
    text.push_str("  # What must hold when a node is lost:\n  # guarantees:\n");
    let example = ["deployment/default/backend".to_owned()];
    let workloads = if found.replicated.is_empty() { &example[..] } else { &found.replicated };
    for workload in workloads {
        let _ = writeln!(
            text,
            "  #   - {{workload: {workload}, minAvailable: 1, failures: {{nodes: 1}}, placement: reachable}}"
        );
    }
    text.push('\n');
}

fn stores(text: &mut String, found: &Found) {
    if found.stores.is_empty() {
        return;
    }
    text.push_str("  # Data stores that were recognised by their images. What is backed up, and how much may be lost:\n  # backups:\n");
    for (namespace, name, engine) in &found.stores {
        let _ = writeln!(
            text,
            "  #   - {{name: {name}, dataStore: store/{namespace}/{name}, what: {engine}, schedule: \"0 2 * * *\", retention: 30d, target: s3}}"
        );
    }
    text.push_str("  # recovery: {rto: 4h, rpo: 24h}\n\n");
}

fn rest(text: &mut String, found: &Found) {
    text.push_str("  # Ports that may be open to the outside:\n  # exposure:\n  #   ports:\n");
    let mut ports: Vec<(i32, String)> = found.ports.iter().map(|(port, from)| (*port, from.clone())).collect();
    if ports.is_empty() {
        ports.push((443, "the ingress".to_owned()));
    }
    for (port, from) in ports {
        let _ = writeln!(text, "  #     - {{port: {port}, protocol: TCP, through: loadBalancer, purpose: {from}}}");
    }
    if found.seals_secrets {
        text.push_str("\n  # SealedSecrets were found; with this no plain Secret may stand in the manifests:\n  # secrets: {sealing: sealedSecrets, rotation: 90d}\n");
    }
    for application in &found.applications {
        let _ = writeln!(
            text,
            "\n  # delivery: {{tool: argoCd, application: {application}, sync: manual, approval: required, tagForm: semanticVersion}}"
        );
    }
    if !found.alerts.is_empty() {
        text.push_str("\n  # Alerts that must exist:\n  # alerts:\n");
        for (alert, severity) in &found.alerts {
            let _ = writeln!(text, "  #   - {{name: {alert}, severity: {severity}}}");
        }
    }
    text.push_str(
        "\n  # Findings that are accepted, by whom, why and until when:\n  # waivers:\n  #   - rule: single-point-of-failure\n  #     object: \
         node/control-plane-1\n  #     reason: a second one is planned\n  #     owner: platform\n  #     expiry: 2027-12-31\n",
    );
}
