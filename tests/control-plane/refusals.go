package main

import (
	"fmt"
	"sort"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
)

// A refusal is what the API server does not let a controller create.
type refused struct {
	workload string
	since    time.Time
	last     time.Time
	message  string
}

// refusals are those of workloads that still lack pods, by what their controllers say in Events.
func (own *Observer) refusals() []refused {
	short := own.lacking()
	byUID := map[types.UID]refused{}
	created := map[types.UID]time.Time{}
	events, _ := own.factory.Core().V1().Events().Lister().List(labels.Everything())
	for _, event := range events {
		uid := event.InvolvedObject.UID
		if short[uid] == "" {
			continue
		}
		switch event.Reason {
		case "SuccessfulCreate":
			if event.LastTimestamp.Time.After(created[uid]) {
				created[uid] = event.LastTimestamp.Time
			}
		case "FailedCreate":
			known, seen := byUID[uid]
			if !seen || event.FirstTimestamp.Time.Before(known.since) {
				known.since = event.FirstTimestamp.Time
			}
			if !event.LastTimestamp.Time.Before(known.last) {
				known.last, known.message = event.LastTimestamp.Time, event.Message
			}
			known.workload = short[uid]
			byUID[uid] = known
		}
	}
	var found []refused
	for uid, one := range byUID {
		// Whole seconds: of what happened in the same second the refusal may be the later one.
		if created[uid].After(one.last) {
			continue
		}
		if created[uid].After(one.since) {
			one.since = created[uid]
		}
		found = append(found, one)
	}
	sort.Slice(found, func(one, other int) bool { return found[one].workload < found[other].workload })
	return found
}

// lacking are the workloads that have fewer pods than they want, by the UID of whoever creates them.
func (own *Observer) lacking() map[types.UID]string {
	short := map[types.UID]string{}
	apps := own.factory.Apps().V1()
	sets, _ := apps.ReplicaSets().Lister().List(labels.Everything())
	for _, item := range sets {
		if item.Status.Replicas < *item.Spec.Replicas {
			short[item.UID] = workloadText("replicaset", item.Namespace, item.Name)
			if parent := metav1.GetControllerOf(item); parent != nil {
				short[item.UID] = workloadText(parent.Kind, item.Namespace, parent.Name)
			}
		}
	}
	stateful, _ := apps.StatefulSets().Lister().List(labels.Everything())
	for _, item := range stateful {
		if item.Status.Replicas < *item.Spec.Replicas {
			short[item.UID] = workloadText("statefulset", item.Namespace, item.Name)
		}
	}
	daemons, _ := apps.DaemonSets().Lister().List(labels.Everything())
	for _, item := range daemons {
		if item.Status.CurrentNumberScheduled < item.Status.DesiredNumberScheduled {
			short[item.UID] = workloadText("daemonset", item.Namespace, item.Name)
		}
	}
	jobs, _ := own.factory.Batch().V1().Jobs().Lister().List(labels.Everything())
	for _, item := range jobs {
		if item.Status.Active == 0 && item.Status.CompletionTime == nil {
			short[item.UID] = workloadText("job", item.Namespace, item.Name)
		}
	}
	return short
}

// untilRetried is how long nothing must happen until every controller that was refused has asked once more since the last change:
// its waits double, so that the next is about as long as all before it.
func (own *Cluster) untilRetried() time.Duration {
	longest := time.Duration(0)
	changed := time.Now().Add(-own.observer.QuietFor())
	for _, one := range own.observer.refusals() {
		longest = max(longest, changed.Sub(one.since)+time.Second)
	}
	return longest
}

// tellRefusals makes a step that ended well a stuck one where a webhook that nobody answers has begun to refuse something in it:
// time brings nobody.
func (own *Cluster) tellRefusals(result *Result, began time.Time) {
	for _, one := range own.observer.refusals() {
		if one.since.Before(began.Truncate(time.Second)) {
			continue
		}
		if !strings.Contains(result.Detail, one.message) {
			result.Detail += fmt.Sprintf("; %s: %s", one.workload, one.message)
		}
		if isSilence(one.message) && result.Outcome == "completed" {
			result.Outcome = "stuck"
		}
	}
	result.Detail = strings.TrimPrefix(result.Detail, "; ")
}

// refusedText is what the API server says, without the name of the pod, and of a webhook only which one.
func refusedText(message string) string {
	_, after, forbidden := strings.Cut(message, " is forbidden: ")
	if forbidden {
		return after
	}
	if _, after, silent := strings.Cut(message, "failed calling webhook "); silent {
		name, _, _ := strings.Cut(after, ":")
		return "failed calling webhook " + name
	}
	return message
}

// isSilence tells whether the API server says that a webhook could not be asked.
func isSilence(message string) bool {
	return strings.Contains(message, "failed calling webhook")
}

// isUncounted tells whether a quota's status does not say yet what its specification limits: until then it refuses everything.
func isUncounted(quota corev1.ResourceQuota) bool {
	for name, hard := range quota.Spec.Hard {
		known, given := quota.Status.Hard[name]
		_, counted := quota.Status.Used[name]
		if !given || !counted || known.Cmp(hard) != 0 {
			return true
		}
	}
	return false
}
