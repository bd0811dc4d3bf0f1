package main

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
)

// How long a pod that is to be bound, or one that makes room, is waited for.
const bindPatience = 60 * time.Second

// Bind binds pods while kube-scheduler is stopped.
type Bind struct {
	Pods []BoundPod `json:"pods"`
}

// BoundPod is a pending pod of a workload, or a pod by name, and its node; of a DaemonSet all pending pods. Or what happens between two of these.
type BoundPod struct {
	Workload string         `json:"workload"`
	Pod      string         `json:"pod"`
	Node     string         `json:"node"`
	Evicted  map[string]int `json:"evicted"`
	// Instead of a pod that is bound: so many pods of the workload on a node that has failed are evicted from there, one unless it is said.
	EvictedFrom string `json:"evictedFrom"`
	Count       int    `json:"count"`
	// Instead of a pod that is bound: the object of this node is deleted.
	DeletedNode string `json:"deletedNode"`
}

// setScheduler starts or stops kube-scheduler; on a cluster that somebody else has started it is left alone.
func (own *Cluster) setScheduler(ctx context.Context, runs bool) error {
	switch {
	case own.processes == nil:
		return nil
	case runs:
		own.begun = true
		return own.processes.StartScheduler(ctx)
	default:
		own.processes.StopScheduler()
		return nil
	}
}

// bind binds pods by the subresource pods/binding, in order, and starts the scheduler once all are bound.
func (own *Cluster) bind(ctx context.Context, step *Bind) (*Result, error) {
	if err := own.setScheduler(ctx, false); err != nil {
		return nil, err
	}
	bound := map[types.UID]bool{}
	for _, item := range step.Pods {
		problem, err := own.bindOne(ctx, &item, bound)
		if err != nil {
			return nil, err
		}
		if problem != "" {
			return &Result{Outcome: "failed", Detail: fmt.Sprintf("bound %d pods; %s", len(bound), problem)}, nil
		}
	}
	if err := own.setScheduler(ctx, true); err != nil {
		return nil, err
	}
	return &Result{Outcome: "completed", Detail: fmt.Sprintf("bound %d pods", len(bound))}, nil
}

// bindOne binds what one entry says; it tells what is missing.
func (own *Cluster) bindOne(ctx context.Context, item *BoundPod, bound map[types.UID]bool) (string, error) {
	switch {
	case item.EvictedFrom != "":
		return own.evictLost(ctx, item)
	case item.DeletedNode != "":
		return own.deleteLost(ctx, item.DeletedNode)
	case item.Node == "":
		// Controllers of DaemonSets make all pods at once.
		own.waitUntilQuiet(ctx, idle)
		for _, pod := range own.pending(ctx, item, bound) {
			if err := own.bindPod(ctx, pod, daemonNode(pod), bound); err != nil {
				return "", err
			}
		}
		return "", nil
	}
	if len(item.Evicted) > 0 {
		if missing, err := own.makeRoom(ctx, item); missing != "" || err != nil {
			return missing, err
		}
	}
	var pods []*corev1.Pod
	for began := time.Now(); len(pods) == 0; time.Sleep(50 * time.Millisecond) {
		if pods = own.pending(ctx, item, bound); len(pods) == 0 && time.Since(began) > bindPatience {
			return fmt.Sprintf("no pod of %s%s is pending", item.Workload, item.Pod), nil
		}
	}
	return "", own.bindPod(ctx, pods[0], item.Node, bound)
}

func (own *Cluster) bindPod(ctx context.Context, pod *corev1.Pod, node string, bound map[types.UID]bool) error {
	bound[pod.UID] = true
	return own.client.CoreV1().Pods(pod.Namespace).Bind(ctx, &corev1.Binding{
		ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID},
		Target:     corev1.ObjectReference{Kind: "Node", Name: node},
	}, metav1.CreateOptions{})
}

