//! Which findings a waiver holds for.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::civil::Date;

use crate::finding::{Finding, Mend, NotEvaluated, Severity, Waived};
use crate::manifest::{FieldPath, Inventory, Node, ObjectReference, Place, Value};

/// A waiver that was over at the time of the run.
pub(super) const EXPIRED: &str = "waiver-expired";
/// A waiver that nothing matches.
pub(super) const UNUSED: &str = "waiver-unused";
/// A waiver that is incomplete.
pub(super) const INVALID: &str = "waiver-invalid";

/// Rules whose findings cannot be waived.
pub(super) const NEVER_WAIVED: [&str; 5] = ["unreadable-document", "policy-error", EXPIRED, UNUSED, INVALID];

/// Findings of a rule that are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiver {
    /// The rule's id, or with its pack, `security/runs-as-root`.
    pub rule: Arc<str>,
    /// Where its findings are accepted.
    pub target: WaiverTarget,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// The last day on which it holds.
    pub expires: Date,
    /// Where it is written; `None` for one without a source.
    pub place: Option<Place>,
}

/// Where findings are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaiverTarget {
    /// One object: `kind/namespace/name`, `kind/name` for one without namespace or in `default`; the kind in any case.
    /// `environment` or `environment/NAME` is what no object carries: findings about the facts in quorate.yaml.
    Object(String),
    /// Objects by kind, namespace and labels; each condition that is given must hold.
    Selector {
        /// Kinds, in any case; any if empty.
        kinds: Vec<String>,
        /// The namespace; any if absent.
        namespace: Option<String>,
        /// Labels that the object carries.
        match_labels: BTreeMap<String, String>,
    },
}

/// What findings about quorate.yaml's facts are called in a waiver.
const ENVIRONMENT: &str = "environment";

impl WaiverTarget {
    fn matches(&self, object: Option<&ObjectReference>, labels: &Labels<'_>) -> bool {
        match (self, object) {
            (Self::Object(name), None) => name.split_once('/').map_or(name.as_str(), |(kind, _)| kind) == ENVIRONMENT,
            (Self::Object(name), Some(object)) => names(name, object),
            (Self::Selector { .. }, None) => false,
            (Self::Selector { kinds, namespace, match_labels }, Some(object)) => {
                let kind = kinds.is_empty() || kinds.iter().any(|kind| kind.eq_ignore_ascii_case(&object.kind));
                let in_namespace = namespace.is_none() || namespace.as_deref() == object.namespace.as_deref();
                kind && in_namespace && match_labels.iter().all(|(key, value)| labels.has(object, key, value))
            }
        }
    }

    fn is_nothing(&self) -> bool {
        match self {
            Self::Object(name) => name.trim().is_empty(),
            Self::Selector { kinds, namespace, match_labels } => {
                kinds.is_empty() && namespace.is_none() && match_labels.is_empty()
            }
        }
    }
}

impl std::fmt::Display for WaiverTarget {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Object(name) => formatter.write_str(name),
            Self::Selector { kinds, namespace, match_labels } => {
                let kinds = (!kinds.is_empty()).then(|| kinds.join(" or "));
                let namespace = namespace.as_ref().map(|namespace| format!("namespace {namespace}"));
                let labels = match_labels.iter().map(|(key, value)| format!("{key}={value}"));
                let parts: Vec<String> = kinds.into_iter().chain(namespace).chain(labels).collect();
                formatter.write_str(&parts.join(", "))
            }
        }
    }
}

/// Whether `text` (`kind/namespace/name` or `kind/name`) names `object`.
fn names(text: &str, object: &ObjectReference) -> bool {
    let parts: Vec<&str> = text.split('/').collect();
    match *parts.as_slice() {
        [kind, namespace, name] => {
            kind.eq_ignore_ascii_case(&object.kind)
                && Some(namespace) == object.namespace.as_deref()
                && name == &*object.name
        }
        [kind, name] => {
            kind.eq_ignore_ascii_case(&object.kind)
                && matches!(object.namespace.as_deref(), None | Some("default"))
                && name == &*object.name
        }
        _ => false,
    }
}

/// The labels of the objects of a run.
struct Labels<'a> {
    roots: HashMap<&'a ObjectReference, &'a Node>,
}

