//! JSON: the `check` output. Its schema is `fixtures/schemas/check.schema.json`.

use std::io;

use serde::Serialize;
use serde_json::ser::Formatter;

use crate::finding::{Finding, Fingerprint, NotEvaluated, Related, Severity, Waived, fingerprint};
use crate::manifest::{ObjectReference, SourceMap};

use super::check_report::{CheckReport, FindingCounts, ReportError};
use super::location::Location;

/// The version of the shape; it changes when something that was there changes or goes.
pub(super) const SCHEMA_VERSION: u32 = 1;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CheckJson<'a> {
    schema_version: u32,
    quorate: &'static str,
    kubernetes: &'a str,
    summary: SummaryJson,
    findings: Vec<FindingJson<'a>>,
    not_evaluated: &'a [NotEvaluated],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SummaryJson {
    files: usize,
    documents: usize,
    skipped: usize,
    objects: usize,
    configurations: usize,
    nodes: Option<usize>,
    rules_evaluated: usize,
    errors: usize,
    warnings: usize,
    infos: usize,
    waived: usize,
}

#[derive(Serialize)]
struct FindingJson<'a> {
    rule: &'a str,
    severity: Severity,
    message: &'a str,
    object: Option<&'a ObjectReference>,
    path: String,
    location: Option<Location>,
    label: Option<&'a str>,
    related: Vec<RelatedJson<'a>>,
    why: Option<&'a str>,
    then: &'a [String],
    mends: Vec<MendJson<'a>>,
    help: Option<&'a str>,
    evidence: &'a serde_json::Value,
    fingerprint: Fingerprint,
    waived: Option<&'a Waived>,
}

#[derive(Serialize)]
struct RelatedJson<'a> {
    message: &'a str,
    object: Option<&'a ObjectReference>,
    path: String,
    location: Option<Location>,
}

#[derive(Serialize)]
struct MendJson<'a> {
    change: &'a str,
    price: Option<&'a str>,
}

/// Writes one JSON object, indented, and a line break.
pub(super) fn write(
    report: &CheckReport<'_>,
    findings: &[Finding],
    out: &mut dyn io::Write,
) -> Result<(), ReportError> {
    let summary = report.summary;
    let counts = FindingCounts::of(findings);
    let check = CheckJson {
        schema_version: SCHEMA_VERSION,
        quorate: env!("CARGO_PKG_VERSION"),
        kubernetes: &summary.kubernetes,
        summary: SummaryJson {
            files: summary.files,
            documents: summary.documents,
            skipped: summary.skipped,
            objects: summary.objects,
            configurations: summary.configurations,
            nodes: summary.nodes,
            rules_evaluated: summary.rules_evaluated,
            errors: counts.errors,
            warnings: counts.warnings,
            infos: counts.infos,
            waived: counts.waived,
        },
        findings: findings.iter().map(|finding| finding_json(finding, report.sources)).collect(),
        not_evaluated: report.not_evaluated,
    };
    write_json(&check, out)
}

fn finding_json<'a>(finding: &'a Finding, sources: &SourceMap) -> FindingJson<'a> {
    FindingJson {
        rule: &finding.rule,
        severity: finding.severity,
        message: &finding.message,
        object: finding.object.as_ref(),
        path: finding.path.to_string(),
        location: finding.place.map(|place| Location::of(place, sources)),
        label: Some(finding.label.as_str()).filter(|label| !label.is_empty()),
        related: finding.related.iter().map(|related| related_json(related, sources)).collect(),
        why: finding.why.as_deref(),
        then: &finding.then,
        mends: finding
            .mends
            .iter()
            .map(|mend| MendJson { change: &mend.change, price: mend.price.as_deref() })
            .collect(),
        help: finding.help.as_deref(),
        evidence: &finding.evidence,
        fingerprint: fingerprint(finding, sources),
        waived: finding.waived.as_ref(),
    }
}

fn related_json<'a>(related: &'a Related, sources: &SourceMap) -> RelatedJson<'a> {
    RelatedJson {
        message: &related.message,
        object: related.object.as_ref(),
        path: related.path.to_string(),
        location: related.place.map(|place| Location::of(place, sources)),
    }
}

/// Writes `value` indented, with a line break behind it.
pub(super) fn write_json(value: &impl Serialize, out: &mut dyn io::Write) -> Result<(), ReportError> {
    // Buffered here: the serializer writes every comma on its own.
    let mut text = Vec::new();
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut text, Printable::default()))?;
    text.push(b'\n');
    out.write_all(&text)?;
    Ok(())
}

/// Writes `value` on one line, with a line break behind it. Control characters are escaped here too.
pub(super) fn write_compact_json(value: &impl Serialize, out: &mut dyn io::Write) -> Result<(), ReportError> {
    let mut text = Vec::new();
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut text, Compact))?;
    text.push(b'\n');
    out.write_all(&text)?;
    Ok(())
}

/// JSON without blanks in which every control character is escaped.
struct Compact;

impl Formatter for Compact {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        write_printable(writer, fragment)
    }
}

/// Indented JSON in which every control character is escaped, those too that JSON would allow (DEL, and the C1 controls
/// that some terminals obey): it is often printed to a terminal.
#[derive(Default)]
struct Printable {
    pretty: serde_json::ser::PrettyFormatter<'static>,
}

impl Formatter for Printable {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        write_printable(writer, fragment)
    }

    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.pretty.begin_array(writer)
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.pretty.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.pretty.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.pretty.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.pretty.begin_object(writer)
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.pretty.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.pretty.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.pretty.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.pretty.end_object_value(writer)
    }
}

fn write_printable<W: ?Sized + io::Write>(writer: &mut W, fragment: &str) -> io::Result<()> {
    let mut rest = fragment;
    while let Some(at) = rest.find(char::is_control) {
        let (before, found) = rest.split_at(at);
        writer.write_all(before.as_bytes())?;
        let mut characters = found.chars();
        if let Some(control) = characters.next() {
            write!(writer, "\\u{:04x}", u32::from(control))?;
        }
        rest = characters.as_str();
    }
    writer.write_all(rest.as_bytes())
}
