package quorate.delivery.image_tag_form_test

import data.quorate.delivery.image_tag_form as rule

pod(image) := {"kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": [{"name": "a", "image": image}]}}

form(name) := {"delivery": {"tagForm": name, "images": ["ghcr.io/team/"]}}

test_other_forms_are_found if {
	every image in ["ghcr.io/team/app:build-17", "ghcr.io/team/app:v1.2", "ghcr.io/team/app", "ghcr.io/team/app:1"] {
		some finding in rule.deny with input as pod(image) with data.environment as form("semanticVersion")
		finding.path == ["spec", "containers", 0, "image"]
	}
}

test_semantic_versions_and_digests_are_not if {
	every image in ["ghcr.io/team/app:v1.2.3", "ghcr.io/team/app:1.2.3-rc.1", "ghcr.io/team/app@sha256:0a"] {
		count(rule.deny) == 0 with input as pod(image) with data.environment as form("semanticVersion")
	}
}

test_images_of_others_are_left_alone if {
	count(rule.deny) == 0 with input as pod("postgres:17") with data.environment as form("semanticVersion")
	count(rule.deny) == 1 with input as pod("postgres:17") with data.environment as {"delivery": {"tagForm": "semanticVersion"}}
}

test_the_other_forms if {
	count(rule.deny) == 1 with input as pod("ghcr.io/team/app:v1.2.3") with data.environment as form("digest")
	count(rule.deny) == 1 with input as pod("ghcr.io/team/app:main") with data.environment as form("immutable")
	count(rule.deny) == 1 with input as pod("ghcr.io/team/app") with data.environment as form("immutable")
	count(rule.deny) == 0 with input as pod("ghcr.io/team/app:build-17") with data.environment as form("immutable")
}
