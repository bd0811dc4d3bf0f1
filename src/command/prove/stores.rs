//! Data stores of `quorate.yaml` as guarantees: what each needs to take writes, in pods of its workloads.

use std::collections::BTreeSet;

use quorate_proof::claim::Subject;
use quorate_proof::cluster::{Cluster, Kind};

use super::replication::{Need, Numbers, Unknown, Whose, needs};
use crate::environment::{DataStore, ObjectReference, ReplicationModel};
use crate::report::{GuaranteeSubject, NoPromise, Promiser};

const MEMBERS: &str = "which workloads are its members (members)";

/// Pods that a store needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Promise {
    pub(super) subject: GuaranteeSubject,
    pub(super) claim_subject: Subject,
    pub(super) at_least: i64,
}

/// Pods of workloads that are named together.
#[derive(Clone, Debug, Default)]
struct Counted {
    workloads: BTreeSet<String>,
    pods: i64,
}

/// What every declared store needs, and what is not known of that.
pub(super) fn promised(cluster: &Cluster, stores: &[DataStore]) -> (Vec<Promise>, Vec<NoPromise>) {
    let (mut promises, mut unknown) = (Vec::new(), Vec::new());
    for store in stores {
        let name = format!("store/{}/{}", store.namespace, store.name);
        for need in of_store(cluster, store) {
            match need {
                Ok((need, counted)) => promises.push(promise(&name, need, counted)),
                Err(why) => unknown.push(no_promise(&name, store, &why)),
            }
        }
    }
    (promises, unknown)
}

fn promise(name: &str, need: Need, counted: Counted) -> Promise {
    let workloads: Vec<String> = counted.workloads.into_iter().collect();
    let claim_subject = match workloads.as_slice() {
        [only] => Subject::Workload(only.clone()),
        _ => Subject::Workloads(workloads.clone()),
    };
    let subject = GuaranteeSubject::DataStore { name: name.to_owned(), workloads, needs: need.words };
    Promise { subject, claim_subject, at_least: need.at_least }
}

fn no_promise(name: &str, store: &DataStore, why: &Unknown) -> NoPromise {
    let undeclared = match why {
        Unknown::NotDeclared(field) => Some(*field),
        Unknown::Meaningless(_) => None,
    };
    let workloads = store.members.iter().chain(&store.arbiters).map(ToString::to_string).collect();
    NoPromise { whose: Promiser::DataStore(name.to_owned()), reason: why.to_string(), workloads, undeclared }
}

/// Each need of a store, with the pods that it is about.
fn of_store(cluster: &Cluster, store: &DataStore) -> Vec<Result<(Need, Counted), Unknown>> {
    let members = match counted(cluster, "member", &store.members) {
        Ok(_) if store.members.is_empty() => return vec![Err(Unknown::NotDeclared(MEMBERS))],
        Ok(members) if members.pods < 1 => {
            return vec![Err(Unknown::Meaningless("its members have no replicas".to_owned()))];
        }
        Ok(members) => members,
        Err(unknown) => return vec![Err(unknown)],
    };
    let votes = matches!(store.replication, ReplicationModel::Raft | ReplicationModel::MongodbMajority);
    let (arbiters, unknown) = match arbiters(cluster, store, &members, votes) {
        Ok(arbiters) => (arbiters, None),
        // Without the number of all that vote there is no majority of them.
        Err(unknown) if votes => return vec![Err(unknown)],
        Err(unknown) => (None, Some(unknown)),
    };
    let number = |own: Option<u32>| own.map(i64::from);
    let numbers = Numbers {
        replication: store.replication,
        members: members.pods,
        arbiters: arbiters.as_ref().map(|own| own.pods),
        copies: number(store.replication_factor),
        confirmed: number(store.min_in_sync_replicas),
        quorum: number(store.quorum),
    };
    let arbiters = arbiters.unwrap_or_default();
    let with_pods = |need: Need| {
        let pods = match need.whose {
            Whose::Members => members.clone(),
            Whose::Arbiters => arbiters.clone(),
            Whose::Voters => Counted {
                workloads: members.workloads.union(&arbiters.workloads).cloned().collect(),
                pods: members.pods.saturating_add(arbiters.pods),
            },
        };
        (need, pods)
    };
    let mut found: Vec<_> = needs(&numbers).into_iter().map(|need| need.map(with_pods)).collect();
    if let Some(unknown) = unknown {
        // What is missing are the arbiters, and why is known better.
        found.retain(Result::is_ok);
        found.push(Err(unknown));
    }
    only_largest(found)
}

