//! The numbers of each model, and for those of copies every choice of who has them.

use super::*;
use ReplicationModel as Model;

fn of(replication: Model, members: i64) -> Numbers {
    Numbers { replication, members, arbiters: None, copies: None, confirmed: None, quorum: None }
}

/// What is said of a store: `2 members: a majority of its 3 members`.
fn said(store: &Numbers) -> Vec<String> {
    let one = |need: Result<Need, Unknown>| match need {
        Ok(Need { whose, at_least, words }) => format!("{at_least} {whose:?}: {words}").to_lowercase(),
        Err(unknown) => unknown.to_string(),
    };
    needs(store).into_iter().map(one).collect()
}

#[test]
fn majorities_of_all_members() {
    for (members, majority) in [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (6, 4), (7, 4)] {
        for model in [Model::Raft, Model::MongodbMajority] {
            let needs = needs(&of(model, members));
            assert!(matches!(&needs[..], [Ok(need)] if need.at_least == majority), "{members}: {needs:?}");
        }
    }
    assert_eq!(said(&of(Model::Raft, 3)), ["2 members: a majority of its 3 members"]);
}

#[test]
fn arbiters_that_vote_hold_no_data() {
    let mongodb = |members, arbiters| Numbers { arbiters: Some(arbiters), ..of(Model::MongodbMajority, members) };
    assert_eq!(said(&mongodb(2, 1)), ["2 voters: a majority of 3 votes, 1 of them arbiters'"]);
    let more_arbiters = said(&mongodb(2, 3));
    assert_eq!(more_arbiters[0], "3 voters: a majority of 5 votes, 3 of them arbiters'");
    assert_eq!(more_arbiters[1], "1 members: one that votes and has the data, whichever it is");
}

#[test]
fn what_a_single_primary_needs() {
    let all = |model, members| said(&of(model, members)).concat();
    assert_eq!(all(Model::None, 1), "1 members: its only member");
    assert_eq!(all(Model::None, 3), "3 members: all of its members, none of which is a copy");
    assert!(all(Model::PostgresqlManualFailover, 2).starts_with("2 members: its primary, which any member may be"));
    assert_eq!(all(Model::PostgresqlManualFailover, 1), "1 members: its only member");
    let promoted = "1 members: one of its members, which can be promoted";
    assert_eq!(all(Model::PatroniAsynchronous, 3), promoted);
    assert_eq!(all(Model::CloudNativePgPreferred, 3), promoted);
    let required = |confirmed| said(&Numbers { confirmed, ..of(Model::CloudNativePgRequired, 3) }).concat();
    assert!(required(Some(2)).starts_with("2 members: "), "{}", required(Some(2)));
    assert!(required(None).contains("minInSyncReplicas"), "{}", required(None));
    assert!(required(Some(4)).contains("there are 3"), "{}", required(Some(4)));
}

#[test]
fn sentinels_agree_and_a_member_is_promoted() {
    let redis =
        |arbiters, quorum, confirmed| said(&Numbers { arbiters, quorum, confirmed, ..of(Model::RedisSentinel, 3) });
    let promoted = "1 members: one of its members, which can be promoted";
    assert_eq!(redis(Some(3), Some(2), None), [promoted, "2 arbiters: a majority of its 3 sentinels"]);
    assert_eq!(redis(Some(5), Some(4), None), [promoted, "4 arbiters: 4 of its 5 sentinels, its quorum"]);
    assert_eq!(redis(Some(5), Some(1), Some(2))[0][..10], *"2 members:");
    assert_eq!(redis(Some(5), Some(1), None)[1][..11], *"3 arbiters:");
    assert!(redis(None, Some(2), None)[1].contains("arbiters"));
    assert!(redis(Some(3), None, None)[1].contains("(quorum)"));
    assert!(redis(Some(3), Some(4), None)[1].contains("never agree"));
}

#[test]
fn patroni_in_strict_mode_confirms_with_another_member() {
    let strict =
        |members, confirmed| said(&Numbers { confirmed, ..of(Model::PatroniSynchronousStrict, members) }).concat();
    assert!(strict(2, None).starts_with("2 members: "));
    assert!(strict(3, None).starts_with("2 members: "));
    assert!(strict(5, Some(3)).starts_with("3 members: "));
    assert!(strict(1, None).contains("takes no write"));
    let with_store = Numbers { arbiters: Some(3), ..of(Model::PatroniSynchronous, 2) };
    assert_eq!(said(&with_store)[1], "2 arbiters: a majority of its 3 arbiters");
}

#[test]
fn what_is_not_declared_or_cannot_be_is_said() {
    let copied = |model, copies, confirmed| said(&Numbers { copies, confirmed, ..of(model, 3) }).concat();
    for model in [
        Model::KafkaInSyncReplicas,
        Model::CassandraConsistencyLevel,
        Model::ElasticsearchInSync,
        Model::RabbitmqQuorumQueue,
        Model::NatsJetStream,
        Model::RedisCluster,
    ] {
        assert!(copied(model, None, Some(1)).contains("does not say how many copies"), "{model:?}");
        assert!(copied(model, Some(4), Some(1)).contains("there are 3"), "{model:?}");
        assert!(copied(model, Some(0), Some(1)).contains("is 0"), "{model:?}");
    }
    assert!(copied(Model::KafkaInSyncReplicas, Some(3), None).contains("(minInSyncReplicas)"));
    assert!(copied(Model::CassandraConsistencyLevel, Some(3), None).contains("consistency level"));
    assert!(copied(Model::KafkaInSyncReplicas, Some(2), Some(3)).contains("never 3"));
    assert!(copied(Model::KafkaInSyncReplicas, Some(2), Some(0)).contains("is 0"));
}

