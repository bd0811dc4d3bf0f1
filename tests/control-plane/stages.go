package main

import (
	"fmt"
	"strings"
)

const (
	kwokVersion = "v0.8.0"
	// A node has a kubelet as long as it carries this label.
	kubeletLabel = "quorate.dev/kubelet"
	// The reason of a Ready condition that a scenario holds at False.
	heldReason = "HeldByScenario"
	// The reason of a Ready condition of a pod that has started and is not ready yet.
	startingReason = "ContainersNotReady"
	// Said to replace the one before: a patch does not remove it.
	readyReason = "ContainersReady"
)

// stages are what KWOK's kubelets do, written for these scenarios after KWOK's own "fast" stages: a node becomes ready, a
// bound pod runs and is ready after so many seconds, containers end when an annotation says so, a deleted pod goes after so many
// seconds.
func stages(startupSeconds, shutdownSeconds int) string {
	all := []string{nodeStage}
	pending := phaseIs("Pending") + expression(
		`((.spec.volumes // []) | map(select(.persistentVolumeClaim)) | length) == 0 or .metadata.annotations["`+volumesAttached+`"] == "true" | tostring`,
		"true")
	if startupSeconds == 0 {
		all = append(all, podStage("pod-ready", pending, 0, podStatus("True", readyReason)+started))
	} else {
		all = append(all,
			podStage("pod-start", pending, 0, podStatus("False", startingReason)+started),
			podStage("pod-ready", phaseIs("Running")+conditionReasonIs(startingReason), startupSeconds, podStatus("True", readyReason)))
	}
	// Containers end by themselves after the time that an annotation says, with the exit code of another.
	ends := phaseIs("Running") + expression(`.metadata.annotations["quorate.dev/run-seconds"] | type`, "string")
	runs := `{durationMilliseconds: 0, durationFrom: {expressionFrom: '.metadata.annotations["quorate.dev/run-seconds"] + "s"'}}`
	code := `.metadata.annotations["quorate.dev/exit-code"] // "0"`
	all = append(all,
		podStageAfter("pod-complete", ends+expression(code, "0"), runs, endedStatus("Succeeded", "0")),
		podStageAfter("pod-fail", ends+expression("("+code+`) == "0" | tostring`, "false"), runs,
			endedStatus("Failed", `{{ index $root.metadata.annotations "quorate.dev/exit-code" }}`)),
		killedStage(shutdownSeconds),
		fmt.Sprintf(deleteStage, shutdownSeconds*1000))
	return strings.Join(all, "---\n")
}

func expression(key string, values ...string) string {
	return fmt.Sprintf("    - key: '%s'\n      operator: In\n      values: [\"%s\"]\n", key, strings.Join(values, `", "`))
}

func phaseIs(phase string) string {
	return expression(".status.phase", phase)
}

func conditionReasonIs(reason string) string {
	return expression(`.status.conditions.[] | select( .type == "Ready" ) | .reason`, reason)
}

func podStage(name, selector string, delaySeconds int, status string) string {
	return podStageAfter(name, selector, fmt.Sprintf("{durationMilliseconds: %d}", delaySeconds*1000), status)
}

func podStageAfter(name, selector, delay, status string) string {
	return fmt.Sprintf(`apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: %s}
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  selector:
    matchExpressions:
    - key: .metadata.deletionTimestamp
      operator: DoesNotExist
%s  delay: %s
  next:
    statusTemplate: |
%s`, name, selector, delay, status)
}

func podStatus(ready, reason string) string {
	because := ", reason: " + reason
	return fmt.Sprintf(`      {{ $now := Now }}
      conditions:
      - {type: Initialized, status: "True", lastTransitionTime: {{ $now | Quote }}}
      - {type: Ready, status: %[1]q, lastTransitionTime: {{ $now | Quote }}%[2]s}
      - {type: ContainersReady, status: %[1]q, lastTransitionTime: {{ $now | Quote }}%[2]s}
      {{ range .spec.readinessGates }}
      - {type: {{ .conditionType | Quote }}, status: "True", lastTransitionTime: {{ $now | Quote }}}
      {{ end }}
      containerStatuses:
      {{ range .spec.containers }}
      - image: {{ .image | Quote }}
        name: {{ .name | Quote }}
        ready: %[3]t
        restartCount: 0
        state: {running: {startedAt: {{ $now | Quote }}}}
      {{ end }}
`, ready, because, ready == "True")
}

// started is said once, when a pod starts: addresses would be added to those that it has.
const started = `      {{ $podIPs := PodIPsWith .spec.nodeName ( or .spec.hostNetwork false ) ( or .metadata.uid "" ) ( or .metadata.name "" ) ( or .metadata.namespace "" ) }}
      {{ with $podIPs }}
      podIP: {{ index . 0 | Quote }}
      podIPs:
      {{ range . }}
      - ip: {{ . | Quote }}
      {{ end }}
      {{ end }}
      phase: Running
      startTime: {{ $now | Quote }}
`

func endedStatus(phase, code string) string {
	return fmt.Sprintf(endedTemplate, phase, code)
}

// killedStage ends a Job's pod that is deleted while it runs, as a kubelet does with containers that do not handle SIGTERM: the
// Job controller's finalizer keeps the object until it has counted that.
func killedStage(shutdownSeconds int) string {
	selector := phaseIs("Running") + expression(`.metadata.ownerReferences.[].kind`, "Job")
	stage := podStage("pod-killed", selector, shutdownSeconds, endedStatus("Failed", "143"))
	return strings.Replace(stage, "operator: DoesNotExist", "operator: Exists", 1)
}

const endedTemplate = `      {{ $now := Now }}
      {{ $root := . }}
      conditions:
      - {type: Ready, status: "False", reason: PodCompleted, lastTransitionTime: {{ $now | Quote }}}
      - {type: ContainersReady, status: "False", reason: PodCompleted, lastTransitionTime: {{ $now | Quote }}}
      containerStatuses:
      {{ range .spec.containers }}
      - image: {{ .image | Quote }}
        name: {{ .name | Quote }}
        ready: false
        restartCount: 0
        state: {terminated: {exitCode: %[2]s, reason: Completed, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }}}}
      {{ end }}
      phase: %[1]s
`

const deleteStage = `apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: pod-delete}
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  selector:
    matchExpressions:
    - key: .metadata.deletionTimestamp
      operator: Exists
  delay: {durationMilliseconds: %d}
  next:
    delete: true
`

const nodeStage = `apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: node-initialize}
spec:
  resourceRef: {apiGroup: v1, kind: Node}
  selector:
    matchExpressions:
    - key: '.status.conditions.[] | select( .type == "Ready" ) | .status'
      operator: NotIn
      values: ['True']
  next:
    statusTemplate: |
      {{ $now := Now }}
      conditions:
      {{ range NodeConditions }}
      - lastHeartbeatTime: {{ $now | Quote }}
        lastTransitionTime: {{ $now | Quote }}
        message: {{ .message | Quote }}
        reason: {{ .reason | Quote }}
        status: {{ .status | Quote }}
        type: {{ .type  | Quote}}
      {{ end }}
      phase: Running
`