/// Those that decide on failover; of those that vote only they that are no members.
fn arbiters(cluster: &Cluster, store: &DataStore, members: &Counted, votes: bool) -> Result<Option<Counted>, Unknown> {
    let is_other = |own: &&ObjectReference| !votes || !members.workloads.contains(&own.to_string());
    let named: Vec<ObjectReference> = store.arbiters.iter().filter(is_other).cloned().collect();
    if named.is_empty() {
        return Ok(None);
    }
    let arbiters = counted(cluster, "arbiter", &named)?;
    Ok(Some(arbiters).filter(|own| own.pods > 0))
}

/// Of two needs of the same workloads the larger one says it all.
fn only_largest(found: Vec<Result<(Need, Counted), Unknown>>) -> Vec<Result<(Need, Counted), Unknown>> {
    let mut kept: Vec<Result<(Need, Counted), Unknown>> = Vec::new();
    for own in found {
        let Ok((need, counted)) = &own else {
            kept.push(own);
            continue;
        };
        let same = kept.iter_mut().find_map(|other| match other {
            Ok((other_need, other)) if other.workloads == counted.workloads => Some(other_need),
            Ok(_) | Err(_) => None,
        });
        match same {
            Some(other) if other.at_least < need.at_least => *other = need.clone(),
            Some(_) => {}
            None => kept.push(own),
        }
    }
    kept
}

/// The pods of workloads, whose number nothing but a person changes.
fn counted(cluster: &Cluster, what: &str, named: &[ObjectReference]) -> Result<Counted, Unknown> {
    let mut counted = Counted::default();
    for reference in named {
        let name = reference.to_string();
        let refuse = |why: &str| Err(Unknown::Meaningless(format!("its {what} {name} {why}")));
        if matches!(reference.kind.as_str(), "node" | "store" | "external" | "service") {
            return refuse("is no workload: only pods are counted");
        }
        let Some(workload) = cluster.workloads.get(&name) else { return refuse("is not in the input") };
        match workload.kind {
            Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet => {}
            Kind::DaemonSet | Kind::Job | Kind::Pod | Kind::Static(_) => return refuse("has no number of replicas"),
        }
        if workload.min_replicas != workload.replicas || workload.max_replicas != workload.replicas {
            return refuse("has as many pods as an autoscaler likes");
        }
        if counted.workloads.insert(name) {
            counted.pods = counted.pods.saturating_add(workload.replicas);
        }
    }
    Ok(counted)
}

#[cfg(test)]
mod tests {
    use quorate_proof::cluster::Workload;
    use serde_json::{Value, json};

    use super::*;

    fn cluster(workloads: &[(&str, Kind, i64, i64)]) -> Cluster {
        let workload = |kind: &Kind, replicas, max_replicas| Workload {
            kind: kind.clone(),
            shape: 0,
            replicas,
            min_replicas: replicas,
            max_replicas,
            max_surge: 0,
            max_unavailable: 0,
            ordered: false,
        };
        let named = |(name, kind, replicas, most): &(&str, Kind, i64, i64)| {
            ((*name).to_owned(), workload(kind, *replicas, *most))
        };
        Cluster { workloads: workloads.iter().map(named).collect(), ..Cluster::default() }
    }

