//! CronJobs in `quorate simulate`, as a whole.
#![allow(clippy::unwrap_used)]

mod binary;

use binary::{directory, quorate, text};

const CLUSTER: &str = r#"
apiVersion: v1
kind: Node
metadata: {name: worker-1, labels: {kubernetes.io/hostname: worker-1}}
status: {allocatable: {cpu: "4", memory: 8Gi, pods: "110"}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: backup, namespace: data}
spec:
  schedule: "30 2 * * *"
  timeZone: Europe/Berlin
  concurrencyPolicy: Forbid
  jobTemplate:
    spec:
      template:
        metadata: {annotations: {quorate.dev/run-seconds: "1800"}}
        spec:
          restartPolicy: OnFailure
          containers: [{name: a, image: "x:1", resources: {requests: {cpu: 500m, memory: 512Mi}}}]
"#;

const SCENARIO: &str = "apiVersion: quorate.dev/v1alpha1\nkind: Scenario\nmetadata: {name: night}\nspec:\n  steps:\n    - wait: {seconds: 43200}\n";

#[test]
fn a_backup_begins_at_night_where_its_time_zone_is() {
    let directory = directory(&[("cluster/cluster.yaml", CLUSTER), ("scenario.yaml", SCENARIO)]);
    let (cluster, scenario) = (directory.path().join("cluster"), directory.path().join("scenario.yaml"));
    let arguments = |now: &'static str| {
        let all = ["simulate", text(&cluster), "--scenario", text(&scenario), "--now", now, "-o", "json"];
        quorate(&all).with_status(0).json("simulate")
    };
    let answer = arguments("2026-07-01T20:00:00Z");
    let events = answer["steps"][0]["events"].as_array().unwrap();
    // 02:30 in Berlin in summer is 00:30 in UTC, four hours and a half after the beginning.
    let created = events
        .iter()
        .find(|event| event["event"].as_str().unwrap().starts_with("cronjob/data/backup creates"))
        .unwrap();
    assert_eq!(created["at"], 16_200.1);
    assert_eq!(created["event"], "cronjob/data/backup creates job/data/backup-29715870");
    assert_eq!(answer["steps"][0]["after"]["jobs"]["data/backup-29715870"]["condition"], "Complete");
    let winter = arguments("2026-12-01");
    assert_eq!(winter["steps"][0]["events"][0]["at"], 5400.1);
    let said = quorate(&["simulate", text(&cluster), "--scenario", text(&scenario), "-o", "json"]).json("simulate");
    assert!(said["assumptions"].to_string().contains("2026-01-05T00:00:00Z"));
}

#[test]
fn schedules_and_zones_that_are_none_are_errors() {
    for (from, to, part) in [
        ("\"30 2 * * *\"", "\"30 25 * * *\"", "is no cron schedule"),
        ("\"30 2 * * *\"", "\"30 2 * *\"", "must have five fields"),
        ("\"30 2 * * *\"", "\"TZ=UTC 30 2 * * *\"", "must not name a time zone"),
        ("Europe/Berlin", "Europe/Bielefeld", "is no time zone"),
    ] {
        let directory = directory(&[("cluster.yaml", &CLUSTER.replace(from, to))]);
        let run = quorate(&["check", text(&directory.path().join("cluster.yaml")), "-o", "json"]).with_status(1);
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
}
