//! The step `bind`, and how many pods a step expects to be available.

use std::collections::BTreeMap;

use quorate_sim::cluster::WorkloadKind;
use quorate_sim::simulation::{Binding, Bound, StepAction};

use super::file;
use super::problem::{Problem, ProblemKind};
use super::resolve::{Action, Resolver, workload_text};

impl Resolver<'_, '_> {
    pub(super) fn bind(&mut self, own: &file::Bind) -> Result<Action, Problem> {
        let bindings: Result<Vec<Binding>, Problem> =
            own.pods.iter().enumerate().map(|(index, pod)| self.binding(pod, &format!("bind.pods[{index}]"))).collect();
        let bindings = bindings?;
        let count = |is_one: fn(&Binding) -> bool| bindings.iter().filter(|binding| is_one(binding)).count();
        let single = count(|binding| matches!(binding, Binding::Pod { .. }));
        let others = count(|binding| matches!(binding, Binding::DaemonSet(_)));
        let description = match (single, others) {
            (0, 0) => "start kube-scheduler".to_owned(),
            (1, 0) => "bind 1 pod".to_owned(),
            (single, 0) => format!("bind {single} pods"),
            (0, _) => "bind pods of DaemonSets".to_owned(),
            (single, _) => format!("bind {single} pods and those of DaemonSets"),
        };
        Ok((StepAction::Bind { bindings }, description))
    }

    fn binding(&mut self, own: &file::BoundPod, field: &str) -> Result<Binding, Problem> {
        let value = |resolver: &Self, field: &str, message: &str| {
            resolver.problem(resolver.field(field), ProblemKind::Value(message.to_owned()))
        };
        if let Some(node) = &own.deleted_node {
            if own.workload.is_some() || own.pod.is_some() || own.evicted_from.is_some() {
                return Err(value(self, field, "takes either deletedNode, or a workload or pod"));
            }
            return Ok(Binding::DeleteNode(self.node(node, &format!("{field}.deletedNode"))?));
        }
        let of = match (&own.workload, &own.pod) {
            (Some(workload), None) => {
                let name = self.workload(workload, &format!("{field}.workload"))?;
                if name.kind == WorkloadKind::DaemonSet && own.evicted_from.is_none() {
                    if own.node.is_some() || !own.evicted.is_empty() {
                        let message = "pods of a DaemonSet are bound to the nodes that they were made for: name no node and nothing that is evicted";
                        return Err(value(self, field, message));
                    }
                    return Ok(Binding::DaemonSet(name));
                }
                Bound::Workload(name)
            }
            (None, Some(pod)) => self.pod(pod),
            (Some(_), Some(_)) | (None, None) => {
                return Err(value(
                    self,
                    field,
                    "takes either workload, of which a pending pod is bound, or pod, NAMESPACE/NAME",
                ));
            }
        };
        if let Some(from) = &own.evicted_from {
            return self.eviction(own, of, from, field);
        }
        if own.count.is_some() {
            return Err(value(self, field, "count says how many are evicted; it stands beside evictedFrom alone"));
        }
        let Some(node) = &own.node else {
            return Err(value(self, field, "names no node; write for example node: worker-1"));
        };
        let node = self.node(node, &format!("{field}.node"))?;
        let mut evicted = Vec::new();
        for (workload, count) in &own.evicted {
            let at = format!("{field}.evicted");
            if *count == 0 {
                return Err(value(self, &at, "must be at least 1; leave out those of which no pod is evicted"));
            }
            evicted.push((Bound::Workload(self.workload(workload, &at)?), *count as usize));
        }
        Ok(Binding::Pod { of, node, evicted })
    }

    fn eviction(&self, own: &file::BoundPod, of: Bound, from: &str, field: &str) -> Result<Binding, Problem> {
        let value = |at: &str, message: &str| {
            self.problem(self.field(&format!("{field}{at}")), ProblemKind::Value(message.to_owned()))
        };
        if own.node.is_some() || !own.evicted.is_empty() {
            return Err(value("", "takes either node, to which a pod is bound, or evictedFrom"));
        }
        if self.settings.taint_eviction.as_deref() != Some("in-bind") {
            let message = "pods of failed nodes are evicted when their tolerations say so; write taint-eviction: in-bind under settings";
            return Err(value(".evictedFrom", message));
        }
        let pods = own.count.unwrap_or(1) as usize;
        if pods == 0 {
            return Err(value(".count", "must be at least 1"));
        }
        Ok(Binding::Evict { of, node: self.node(from, &format!("{field}.evictedFrom"))?, pods })
    }

    fn pod(&mut self, text: &str) -> Bound {
        let (namespace, name) = text.split_once('/').unwrap_or((self.namespace, text));
        Bound::Pod { namespace: self.state.intern(namespace), name: name.to_owned() }
    }

    /// `deployment/default/backend: 2`, `pod/default/debug: 0`.
    pub(super) fn expected_available(&self, written: &BTreeMap<String, i64>) -> Result<BTreeMap<String, i64>, Problem> {
        let mut expected = BTreeMap::new();
        for (name, count) in written {
            let full = match name.strip_prefix("pod/") {
                Some(pod) if pod.contains('/') => name.clone(),
                Some(pod) => format!("pod/{}/{pod}", self.namespace),
                None => workload_text(self.state, self.workload(name, "expect.available")?),
            };
            expected.insert(full, *count);
        }
        Ok(expected)
    }
}
