//! Scaling of raw scores to 0…100. Source: `plugins/helper/normalize_score.go`.

use crate::scheduler::framework::MAX_NODE_SCORE;

/// The largest score becomes 100; without any positive one all stay as they are.
pub(crate) fn normalize(scores: Vec<i64>) -> Vec<i64> {
    match scores.iter().copied().max() {
        Some(largest) if largest > 0 => scores.into_iter().map(|score| scale(score, largest)).collect(),
        Some(_) | None => scores,
    }
}

/// The largest score becomes 0 and a score of 0 becomes 100.
pub(crate) fn normalize_reversed(scores: Vec<i64>) -> Vec<i64> {
    match scores.iter().copied().max() {
        Some(largest) if largest > 0 => {
            scores.into_iter().map(|score| MAX_NODE_SCORE.saturating_sub(scale(score, largest))).collect()
        }
        Some(_) | None => vec![MAX_NODE_SCORE; scores.len()],
    }
}

fn scale(score: i64, largest: i64) -> i64 {
    MAX_NODE_SCORE.saturating_mul(score).checked_div(largest).unwrap_or(0)
}
