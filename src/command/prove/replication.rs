//! How many pods of a data store have to be available for it to take writes, whichever of them leads or holds a copy.
//!
//! docs/proofs.md, *Data stores*, has the table with the sources.

use std::fmt;

use crate::environment::ReplicationModel;

/// A store as numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers {
    pub(super) replication: ReplicationModel,
    /// How many members there are, at least one.
    pub(super) members: i64,
    /// How many pods decide on failover and are no members; `None`: none are declared.
    pub(super) arbiters: Option<i64>,
    /// `replicationFactor`.
    pub(super) copies: Option<i64>,
    /// `minInSyncReplicas`.
    pub(super) confirmed: Option<i64>,
    /// `quorum`.
    pub(super) quorum: Option<i64>,
}

/// Whose pods are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    Members,
    Arbiters,
    /// Members and arbiters together.
    Voters,
}

/// What writes need: so many pods, whichever they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Need {
    pub(super) whose: Whose,
    pub(super) at_least: i64,
    /// `a majority of its 3 members`.
    pub(super) words: String,
}

/// Why nothing can be said of what writes need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unknown {
    /// quorate.yaml does not say this.
    NotDeclared(&'static str),
    /// What it says cannot be, or counts nothing that is followed.
    Meaningless(String),
}

impl fmt::Display for Unknown {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotDeclared(field) => write!(formatter, "quorate.yaml does not say {field}"),
            Self::Meaningless(why) => formatter.write_str(why),
        }
    }
}

type Needs = Vec<Result<Need, Unknown>>;

const COPIES: &str = "how many copies there are (replicationFactor)";
const CONFIRMED: &str = "how many copies must confirm a write (minInSyncReplicas)";
const CONSISTENCY: &str = "how many replicas must answer a write, by its consistency level (minInSyncReplicas)";
const SENTINELS: &str = "which workloads run its Sentinels (arbiters; the members, where they run beside them)";
const QUORUM: &str = "how many Sentinels must agree (quorum)";

/// What has to be available so that writes are taken: each of it.
pub(super) fn needs(store: &Numbers) -> Needs {
    use ReplicationModel as Model;
    match store.replication {
        Model::None => vec![Ok(all_of(store, "all of its members, none of which is a copy"))],
        Model::PostgresqlManualFailover => {
            vec![Ok(all_of(store, "its primary, which any member may be: none is promoted by itself"))]
        }
        Model::Raft | Model::MongodbMajority => voters(store),
        Model::RabbitmqQuorumQueue => vec![group(store, "queue")],
        Model::NatsJetStream => vec![group(store, "stream")],
        Model::KafkaInSyncReplicas => vec![brokers(store)].into_iter().chain(arbiters(store)).collect(),
        Model::CassandraConsistencyLevel => vec![in_sync(store, CONSISTENCY, "replicas of each token")],
        Model::ElasticsearchInSync => vec![shards(store)].into_iter().chain(arbiters(store)).collect(),
        Model::RedisSentinel => vec![promotable(store, store.confirmed.unwrap_or(1)), sentinels(store)],
        Model::RedisCluster => vec![masters(store)],
        Model::PatroniAsynchronous | Model::CloudNativePgPreferred => {
            vec![promotable(store, 1)].into_iter().chain(arbiters(store)).collect()
        }
        Model::CloudNativePgRequired => {
            let own = store.confirmed.ok_or(Unknown::NotDeclared(CONFIRMED)).and_then(|own| promotable(store, own));
            vec![own].into_iter().chain(arbiters(store)).collect()
        }
        Model::PatroniSynchronous | Model::PatroniSynchronousStrict => {
            vec![synchronous(store)].into_iter().chain(arbiters(store)).collect()
        }
    }
}

const fn majority(of: i64) -> i64 {
    (of / 2).saturating_add(1)
}

const fn members(at_least: i64, words: String) -> Need {
    Need { whose: Whose::Members, at_least, words }
}

/// Any member may be the one without which no write is taken.
fn all_of(store: &Numbers, why: &str) -> Need {
    let words = if store.members == 1 { "its only member" } else { why };
    members(store.members, words.to_owned())
}

