# METADATA
# title: changes are delivered without the approval they need
# description: |
#   An Argo CD Application or ApplicationSet has `syncPolicy.automated`, where quorate.yaml says that a delivery needs
#   approval (`delivery.approval: required`) or is started by a person (`delivery.sync: manual`).
# related_resources:
# - ref: https://argo-cd.readthedocs.io/en/stable/user-guide/auto_sync/
#   description: Automated sync policy
# custom:
#   id: automatic-sync
#   severity: error
#   why: |
#     With automated sync whatever reaches the branch reaches the cluster within minutes: the step at which a person
#     approves does not exist. With `prune` that includes deletions, with `selfHeal` it undoes emergency changes.
#   help: |
#     Remove `syncPolicy.automated` (or set `enabled: false`) and sync after approval; or change what quorate.yaml says.
#   kinds: [argoproj.io/Application, argoproj.io/ApplicationSet]
#   needs: [environment.delivery.approval | environment.delivery.sync]
package quorate.delivery.automatic_sync

import data.quorate.lib.objects
import data.quorate.lib.workload.name as object_name

deny contains finding if {
	some demand in demands
	concerns
	policy
	# `automated: {}` and `automated:` both switch it on.
	not policy.automated.enabled == false
	finding := {
		"msg": sprintf("%s %q is synced by itself, but %s", [lower(input.kind), object_name, demand]),
		"path": array.concat(policy_path, ["automated"]),
		"label": "switches automated sync on",
	}
}

demands contains "a delivery needs approval" if data.environment.delivery.approval == "required"

demands contains "a person is to start each delivery" if {
	data.environment.delivery.sync == "manual"
	not data.environment.delivery.approval == "required"
}

# Where one Application is declared, the others (of staging, of the platform) are not meant.
concerns if not data.environment.delivery.application

concerns if objects.reference(input) == data.environment.delivery.application

concerns if input.kind == "ApplicationSet"

policy_path := ["spec", "syncPolicy"] if {
	input.kind == "Application"
} else := ["spec", "template", "spec", "syncPolicy"]

policy := found if {
	is_object(input)
	found := object.get(input, policy_path, null)
	is_object(found)
	"automated" in object.keys(found)
}