impl<'a> Labels<'a> {
    fn new(inventories: &[&'a Inventory]) -> Self {
        let objects = inventories.iter().flat_map(|inventory| inventory.iter());
        Self { roots: objects.map(|(_, object)| (&object.reference, &object.root)).collect() }
    }

    fn has(&self, object: &ObjectReference, key: &str, value: &str) -> bool {
        let labels = self.roots.get(object).and_then(|root| root.get("metadata")).and_then(|of| of.get("labels"));
        labels.and_then(|labels| labels.get(key)).is_some_and(|label| text(label) == value)
    }
}

/// A scalar as the text it would be as a label.
fn text(node: &Node) -> String {
    match &node.value {
        Value::String(text) => text.to_string(),
        Value::Null | Value::Boolean(_) | Value::Integer(_) | Value::Float(_) => node.to_json().to_string(),
        Value::Sequence(_) | Value::Mapping(_) => String::new(),
    }
}

/// Marks the findings that a waiver holds for, and adds findings about waivers that are over, unused or incomplete.
///
/// `inventories` hold the objects that findings are about. `today` is the day of the run (`--now`). Of several waivers for one finding the one that lasts longest is shown. A
/// waiver of a rule that was not evaluated is not called unused.
pub fn apply(
    findings: &mut Vec<Finding>,
    waivers: &[Waiver],
    inventories: &[&Inventory],
    not_evaluated: &[NotEvaluated],
    today: Date,
) {
    let labels = Labels::new(inventories);
    let mut complete: Vec<&Waiver> = Vec::new();
    let mut own: Vec<Finding> = Vec::new();
    for waiver in waivers {
        match missing_part(waiver) {
            Some(part) => own.push(invalid(waiver, part)),
            None => complete.push(waiver),
        }
    }
    for waiver in complete {
        let mut matched = 0_usize;
        for finding in findings.iter_mut().filter(|finding| covers(waiver, finding, &labels)) {
            matched += 1;
            if waiver.expires >= today && finding.waived.as_ref().is_none_or(|held| held.expires < waiver.expires) {
                finding.waived = Some(Waived {
                    reason: waiver.reason.clone(),
                    owner: waiver.owner.clone(),
                    expires: waiver.expires,
                });
            }
        }
        let waits = not_evaluated.iter().any(|skipped| is_rule(waiver, &skipped.rule));
        if waiver.expires < today {
            own.push(expired(waiver, matched));
        } else if matched == 0 && !waits {
            own.push(unused(waiver));
        }
    }
    findings.append(&mut own);
}

fn covers(waiver: &Waiver, finding: &Finding, labels: &Labels<'_>) -> bool {
    !NEVER_WAIVED.contains(&&*finding.rule)
        && is_rule(waiver, &finding.rule)
        && waiver.target.matches(finding.object.as_ref(), labels)
}

fn is_rule(waiver: &Waiver, rule: &str) -> bool {
    let named = waiver.rule.rsplit_once('/').map_or(&*waiver.rule, |(_, id)| id);
    named == rule
}

/// The part that a waiver lacks, if it lacks one.
fn missing_part(waiver: &Waiver) -> Option<&'static str> {
    if waiver.target.is_nothing() {
        Some("an object or a selector")
    } else if waiver.reason.trim().is_empty() {
        Some("a reason")
    } else if waiver.owner.trim().is_empty() {
        Some("an owner")
    } else {
        None
    }
}

fn invalid(waiver: &Waiver, part: &str) -> Finding {
    let message = format!("the waiver of `{}` does not hold: it lacks {part}", waiver.rule);
    finding(INVALID, Severity::Error, message, waiver)
}

/// A warning, not an error: what it covered counts again at its own severity, and an expired waiver of something that was
/// mended long ago should not stop a deployment.
fn expired(waiver: &Waiver, matched: usize) -> Finding {
    let (rule, target, expires) = (&waiver.rule, &waiver.target, waiver.expires);
    let message = format!("the waiver of `{rule}` for {target} expired on {expires} and does not hold");
    let mut finding = finding(EXPIRED, Severity::Warning, message, waiver);
    finding.why = Some(format!("{} accepted it: {}", waiver.owner, waiver.reason));
    let (then, change) = match matched {
        0 => ("nothing is found there any more".to_owned(), "remove the waiver".to_owned()),
        1 => ("1 finding counts again".to_owned(), mend_of(waiver)),
        count => (format!("{count} findings count again"), mend_of(waiver)),
    };
    finding.then = vec![then];
    finding.mends = vec![Mend { change, price: None }];
    finding
}

fn mend_of(waiver: &Waiver) -> String {
    format!("mend what it covers, or have {} decide again and set a new day", waiver.owner)
}

fn unused(waiver: &Waiver) -> Finding {
    let message = format!("the waiver of `{}` for {} holds for nothing", waiver.rule, waiver.target);
    let mut finding = finding(UNUSED, Severity::Info, message, waiver);
    finding.why =
        Some("there is no such finding: it was mended, or the rule or the object is called otherwise".to_owned());
    finding.mends = vec![Mend { change: "remove the waiver, or correct its rule or object".to_owned(), price: None }];
    finding
}

fn finding(rule: &str, severity: Severity, message: String, waiver: &Waiver) -> Finding {
    let mut finding = Finding::new(rule, severity, message);
    finding.place = waiver.place;
    finding.path = FieldPath::root();
    finding.evidence = serde_json::json!({
        "waivedRule": &*waiver.rule,
        "target": waiver.target.to_string(),
        "owner": waiver.owner,
        "expires": waiver.expires,
    });
    finding
}
