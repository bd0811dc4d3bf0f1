//! Sources and findings to report on.

use std::sync::Arc;
use std::time::Duration;

use crate::finding::{Finding, Mend, NotEvaluated, Related, Severity, Waived};
use crate::manifest::{FieldPath, ObjectReference, Origin, Place, SourceId, SourceMap, Span};
use crate::report::{CheckReport, CheckSummary, Format, RuleDocumentation, TerminalStyle, write_check};

/// Everything a report is made from.
pub(super) struct Case {
    pub(super) sources: SourceMap,
    pub(super) findings: Vec<Finding>,
    pub(super) not_evaluated: Vec<NotEvaluated>,
    pub(super) summary: CheckSummary,
    pub(super) rules: Vec<RuleDocumentation>,
    pub(super) secrets: Vec<Place>,
}

impl Case {
    pub(super) fn new() -> Self {
        let summary = CheckSummary {
            files: 12,
            documents: 36,
            skipped: 2,
            objects: 34,
            configurations: 1,
            rules_evaluated: 19,
            kubernetes: "1.36".to_owned(),
            nodes: Some(4),
            elapsed: None,
        };
        Self {
            sources: SourceMap::default(),
            findings: Vec::new(),
            not_evaluated: Vec::new(),
            summary,
            rules: Vec::new(),
            secrets: Vec::new(),
        }
    }

    pub(super) fn written(&mut self, name: &str, text: &str) -> SourceId {
        self.sources.add(name, text, Origin::Written)
    }

    /// The `nth` (from 0) occurrence of `needle`.
    pub(super) fn place(&self, source: SourceId, needle: &str, nth: usize) -> Place {
        let text = &self.sources.get(source).text;
        let (start, _) = text.match_indices(needle).nth(nth).unwrap();
        let end = start + needle.len();
        Place { source, span: Span::new(u32::try_from(start).unwrap(), u32::try_from(end).unwrap()) }
    }

