package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// How long the pods of a deleted node are waited for: pod garbage collection looks every 20 s, and again after 40 s.
const collectionPatience = 120 * time.Second

// holdEvictions lets the pods of a node tolerate for ever that it is unreachable; evictLost ends that. Kubernetes itself lets nobody change when
// an eviction comes that is planned already, but it lets a pod that tolerates for ever tolerate for a while only.
func (own *Cluster) holdEvictions(ctx context.Context, node string) error {
	taint := &corev1.Taint{Key: corev1.TaintNodeUnreachable, Effect: corev1.TaintEffectNoExecute}
	for _, pod := range own.podsOn(node) {
		tolerations := pod.Spec.DeepCopy().Tolerations
		first := firstToleration(tolerations, taint)
		if first < 0 {
			tolerations = append(tolerations, corev1.Toleration{Key: taint.Key, Operator: corev1.TolerationOpExists, Effect: taint.Effect})
		} else if tolerations[first].TolerationSeconds == nil {
			continue
		} else {
			tolerations[first].TolerationSeconds = nil
		}
		if err := own.patchTolerations(ctx, pod, tolerations); err != nil {
			return err
		}
		own.held[pod.UID] = true
	}
	return nil
}

// evictLost lets taint eviction have the oldest pods of a workload on a node that has failed, and waits until they are deleted.
func (own *Cluster) evictLost(ctx context.Context, item *BoundPod) (string, error) {
	taint := &corev1.Taint{Key: corev1.TaintNodeUnreachable, Effect: corev1.TaintEffectNoExecute}
	var pods []*corev1.Pod
	for _, pod := range own.podsOf(ctx, item.Workload, item.Pod) {
		if pod.Spec.NodeName == item.EvictedFrom && pod.DeletionTimestamp == nil && own.held[pod.UID] {
			pods = append(pods, pod)
		}
	}
	own.observer.OldestFirst(pods)
	count := max(item.Count, 1)
	if len(pods) < count {
		return fmt.Sprintf("%s holds %d pods of %s%s that can be evicted, not %d", item.EvictedFrom, len(pods), item.Workload, item.Pod, count), nil
	}
	now := int64(0)
	for _, pod := range pods[:count] {
		tolerations := pod.Spec.DeepCopy().Tolerations
		if first := firstToleration(tolerations, taint); first >= 0 {
			tolerations[first].TolerationSeconds = &now
		}
		delete(own.held, pod.UID)
		if err := own.patchTolerations(ctx, pod, tolerations); err != nil {
			return "", err
		}
	}
	for _, pod := range pods[:count] {
		for began := time.Now(); own.isAlive(pod); time.Sleep(50 * time.Millisecond) {
			if time.Since(began) > bindPatience {
				return fmt.Sprintf("pod %s is not evicted", pod.Name), nil
			}
		}
	}
	return "", nil
}

func (own *Cluster) isAlive(pod *corev1.Pod) bool {
	found, err := own.observer.factory.Core().V1().Pods().Lister().Pods(pod.Namespace).Get(pod.Name)
	return err == nil && found.UID == pod.UID && found.DeletionTimestamp == nil
}

// deleteLost deletes the object of a node and waits until pod garbage collection has taken its pods.
func (own *Cluster) deleteLost(ctx context.Context, node string) (string, error) {
	if err := own.client.CoreV1().Nodes().Delete(ctx, node, metav1.DeleteOptions{}); err != nil {
		return err.Error(), nil
	}
	own.setFailed(node, false)
	own.disturbed = time.Now()
	for began := time.Now(); len(own.podsOn(node)) > 0; time.Sleep(50 * time.Millisecond) {
		if time.Since(began) > collectionPatience {
			return fmt.Sprintf("the pods of %s do not go", node), nil
		}
	}
	return "", nil
}

func (own *Cluster) podsOn(node string) []*corev1.Pod {
	var there []*corev1.Pod
	for _, pod := range own.allPods() {
		if pod.Spec.NodeName == node {
			there = append(there, pod)
		}
	}
	return there
}

// firstToleration is the place of the toleration that decides how long a taint is borne; -1: it is not.
func firstToleration(tolerations []corev1.Toleration, taint *corev1.Taint) int {
	for index := range tolerations {
		if tolerations[index].ToleratesTaint(taintLogger, taint, false) {
			return index
		}
	}
	return -1
}

func (own *Cluster) patchTolerations(ctx context.Context, pod *corev1.Pod, tolerations []corev1.Toleration) error {
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"tolerations": tolerations}})
	if err != nil {
		return err
	}
	_, err = own.client.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{})
	return err
}
