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
)

// stages are what KWOK's kubelets do, written for these scenarios after KWOK's own "fast" stages: a node becomes ready, a
// bound pod runs and is ready after so many seconds, a Job's pod succeeds once it is ready, a deleted pod goes after so many seconds.
func stages(startupSeconds, shutdownSeconds int) string {
	all := []string{nodeStage}
	if startupSeconds == 0 {
		all = append(all, podStage("pod-ready", phaseIs("Pending"), 0, podStatus("True", "")))
	} else {
		all = append(all,
			podStage("pod-start", phaseIs("Pending"), 0, podStatus("False", startingReason)),
			podStage("pod-ready", phaseIs("Running")+conditionReasonIs(startingReason), startupSeconds, podStatus("True", "")))
	}
	jobPods := phaseIs("Running") + expression(`.metadata.ownerReferences.[].kind`, "Job") +
		expression(`.status.conditions.[] | select( .type == "Ready" ) | .status`, "True") +
		doesNotExist(`.metadata.annotations["quorate.dev/runs-on"]`)
	all = append(all,
		podStage("pod-complete", jobPods, 1, completedStatus),
		fmt.Sprintf(deleteStage, shutdownSeconds*1000))
	return strings.Join(all, "---\n")
}

func expression(key string, values ...string) string {
	return fmt.Sprintf("    - key: '%s'\n      operator: In\n      values: [\"%s\"]\n", key, strings.Join(values, `", "`))
}

func doesNotExist(key string) string {
	return fmt.Sprintf("    - key: '%s'\n      operator: DoesNotExist\n", key)
}

func phaseIs(phase string) string {
	return expression(".status.phase", phase)
}

func conditionReasonIs(reason string) string {
	return expression(`.status.conditions.[] | select( .type == "Ready" ) | .reason`, reason)
}

func podStage(name, selector string, delaySeconds int, status string) string {
	return fmt.Sprintf(`apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: %s}
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  selector:
    matchExpressions:
    - key: .metadata.deletionTimestamp
      operator: DoesNotExist
%s  delay: {durationMilliseconds: %d}
  next:
    statusTemplate: |
%s`, name, selector, delaySeconds*1000, status)
}

func podStatus(ready, reason string) string {
	because := ""
	if reason != "" {
		because = ", reason: " + reason
	}
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
      {{ $podIPs := PodIPsWith .spec.nodeName ( or .spec.hostNetwork false ) ( or .metadata.uid "" ) ( or .metadata.name "" ) ( or .metadata.namespace "" ) }}
      {{ with $podIPs }}
      podIP: {{ index . 0 | Quote }}
      podIPs:
      {{ range . }}
      - ip: {{ . | Quote }}
      {{ end }}
      {{ end }}
      phase: Running
      startTime: {{ $now | Quote }}
`, ready, because, ready == "True")
}

const completedStatus = `      {{ $now := Now }}
      conditions:
      - {type: Ready, status: "False", reason: PodCompleted, lastTransitionTime: {{ $now | Quote }}}
      - {type: ContainersReady, status: "False", reason: PodCompleted, lastTransitionTime: {{ $now | Quote }}}
      containerStatuses:
      {{ range .spec.containers }}
      - image: {{ .image | Quote }}
        name: {{ .name | Quote }}
        ready: false
        restartCount: 0
        state: {terminated: {exitCode: 0, reason: Completed, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }}}}
      {{ end }}
      phase: Succeeded
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
