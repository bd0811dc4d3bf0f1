# Five rules that conftest evaluates in the benchmark.
package main

import rego.v1

containers contains container if {
	some container in input.spec.template.spec.containers
}

deny contains msg if {
	some container in containers
	container.securityContext.privileged
	msg := sprintf("%s: container %s is privileged", [input.metadata.name, container.name])
}

deny contains msg if {
	some container in containers
	endswith(container.image, ":latest")
	msg := sprintf("%s: container %s has a mutable tag", [input.metadata.name, container.name])
}

deny contains msg if {
	some container in containers
	not container.readinessProbe
	msg := sprintf("%s: container %s has no readiness probe", [input.metadata.name, container.name])
}

deny contains msg if {
	some container in containers
	not container.resources.requests.memory
	msg := sprintf("%s: container %s requests no memory", [input.metadata.name, container.name])
}

deny contains msg if {
	input.kind == "Deployment"
	input.spec.replicas < 2
	msg := sprintf("%s: one replica", [input.metadata.name])
}
