package quorate.operations.missing_alert_test

import data.quorate.operations.missing_alert as rule

facts := {"alerts": [{"name": "HighLatency", "severity": "warning"}]}

rules(alert) := {"cluster": {}, "namespace": {"m": {"monitoring.coreos.com/v1": {"PrometheusRule": {"r": {
	"kind": "PrometheusRule",
	"metadata": {"name": "r", "namespace": "m"},
	"spec": {"groups": [{"name": "g", "rules": [{"record": "x"}, alert]}]},
}}}}}}

test_an_absent_alert_is_found_at_its_declaration if {
	some finding in rule.deny with data.environment as facts
	finding.path == ["spec", "alerts", 0, "name"]
	count(rule.deny) == 1 with data.environment as facts with data.inventory as rules({"alert": "Other"})
}

test_one_that_is_there_is_not if {
	alert := {"alert": "HighLatency", "labels": {"severity": "warning"}}
	count(rule.deny) == 0 with data.environment as facts with data.inventory as rules(alert)
}

test_another_severity_is_found_where_it_stands if {
	alert := {"alert": "HighLatency", "labels": {"severity": "info"}}
	some finding in rule.deny with data.environment as facts with data.inventory as rules(alert)
	finding.object == {"kind": "PrometheusRule", "namespace": "m", "name": "r"}
	finding.path == ["spec", "groups", 0, "rules", 1, "labels", "severity"]
}
