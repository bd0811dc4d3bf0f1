# METADATA
# title: an image's tag has not the agreed form
# description: |
#   The tag of an image that quorate.yaml names under `delivery.images` (all images, if it names none) has not the form
#   that `delivery.tagForm` says: `semanticVersion` (`v1.2.3`), `digest` (`@sha256:…`), or `immutable` (any tag but those
#   that move). A digest satisfies each.
# related_resources:
# - ref: https://semver.org/
#   description: Semantic Versioning
# custom:
#   id: image-tag-form
#   severity: warning
#   why: |
#     Tools and people read tags: an image updater that follows semantic versions never sees `build-17`, and nobody can
#     say whether `hotfix2` is newer than `v1.4.0`, or what a rollback goes back to.
#   help: |
#     Have the pipeline tag what it releases in the agreed form, and write that tag here.
#   kinds: [Pod, Deployment, StatefulSet, DaemonSet, ReplicaSet, ReplicationController, Job, CronJob]
#   needs: [environment.delivery.tagForm]
#   parameters:
#     mutableTags:
#       description: tags that move
#       default: [latest, main, master, dev, develop, nightly, edge, stable, staging, production]
package quorate.delivery.image_tag_form

import data.quorate.lib.image
import data.quorate.lib.workload
import data.quorate.lib.workload.pod_spec

deny contains finding if {
	form := data.environment.delivery.tagForm
	spec := pod_spec
	some field in ["containers", "initContainers", "ephemeralContainers"]
	container := spec[field][index]
	reference := container.image
	is_string(reference)
	not has_form(form, reference)
	not image.has_digest(reference)
	concerns(reference)
	finding := {
		"msg": sprintf("the tag of image %q is no %s", [reference, names[form]]),
		"path": workload.path(field, index, ["image"]),
	}
}

names := {
	"semanticVersion": "semantic version such as v1.2.3",
	"digest": "digest",
	"immutable": "tag that stays where it is",
}

concerns(_) if count(object.get(data.environment.delivery, "images", [])) == 0

concerns(reference) if {
	some prefix in data.environment.delivery.images
	startswith(reference, prefix)
}

has_form("semanticVersion", reference) if semver.is_valid(trim_prefix(image.tag(reference), "v"))

has_form("immutable", reference) if {
	tag := image.tag(reference)
	tag != ""
	not tag in data.parameters.mutableTags
}
