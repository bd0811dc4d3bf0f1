//! Names of many nodes in little room: `worker-1, worker-2 … 2,997 more`.

use std::cmp::Ordering;

use crate::report::human::{columns, wrap};

/// How much of a list is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// All of it where it stands on so many lines, else as much as stands on one.
    Lines(usize),
    /// All of it.
    Whole,
}

/// The names as lines of at most `room` columns. They are safe to print already.
pub(super) fn folded(names: &[String], room: usize, extent: Extent, ellipsis: &str) -> Vec<String> {
    let whole = wrap(&names.join(", "), room);
    match extent {
        Extent::Whole => return whole,
        Extent::Lines(most) if whole.len() <= most => return whole,
        Extent::Lines(_) => {}
    }
    let mut best = Vec::new();
    // The first is shown however long it is.
    for shown in 1..names.len() {
        let head = names.get(..shown).unwrap_or_default().join(", ");
        let lines = wrap(&format!("{head} {ellipsis} {} more", grouped(names.len() - shown)), room);
        if lines.len() > 1 && !best.is_empty() {
            break;
        }
        best = lines;
        if columns(&head) > room {
            break;
        }
    }
    best
}

/// Sorts `worker-2` before `worker-10`.
pub(super) fn natural(one: &str, other: &str) -> Ordering {
    let (mut left, mut right) = (one, other);
    loop {
        let (text, number, rest) = split(left);
        let (other_text, other_number, other_rest) = split(right);
        let order = text.cmp(other_text).then(number.cmp(&other_number));
        if order != Ordering::Equal || (rest.is_empty() && other_rest.is_empty()) {
            return order.then_with(|| one.cmp(other));
        }
        (left, right) = (rest, other_rest);
    }
}

/// Text up to the first digit, the number there, and what follows.
fn split(text: &str) -> (&str, u128, &str) {
    let start = text.find(|character: char| character.is_ascii_digit()).unwrap_or(text.len());
    let (head, tail) = text.split_at(start);
    let end = tail.find(|character: char| !character.is_ascii_digit()).unwrap_or(tail.len());
    let (digits, rest) = tail.split_at(end);
    (head, digits.parse().unwrap_or(0), rest)
}

/// `2,997`.
pub(super) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> Vec<String> {
        (1..=count).map(|number| format!("worker-{number}")).collect()
    }

    #[test]
    fn few_names_stand_in_full_and_many_are_counted() {
        assert_eq!(folded(&names(3), 40, Extent::Lines(1), "…"), ["worker-1, worker-2, worker-3"]);
        assert_eq!(folded(&names(3000), 40, Extent::Lines(1), "…"), ["worker-1, worker-2 … 2,998 more"]);
        assert_eq!(folded(&names(6), 40, Extent::Lines(2), "…").len(), 2);
        assert_eq!(folded(&names(3000), 40, Extent::Lines(2), "…"), ["worker-1, worker-2 … 2,998 more"]);
        let whole = folded(&names(3000), 40, Extent::Whole, "…");
        assert!(whole.len() > 700 && whole.last().unwrap().ends_with("worker-3000"));
    }

    #[test]
    fn a_name_that_is_too_long_is_shown_nevertheless() {
        let long = vec!["x".repeat(60), "y".repeat(60)];
        let lines = folded(&long, 20, Extent::Lines(1), "…");
        assert!(lines.concat().starts_with("xxx") && lines.concat().ends_with("1 more"), "{lines:?}");
    }

    #[test]
    fn numbers_in_names_are_numbers() {
        let mut names = vec!["w-10", "w-2", "a", "w-2b", "w-2"];
        names.sort_by(|one, other| natural(one, other));
        assert_eq!(names, ["a", "w-2", "w-2", "w-2b", "w-10"]);
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(999), "999");
    }
}
