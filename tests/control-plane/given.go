// What a case gives: objects that somebody wrote are created, what controllers made of them is made again, and pods are bound to the
// nodes that they had.

package main

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// Given are the objects of a case that controllers make, as `kubectl get -o yaml` shows them: here they make them again, and their pods are bound
// to the same nodes.
type Given struct {
	// Everything else of the case.
	objects []*unstructured.Unstructured
	// The pods that have a node.
	pods []GivenPod
}

// GivenPod is a pod of a workload that has a node.
type GivenPod struct {
	workload, namespace, name, node string
}

// ReadGiven tells apart what somebody wrote and what controllers made of it.
func ReadGiven(objects []*unstructured.Unstructured) (*Given, error) {
	given := &Given{}
	owners := map[string]string{}
	for _, object := range objects {
		if object.GetKind() != "ReplicaSet" {
			continue
		}
		key := object.GetNamespace() + "/" + object.GetName()
		if owner := metav1.GetControllerOf(object); owner != nil {
			owners[key] = workloadText(owner.Kind, namespaceOf(object), owner.Name)
		} else {
			owners[key] = workloadText("replicaset", namespaceOf(object), object.GetName())
		}
	}
	for _, object := range objects {
		owner := metav1.GetControllerOf(object)
		switch {
		case owner == nil || object.GetKind() != "ReplicaSet" && object.GetKind() != "Pod":
			given.objects = append(given.objects, object)
		case object.GetKind() == "Pod":
			pod, err := givenPod(object, owner, owners)
			if err != nil {
				return nil, err
			}
			if pod.node != "" {
				given.pods = append(given.pods, *pod)
			}
		}
	}
	// StatefulSets make their pods in this order.
	sort.SliceStable(given.pods, func(one, other int) bool {
		if len(given.pods[one].name) != len(given.pods[other].name) {
			return len(given.pods[one].name) < len(given.pods[other].name)
		}
		return given.pods[one].name < given.pods[other].name
	})
	return given, nil
}

func namespaceOf(object *unstructured.Unstructured) string {
	if object.GetNamespace() == "" {
		return "default"
	}
	return object.GetNamespace()
}

func givenPod(object *unstructured.Unstructured, owner *metav1.OwnerReference, owners map[string]string) (*GivenPod, error) {
	pod := &GivenPod{namespace: namespaceOf(object), name: object.GetName()}
	pod.node, _, _ = unstructured.NestedString(object.Object, "spec", "nodeName")
	pod.workload = workloadText(owner.Kind, pod.namespace, owner.Name)
	if owner.Kind == "ReplicaSet" {
		known := false
		if pod.workload, known = owners[object.GetNamespace()+"/"+owner.Name]; !known {
			return nil, fmt.Errorf("pod %s: the case has no ReplicaSet %s", pod.name, owner.Name)
		}
	}
	if object.GetDeletionTimestamp() != nil {
		return nil, fmt.Errorf("pod %s is terminating: a case begins with pods that run", pod.name)
	}
	conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
	for _, condition := range conditions {
		if own, ok := condition.(map[string]any); ok && own["type"] == "Ready" && own["status"] != "True" {
			return nil, fmt.Errorf("pod %s is not ready: a case begins with pods that are", pod.name)
		}
	}
	return pod, nil
}

// bindGiven binds a pod that controllers have made for each that the case has on a node.
func (own *Cluster) bindGiven(ctx context.Context, given *Given) error {
	bound := map[types.UID]bool{}
	for index := range given.pods {
		wanted := &given.pods[index]
		var pod *corev1.Pod
		for began := time.Now(); pod == nil; time.Sleep(50 * time.Millisecond) {
			if pod = own.madeFor(ctx, wanted, bound); pod == nil && time.Since(began) > bindPatience {
				return fmt.Errorf("pod %s: its controller makes no pod that can be bound to %s", wanted.name, wanted.node)
			}
		}
		if err := own.bindPod(ctx, pod, wanted.node, bound); err != nil {
			return err
		}
	}
	return nil
}

// madeFor is a pending pod that can stand for one of the case: of a StatefulSet that with the same name, of a DaemonSet that for the same node.
func (own *Cluster) madeFor(ctx context.Context, wanted *GivenPod, bound map[types.UID]bool) *corev1.Pod {
	pods := own.pending(ctx, &BoundPod{Workload: wanted.workload}, bound)
	fits := func(pod *corev1.Pod) bool {
		switch controller := metav1.GetControllerOf(pod); controller.Kind {
		case "StatefulSet":
			return pod.Name == wanted.name
		case "DaemonSet":
			return daemonNode(pod) == wanted.node
		default:
			return true
		}
	}
	if index := slices.IndexFunc(pods, fits); index >= 0 {
		return pods[index]
	}
	return nil
}
