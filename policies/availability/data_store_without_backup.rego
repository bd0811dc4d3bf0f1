# METADATA
# title: a data store has no backup
# description: |
#   A StatefulSet with volumes runs a data store (known by its image, or declared under `dataStores` in quorate.yaml), and
#   no entry under `backups` saves it. A copy on the store's own disk (`continuousArchiving: appendOnlyFile` without a
#   schedule) is none. A Velero Schedule that includes the namespace is one.
# related_resources:
# - ref: https://kubernetes.io/docs/concepts/storage/persistent-volumes/
#   description: Persistent volumes outlive pods, not disks and mistakes
# custom:
#   id: data-store-without-backup
#   severity: error
#   why: |
#     Replication copies mistakes as fast as data: a dropped table, a bad migration or a lost zone takes all replicas
#     together. Without a backup there is no recovery point at all. Where `recovery` is declared in quorate.yaml that
#     promise is broken and the finding is an error; without, it is a warning.
#   help: |
#     Back the store up to another place and declare it under `backups`; or accept its loss with a waiver, if everything
#     in it can be rebuilt (a cache, a topic that is only a transport).
#   kinds: [apps/StatefulSet]
#   needs: [environment.backups | environment.recovery]
#   parameters:
#     images:
#       description: data stores by what their image's name begins with or is
#       default: {postgres: PostgreSQL, postgresql: PostgreSQL, spilo: PostgreSQL, timescaledb: PostgreSQL, mysql: MySQL, mariadb: MariaDB, percona: MySQL, redis: Redis, valkey: Valkey, kafka: Kafka, cp-kafka: Kafka, redpanda: Redpanda, mongo: MongoDB, mongodb: MongoDB, elasticsearch: Elasticsearch, opensearch: OpenSearch, etcd: etcd, rabbitmq: RabbitMQ, cassandra: Cassandra, scylla: ScyllaDB, clickhouse: ClickHouse, clickhouse-server: ClickHouse, cockroach: CockroachDB, nats: NATS, minio: MinIO, influxdb: InfluxDB, neo4j: Neo4j, couchdb: CouchDB, zookeeper: ZooKeeper}
package quorate.availability.data_store_without_backup

import data.quorate.lib.image
import data.quorate.lib.objects
import data.quorate.lib.workload.lasting_containers
import data.quorate.lib.workload.name as object_name
import data.quorate.lib.workload.namespace

deny contains finding if {
	has_objective
	some finding in findings
}

warn contains finding if {
	not has_objective
	some finding in findings
}

has_objective if data.environment.recovery.rpo

has_objective if data.environment.recovery.rto

findings contains finding if {
	not arbiter
	some engine in engines
	not saved
	finding := {
		"msg": sprintf("%s has no backup: %s", [engine, lost]),
		"path": ["spec", "volumeClaimTemplates"],
		"mends": ["back it up and declare it under `backups` in quorate.yaml", "a waiver, if all of it can be rebuilt"],
		"related": near_misses,
	}
}

lost := sprintf("a loss of its volumes breaks the recovery point objective of %s", [data.environment.recovery.rpo]) if {
	data.environment.recovery.rpo
} else := "what its volumes lose is lost"

reference := objects.reference(input)

# What it runs: one name.
engines := {sprintf("data store %q (%s)", [store.name, store.engine]) | some store in stores} if count(stores) > 0

engines := {sprintf("data store %q (%s)", [object_name, label]) | some label in detected} if count(stores) == 0

stores := [store |
	some store in data.environment.dataStores
	reference in object.get(store, "members", [])
]

detected := [found[0] |
	is_array(input.spec.volumeClaimTemplates)
	count(input.spec.volumeClaimTemplates) > 0
	found := [label |
		some container in lasting_containers
		is_string(container.spec.image)
		label := data.parameters.images[image.name(container.spec.image)]
	]
	count(found) > 0
]

# It only decides who is the master.
arbiter if {
	some store in data.environment.dataStores
	reference in object.get(store, "arbiters", [])
}

# The names under which a backup may refer to it.
references := {sprintf("store/%s/%s", [store.namespace, store.name]) | some store in stores} if count(stores) > 0

references := {sprintf("store/%s/%s", [namespace, object_name]), reference} if count(stores) == 0

saved if {
	some backup in backups
	leaves_the_disk(backup)
}

saved if {
	some schedule in objects.in_any_namespace("Schedule")
	is_string(schedule.apiVersion)
	startswith(schedule.apiVersion, "velero.io/")
	includes(schedule.spec.template)
}

includes(template) if not is_array(object.get(template, "includedNamespaces", null))

includes(template) if some_namespace(template.includedNamespaces)

some_namespace(names) if "*" in names

some_namespace(names) if namespace in names

backups := [backup |
	some backup in data.environment.backups
	backup.dataStore in references
]

leaves_the_disk(backup) if is_string(backup.schedule)

leaves_the_disk(backup) if backup.continuousArchiving in {"writeAheadLog", "stream"}

near_misses := [related |
	some index, backup in data.environment.backups
	backup.dataStore in references
	related := {
		"msg": "only on the store's own disk",
		"path": ["spec", "backups", index, "continuousArchiving"],
		"object": {"kind": "Environment"},
	}
]
