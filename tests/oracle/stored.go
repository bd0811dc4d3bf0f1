package main

import (
	"context"
	"fmt"

	v1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/apis/core"
	podregistry "k8s.io/kubernetes/pkg/registry/core/pod"
)

// decodeAsStored decodes and defaults a manifest as the API server stores it: with a namespace, a uid, and, for a pod,
// what the strategy of the registry does at creation. Status and deletionTimestamp stay as given.
func decodeAsStored(manifest []byte) (runtime.Object, error) {
	object, err := decodeWithDefaults(manifest)
	if err != nil {
		return nil, err
	}
	return asStored(object)
}

// asStored is an object that was decoded and defaulted as the API server stores it.
func asStored(object runtime.Object) (runtime.Object, error) {
	metadata, err := meta.Accessor(object)
	if err != nil {
		return nil, err
	}
	if metadata.GetName() == "" {
		return nil, fmt.Errorf("a %T without a name", object)
	}
	if metadata.GetNamespace() == "" && !isClusterScoped(object) {
		metadata.SetNamespace(metav1.NamespaceDefault)
	}
	if metadata.GetUID() == "" {
		metadata.SetUID(types.UID(fmt.Sprintf("%T/%s/%s", object, metadata.GetNamespace(), metadata.GetName())))
	}
	if pod, is := object.(*v1.Pod); is {
		return podAsStored(pod)
	}
	return object, nil
}

// isClusterScoped knows the kinds without a namespace among those that scheduling looks at.
func isClusterScoped(object runtime.Object) bool {
	switch object.(type) {
	case *v1.Node, *v1.Namespace, *v1.PersistentVolume, *storagev1.StorageClass, *storagev1.CSINode, *storagev1.CSIDriver,
		*storagev1.VolumeAttachment, *schedulingv1.PriorityClass:
		return true
	default:
		return false
	}
}

// podAsStored folds matchLabelKeys and mismatchLabelKeys into the label selectors as the API server does at creation.
func podAsStored(pod *v1.Pod) (*v1.Pod, error) {
	internal, err := internalPod(pod)
	if err != nil {
		return nil, err
	}
	stored := &v1.Pod{}
	if err := legacyscheme.Scheme.Convert(internal, stored, nil); err != nil {
		return nil, err
	}
	stored.Status, stored.TypeMeta = pod.Status, pod.TypeMeta
	return stored, nil
}

// internalPod is a pod in the internal version after the strategy's preparation.
func internalPod(pod *v1.Pod) (*core.Pod, error) {
	internal := &core.Pod{}
	if err := legacyscheme.Scheme.Convert(pod, internal, nil); err != nil {
		return nil, err
	}
	podregistry.Strategy.PrepareForCreate(context.Background(), internal)
	return internal, nil
}

// validatePod asks the API server's validation whether it would accept a pod for creation. A pod that exists already has
// other fields set, which the caller leaves out.
func validatePod(manifest []byte) error {
	object, err := decodeWithDefaults(manifest)
	if err != nil {
		return err
	}
	pod, is := object.(*v1.Pod)
	if !is {
		return fmt.Errorf("a %T instead of a pod", object)
	}
	return validateNewPod(pod)
}

// validateNewPod is validatePod for a pod that was decoded. It changes the pod: validation sums quantities, and what it sums
// can share memory with them.
func validateNewPod(pod *v1.Pod) error {
	if pod.Namespace == "" {
		pod.Namespace = metav1.NamespaceDefault
	}
	internal, err := internalPod(pod)
	if err != nil {
		return err
	}
	return podregistry.Strategy.Validate(context.Background(), internal).ToAggregate()
}

// validateExistingPod asks whether the API server would have accepted a pod at its creation: without status, and not yet
// being deleted.
func validateExistingPod(pod *v1.Pod) error {
	created := pod.DeepCopy()
	created.Status = v1.PodStatus{}
	created.DeletionTimestamp, created.DeletionGracePeriodSeconds = nil, nil
	return validateNewPod(created)
}