    /// `2 of [statefulset/data/a]`, or why nobody knows.
    fn said(store: Value) -> Vec<String> {
        let set = |name, replicas| (name, Kind::StatefulSet, replicas, replicas);
        let cluster = cluster(&[
            set("statefulset/data/a", 2),
            set("statefulset/data/b", 3),
            set("statefulset/data/empty", 0),
            ("statefulset/data/scaled", Kind::StatefulSet, 3, 5),
            ("daemonset/data/each", Kind::DaemonSet, 0, 0),
        ]);
        let mut whole = json!({"name": "db", "namespace": "data", "engine": "other"});
        whole.as_object_mut().unwrap().extend(store.as_object().unwrap().clone());
        let (promises, unknown) = promised(&cluster, &[serde_json::from_value(whole).unwrap()]);
        let of_promise = |own: &Promise| format!("{} of {}", own.at_least, own.claim_subject);
        promises.iter().map(of_promise).chain(unknown.into_iter().map(|own| own.reason)).collect()
    }

    #[test]
    fn members_of_several_workloads_are_counted_together() {
        let raft = |members: &[&str]| said(json!({"replication": "raft", "members": members}));
        assert_eq!(raft(&["statefulset/data/b"]), ["2 of statefulset/data/b"]);
        let together = ["3 of statefulset/data/a and statefulset/data/b"];
        assert_eq!(raft(&["statefulset/data/b", "statefulset/data/a"]), together);
        assert_eq!(raft(&["statefulset/data/a", "statefulset/data/b", "statefulset/data/a"]), together);
    }

    #[test]
    fn sentinels_beside_members_are_the_same_pods() {
        let redis = |arbiters: &str, quorum: u32| {
            let members = ["statefulset/data/b"];
            said(json!({"replication": "redisSentinel", "members": members, "arbiters": [arbiters], "quorum": quorum}))
        };
        assert_eq!(redis("statefulset/data/b", 2), ["2 of statefulset/data/b"]);
        assert_eq!(redis("statefulset/data/a", 2), ["1 of statefulset/data/b", "2 of statefulset/data/a"]);
        let lost = redis("statefulset/data/none", 2);
        assert_eq!(lost, ["1 of statefulset/data/b", "its arbiter statefulset/data/none is not in the input"]);
    }

    #[test]
    fn voters_without_data_are_counted_with_the_members() {
        let mongodb = |members: &[&str], arbiters: &[&str]| {
            said(json!({"replication": "mongodbMajority", "members": members, "arbiters": arbiters}))
        };
        let (a, b) = ("statefulset/data/a", "statefulset/data/b");
        let all = "3 of statefulset/data/a and statefulset/data/b";
        assert_eq!(mongodb(&[b], &[a]), [all]);
        assert_eq!(mongodb(&[a], &[b]), [all, "1 of statefulset/data/a"]);
        assert_eq!(mongodb(&[b], &[b]), ["2 of statefulset/data/b"]);
        assert_eq!(mongodb(&[b], &["node/x"]), ["its arbiter node/x is no workload: only pods are counted"]);
    }

    #[test]
    fn what_cannot_be_counted_promises_nothing() {
        let etcd = |member: &str| said(json!({"replication": "raft", "members": [member]})).concat();
        for (member, why) in [
            ("node/control-plane-1", "is no workload"),
            ("statefulset/data/none", "is not in the input"),
            ("statefulset/data/scaled", "as an autoscaler likes"),
            ("daemonset/data/each", "has no number of replicas"),
            ("statefulset/data/empty", "have no replicas"),
        ] {
            assert!(etcd(member).contains(why), "{member}: {}", etcd(member));
        }
        assert!(said(json!({"replication": "raft"})).concat().contains("(members)"));
        let kafka = said(json!({"replication": "kafkaInSyncReplicas", "members": ["statefulset/data/b"]}));
        assert_eq!(kafka, ["quorate.yaml does not say how many copies there are (replicationFactor)"]);
    }
}