// pending are the pods of an entry that have no node yet, oldest first.
func (own *Cluster) pending(ctx context.Context, item *BoundPod, bound map[types.UID]bool) []*corev1.Pod {
	pods := own.podsOf(ctx, item.Workload, item.Pod)
	pods = slices.DeleteFunc(pods, func(pod *corev1.Pod) bool {
		return pod.Spec.NodeName != "" || pod.DeletionTimestamp != nil || bound[pod.UID]
	})
	own.observer.OldestFirst(pods)
	return pods
}

// podsOf are the pods of a workload, or the one of this name.
func (own *Cluster) podsOf(ctx context.Context, workload, name string) []*corev1.Pod {
	var pods []*corev1.Pod
	for _, pod := range own.allPods() {
		isNamed := name != "" && (name == pod.Namespace+"/"+pod.Name || pod.Namespace == "default" && name == pod.Name)
		if isNamed || workload != "" && own.observer.Owner(ctx, pod) == canonical(workload) {
			pods = append(pods, pod)
		}
	}
	return pods
}

func (own *Cluster) allPods() []*corev1.Pod {
	all, _ := own.observer.factory.Core().V1().Pods().Lister().List(labels.Everything())
	return all
}

// daemonNode is the node that a DaemonSet's pod was made for.
func daemonNode(pod *corev1.Pod) string {
	affinity := pod.Spec.Affinity
	if affinity == nil || affinity.NodeAffinity == nil || affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution == nil {
		return ""
	}
	for _, term := range affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms {
		for _, field := range term.MatchFields {
			if field.Key == metav1.ObjectNameField && len(field.Values) == 1 {
				return field.Values[0]
			}
		}
	}
	return ""
}

// makeRoom deletes the newest pods of each workload on the node, as kube-scheduler does with victims, and waits until they are gone.
func (own *Cluster) makeRoom(ctx context.Context, item *BoundPod) (string, error) {
	workloads := make([]string, 0, len(item.Evicted))
	for workload := range item.Evicted {
		workloads = append(workloads, workload)
	}
	sort.Strings(workloads)
	var victims []*corev1.Pod
	for _, workload := range workloads {
		count := item.Evicted[workload]
		var there []*corev1.Pod
		for began := time.Now(); len(there) < count; time.Sleep(50 * time.Millisecond) {
			if time.Since(began) > bindPatience {
				return fmt.Sprintf("%s does not hold %d pods of %s", item.Node, count, workload), nil
			}
			there = slices.DeleteFunc(own.podsOf(ctx, workload, ""), func(pod *corev1.Pod) bool {
				return pod.Spec.NodeName != item.Node || pod.DeletionTimestamp != nil
			})
		}
		own.observer.OldestFirst(there)
		victims = append(victims, there[len(there)-count:]...)
	}
	// They run before somebody else takes their place: the simulator's pods are at rest by then, too.
	own.waitUntilQuiet(ctx, idle)
	for _, pod := range victims {
		pods := own.client.CoreV1().Pods(pod.Namespace)
		patch := fmt.Sprintf(`{"status":{"conditions":[{"type":"DisruptionTarget","status":"True","reason":"PreemptionByScheduler","lastTransitionTime":%q}]}}`,
			time.Now().UTC().Format(time.RFC3339))
		if _, err := pods.Patch(ctx, pod.Name, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{}, "status"); err != nil {
			return "", err
		}
		if err := pods.Delete(ctx, pod.Name, metav1.DeleteOptions{}); err != nil {
			return "", err
		}
	}
	for began := time.Now(); slices.ContainsFunc(victims, own.isThere); time.Sleep(50 * time.Millisecond) {
		if time.Since(began) > bindPatience {
			return fmt.Sprintf("the pods that make room on %s do not go", item.Node), nil
		}
	}
	return "", nil
}

func (own *Cluster) isThere(pod *corev1.Pod) bool {
	found, err := own.observer.factory.Core().V1().Pods().Lister().Pods(pod.Namespace).Get(pod.Name)
	return err == nil && found.UID == pod.UID
}
