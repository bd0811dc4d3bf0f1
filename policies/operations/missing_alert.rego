# METADATA
# title: an alert that must exist does not
# description: |
#   quorate.yaml lists an alert under `alerts` and no PrometheusRule has one of that name, or the one it has carries
#   another `severity` label than the one that is listed.
# related_resources:
# - ref: https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/
#   description: Alerting rules
# custom:
#   id: missing-alert
#   severity: warning
#   why: |
#     An alert that is in the runbook and not in Prometheus never rings, and its absence looks like health. With another
#     severity it is routed to other people, or to nobody at night.
#   help: |
#     Add the alert to a PrometheusRule that the Prometheus selects, or mend its `severity` label.
#   kinds: [quorate.dev/Environment]
#   needs: [environment.alerts]
package quorate.operations.missing_alert

import data.quorate.lib.objects

deny contains finding if {
	some index, wanted in data.environment.alerts
	count(found(wanted.name)) == 0
	finding := {
		"msg": sprintf("no PrometheusRule has the alert %q", [wanted.name]),
		"path": ["spec", "alerts", index, "name"],
	}
}

deny contains finding if {
	some index, wanted in data.environment.alerts
	some alert in found(wanted.name)
	severity := object.get(alert.rule, ["labels", "severity"], "none")
	severity != wanted.severity
	finding := {
		"msg": sprintf("alert %q has severity %v, not %s", [wanted.name, severity, wanted.severity]),
		"path": array.concat(alert.path, ["labels", "severity"]),
		"object": alert.object,
		"related": [{
			"msg": "declared here",
			"path": ["spec", "alerts", index, "severity"],
			"object": {"kind": "Environment"},
		}],
	}
}

# The alerts of this name, with their places.
found(name) := [alert |
	some alert in alerts
	alert.rule.alert == name
]

alerts := [alert |
	some manifest in objects.in_any_namespace("PrometheusRule")
	is_array(manifest.spec.groups)
	some group_index, group in manifest.spec.groups
	is_array(group.rules)
	some rule_index, rule in group.rules
	is_object(rule)
	is_string(rule.alert)
	alert := {
		"rule": rule,
		"path": ["spec", "groups", group_index, "rules", rule_index],
		"object": {
			"kind": "PrometheusRule",
			"namespace": objects.object_namespace(manifest),
			"name": manifest.metadata.name,
		},
	}
]
