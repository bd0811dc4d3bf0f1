package quorate.availability.data_store_without_backup_test

import data.quorate.availability.data_store_without_backup as rule

set(image) := {"kind": "StatefulSet", "metadata": {"name": "kafka", "namespace": "data"}, "spec": {
	"template": {"spec": {"containers": [{"name": "a", "image": image}]}},
	"volumeClaimTemplates": [{"metadata": {"name": "data"}}],
}}

recovery := {"recovery": {"rpo": "1h"}}

backed_up(backup) := {"recovery": {"rpo": "1h"}, "backups": [object.union({"dataStore": "store/data/kafka"}, backup)]}

test_a_store_known_by_its_image_is_denied if {
	every name in ["apache/kafka:4.1.0", "docker.io/bitnami/postgresql:17", "redis", "registry:5000/mongo@sha256:0a"] {
		count(rule.deny) == 1 with input as set(name) with data.environment as recovery
	}
	some finding in rule.deny with input as set("apache/kafka:4.1.0") with data.environment as recovery
	finding.path == ["spec", "volumeClaimTemplates"]
}

test_without_an_objective_it_is_a_warning if {
	count(rule.deny) == 0 with input as set("redis") with data.environment as {"backups": [{"dataStore": "x"}]}
	count(rule.warn) == 1 with input as set("redis") with data.environment as {"backups": [{"dataStore": "x"}]}
}

test_a_backup_is_enough if {
	every backup in [{"schedule": "0 2 * * *"}, {"continuousArchiving": "writeAheadLog"}] {
		count(rule.deny) == 0 with input as set("apache/kafka:4") with data.environment as backed_up(backup)
	}
}

test_a_copy_on_the_same_disk_is_not if {
	count(rule.deny) == 1 with input as set("redis:8") with data.environment as backed_up({"continuousArchiving": "appendOnlyFile"})
}

test_a_declared_store_and_its_arbiters if {
	declared := {"recovery": {"rpo": "1h"}, "dataStores": [{
		"name": "events",
		"namespace": "data",
		"engine": "kafka",
		"members": ["statefulset/data/kafka"],
		"arbiters": ["statefulset/data/sentinel"],
	}]}
	count(rule.deny) == 1 with input as set("own/thing:1") with data.environment as declared
	saved := object.union(declared, {"backups": [{"dataStore": "store/data/events", "schedule": "@daily"}]})
	count(rule.deny) == 0 with input as set("own/thing:1") with data.environment as saved
	sentinel := object.union(set("redis:8"), {"metadata": {"name": "sentinel"}})
	count(rule.deny) == 0 with input as sentinel with data.environment as declared
}

velero(names) := {"cluster": {}, "namespace": {"velero": {"velero.io/v1": {"Schedule": {"s": {
	"apiVersion": "velero.io/v1",
	"kind": "Schedule",
	"metadata": {"name": "s", "namespace": "velero"},
	"spec": {"template": {"includedNamespaces": names}},
}}}}}}

test_velero_is_a_backup if {
	count(rule.deny) == 0 with input as set("redis:8") with data.environment as recovery with data.inventory as velero(["data"])
	count(rule.deny) == 1 with input as set("redis:8") with data.environment as recovery with data.inventory as velero(["x"])
}

test_what_is_no_store_or_has_no_volumes_is_not if {
	count(rule.deny) == 0 with input as set("nginx:1") with data.environment as recovery
	without := object.union(set("redis:8"), {"spec": {"volumeClaimTemplates": []}})
	count(rule.deny) == 0 with input as without with data.environment as recovery
}