/// How many copies of a record there are, no more than members.
fn copies(store: &Numbers) -> Result<i64, Unknown> {
    let copies = store.copies.ok_or(Unknown::NotDeclared(COPIES))?;
    match copies {
        0 => Err(Unknown::Meaningless("replicationFactor is 0".to_owned())),
        _ if copies > store.members => Err(Unknown::Meaningless(format!(
            "its {copies} copies (replicationFactor) need as many members, and there are {}",
            store.members
        ))),
        _ => Ok(copies),
    }
}

/// How many of `copies` must confirm a write.
fn confirmed(store: &Numbers, copies: i64, field: &'static str) -> Result<i64, Unknown> {
    let confirmed = store.confirmed.ok_or(Unknown::NotDeclared(field))?;
    match confirmed {
        0 => Err(Unknown::Meaningless("minInSyncReplicas is 0".to_owned())),
        _ if confirmed > copies => Err(Unknown::Meaningless(format!(
            "of {copies} copies never {confirmed} (minInSyncReplicas) confirm a write"
        ))),
        _ => Ok(confirmed),
    }
}

/// Any members may be those that hold a copy of a record, `may_go` of which may be lost.
const fn unless_gone(store: &Numbers, may_go: i64) -> i64 {
    store.members.saturating_sub(may_go)
}

/// A majority of those who vote: all members, or `replicationFactor` of them, and arbiters that vote and hold no data.
fn voters(store: &Numbers) -> Needs {
    let holders = match store.copies.map(|_| copies(store)).transpose() {
        Ok(copies) => copies.unwrap_or(store.members),
        Err(unknown) => return vec![Err(unknown)],
    };
    let Some(arbiters) = store.arbiters else {
        let words = match holders == store.members {
            true => format!("a majority of its {holders} members"),
            false => format!("a majority of each group of {holders} members, whichever they are"),
        };
        return vec![Ok(members(unless_gone(store, holders.saturating_sub(majority(holders))), words))];
    };
    let votes = holders.saturating_add(arbiters);
    let may_go = votes.saturating_sub(majority(votes));
    let all = store.members.saturating_add(arbiters);
    let words = format!("a majority of {votes} votes, {arbiters} of them arbiters'");
    let mut needs = vec![Ok(Need { whose: Whose::Voters, at_least: all.saturating_sub(may_go), words })];
    if arbiters >= majority(votes) {
        let words = "one that votes and has the data, whichever it is".to_owned();
        needs.push(Ok(members(unless_gone(store, holders.saturating_sub(1)), words)));
    }
    needs
}

/// A majority of the members of each queue or stream.
fn group(store: &Numbers, what: &str) -> Result<Need, Unknown> {
    let copies = copies(store)?;
    let words = match copies == store.members {
        true => format!("a majority of its {copies} members"),
        false => format!("a majority of each {what}'s {copies} members, whichever they are"),
    };
    Ok(members(unless_gone(store, copies.saturating_sub(majority(copies))), words))
}

/// So many copies of each record as confirm a write.
fn in_sync(store: &Numbers, field: &'static str, what: &str) -> Result<Need, Unknown> {
    let copies = copies(store)?;
    let confirmed = confirmed(store, copies, field)?;
    let words = format!("{confirmed} of the {copies} {what}, whichever members have them");
    Ok(members(unless_gone(store, copies.saturating_sub(confirmed)), words))
}

/// In-sync replicas of each partition; without controllers of their own, brokers are taken to be these too.
fn brokers(store: &Numbers) -> Result<Need, Unknown> {
    let own = in_sync(store, CONFIRMED, "in-sync replicas of each partition")?;
    let controllers = majority(store.members);
    Ok(match store.arbiters {
        None if controllers > own.at_least => members(
            controllers,
            format!("a majority of its {} brokers, taken to be its controllers as well", store.members),
        ),
        None | Some(_) => own,
    })
}

