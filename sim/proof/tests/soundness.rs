//! What the checker accepts about random tiny clusters is true by brute force.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot set up its input should stop; counts are told"
)]

mod scene;

use std::collections::BTreeMap;

use quorate_proof::claim::{Claim, Domain, Phase, Placement, Subject};
use quorate_proof::cluster::{Cluster, ExistingPod};
use quorate_proof::evidence::{Event, Evidence, FORMAT, Placing, Proof, Share, State, Witness};
use quorate_proof::{Checker, Rejection};

use scene::brute::World;
use scene::proofs::{both, claim, replaced, survives};
use scene::random::{Dice, cluster, question, spread_out};

/// Bounds that might be accepted: some weights, and every number of lost pods.
fn bounds(replicas: i64) -> Vec<(Evidence, i64)> {
    let weights: [&[(&str, i64)]; 5] =
        [&[], &[("cpu", 1)], &[("pods", 1)], &[("cpu", 1), ("pods", 100)], &[("cpu", 1), ("pods", 300)]];
    let mut bounds = Vec::new();
    let parts = weights.into_iter().flat_map(|weigh| (1..=replicas).map(move |bound| (weigh, bound)));
    for (weigh, bound) in parts {
        bounds.push((replaced(weigh, bound), bound));
        for lost in 0..=replicas {
            for spread in [None, Some(0)] {
                bounds.push((survives(weigh, lost, spread, bound - lost), bound - lost));
            }
        }
    }
    bounds
}

/// The best bound of one workload that is accepted.
fn best_of(cluster: &Cluster, question: &Claim, name: &str) -> Option<(i64, Share)> {
    let subject = Subject::Workload(name.to_owned());
    let accepted = bounds(cluster.workloads[name].replicas).into_iter().filter_map(|(evidence, remain)| {
        let Evidence::Bound { mut workloads } = evidence else { unreachable!() };
        let share = workloads.remove("w").unwrap();
        let workloads = BTreeMap::from([(name.to_owned(), share.clone())]);
        let claim = Claim { at_least: remain.max(0), subject: subject.clone(), ..question.clone() };
        check(cluster, &claim, Evidence::Bound { workloads }).is_ok().then_some((remain, share))
    });
    accepted.max_by_key(|(remain, _)| *remain)
}

fn check(cluster: &Cluster, claim: &Claim, evidence: Evidence) -> Result<(), Rejection> {
    let proof = Proof { format: FORMAT, cluster: cluster.digest().unwrap(), claim: claim.clone(), evidence };
    Checker::new(cluster).unwrap().check(&proof)
}

#[test]
fn bounds_are_sound() {
    let (mut accepted, mut above_zero, mut decided, mut reachable) = (0, 0, 0, 0);
    for seed in 0..900 {
        let mut dice = Dice::new(seed);
        let (cluster, question) = (cluster(&mut dice), question(&mut dice));
        let best = bounds(cluster.workloads["w"].replicas).into_iter().filter_map(|(evidence, remain)| {
            let claim = Claim { at_least: remain.max(0), ..question.clone() };
            check(&cluster, &claim, evidence.clone()).is_ok().then_some((remain, evidence))
        });
        let Some((remain, evidence)) = best.max_by_key(|(remain, _)| *remain) else { continue };
        accepted += 1;
        above_zero += i32::from(remain > 0);
        if let Some(truth) = World::new(&cluster, &question, None).truth() {
            decided += 1;
            reachable += i32::from(remain > 0 && question.placement == Placement::Reachable);
            assert!(
                truth.fewest >= remain,
                "seed {seed}: {} < {remain}\n{evidence:?}\n{question:?}\n{cluster:#?}",
                truth.fewest
            );
        }
    }
    assert!(
        above_zero > 100 && decided > 200 && reachable > 20,
        "{accepted} bounds accepted, {above_zero} above zero, {decided} decided, {reachable} of them for histories"
    );
}

