//! Thresholds with which a sum of the largest, or of the smallest, numbers is bounded.

/// The number in the `count`th place from the largest; the largest for none, 0 where there are not so many.
///
/// With it as t: whatever `count` of the numbers add up to, it is at most `count · t + Σ max(0, number − t)`, and for the largest
/// it is as much.
pub(super) fn nth_largest(mut numbers: Vec<i128>, count: usize) -> i128 {
    numbers.sort_unstable_by(|left, right| right.cmp(left));
    numbers.get(count.saturating_sub(1)).copied().unwrap_or(0)
}

/// The number in the `count`th place from the smallest; 0 for none, and the largest where there are not so many.
pub(super) fn nth_smallest(mut numbers: Vec<i128>, count: usize) -> i128 {
    numbers.sort_unstable();
    let place = count.min(numbers.len()).checked_sub(1);
    place.and_then(|place| numbers.get(place)).copied().unwrap_or(0)
}
