package main

import (
	"context"
	"encoding/json"
	"slices"
	"sort"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
)

const (
	// A kubelet says so of its node: its volumes are attached by kube-controller-manager.
	attachedByController = "volumes.kubernetes.io/controller-managed-attach-detach"
	// A pod with claims starts once it carries this annotation: KWOK waits for no volume.
	volumesAttached = "quorate.dev/volumes-attached"
)

// playVolumes plays what attaches and mounts volumes beside kube-controller-manager, until ctx ends: the external-attacher of every CSI
// driver, which attaches and detaches at once, and of every kubelet what it says of volumes in use. A kubelet that a scenario has stopped
// says nothing more.
func (own *Cluster) playVolumes(ctx context.Context) {
	for ctx.Err() == nil {
		attachments, _ := own.observer.factory.Storage().V1().VolumeAttachments().Lister().List(labels.Everything())
		for _, attachment := range attachments {
			if !attachment.Status.Attached && attachment.DeletionTimestamp == nil {
				patch := []byte(`{"status":{"attached":true}}`)
				_, _ = own.client.StorageV1().VolumeAttachments().Patch(ctx, attachment.Name, types.MergePatchType, patch, metav1.PatchOptions{}, "status")
			}
		}
		own.mountVolumes(ctx, attachments)
		time.Sleep(100 * time.Millisecond)
	}
}

func (own *Cluster) mountVolumes(ctx context.Context, attachments []*storagev1.VolumeAttachment) {
	inUse := map[string][]corev1.UniqueVolumeName{}
	pods, _ := own.observer.factory.Core().V1().Pods().Lister().List(labels.Everything())
	for _, pod := range pods {
		if pod.Spec.NodeName == "" || own.isFailed(pod.Spec.NodeName) || pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
			continue
		}
		volumes, attached := own.volumesOf(pod, attachments)
		if pod.Status.Phase == corev1.PodPending && !attached {
			continue
		}
		inUse[pod.Spec.NodeName] = append(inUse[pod.Spec.NodeName], volumes...)
		if pod.Status.Phase == corev1.PodPending && pod.Annotations[volumesAttached] == "" && hasClaims(pod) {
			patch := []byte(`{"metadata":{"annotations":{"` + volumesAttached + `":"true"}}}`)
			_, _ = own.client.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, types.MergePatchType, patch, metav1.PatchOptions{})
		}
	}
	nodes, _ := own.observer.factory.Core().V1().Nodes().Lister().List(labels.Everything())
	for _, node := range nodes {
		used := inUse[node.Name]
		sort.Slice(used, func(one, other int) bool { return used[one] < used[other] })
		used = slices.Compact(used)
		if own.isFailed(node.Name) || slices.Equal(used, node.Status.VolumesInUse) {
			continue
		}
		patch, err := json.Marshal(map[string]any{"status": map[string]any{"volumesInUse": used}})
		if err == nil {
			_, _ = own.client.CoreV1().Nodes().Patch(ctx, node.Name, types.MergePatchType, patch, metav1.PatchOptions{}, "status")
		}
	}
}

func hasClaims(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Spec.Volumes, func(volume corev1.Volume) bool { return volume.PersistentVolumeClaim != nil })
}

// volumesOf are the CSI volumes of a pod by the names that nodes say them under, and whether all are attached to its node.
func (own *Cluster) volumesOf(pod *corev1.Pod, attachments []*storagev1.VolumeAttachment) ([]corev1.UniqueVolumeName, bool) {
	var names []corev1.UniqueVolumeName
	all := true
	for _, volume := range pod.Spec.Volumes {
		if volume.PersistentVolumeClaim == nil {
			continue
		}
		core := own.observer.factory.Core().V1()
		claim, err := core.PersistentVolumeClaims().Lister().PersistentVolumeClaims(pod.Namespace).Get(volume.PersistentVolumeClaim.ClaimName)
		if err != nil || claim.Status.Phase != corev1.ClaimBound {
			return names, false
		}
		bound, err := core.PersistentVolumes().Lister().Get(claim.Spec.VolumeName)
		if err != nil {
			return names, false
		}
		if bound.Spec.CSI == nil {
			continue
		}
		names = append(names, corev1.UniqueVolumeName("kubernetes.io/csi/"+bound.Spec.CSI.Driver+"^"+bound.Spec.CSI.VolumeHandle))
		all = all && slices.ContainsFunc(attachments, func(one *storagev1.VolumeAttachment) bool {
			source := one.Spec.Source.PersistentVolumeName
			return one.Spec.NodeName == pod.Spec.NodeName && source != nil && *source == bound.Name && one.Status.Attached && one.DeletionTimestamp == nil
		})
	}
	return names, all
}

// waitsForVolume tells whether a pod that is bound cannot start since a volume is attached elsewhere, and whether that will change:
// a node that is down holds a volume that nobody wants there for six minutes.
func (own *Cluster) waitsForVolume(pod *corev1.Pod) (waits, comes bool) {
	if pod.Status.Phase != corev1.PodPending || !hasClaims(pod) || pod.Annotations[volumesAttached] != "" {
		return false, false
	}
	attachments, _ := own.observer.factory.Storage().V1().VolumeAttachments().Lister().List(labels.Everything())
	if _, attached := own.volumesOf(pod, attachments); attached {
		return false, false
	}
	holders := map[string]bool{}
	for _, attachment := range attachments {
		if attachment.Spec.NodeName != pod.Spec.NodeName && own.usesVolume(pod, attachment) {
			holders[attachment.Spec.NodeName] = true
		}
	}
	if len(holders) == 0 {
		return false, false
	}
	pods, _ := own.observer.factory.Core().V1().Pods().Lister().List(labels.Everything())
	for _, other := range pods {
		if !holders[other.Spec.NodeName] || !isHolding(other) {
			continue
		}
		for _, attachment := range attachments {
			if attachment.Spec.NodeName == other.Spec.NodeName && own.usesVolume(pod, attachment) && own.usesVolume(other, attachment) {
				return true, false
			}
		}
	}
	return true, true
}

// isHolding tells whether a pod wants its volumes where it is: it has not ended, and if it is deleted a container still runs.
func isHolding(pod *corev1.Pod) bool {
	if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		return false
	}
	return pod.DeletionTimestamp == nil || slices.ContainsFunc(pod.Status.ContainerStatuses, func(status corev1.ContainerStatus) bool {
		return status.State.Running != nil
	})
}

func (own *Cluster) usesVolume(pod *corev1.Pod, attachment *storagev1.VolumeAttachment) bool {
	source := attachment.Spec.Source.PersistentVolumeName
	for _, volume := range pod.Spec.Volumes {
		if volume.PersistentVolumeClaim == nil || source == nil {
			continue
		}
		claims := own.observer.factory.Core().V1().PersistentVolumeClaims().Lister().PersistentVolumeClaims(pod.Namespace)
		claim, err := claims.Get(volume.PersistentVolumeClaim.ClaimName)
		if err == nil && claim.Spec.VolumeName == *source {
			return true
		}
	}
	return false
}
