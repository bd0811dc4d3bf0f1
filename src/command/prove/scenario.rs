//! Scenario files of witnesses, for `quorate simulate`.

use std::fmt::Write as _;

use quorate_sim::cluster::{ClusterState, NodeId, WorkloadName};
use quorate_sim::prove::{Replay, Start};
use quorate_sim::simulation::{Binding, Bound, SchedulerRuns, Step, StepAction, TaintEviction};

/// A replay as a scenario file, under a comment and with a name. `None`: it has a step that scenario files of witnesses do not have.
pub(super) fn written(state: &ClusterState, replay: &Replay, comment: &str, name: &str) -> Option<String> {
    let mut text = String::new();
    for line in comment.lines() {
        let _ = writeln!(text, "# {line}");
    }
    text.push_str("apiVersion: quorate.dev/v1alpha1\nkind: Scenario\n");
    let _ = writeln!(text, "metadata: {{name: {}}}\nspec:\n  steps:", quoted(name));
    for step in &replay.steps {
        write_step(&mut text, state, step)?;
    }
    let mut settings = Vec::new();
    match replay.scheduler_runs {
        SchedulerRuns::Always => {}
        SchedulerRuns::AfterBind => settings.push("    kube-scheduler: after-bind\n".to_owned()),
        SchedulerRuns::FromBind => settings.push("    kube-scheduler: from-bind\n".to_owned()),
    }
    match replay.taint_eviction {
        TaintEviction::Always => {}
        TaintEviction::InBind => settings.push("    taint-eviction: in-bind\n".to_owned()),
    }
    match replay.start {
        Start::Current => {}
        Start::Unplaced => settings.push("    placement: fresh\n".to_owned()),
    }
    settings.extend(replay.seed.map(|seed| format!("    seed: {seed}\n")));
    if !settings.is_empty() {
        let _ = write!(text, "  settings:\n{}", settings.concat());
    }
    Some(text)
}

fn write_step(text: &mut String, state: &ClusterState, step: &Step) -> Option<()> {
    let nodes = |nodes: &[NodeId]| nodes.iter().map(|node| node_text(state, *node)).collect::<Vec<_>>().join(", ");
    match &step.action {
        StepAction::Bind { bindings } if bindings.is_empty() => text.push_str("    - bind: {pods: []}\n"),
        StepAction::Bind { bindings } => {
            text.push_str("    - bind:\n        pods:\n");
            for binding in bindings {
                let _ = writeln!(text, "          - {{{}}}", binding_text(state, binding));
            }
        }
        StepAction::FailNode { nodes: failed } => {
            let _ = writeln!(text, "    - failNode: {{nodes: [{}]}}", nodes(failed));
        }
        StepAction::DeleteNode { nodes: deleted } => {
            let _ = writeln!(text, "    - deleteNode: {{nodes: [{}]}}", nodes(deleted));
        }
        StepAction::Restart { workload } => {
            let _ = writeln!(text, "    - restart: {{workload: {}}}", plain(&workload_text(state, *workload)));
        }
        StepAction::Drain { nodes: drained } => {
            let _ = writeln!(text, "    - drain: {{nodes: [{}]}}", nodes(drained));
        }
        StepAction::Uncordon { node } => {
            let _ = writeln!(text, "    - uncordon: {{node: {}}}", node_text(state, *node));
        }
        StepAction::Wait { seconds } => {
            let _ = writeln!(text, "    - wait: {{seconds: {seconds}}}");
        }
        _ => return None,
    }
    let mut expected: Vec<String> =
        step.expected_outcome.iter().map(|outcome| format!("outcome: {}", outcome.as_str())).collect();
    if !step.expected_available.is_empty() {
        let counts = step.expected_available.iter().map(|(name, count)| format!("{}: {count}", plain(name)));
        expected.push(format!("available: {{{}}}", counts.collect::<Vec<_>>().join(", ")));
    }
    if !expected.is_empty() {
        let _ = writeln!(text, "      expect: {{{}}}", expected.join(", "));
    }
    Some(())
}

fn binding_text(state: &ClusterState, binding: &Binding) -> String {
    match binding {
        Binding::DaemonSet(name) => format!("workload: {}", plain(&workload_text(state, *name))),
        Binding::Evict { of, node, pods } => {
            let count = if *pods == 1 { String::new() } else { format!(", count: {pods}") };
            format!("{}, evictedFrom: {}{count}", bound_text(state, of), node_text(state, *node))
        }
        Binding::DeleteNode(node) => format!("deletedNode: {}", node_text(state, *node)),
        Binding::Pod { of, node, evicted } => {
            let of = bound_text(state, of);
            let victims: Vec<String> = evicted
                .iter()
                .filter_map(|(of, count)| match of {
                    Bound::Workload(name) => Some(format!("{}: {count}", plain(&workload_text(state, *name)))),
                    // Nobody creates it again: witnesses evict none.
                    Bound::Pod { .. } => None,
                })
                .collect();
            let evicted =
                if victims.is_empty() { String::new() } else { format!(", evicted: {{{}}}", victims.join(", ")) };
            format!("{of}, node: {}{evicted}", node_text(state, *node))
        }
    }
}

fn bound_text(state: &ClusterState, of: &Bound) -> String {
    match of {
        Bound::Workload(name) => format!("workload: {}", plain(&workload_text(state, *name))),
        Bound::Pod { namespace, name } => {
            format!("pod: {}", plain(&format!("{}/{name}", state.names.text(*namespace))))
        }
    }
}

fn workload_text(state: &ClusterState, name: WorkloadName) -> String {
    format!("{}/{}/{}", name.kind.as_str(), state.names.text(name.namespace), state.names.text(name.name))
}

fn node_text(state: &ClusterState, node: NodeId) -> String {
    plain(state.nodes.get(&node).map_or("", |node| state.names.text(node.name)))
}

/// A name as it stands in YAML: quoted where it could be read as something else than text.
fn plain(text: &str) -> String {
    let starts_plainly = text.starts_with(|letter: char| letter.is_ascii_lowercase());
    let is_simple = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "-./".contains(letter);
    let is_word = matches!(text, "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n");
    if starts_plainly && text.chars().all(is_simple) && !is_word { text.to_owned() } else { quoted(text) }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
