//! A formula that is to have no solution must not be without one for another reason: every violation is a solution of the formula
//! for its claim.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod claims;
mod cluster_builder;
#[path = "placements/mod.rs"]
mod placements;

use std::collections::{BTreeMap, BTreeSet};

use claims::{claim_of, label_of};
use placements::generate::{case, crowded};
use quorate_proof::Checker;
use quorate_proof::checker::{Formula, Keeps, Meaning};
use quorate_proof::claim::{Claim, Domain, Phase, Placement, Subject};
use quorate_proof::cluster::Cluster;
use quorate_proof::evidence::{Event, Evidence, Placing, Witness};
use quorate_sim::prove::{Problem, Verdict, cluster, decide};

/// How many cases; more with `QUORATE_CASES`, from another one with `QUORATE_SEED`.
const CASES: u64 = 400;

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().map_or(default, |text| text.parse().unwrap())
}

/// How many pods of each workload are on each node and live.
type Pods = BTreeMap<(String, String), i128>;

fn place(pods: &mut Pods, placing: &Placing) {
    *pods.entry((placing.workload.clone(), placing.node.clone())).or_default() += 1;
    for (workload, evicted) in &placing.evicted {
        *pods.get_mut(&(workload.clone(), placing.node.clone())).unwrap() -= i128::from(*evicted);
    }
}

/// The domain that fails with a node.
fn domain_of<'c>(cluster: &'c Cluster, claim: &Claim, node: &'c str) -> Option<&'c str> {
    match &claim.failures.domain {
        Domain::Node => Some(node),
        Domain::Label(key) => cluster.nodes[node].labels.get(key).map(String::as_str),
    }
}

/// A violation, as a formula sees it.
struct Violation<'a> {
    cluster: &'a Cluster,
    claim: &'a Claim,
    failed: BTreeSet<&'a str>,
    before: Pods,
    /// Living pods on living nodes in the end.
    after: Pods,
}