/// What each of two workloads keeps they keep together, and no more.
#[test]
fn bounds_of_two_workloads_are_sound() {
    let (mut decided, mut tight) = (0, 0);
    for seed in 0..900 {
        let mut dice = Dice::new(seed);
        let (cluster, question) = (cluster(&mut dice), question(&mut dice));
        if !cluster.workloads.contains_key("v") {
            continue;
        }
        let shares = ["v", "w"].map(|name| best_of(&cluster, &question, name).map(|best| (name, best)));
        let [Some((_, (of_v, _))), Some((_, (of_w, _)))] = &shares else { continue };
        let sum = of_v + of_w;
        if *of_v < 1 || *of_w < 1 {
            continue;
        }
        let workloads: BTreeMap<String, Share> =
            shares.iter().flatten().map(|(name, (_, share))| ((*name).to_owned(), share.clone())).collect();
        let evidence = Evidence::Bound { workloads };
        let claim = Claim { subject: both(), at_least: sum, ..question };
        assert_eq!(check(&cluster, &claim, evidence.clone()), Ok(()), "seed {seed}: {evidence:?}\n{claim:?}");
        let more = Claim { at_least: sum + 1, ..claim.clone() };
        assert!(check(&cluster, &more, evidence.clone()).is_err(), "seed {seed}");
        if let Some(truth) = World::new(&cluster, &claim, None).truth() {
            decided += 1;
            tight += i32::from(truth.fewest == sum);
            assert!(truth.fewest >= sum, "seed {seed}: {} < {sum}\n{evidence:?}\n{claim:?}", truth.fewest);
        }
    }
    assert!(decided > 20 && tight > 5, "{decided} decided, {tight} of them exact");
}

/// The same pods must not be counted twice: there is one way only to name several workloads.
#[test]
fn several_workloads_are_named_in_one_way() {
    let mut dice = Dice::new(1);
    let clusters = std::iter::repeat_with(|| cluster(&mut dice));
    let cluster = clusters.into_iter().find(|cluster| cluster.workloads.contains_key("v")).unwrap();
    let named = |names: &[&str]| {
        let subject = Subject::Workloads(names.iter().map(|name| (*name).to_owned()).collect());
        let claim = claim(0, Domain::Node, 1, Placement::Current, Phase::Instant);
        check(&cluster, &Claim { subject, ..claim }, Evidence::Counting { remain: 0 })
    };
    assert_eq!(named(&["v", "w"]), Ok(()));
    for names in [&["w", "v"][..], &["w", "w"], &["v", "w", "w"], &["w"], &[], &["v", "x"]] {
        assert!(matches!(named(names), Err(Rejection::Claim(_))), "{names:?}: {:?}", named(names));
    }
}

/// Where others spread themselves over zones, what they hold of one is counted as it may be, and no more.
#[test]
fn bounds_on_others_that_spread_themselves_are_sound() {
    let (first, cases) = (number("QUORATE_SEED", 0), number("QUORATE_CASES", 600));
    let (mut decided, mut above_zero, mut exact) = (0, 0, 0);
    for seed in first..first + cases {
        let mut dice = Dice::new(seed);
        let (cluster, question) = (spread_out(&mut dice), question(&mut dice));
        let best = bounds(cluster.workloads["w"].replicas).into_iter().filter_map(|(evidence, remain)| {
            let claim = Claim { at_least: remain.max(0), ..question.clone() };
            check(&cluster, &claim, evidence.clone()).is_ok().then_some((remain, evidence))
        });
        let best = best.max_by_key(|(remain, _)| *remain);
        let Some(truth) = World::new(&cluster, &question, None).truth() else { continue };
        decided += 1;
        let remain = best.as_ref().map_or(0, |(remain, _)| *remain);
        above_zero += i32::from(remain > 0);
        exact += i32::from(remain == truth.fewest);
        assert!(
            truth.fewest >= remain,
            "seed {seed}: {} < {remain}\n{best:?}\n{question:?}\n{cluster:#?}",
            truth.fewest
        );
    }
    println!("{decided} clusters: {above_zero} bounds above zero, {exact} exact");
    assert!(cases < 600 || above_zero > 40 && decided > 300, "{decided} decided, {above_zero} above zero");
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().map_or(default, |text| text.parse().unwrap())
}

