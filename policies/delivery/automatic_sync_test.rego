package quorate.delivery.automatic_sync_test

import data.quorate.delivery.automatic_sync as rule

application(policy) := {
	"kind": "Application",
	"metadata": {"name": "production", "namespace": "argocd"},
	"spec": {"syncPolicy": policy},
}

approved := {"delivery": {"approval": "required"}}

test_automated_sync_is_denied if {
	every automated in [{"prune": true}, {}, null] {
		some finding in rule.deny with input as application({"automated": automated}) with data.environment as approved
		finding.path == ["spec", "syncPolicy", "automated"]
	}
}

test_manual_sync_is_not if {
	every policy in [{}, {"syncOptions": []}, {"automated": {"enabled": false}}] {
		count(rule.deny) == 0 with input as application(policy) with data.environment as approved
	}
}

test_nothing_is_said_where_none_is_demanded if {
	count(rule.deny) == 0 with input as application({"automated": {}})
		with data.environment as {"delivery": {"approval": "notRequired", "sync": "automatic"}}
}

test_one_demand_is_one_finding if {
	count(rule.deny) == 1 with input as application({"automated": {}})
		with data.environment as {"delivery": {"approval": "required", "sync": "manual"}}
}

test_only_the_declared_application_is_meant if {
	declared := {"delivery": {"approval": "required", "application": "application/argocd/production"}}
	count(rule.deny) == 1 with input as application({"automated": {}}) with data.environment as declared
	other := object.union(application({"automated": {}}), {"metadata": {"name": "staging"}})
	count(rule.deny) == 0 with input as other with data.environment as declared
}

test_an_application_set_is_looked_into if {
	set := {"kind": "ApplicationSet", "metadata": {"name": "a"}, "spec": {"template": {"spec": {"syncPolicy": {"automated": {}}}}}}
	some finding in rule.deny with input as set with data.environment as approved
	finding.path == ["spec", "template", "spec", "syncPolicy", "automated"]
}
