package quorate.operations.backup_misses_recovery_point_test

import data.quorate.lib.time
import data.quorate.operations.backup_misses_recovery_point as rule

facts(backups) := {"recovery": {"rpo": "1h"}, "backups": backups}

daily := {"name": "a", "dataStore": "store/data/a", "schedule": "0 2 * * *"}

hourly := {"name": "b", "dataStore": "store/data/a", "schedule": "0 * * * *"}

cron_job(spec) := {"cluster": {}, "namespace": {"data": {"batch/v1": {"CronJob": {"j": {
	"kind": "CronJob",
	"metadata": {"name": "j", "namespace": "data"},
	"spec": spec,
}}}}}}

test_daily_is_too_seldom if {
	some finding in rule.deny with data.environment as facts([daily])
	finding.path == ["spec", "backups", 0, "schedule"]
	contains(finding.msg, "24 h")
}

test_hourly_is_enough_and_the_best_counts if {
	count(rule.deny) == 0 with data.environment as facts([hourly])
	count(rule.deny) == 0 with data.environment as facts([daily, hourly])
}

test_another_stores_backup_does_not_help if {
	other := object.union(hourly, {"dataStore": "store/data/b"})
	count(rule.deny) == 1 with data.environment as facts([daily, other])
}

test_an_archive_is_enough_unless_it_is_slow if {
	archived := object.union(daily, {"continuousArchiving": "writeAheadLog", "archivedWithin": "5m"})
	count(rule.deny) == 0 with data.environment as facts([archived])
	slow := object.union(daily, {"continuousArchiving": "writeAheadLog", "archivedWithin": "2h"})
	count(rule.deny) == 1 with data.environment as facts([slow])
}

test_a_file_on_the_same_disk_is_nothing if {
	only := {"name": "a", "dataStore": "store/data/a", "continuousArchiving": "appendOnlyFile", "archivedWithin": "1s"}
	some finding in rule.deny with data.environment as facts([only])
	contains(finding.msg, "all")
}

test_the_jobs_own_schedule_counts if {
	made := object.union(hourly, {"job": "cronjob/data/j"})
	some finding in rule.deny with data.environment as facts([made]) with data.inventory as cron_job({"schedule": "0 2 * * *"})
	finding.object.name == "j"
	finding.path == ["spec", "schedule"]
	some suspended in rule.deny with data.environment as facts([made])
		with data.inventory as cron_job({"schedule": "0 * * * *", "suspend": true})
	suspended.path == ["spec", "suspend"]
}

test_the_longest_wait_of_schedules if {
	every schedule, seconds in {
		"*/15 * * * *": 900,
		"0 * * * *": 3600,
		"30 */6 * * *": 21600,
		"0 8-18 * * *": 50400,
		"0,20 3 * * *": 85200,
		"5/10 * * * *": 600,
		"0 2 * * 1-5": 259200,
		"0 2 * * sun": 604800,
		"0 2 * * 7": 604800,
		"0 0 */10 * *": 864000,
		"@daily": 86400,
		"@hourly": 3600,
		"0 0 1 * *": 2678400,
	} {
		time.longest_wait(schedule) == seconds
	}
}

test_lengths_of_time if {
	time.seconds("1h30m") == 5400
	time.seconds("7d") == 604800
	time.words(86400) == "24 h"
	time.words(900) == "15 min"
}
