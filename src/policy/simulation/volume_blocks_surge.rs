//! `volume-blocks-surge`: a volume for one node, and a rollout that runs old and new pods side by side.

use quorate_sim::cluster::{
    AccessMode, ClaimName, ClusterState, Deployment, DeploymentStrategy, VolumeSource, WorkloadKind, WorkloadName,
};

use super::context::{Context, finding_at, related};
use super::words;
use crate::finding::{Finding, Mend, Severity};

/// The rule's id.
pub(super) const RULE: &str = "volume-blocks-surge";

/// Reports Deployments with a ReadWriteOnce or ReadWriteOncePod claim whose strategy starts a new pod before an old one
/// stops. Needs no nodes.
pub(super) fn evaluate(context: &Context<'_>) -> Vec<Finding> {
    context.model.state.deployments.values().filter_map(|own| evaluate_one(context, own)).collect()
}

fn evaluate_one(context: &Context<'_>, deployment: &Deployment) -> Option<Finding> {
    let DeploymentStrategy::RollingUpdate { max_surge, max_unavailable } = deployment.strategy else { return None };
    let surge = max_surge.of_rounded_up(deployment.replicas);
    let unavailable = max_unavailable.of_rounded_down(deployment.replicas);
    // Old pods that may stop first give the volume back.
    if surge <= 0 || unavailable > 0 || deployment.replicas <= 0 {
        return None;
    }
    let state = &context.model.state;
    let (claim, users) = deployment.template.spec.volumes.iter().find_map(|volume| {
        let claim = match volume {
            VolumeSource::Claim(name) => ClaimName { namespace: deployment.namespace, name: *name },
            // Each pod has its own.
            VolumeSource::SetClaim(_) | VolumeSource::Ephemeral(_) | VolumeSource::Disk(_) => return None,
        };
        Some((claim, exclusive_users(state, claim)?))
    })?;
    let name = WorkloadName { kind: WorkloadKind::Deployment, namespace: deployment.namespace, name: deployment.name };
    let object = context.workload_object(name);
    let text = words::workload(state, name);
    let claim = format!("{}/{}", state.names.text(claim.namespace), state.names.text(claim.name));
    // A percentage of more pods lets one stop first.
    let range = context.model.autoscaled.get(&name);
    let only_when_few = range.is_some_and(|range| max_unavailable.of_rounded_down(range.most) > 0);
    let (severity, message) = match users {
        Users::OnePod if only_when_few => {
            let pods = words::count(deployment.replicas, "pod", "pods");
            let while_few = format!("no rollout of {text} completes while autoscaling keeps it at {pods}");
            (Severity::Warning, format!("{while_few}: only one pod may use claim {claim}"))
        }
        Users::OnePod => {
            (Severity::Error, format!("no rollout of {text} can complete: only one pod may use claim {claim}"))
        }
        Users::OneNode => (
            Severity::Warning,
            format!("a rollout of {text} hangs unless the new pod lands on the old one's node: claim {claim}"),
        ),
    };
    let field = "spec.strategy.rollingUpdate.maxUnavailable";
    let mut finding = finding_at(RULE, severity, message, object, field);
    finding.label = "the new pod starts before the old one stops,".to_owned();
    finding.related.extend(
        object.map(|object| {
            related(object, "spec.template.spec.volumes", "and both want a volume that one node may mount")
        }),
    );
    finding.why = Some(
        "a ReadWriteOnce volume is attached to one node at a time, and the old pod keeps it until it stops".to_owned(),
    );
    finding.then = vec![
        "on another node the new pod waits with a Multi-Attach error, and the old pod waits for the new one".to_owned(),
    ];
    finding.mends = vec![
        Mend { change: "strategy: Recreate".to_owned(), price: Some("no pod while it restarts".to_owned()) },
        Mend {
            change: "maxSurge: 0, maxUnavailable: 1".to_owned(),
            price: Some("one pod fewer while it restarts".to_owned()),
        },
    ];
    Some(finding)
}

/// Who may use a volume at the same time.
enum Users {
    /// The pods of one node.
    OneNode,
    /// One pod.
    OnePod,
}

/// `None`: pods of many nodes may use it, or the input does not say.
fn exclusive_users(state: &ClusterState, claim: ClaimName) -> Option<Users> {
    let modes = &state.storage.claims.get(&claim)?.access_modes;
    let has = |mode| modes.contains(&mode);
    if has(AccessMode::ReadWriteMany) || has(AccessMode::ReadOnlyMany) {
        None
    } else if has(AccessMode::ReadWriteOncePod) {
        Some(Users::OnePod)
    } else {
        has(AccessMode::ReadWriteOnce).then_some(Users::OneNode)
    }
}
