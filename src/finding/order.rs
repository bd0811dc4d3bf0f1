//! One order for findings, so that the same input gives the same bytes.

use std::cmp::Ordering;

use crate::manifest::{ObjectReference, Place};

use super::Finding;

/// Sorts findings (worst severity, source in reading order, position, rule, object, message; findings without a place
/// after those with one) and drops exact duplicates. The order is total: it depends on the findings alone, not on the
/// order in which they were found.
pub fn sort(findings: &mut Vec<Finding>) {
    findings.sort_by(compare);
    findings.dedup();
}

fn compare(left: &Finding, right: &Finding) -> Ordering {
    key(left).cmp(&key(right)).then_with(|| left.path.cmp(&right.path)).then_with(|| {
        if left == right {
            return Ordering::Equal;
        }
        // Only findings that agree in everything above come here, so the cost of printing them does not matter.
        format!("{left:?}").cmp(&format!("{right:?}"))
    })
}

type Key<'a> = (super::Severity, bool, Option<Place>, &'a str, Option<&'a ObjectReference>, &'a str);

fn key(finding: &Finding) -> Key<'_> {
    let place = finding.place;
    (finding.severity, place.is_none(), place, &finding.rule, finding.object.as_ref(), &finding.message)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::finding::Severity;
    use crate::manifest::{Origin, SourceMap, Span};

    fn arbitrary_finding() -> impl Strategy<Value = Finding> {
        let severity = prop_oneof![Just(Severity::Error), Just(Severity::Warning), Just(Severity::Info)];
        (severity, 0..3_u32, "[ab]", "[ab]", "[ab]", prop::option::of(0..2_usize)).prop_map(
            |(severity, start, rule, message, why, source)| {
                let mut sources = SourceMap::default();
                let ids =
                    [sources.add("a.yaml", "a: b", Origin::Written), sources.add("b.yaml", "a: b", Origin::Written)];
                let mut finding = Finding::new(&rule, severity, message);
                finding.place = source.map(|index| Place { source: ids[index], span: Span::new(start, start) });
                finding.why = Some(why);
                finding
            },
        )
    }

    proptest! {
        #[test]
        fn the_order_of_discovery_does_not_matter(
            findings in prop::collection::vec(arbitrary_finding(), 0..20).prop_flat_map(|findings| {
                (Just(findings.clone()), Just(findings).prop_shuffle())
            })
        ) {
            let (mut first, mut second) = findings;
            sort(&mut first);
            sort(&mut second);
            prop_assert_eq!(&first, &second);
            prop_assert!(first.windows(2).all(|pair| pair[0] != pair[1]));
        }
    }

    #[test]
    fn worst_first_then_by_place_and_those_without_a_place_last() {
        let mut sources = SourceMap::default();
        let source = sources.add("a.yaml", "a: b", Origin::Written);
        let at = |rule: &str, severity, start| {
            let mut finding = Finding::new(rule, severity, "m");
            finding.place = Some(Place { source, span: Span::new(start, start) });
            finding
        };
        let mut findings = vec![
            at("d", Severity::Info, 0),
            Finding::new("c", Severity::Error, "m"),
            at("b", Severity::Error, 2),
            at("a", Severity::Error, 1),
            at("a", Severity::Error, 1),
        ];
        sort(&mut findings);
        let rules: Vec<Arc<str>> = findings.into_iter().map(|finding| finding.rule).collect();
        assert_eq!(rules.iter().map(AsRef::as_ref).collect::<Vec<_>>(), ["a", "b", "c", "d"]);
    }
}
