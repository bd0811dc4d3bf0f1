# METADATA
# title: backups come too seldom for the recovery point objective
# description: |
#   Between two backups of a data store passes more time than `recovery.rpo` in quorate.yaml allows to lose, and no
#   write-ahead log or stream is archived meanwhile. The schedule is that of the backup's `job` where the CronJob is among
#   the manifests, else the declared one. Of several backups of one store the best counts.
# related_resources:
# - ref: https://www.postgresql.org/docs/current/continuous-archiving.html
#   description: Continuous archiving in PostgreSQL
# - ref: https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/
#   description: CronJob schedules
# custom:
#   id: backup-misses-recovery-point
#   severity: error
#   why: |
#     After a disaster everything since the last backup is lost. The longest wait between two times of the schedule is the
#     least that can be lost in the worst case; the time that a backup takes comes on top. A copy on the store's own disk
#     goes with the disk. A CronJob with `suspend: true` makes none.
#   help: |
#     Back up more often, or archive the log continuously (`archive_command`, wal-g, a mirror) and declare it under
#     `continuousArchiving`.
#   kinds: [quorate.dev/Environment]
#   needs: [environment.recovery.rpo, environment.backups]
package quorate.operations.backup_misses_recovery_point

import data.quorate.lib.objects
import data.quorate.lib.time

deny contains finding if {
	some store in stores
	every backup in backups_of(store) {
		backup.loss > objective
	}
	some backup in backups_of(store)
	backup.loss == min([other.loss | some other in backups_of(store)])
	finding := object.union(
		{
			"msg": sprintf("%s may lose %s of writes, but %s is the objective", [store, words(backup), rpo]),
			"related": [{
				"msg": "the recovery point objective",
				"path": ["spec", "recovery", "rpo"],
				"object": {"kind": "Environment"},
			}],
		},
		backup.place,
	)
}

rpo := data.environment.recovery.rpo

objective := time.seconds(rpo)

stores := {backup.dataStore | some backup in data.environment.backups}

# More than any objective: nothing is saved elsewhere.
never := 1000000000000

words(backup) := "all" if {
	backup.loss == never
} else := time.words(backup.loss)

# The backups of a store, each with the most that is lost if the store is, and where that is said.
backups_of(store) := [{"loss": loss(backup), "place": place(index, backup)} |
	some index, backup in data.environment.backups
	backup.dataStore == store
]

loss(backup) := archived_within(backup) if {
	backup.continuousArchiving in {"writeAheadLog", "stream"}
} else := never if {
	job_of(backup).spec.suspend == true
} else := time.longest_wait(schedule(backup)) if {
	schedule(backup)
} else := never

archived_within(backup) := time.seconds(backup.archivedWithin) if {
	backup.archivedWithin
} else := 0

schedule(backup) := job_of(backup).spec.schedule if {
	is_string(job_of(backup).spec.schedule)
} else := backup.schedule

job_of(backup) := job if {
	is_string(backup.job)
	parts := split(backup.job, "/")
	parts[0] == "cronjob"
	some job in objects.in_namespace(parts[1], "CronJob")
	job.metadata.name == parts[2]
	is_object(job.spec)
}

place(_, backup) := {"path": ["spec", field], "object": {
	"kind": "CronJob",
	"namespace": objects.object_namespace(job),
	"name": job.metadata.name,
}} if {
	job := job_of(backup)
	not backup.continuousArchiving in {"writeAheadLog", "stream"}
	field := {true: "suspend", false: "schedule"}[object.get(job.spec, "suspend", false)]
} else := {"path": ["spec", "backups", index, "schedule"]} if {
	index := index_of(backup)
}

index_of(backup) := [index | some index, other in data.environment.backups; other == backup][0]