#[test]
fn searches_agree_with_brute_force() {
    let (mut accepted, mut refused, mut together) = (0, 0, 0);
    for seed in 0..250 {
        let mut dice = Dice::new(seed);
        let (cluster, question) = (cluster(&mut dice), question(&mut dice));
        let question = Claim { placement: Placement::Fresh, ..question };
        let Some(truth) = World::new(&cluster, &question, None).truth() else { continue };
        if truth.search.states.len() > 2_000 {
            continue;
        }
        let claim = Claim { at_least: truth.fewest, ..question };
        match check(&cluster, &claim, Evidence::Search(truth.search.clone())) {
            Ok(()) => accepted += 1,
            Err(Rejection::Claim(_)) => refused += 1,
            Err(other) => panic!("seed {seed}: {other}\n{claim:?}\n{cluster:#?}"),
        }
        let more = Claim { at_least: truth.fewest + 1, ..claim.clone() };
        assert!(check(&cluster, &more, Evidence::Search(truth.search)).is_err(), "seed {seed}");
        // Where the checker lets a failure happen at once, that comes to the same.
        let Some(at_once) =
            World::new(&cluster, &claim, None).at_once().truth().filter(|_| claim.phase != Phase::Instant)
        else {
            continue;
        };
        let search = Evidence::Search(at_once.search);
        if matches!(check(&cluster, &claim, search.clone()), Err(Rejection::Claim(_))) {
            continue;
        }
        together += 1;
        assert_eq!(at_once.fewest, truth.fewest, "seed {seed}\n{claim:?}\n{cluster:#?}");
        assert_eq!(check(&cluster, &claim, search), Ok(()), "seed {seed}");
    }
    assert!(accepted > 150 && together > 40, "{accepted} accepted, {refused} refused, {together} at once");
}

/// The cluster with pods where a random history from its start left them, not always at rest.
fn with_pods(cluster: Cluster, dice: &mut Dice) -> Option<Cluster> {
    let claim = Claim { placement: Placement::Fresh, phase: Phase::Instant, ..question(dice) };
    let mut state = World::new(&cluster, &claim, None).first();
    let world = World::new(&cluster, &claim, None);
    let length = [4, 30][usize::try_from(dice.below(2)).unwrap()];
    walk(&world, dice, &mut state, length)?;
    let placed = world.placed(&state);
    let mut settled = cluster;
    for (workload, node, count) in placed {
        for _ in 0..count {
            let shape = settled.workloads[&workload].shape;
            let name = format!("default/{}", settled.pods.len());
            let pod =
                ExistingPod { workload: workload.clone(), shape, node: node.clone(), ready: true, terminating: false };
            settled.pods.insert(name, pod);
        }
    }
    Some(settled)
}

#[test]
fn bounds_and_searches_from_now_are_sound() {
    let (mut above_zero, mut searched) = (0, 0);
    for seed in 0..450 {
        let mut dice = Dice::new(seed);
        let drawn = if seed < 300 { cluster(&mut dice) } else { spread_out(&mut dice) };
        let Some(cluster) = with_pods(drawn, &mut dice) else { continue };
        let phase = [Phase::Recovered, Phase::Removed][usize::try_from(dice.below(2)).unwrap()];
        let question = Claim { placement: Placement::Current, phase, ..question(&mut dice) };
        let Some(truth) = World::new(&cluster, &question, None).truth() else { continue };
        for (evidence, remain) in bounds(cluster.workloads["w"].replicas) {
            let claim = Claim { at_least: remain.max(0), ..question.clone() };
            if check(&cluster, &claim, evidence.clone()).is_ok() {
                above_zero += i32::from(remain > 0);
                assert!(truth.fewest >= remain, "seed {seed}: {evidence:?}\n{question:?}\n{cluster:#?}");
            }
        }
        let claim = Claim { at_least: truth.fewest, ..question.clone() };
        match check(&cluster, &claim, Evidence::Search(truth.search.clone())) {
            Ok(()) => searched += 1,
            Err(Rejection::Claim(_)) => {}
            Err(other) => panic!("seed {seed}: {other}\n{claim:?}\n{cluster:#?}"),
        }
        let more = Claim { at_least: truth.fewest + 1, ..question };
        assert!(check(&cluster, &more, Evidence::Search(truth.search)).is_err(), "seed {seed}");
    }
    assert!(above_zero > 20 && searched > 50, "{above_zero} bounds above zero, {searched} searches");
}

