# METADATA
# title: an image's tag can move
# description: |
#   A container's image has no tag (so `latest`) or one that moves by convention (`latest`, `main`, `stable` …), and no
#   digest.
# related_resources:
# - ref: https://kubernetes.io/docs/concepts/containers/images/#image-names
#   description: Image names, tags and digests
# custom:
#   id: mutable-image-tag
#   severity: warning
#   why: |
#     What runs is decided when a node pulls, not when the change was reviewed: two pods of one Deployment can run
#     different code, a node failure can bring an untested version, and a rollback rolls nothing back.
#   help: |
#     Write the version that was tested, `app:1.4.2`, or pin the digest, `app@sha256:…`.
#   kinds: [Pod, Deployment, StatefulSet, DaemonSet, ReplicaSet, ReplicationController, Job, CronJob]
#   parameters:
#     mutableTags:
#       description: tags that move
#       default: [latest, main, master, dev, develop, nightly, edge, stable, staging, production]
package quorate.security.mutable_image_tag

import data.quorate.lib.image
import data.quorate.lib.workload
import data.quorate.lib.workload.pod_spec

deny contains finding if {
	spec := pod_spec
	some field in ["containers", "initContainers", "ephemeralContainers"]
	container := spec[field][index]
	reference := container.image
	is_string(reference)
	tag := image.tag(reference)
	moves(tag)
	reference != ""
	not image.has_digest(reference)
	not image.is_built_by_ko(reference)
	finding := {
		"msg": sprintf("image %q of container %q %s", [reference, workload.title(container, field, index), words(tag)]),
		"path": workload.path(field, index, ["image"]),
	}
}

moves(tag) if tag == ""

moves(tag) if tag in data.parameters.mutableTags

words("") := "has no tag, so it is `latest`, which moves"

words(tag) := sprintf("has the tag `%s`, which moves", [tag]) if tag != ""
