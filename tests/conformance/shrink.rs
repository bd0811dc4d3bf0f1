//! Takes away from a case whatever it does not need to differ.

use serde_json::Value;

use crate::generate::Generated;

/// The smallest case found that still `differs`, with at most so many attempts.
pub(crate) fn shrink(case: Generated, attempts: usize, mut differs: impl FnMut(&Generated) -> bool) -> Generated {
    let mut smallest = case;
    let mut left = attempts;
    loop {
        let Some(smaller) = smaller(&smallest).into_iter().find(|smaller| {
            if left == 0 {
                return false;
            }
            left -= 1;
            differs(smaller)
        }) else {
            return smallest;
        };
        smallest = smaller;
    }
}

/// Every case with one step or one object less, the last step first.
fn smaller(case: &Generated) -> Vec<Generated> {
    let steps = case.scenario["spec"]["steps"].as_array().map_or(0, Vec::len);
    let without_step = (0..steps).rev().filter(|_| steps > 1).map(|index| {
        let mut case = case.clone();
        case.scenario["spec"]["steps"].as_array_mut().unwrap().remove(index);
        case
    });
    let is_node = |object: &Value| object["kind"] == "Node";
    let removable = (0..case.objects.len()).rev().filter(|index| {
        !is_node(&case.objects[*index]) || case.objects.iter().filter(|object| is_node(object)).count() > 1
    });
    let without_object = removable.map(|index| {
        let mut case = case.clone();
        case.objects.remove(index);
        case
    });
    without_step.chain(without_object).collect()
}
