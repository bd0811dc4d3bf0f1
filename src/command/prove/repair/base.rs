//! What repairs begin with: the input as it is, and what was decided about it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use quorate_sim::cluster::ClusterState;
use quorate_sim::prove::cluster;
use quorate_sim::simulation::Settings;
use serde_json::Value;

use crate::command::error::CommandError;
use crate::command::input::{self, Configuration, Input};
use crate::command::prove::deciding::{self, Given, every_claim};
use crate::command::prove::guarantees::{Asked, asked};
use crate::command::prove::progress::{Played, asked_for};
use crate::environment::{EnvironmentSpec, Failures};
use crate::manifest::Inventory;
use crate::model::Model;
use crate::policy::Facts;
use crate::policy::simulation::{self, Context, Start};
use crate::report::{AtPlacement, GuaranteeSubject, PhaseWord, VerdictWord};

/// The scheduler is run so often to see whether a change breaks something else.
const RUNS: u64 = 2;

/// The input as it is.
pub(in crate::command::prove) struct Base<'a> {
    pub(in crate::command::prove) input: &'a Input,
    pub(in crate::command::prove) configuration: &'a Configuration,
    pub(in crate::command::prove) environment: &'a EnvironmentSpec,
    /// With its pools.
    pub(in crate::command::prove) model: &'a Model,
    pub(in crate::command::prove) failures: &'a [Failures],
    pub(in crate::command::prove) seed: u64,
    /// The workloads of guarantees that are violated.
    pub(in crate::command::prove) subjects: BTreeSet<String>,
    /// How many states a search looks at.
    pub(in crate::command::prove) states: usize,
    /// What is violated, and which rollouts and drains end, as things are: worked out when that is asked for first.
    pub(in crate::command::prove) known: OnceLock<Known>,
    pub(in crate::command::prove) played: OnceLock<Played>,
}

/// Names a claim: the guarantee, the placement, the phase.
pub(in crate::command::prove) type Violated = (String, String, PhaseWord);

/// The guarantees of the input as it is, and the claims of them that are violated.
#[derive(Default)]
pub(in crate::command::prove) struct Known {
    guarantees: BTreeSet<String>,
    violated: BTreeSet<Violated>,
}

/// Everything that is decided about a cluster with its guarantees.
pub(super) struct Whole {
    pub(super) all: Vec<Asked>,
    pub(super) verdicts: Vec<Vec<AtPlacement>>,
}

impl Base<'_> {
    pub(super) fn context<'c>(&'c self, inventory: &'c Inventory, model: &'c Model) -> Context<'c> {
        let facts = Facts { spec: &Value::Null, documents: &[] };
        Context { inventory, model, environment: self.environment, facts, seed: self.seed }
    }

    /// The guarantees of a cluster.
    pub(super) fn asked(&self, state: &ClusterState) -> Result<Vec<Asked>, CommandError> {
        Ok(asked(&cluster(state), self.environment.into(), self.failures)?.0)
    }

    /// Every claim about a cluster.
    pub(super) fn whole(&self, state: &ClusterState, played: &Played) -> Result<Whole, CommandError> {
        let canonical = cluster(state);
        let (all, _) = asked(&canonical, self.environment.into(), self.failures)?;
        let settings = Settings { seed: self.seed, ..Settings::default() };
        let runs = deciding::runs(state, &canonical, &settings, &all, RUNS);
        let given = Given { state, shows: false, runs: &runs, played, states: self.states, states_by_score: 0 };
        let decided = deciding::decide_all(&canonical, &all, &given, &every_claim)?;
        let verdicts = decided.into_iter().map(|own| own.into_iter().map(|own| own.verdict).collect()).collect();
        Ok(Whole { all, verdicts })
    }

    /// Whether a claim of a guarantee that there is now is violated in `changed`, and is not as things are. Guarantees that come
    /// with a change, for example of a second replica, were not there to be kept.
    pub(super) fn breaks(&self, changed: &Whole) -> bool {
        let known = self.known.get_or_init(|| match self.whole(&self.model.state, self.played()) {
            Ok(whole) => Known { guarantees: whole.all.iter().map(key).collect(), violated: whole.violated() },
            Err(_) => Known::default(),
        });
        let mut new = changed.violated().into_iter().filter(|own| !known.violated.contains(own));
        new.any(|(guarantee, ..)| known.guarantees.contains(&guarantee))
    }

    /// Which rollouts and drains end as things are, of all workloads whose rollouts matter to a guarantee or may change. The scheduler
    /// places all pods anew: so it is for changed manifests as well.
    pub(super) fn played(&self) -> &Played {
        self.played.get_or_init(|| {
            let context = self.context(&self.configuration.inventory, self.model);
            let mut workloads = self.subjects.clone();
            let declared = self.asked(&self.model.state);
            workloads.extend(declared.iter().flat_map(|all| asked_for(all, |_| true)));
            Played { anew: simulation::progress(&context, &workloads, Start::Anew), ..Played::default() }
        })
    }

    /// The pools of quorate.yaml, for a changed cluster.
    pub(super) fn add_pools(&self, state: &mut ClusterState) {
        input::add_pools(state, self.input);
    }
}

impl Whole {
    /// Which claims are violated.
    fn violated(&self) -> BTreeSet<Violated> {
        let each = self.all.iter().zip(&self.verdicts).flat_map(|(asked, verdicts)| {
            let violated = verdicts.iter().filter(|own| own.verdict == VerdictWord::Violated);
            violated.map(move |own| (key(asked), format!("{:?}", own.placement), own.phase))
        });
        each.collect()
    }
}

/// Names a guarantee in the input as it is and in a changed one.
pub(super) fn key(asked: &Asked) -> String {
    let declared = asked.declared.as_ref().map(|own| (own, asked.at_least));
    let whose = match &asked.subject {
        GuaranteeSubject::Workload(_) | GuaranteeSubject::Budget { .. } => "",
        GuaranteeSubject::DataStore { name, .. } => name,
    };
    format!("{whose} {:?} {:?} {declared:?}", asked.claim_subject, asked.failures)
}

/// The guarantees of a cluster by their names.
pub(super) fn by_key(all: &[Asked]) -> BTreeMap<String, &Asked> {
    all.iter().map(|asked| (key(asked), asked)).collect()
}