/// Takes up to so many random steps from a state, and writes them down.
fn walk(world: &World<'_>, dice: &mut Dice, state: &mut State, steps: u64) -> Option<Vec<Placing>> {
    let mut placings = Vec::new();
    for _ in 0..steps {
        let next = world.steps(state)?;
        if next.is_empty() {
            break;
        }
        let chosen = next[usize::try_from(dice.below(u64::try_from(next.len()).unwrap())).unwrap()].0.clone();
        placings.push(world.placing(state, &chosen));
        *state = chosen;
    }
    Some(placings)
}

/// Random events after a failure, up to so many.
fn walk_after(world: &World<'_>, dice: &mut Dice, state: &mut State, events: u64) -> Option<Vec<Event>> {
    let mut happened = Vec::new();
    for _ in 0..events {
        let placings = world.steps(state)?.into_iter();
        let placings = placings.map(|(next, _)| (next.clone(), Event::Placed(world.placing(state, &next))));
        let next: Vec<(State, Event)> = placings.chain(world.losses(state)).collect();
        if next.is_empty() {
            break;
        }
        let (chosen, event) = next[usize::try_from(dice.below(u64::try_from(next.len()).unwrap())).unwrap()].clone();
        happened.push(event);
        *state = chosen;
    }
    Some(happened)
}

/// All that becomes of failed nodes and their pods, and nothing else.
fn only_losses(world: &World<'_>, state: &mut State) -> Option<Vec<Event>> {
    let mut happened = Vec::new();
    while let Some((next, event)) = world.losses(state).into_iter().next() {
        happened.push(event);
        *state = next;
    }
    Some(happened)
}

/// Plays that end early are accepted only where what is left to do cannot change the outcome for the better.
#[test]
fn witnesses_are_sound() {
    let (mut accepted, mut early) = (0, 0);
    for seed in 0..400 {
        let mut dice = Dice::new(seed);
        let (cluster, question) = (cluster(&mut dice), question(&mut dice));
        let question = Claim { placement: Placement::Fresh, ..question };
        let world = World::new(&cluster, &question, None);
        let failures = world.failures();
        let mut fewest = None;
        for _ in 0..12 {
            let mut state = world.first();
            let length = [3, 6, 30][usize::try_from(dice.below(3)).unwrap()];
            let Some(before) = walk(&world, &mut dice, &mut state, length) else { continue };
            let is_at_rest = world.steps(&state).is_some_and(|next| next.is_empty());
            let failed = match failures.len() {
                0 => continue,
                sets => &failures[usize::try_from(dice.below(u64::try_from(sets).unwrap())).unwrap()],
            };
            let mut lost = world.lose(&state, failed);
            let after = match (question.phase, is_at_rest) {
                (Phase::Instant, _) => Some(Vec::new()),
                // What is still to be placed may not matter, but what is lost has to go.
                (_, false) => only_losses(&world, &mut lost),
                (_, true) => walk_after(&world, &mut dice, &mut lost, 40),
            };
            let Some(after) = after else { continue };
            let available = world.available(&lost);
            let failed = failed.iter().map(|name| (*name).to_owned()).collect();
            let claim = Claim { at_least: available + 1, ..question.clone() };
            let evidence = Evidence::Witness(Witness { before, failed, after, available });
            match check(&cluster, &claim, evidence.clone()) {
                Ok(()) => {
                    accepted += 1;
                    early += i32::from(!is_at_rest);
                    if fewest.is_none() {
                        let Some(truth) = world.truth() else { break };
                        fewest = Some(truth.fewest);
                    }
                    let fewest = fewest.unwrap();
                    assert!(
                        fewest <= available,
                        "seed {seed}: {fewest} > {available}\n{evidence:?}\n{question:?}\n{cluster:#?}"
                    );
                }
                Err(Rejection::Witness { .. } | Rejection::Claim(_)) => {}
                Err(other) => panic!("seed {seed}: {other}\n{evidence:?}\n{claim:?}\n{cluster:#?}"),
            }
        }
    }
    assert!(accepted > 500 && early > 50, "{accepted} witnesses accepted, {early} of them end early");
}