/// A copy of each shard, and a majority of the voting configuration: the members, or the arbiters where these are declared.
fn shards(store: &Numbers) -> Result<Need, Unknown> {
    let with_one = Numbers { confirmed: Some(store.confirmed.unwrap_or(1)), ..*store };
    let own = in_sync(&with_one, CONFIRMED, "copies of each shard")?;
    let voting = majority(store.members);
    Ok(match store.arbiters {
        None if voting > own.at_least => members(voting, format!("a majority of its {} members", store.members)),
        None | Some(_) => own,
    })
}

/// A majority of those that decide on failover.
fn arbiters(store: &Numbers) -> Option<Result<Need, Unknown>> {
    let arbiters = store.arbiters?;
    let words = format!("a majority of its {arbiters} arbiters");
    Some(Ok(Need { whose: Whose::Arbiters, at_least: majority(arbiters), words }))
}

/// A majority of the Sentinels elects the one that fails over, and it needs `quorum` votes.
fn sentinels(store: &Numbers) -> Result<Need, Unknown> {
    let sentinels = store.arbiters.ok_or(Unknown::NotDeclared(SENTINELS))?;
    let quorum = store.quorum.ok_or(Unknown::NotDeclared(QUORUM))?;
    if quorum > sentinels {
        return Err(Unknown::Meaningless(format!(
            "{quorum} Sentinels (quorum) never agree, for there are {sentinels}"
        )));
    }
    let words = match quorum > majority(sentinels) {
        true => format!("{quorum} of its {sentinels} Sentinels, its quorum"),
        false => format!("a majority of its {sentinels} Sentinels"),
    };
    Ok(Need { whose: Whose::Arbiters, at_least: quorum.max(majority(sentinels)), words })
}

/// A member that leads or can be promoted, and as many others as confirm a write.
fn promotable(store: &Numbers, confirmed: i64) -> Result<Need, Unknown> {
    if confirmed > store.members {
        let why =
            format!("{confirmed} copies (minInSyncReplicas) need as many members, and there are {}", store.members);
        return Err(Unknown::Meaningless(why));
    }
    let words = match confirmed.max(1) {
        1 => "one of its members, which can be promoted".to_owned(),
        confirmed => format!("{confirmed} of its members: one that leads, and those that confirm"),
    };
    Ok(members(confirmed.max(1), words))
}

/// Only the primary and its synchronous standbys may lead, and these may be any members.
fn synchronous(store: &Numbers) -> Result<Need, Unknown> {
    // Patroni keeps one synchronous standby where nothing else is said.
    let standbys = store.confirmed.map_or(1, |confirmed| confirmed.saturating_sub(1).max(1));
    let may_go = standbys.min(store.members.saturating_sub(1));
    let led = unless_gone(store, may_go);
    let who = match standbys {
        1 => "its primary or the synchronous standby".to_owned(),
        _ => format!("its primary or one of {standbys} synchronous standbys"),
    };
    if store.replication == ReplicationModel::PatroniSynchronous {
        return Ok(members(led, format!("{who}, whichever members these are")));
    }
    let confirmed = store.confirmed.unwrap_or(2).max(2);
    if confirmed > store.members {
        let why = format!(
            "in strict mode it takes no write with fewer than {confirmed} members, and there are {}",
            store.members
        );
        return Err(Unknown::Meaningless(why));
    }
    Ok(members(led.max(confirmed), format!("{who}, whichever members these are, and {confirmed} members that confirm")))
}

/// A member of every shard, and a majority of the masters, which all that are lost may be.
fn masters(store: &Numbers) -> Result<Need, Unknown> {
    let copies = copies(store)?;
    let confirmed = match store.confirmed {
        None => 1,
        Some(_) => confirmed(store, copies, CONFIRMED)?,
    };
    let masters = store.members.checked_div(copies).unwrap_or(store.members);
    let of_a_shard = copies.saturating_sub(confirmed);
    let of_masters = masters.saturating_sub(majority(masters));
    let words = match of_a_shard <= of_masters {
        true => format!("{confirmed} of every shard's {copies} members, whichever they are"),
        false => format!("a majority of its {masters} masters, whichever members these are"),
    };
    Ok(members(unless_gone(store, of_a_shard.min(of_masters)), words))
}

#[cfg(test)]
mod tests;