#[test]
fn brokers_and_data_nodes_may_be_those_that_vote_as_well() {
    let kafka = |arbiters| {
        said(&Numbers { copies: Some(3), confirmed: Some(1), arbiters, ..of(Model::KafkaInSyncReplicas, 3) })
    };
    assert_eq!(kafka(None), ["2 members: a majority of its 3 brokers, taken to be its controllers as well"]);
    assert_eq!(kafka(Some(3)).len(), 2);
    assert!(kafka(Some(3))[0].starts_with("1 members: 1 of the 3 in-sync replicas"));
    let elastic = |arbiters| said(&Numbers { copies: Some(3), arbiters, ..of(Model::ElasticsearchInSync, 3) });
    assert_eq!(elastic(None), ["2 members: a majority of its 3 members"]);
    assert!(elastic(Some(3))[0].starts_with("1 members: 1 of the 3 copies of each shard"));
}

/// Sets of members as bits.
type Set = u32;

fn subsets(of: i64, size: i64) -> Vec<Set> {
    (0..1_u32 << of).filter(|set| i64::from(set.count_ones()) == size).collect()
}

/// One more than the most members that may be there while some roles take no write.
fn fewest(members: i64, takes_writes: impl Fn(Set) -> bool) -> i64 {
    let sets = (0..1_u32 << members).filter(|alive| !takes_writes(*alive));
    sets.map(|alive| i64::from(alive.count_ones()) + 1).max().unwrap_or(0)
}

fn has(alive: Set, those: Set, at_least: i64) -> bool {
    i64::from((alive & those).count_ones()) >= at_least
}

fn number(store: &Numbers) -> i64 {
    let needs = needs(store);
    let [Ok(need)] = &needs[..] else { panic!("{needs:?}") };
    need.at_least
}

/// Whichever members hold a copy: the number is enough, and one fewer is not.
#[test]
fn numbers_are_those_of_every_choice_of_roles() {
    for members in 1..=6 {
        for copies in 1..=members {
            let store = |model| Numbers { copies: Some(copies), ..of(model, members) };
            let holders = subsets(members, copies);
            let by_majority = fewest(members, |alive| holders.iter().all(|those| has(alive, *those, copies / 2 + 1)));
            for model in [Model::RabbitmqQuorumQueue, Model::NatsJetStream, Model::Raft, Model::MongodbMajority] {
                assert_eq!(number(&store(model)), by_majority, "{model:?} {copies} of {members}");
            }
            for confirmed in 1..=copies {
                let confirms = |alive: Set| holders.iter().all(|those| has(alive, *those, confirmed));
                let votes = |alive: Set| has(alive, Set::MAX, members / 2 + 1);
                let store = |model| Numbers { confirmed: Some(confirmed), ..store(model) };
                let cassandra = number(&store(Model::CassandraConsistencyLevel));
                assert_eq!(cassandra, fewest(members, confirms), "{confirmed} of {copies} of {members}");
                let with_votes = fewest(members, |alive| confirms(alive) && votes(alive));
                for model in [Model::KafkaInSyncReplicas, Model::ElasticsearchInSync] {
                    assert_eq!(number(&store(model)), with_votes, "{confirmed} of {copies} of {members}");
                }
            }
        }
    }
}

/// The primary and its synchronous standbys may be any members; another one cannot lead.
#[test]
fn only_synchronous_standbys_are_promoted() {
    for members in 1..=6_i64 {
        for standbys in 1..=3_i64 {
            let store = Numbers { confirmed: Some(standbys + 1), ..of(Model::PatroniSynchronous, members) };
            let leaders = subsets(members, (standbys + 1).min(members));
            let led = fewest(members, |alive| leaders.iter().all(|those| has(alive, *those, 1)));
            assert_eq!(number(&store), led, "{standbys} of {members}");
        }
        assert_eq!(number(&of(Model::PatroniSynchronous, members)), (members - 1).max(1));
    }
}

/// Every way to form shards of `size`, each with its first member as the master.
fn shards(free: Set, size: i64) -> Vec<Vec<(Set, Set)>> {
    if free == 0 {
        return vec![Vec::new()];
    }
    let lowest = free & free.wrapping_neg();
    let of_lowest = |set: &Set| set & !free == 0 && set & lowest != 0 && i64::from(set.count_ones()) == size;
    let mut found = Vec::new();
    for shard in (1..=free).filter(of_lowest) {
        for rest in shards(free & !shard, size) {
            for master in (0..Set::BITS).map(|bit| 1 << bit).filter(|bit| shard & bit != 0) {
                found.push([&[(shard, master)][..], &rest].concat());
            }
        }
    }
    found
}

#[test]
fn a_redis_cluster_keeps_a_member_of_each_shard_and_a_majority_of_masters() {
    for (members, copies) in [(3, 1), (5, 1), (4, 2), (6, 2), (6, 3), (8, 2), (3, 3)] {
        let ways = shards((1 << members) - 1, copies);
        let takes_writes = |alive: Set| {
            ways.iter().all(|shards| {
                let masters = shards.iter().filter(|(_, master)| alive & master != 0).count();
                masters > shards.len() / 2 && shards.iter().all(|(shard, _)| alive & shard != 0)
            })
        };
        let store = Numbers { copies: Some(copies), ..of(Model::RedisCluster, members) };
        assert_eq!(number(&store), fewest(members, takes_writes), "{copies} of {members}");
    }
}