    pub(super) fn report(&self) -> CheckReport<'_> {
        CheckReport {
            sources: &self.sources,
            findings: &self.findings,
            not_evaluated: &self.not_evaluated,
            summary: &self.summary,
            rules: &self.rules,
            secrets: &self.secrets,
        }
    }

    pub(super) fn write(&self, format: Format, style: &TerminalStyle) -> String {
        let mut out = Vec::new();
        write_check(&self.report(), format, style, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    pub(super) fn human(&self, width: usize) -> String {
        self.write(Format::Human, &TerminalStyle::plain(width))
    }
}

pub(super) fn object(kind: &str, namespace: Option<&str>, name: &str) -> ObjectReference {
    let api_version = match kind {
        "Deployment" => "apps/v1",
        "PodDisruptionBudget" => "policy/v1",
        _ => "v1",
    };
    ObjectReference {
        api_version: Arc::from(api_version),
        kind: Arc::from(kind),
        namespace: namespace.map(Arc::from),
        name: Arc::from(name),
    }
}

pub(super) fn related(message: &str, place: Place) -> Related {
    Related { message: message.to_owned(), object: None, path: FieldPath::root(), place: Some(place) }
}

pub(super) const BACKEND: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: backend
  namespace: default
spec:
  replicas: 3
  selector:
    matchLabels:
      app: backend
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxSurge: 1
      maxUnavailable: 0
  template:
    metadata:
      labels:
        app: backend
    spec:
      containers:
        - name: backend
          image: registry.example.com/backend:1.4.2
      affinity:
        podAntiAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            - topologyKey: kubernetes.io/hostname
";

/// The finding that interfaces.md shows.
pub(super) fn rollout_deadlock() -> Case {
    let mut case = Case::new();
    let source = case.written("backend.yaml", BACKEND);
    let mut finding =
        Finding::new("rollout-deadlock", Severity::Error, "no rollout of deployment/default/backend can ever complete");
    finding.object = Some(object("Deployment", Some("default"), "backend"));
    finding.path = FieldPath::parse("spec.strategy.rollingUpdate.maxUnavailable");
    let zero = case.place(source, "maxUnavailable: 0", 0);
    finding.place = Some(Place { source, span: Span::new(zero.span.end - 1, zero.span.end) });
    finding.label = "no old pod may stop before a new one is ready,".to_owned();
    finding.related = vec![related(
        "and no node takes a second backend pod",
        case.place(source, "requiredDuringSchedulingIgnoredDuringExecution", 0),
    )];
    finding.why = Some(
        "3 replicas already hold all 3 eligible nodes; the surge pod fits none: worker-1, -2, -3 (pod anti-affinity), \
         control-plane-1 (untolerated taint)"
            .to_owned(),
    );
    finding.then = vec![
        "1 pod stays Pending, the 3 old ones keep serving; after 600 s the Deployment only reports \
         ProgressDeadlineExceeded"
            .to_owned(),
    ];
    finding.mends = vec![
        Mend {
            change: "maxSurge: 0, maxUnavailable: 1".to_owned(),
            price: Some("€0, lowest readiness 2 of 3".to_owned()),
        },
        Mend { change: "a fourth CX31 worker".to_owned(), price: Some("€10.00 a month".to_owned()) },
    ];
    finding.evidence = serde_json::json!({"eligibleNodes": 3, "replicas": 3});
    case.findings.push(finding);
    case.rules.push(RuleDocumentation {
        id: Arc::from("rollout-deadlock"),
        title: "A rollout that can never complete".to_owned(),
        description: "The strategy asks for a place that no node has.".to_owned(),
        help: "Allow one pod to be unavailable, or add a node.".to_owned(),
        severity: Severity::Error,
        help_uri: Some("https://quorate.dev/rules/rollout-deadlock".to_owned()),
    });
    case
}

/// A finding at `place`, with the commonest parts.
pub(super) fn at(rule: &str, severity: Severity, message: &str, label: &str, place: Place) -> Finding {
    let mut finding = Finding::new(rule, severity, message);
    finding.place = Some(place);
    finding.label = label.to_owned();
    finding
}

pub(super) fn waived() -> Waived {
    Waived {
        reason: "one control-plane node is accepted until the second site is rented".to_owned(),
        owner: "platform@example.com".to_owned(),
        expires: jiff::civil::date(2027, 3, 31),
    }
}

/// 500 findings: many of a cause, many causes of a rule, notes, waived ones, rules that were not evaluated.
pub(super) fn five_hundred() -> Case {
    let mut case = Case::new();
    for index in 0..200 {
        let name = format!("service-{index:03}");
        let text = BACKEND.replace("backend", &name);
        let source = case.written(&format!("manifests/team-{:02}/{name}.yaml", index % 20), &text);
        let reference = object("Deployment", Some("default"), &name);
        let mut limits = at(
            "no-memory-limit",
            Severity::Warning,
            &format!("container {name:?} of {reference} has no memory limit"),
            "no resources.limits.memory",
            case.place(source, "- name", 0),
        );
        limits.object = Some(reference.clone());
        limits.path = FieldPath::parse("spec.template.spec.containers[0]");
        limits.help = Some("set resources.limits.memory to what the container needs at its peak".to_owned());
        case.findings.push(limits);
        let mut tag = at(
            "mutable-image-tag",
            Severity::Error,
            &format!("{reference} runs an image whose tag may change"),
            &format!("{} may be another image tomorrow", ["1.4.2", "one.four", "this"][index % 3]),
            case.place(source, &format!("registry.example.com/{name}:1.4.2"), 0),
        );
        tag.object = Some(reference.clone());
        tag.path = FieldPath::parse("spec.template.spec.containers[0].image");
        tag.why = Some(format!(
            "nobody promises that {} stays; see word{}",
            "x".repeat(index % 7 + 1),
            "y".repeat(index % 3)
        ));
        case.findings.push(tag);
        if index % 2 == 0 {
            let mut note = at(
                "rollout-deadlock",
                Severity::Info,
                &format!("{reference}: its rollout needs at least 4 eligible nodes with 500m CPU and 512Mi free"),
                "",
                case.place(source, "maxUnavailable", 0),
            );
            note.object = Some(reference);
            case.findings.push(note);
        }
    }
    for finding in case.findings.iter_mut().take(3) {
        finding.waived = Some(waived());
    }
    for rule in ["drains-exhaust-pdb", "node-loss-breaks-pdb", "pdb-blocks-drain"] {
        case.not_evaluated.push(NotEvaluated { rule: Arc::from(rule), needs: NotEvaluated::NODES.to_owned() });
    }
    case.not_evaluated.push(NotEvaluated {
        rule: Arc::from("data-store-without-backup"),
        needs: "spec.backups in quorate.yaml".to_owned(),
    });
    case.summary.nodes = None;
    case.summary.elapsed = Some(Duration::from_millis(312));
    crate::finding::sort(&mut case.findings);
    case
}
