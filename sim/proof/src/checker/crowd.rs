//! How many pods of each movable workload there can be.

use std::collections::BTreeMap;

use super::existing::Existing;
use super::index::Index;
use crate::claim::Placement;

/// Pods that can be there at the same time as a pod in question.
pub(crate) struct Member {
    pub(crate) shape: usize,
    /// How many at most.
    pub(crate) count: i128,
    /// Their workload; `None` for pods that are not what their workload makes now.
    pub(crate) workload: Option<usize>,
    /// Nodes on which some are although they would not be placed there.
    pub(crate) strays: Vec<usize>,
}

/// All pods that can be there at the same time, fixed ones aside.
pub(crate) struct Crowd {
    pub(crate) members: Vec<Member>,
    /// The members of each shape.
    pub(crate) of_shape: BTreeMap<usize, Vec<usize>>,
    /// The member that is a workload.
    of_workload: BTreeMap<usize, usize>,
}

impl Crowd {
    pub(crate) fn new(index: &Index<'_>, existing: &Existing<'_>, placement: Placement) -> Crowd {
        let member = |workload: usize| {
            let (replicas, highest) = index.workloads.get(workload).map_or((0, i128::MAX), |wanted| {
                let most = i128::from(wanted.replicas.max(wanted.max_replicas));
                (i128::from(wanted.replicas), most.saturating_add(i128::from(wanted.max_surge)))
            });
            let (count, strays) = match placement {
                Placement::Scheduled | Placement::Fresh => (replicas, Vec::new()),
                Placement::Reachable => (highest, Vec::new()),
                Placement::Current => (existing.most(index, workload), existing.strays(workload).to_vec()),
            };
            Member { shape: index.shape_of(workload), count, workload: Some(workload), strays }
        };
        let mut members: Vec<Member> = index.movable().map(member).collect();
        if placement == Placement::Current {
            let odd = existing.odd.iter().map(|(shape, odd)| Member {
                shape: *shape,
                count: odd.count,
                workload: None,
                strays: odd.nodes.clone(),
            });
            members.extend(odd);
        }
        let (mut of_shape, mut of_workload) = (BTreeMap::<usize, Vec<usize>>::new(), BTreeMap::new());
        for (number, member) in members.iter().enumerate() {
            of_shape.entry(member.shape).or_default().push(number);
            of_workload.extend(member.workload.map(|workload| (workload, number)));
        }
        Crowd { members, of_shape, of_workload }
    }

    /// How many pods of a workload there can be at most.
    pub(crate) fn most(&self, workload: usize) -> i128 {
        let member = self.of_workload.get(&workload).and_then(|number| self.members.get(*number));
        member.map_or(0, |member| member.count)
    }
}