impl<'a> Violation<'a> {
    fn new(cluster: &'a Cluster, claim: &'a Claim, witness: &'a Witness) -> Violation<'a> {
        let mut before = Pods::new();
        witness.before.iter().for_each(|placing| place(&mut before, placing));
        let failed = witness.failed.iter().map(String::as_str).collect();
        let mut violation = Violation { cluster, claim, failed, before: before.clone(), after: Pods::new() };
        before.retain(|(_, node), _| !violation.fails(node));
        for event in &witness.after {
            if let Event::Placed(placing) = event {
                place(&mut before, placing);
            }
        }
        before.retain(|(_, node), _| !violation.fails(node));
        violation.after = before;
        violation
    }

    fn fails(&self, node: &str) -> bool {
        domain_of(self.cluster, self.claim, node).is_some_and(|domain| self.failed.contains(domain))
    }

    /// The numbers that the placement gives, by what they count; what it gives no number for is chosen.
    fn count(&self, meaning: &Meaning, keeps: Keeps) -> Option<i128> {
        let pods = match keeps {
            Keeps::Survivors(_) => &self.before,
            Keeps::Replaced => &self.after,
        };
        let on = |pods: &Pods, workload: &str, node: &str| {
            pods.get(&(workload.to_owned(), node.to_owned())).copied().unwrap_or(0)
        };
        let all = |workload: &str| pods.iter().filter(|((own, _), _)| own == workload).map(|(_, pods)| pods).sum();
        let wanted = |workload: &str| i128::from(self.cluster.workloads[workload].replicas);
        match meaning {
            Meaning::Fails { domain } => Some(i128::from(self.failed.contains(domain.as_str()))),
            Meaning::Bound { workload, .. } => Some(wanted(workload).min(all(workload))),
            Meaning::Waits { workload } => Some(i128::from(all(workload) < wanted(workload))),
            Meaning::Holds { waiting, .. } if all(waiting) >= wanted(waiting) => Some(0),
            Meaning::Holds { other, node, .. } => Some(on(pods, other, node)),
            Meaning::Lost { workload, node, .. } if self.fails(node) => Some(on(&self.before, workload, node)),
            Meaning::Lost { .. } => Some(0),
            Meaning::On { workload, node, .. } => Some(on(&self.before, workload, node)),
            Meaning::Lacks { .. } | Meaning::InTheWay { .. } | Meaning::Fewest { .. } | Meaning::Least { .. } => None,
        }
    }
}

/// The bits of each number: variables that say the same but for how many pods.
fn numbers(formula: &Formula) -> Vec<(Meaning, Vec<(i128, usize)>)> {
    let mut found: Vec<(Meaning, Vec<(i128, usize)>)> = Vec::new();
    for (place, meaning) in formula.meanings().iter().enumerate() {
        let (mut same, weight) = (meaning.clone(), weight_of(meaning));
        if let Meaning::Bound { pods, .. }
        | Meaning::Holds { pods, .. }
        | Meaning::Lost { pods, .. }
        | Meaning::On { pods, .. }
        | Meaning::Least { pods, .. } = &mut same
        {
            *pods = 0;
        }
        match found.last_mut().filter(|(last, _)| *last == same) {
            Some((_, bits)) => bits.push((weight, place)),
            None => found.push((same, vec![(weight, place)])),
        }
    }
    found
}

fn weight_of(meaning: &Meaning) -> i128 {
    match meaning {
        Meaning::Bound { pods, .. }
        | Meaning::Holds { pods, .. }
        | Meaning::Lost { pods, .. }
        | Meaning::On { pods, .. }
        | Meaning::Least { pods, .. } => *pods,
        _ => 1,
    }
}

/// Sets the bits of a number. Weights are 1, 2, 4 … and a rest: the largest first.
fn set(assignment: &mut [bool], bits: &[(i128, usize)], number: i128) {
    let mut bits = bits.to_vec();
    bits.sort_unstable_by(|left, right| right.cmp(left));
    let mut left = number;
    for (weight, place) in bits {
        assignment[place] = weight <= left;
        if weight <= left {
            left -= weight;
        }
    }
    assert_eq!(left, 0, "{number} is more than the formula allows");
}

/// A solution of the formula that agrees with the violation, if there is one: who is in the way where, which domain has the fewest pods
/// and how many those are is tried.
fn solution(formula: &Formula, violation: &Violation<'_>, keeps: Keeps) -> Option<Vec<bool>> {
    let mut assignment = vec![false; formula.meanings().len()];
    let (mut lacks, mut in_the_way, mut fewest, mut least) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (meaning, bits) in numbers(formula) {
        match (violation.count(&meaning, keeps), &meaning) {
            (Some(number), _) => set(&mut assignment, &bits, number),
            (None, Meaning::Lacks { .. }) => lacks.push(bits[0].1),
            (None, Meaning::InTheWay { .. }) => in_the_way.push(bits[0].1),
            (None, Meaning::Fewest { .. }) => fewest.push(bits[0].1),
            (None, _) => least = bits,
        }
    }
    assert!(in_the_way.len() <= 16, "{} variables to choose", in_the_way.len());
    let most: i128 = least.iter().map(|(weight, _)| weight).sum();
    let fewest = fewest.into_iter().map(Some).chain([None]);
    fewest.into_iter().find_map(|fewest| {
        (0..=most).find_map(|number| {
            (0..1_u32 << in_the_way.len()).find_map(|choice| {
                let mut tried = assignment.clone();
                set(&mut tried, &least, number);
                fewest.into_iter().for_each(|place| tried[place] = true);
                in_the_way.iter().enumerate().for_each(|(bit, place)| tried[*place] = choice >> bit & 1 == 1);
                leave_out(formula, &mut tried, violation);
                lacks.iter().for_each(|place| tried[*place] = may_lack(formula, &mut tried, *place));
                formula.constraints().iter().all(|constraint| constraint.holds(&tried)).then_some(tried)
            })
        })
    })
}

/// Whether others use so much that a node lacks something: nothing that holds only then is broken.
fn may_lack(formula: &Formula, tried: &mut [bool], place: usize) -> bool {
    tried[place] = true;
    let mut of_it = formula
        .constraints()
        .iter()
        .filter(|constraint| constraint.terms.iter().any(|(factor, variable)| *factor < 0 && variable - 1 == place));
    of_it.all(|constraint| constraint.holds(tried))
}

/// Where somebody is in the way, and on failed nodes, nobody holds room.
fn leave_out(formula: &Formula, tried: &mut [bool], violation: &Violation<'_>) {
    for (place, meaning) in formula.meanings().iter().enumerate() {
        let Meaning::Holds { node, .. } = meaning else { continue };
        let labels = &violation.cluster.nodes[node].labels;
        let is_in_the_way = formula.meanings().iter().zip(&*tried).any(|(other, is_set)| match other {
            Meaning::InTheWay { key, domain, .. } if *is_set => match labels.get(key) {
                Some(value) => value == domain,
                None => key == "a host port" && domain == node,
            },
            _ => false,
        });
        if is_in_the_way {
            tried[place] = false;
        }
    }
}

#[test]
fn every_violation_solves_the_formula_of_its_claim() {
    let (first, cases) = (number("QUORATE_SEED", 1), number("QUORATE_CASES", CASES));
    let mut tally: BTreeMap<(&str, Phase), usize> = BTreeMap::new();
    let drawn = (first..first + cases).flat_map(|seed| [case(seed), crowded(seed)]);
    for case in drawn {
        let seed = case.seed;
        let label = label_of(&claim_of(&case, Phase::Instant)).to_owned();
        let canonical = cluster(&case.state);
        let problem = Problem::new(&canonical, &[&label]);
        let checker = Checker::new(&canonical).unwrap();
        for phase in [Phase::Instant, Phase::Recovered, Phase::Removed] {
            let of_case = claim_of(&case, phase);
            for at_least in 1..=of_case.at_least + 1 {
                let claim = Claim { at_least, placement: Placement::Fresh, ..of_case.clone() };
                let Verdict::Violated(proof) = decide(&problem, checker.digest(), &claim, 0) else { continue };
                let Evidence::Witness(witness) = &proof.evidence else { panic!("{proof:?}") };
                let violation = Violation::new(&canonical, &claim, witness);
                let Subject::Workload(subject) = &claim.subject else { panic!("{claim:?}") };
                let kinds = [
                    ("survivors", Keeps::Survivors(None)),
                    ("survivors by spread", Keeps::Survivors(Some(0))),
                    ("replaced", Keeps::Replaced),
                ];
                for (name, keeps) in kinds {
                    let keeps_by = BTreeMap::from([(subject.clone(), keeps)]);
                    let Ok(formula) = checker.formula(&claim, &keeps_by) else { continue };
                    let solved = solution(&formula, &violation, keeps);
                    assert!(
                        solved.is_some(),
                        "seed {seed}: {name} of {claim:?}\n{witness:#?}\n{}",
                        formula.to_opb(&[])
                    );
                    *tally.entry((name, phase)).or_default() += 1;
                }
            }
        }
    }
    println!("violations that are solutions: {tally:#?}");
    for kind in [("survivors", Phase::Instant), ("survivors by spread", Phase::Instant), ("replaced", Phase::Removed)] {
        assert!(tally.get(&kind).is_some_and(|count| *count > 5), "{kind:?}: {tally:?}");
    }
}
