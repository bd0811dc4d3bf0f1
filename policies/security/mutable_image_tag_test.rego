package quorate.security.mutable_image_tag_test

import data.quorate.security.mutable_image_tag as rule

pod(image) := {"kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": [{"name": "a", "image": image}]}}

test_no_tag_is_found if {
	every image in ["app", "registry.example:5000/team/app", "app:latest", "team/app:main"] {
		some finding in rule.deny with input as pod(image)
		finding.path == ["spec", "containers", 0, "image"]
	}
}

test_versions_and_digests_are_not if {
	every image in ["app:1.4.2", "registry.example:5000/app:v1", "app@sha256:0a", "app:latest@sha256:0a", "ko://example.com/cmd/app"] {
		count(rule.deny) == 0 with input as pod(image)
	}
}

test_the_tags_are_a_parameter if {
	count(rule.deny) == 1 with input as pod("app:canary") with data.parameters as {"mutableTags": ["canary"]}
	count(rule.deny) == 0 with input as pod("app:latest") with data.parameters as {"mutableTags": ["canary"]}
}
