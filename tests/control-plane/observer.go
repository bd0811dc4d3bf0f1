package main

import (
	"context"
	"encoding/json"
	"hash/fnv"
	"sort"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// Observer watches a cluster: when something last changed, in which order pods came, and how many of each workload's pods
// were ready at the lowest.
type Observer struct {
	client  kubernetes.Interface
	factory informers.SharedInformerFactory

	lock       sync.Mutex
	lastChange time.Time
	changes    int
	objects    map[types.UID]uint64
	order      map[types.UID]int
	owners     map[types.UID]string
	readyPods  map[types.UID]string
	ready      map[string]int
	lowest     map[string]int
}

// Observe starts watching and waits until everything was read once.
func Observe(ctx context.Context, client kubernetes.Interface) (*Observer, error) {
	own := &Observer{
		client:  client,
		factory: informers.NewSharedInformerFactory(client, 0),
		objects: map[types.UID]uint64{}, order: map[types.UID]int{}, owners: map[types.UID]string{},
		readyPods: map[types.UID]string{}, ready: map[string]int{}, lowest: map[string]int{},
		lastChange: time.Now(),
	}
	watched := []cache.SharedIndexInformer{
		own.factory.Core().V1().Nodes().Informer(),
		own.factory.Core().V1().Pods().Informer(),
		own.factory.Apps().V1().Deployments().Informer(),
		own.factory.Apps().V1().ReplicaSets().Informer(),
		own.factory.Apps().V1().StatefulSets().Informer(),
		own.factory.Apps().V1().DaemonSets().Informer(),
		own.factory.Apps().V1().ControllerRevisions().Informer(),
		own.factory.Batch().V1().Jobs().Informer(),
		own.factory.Batch().V1().CronJobs().Informer(),
		own.factory.Autoscaling().V2().HorizontalPodAutoscalers().Informer(),
		own.factory.Policy().V1().PodDisruptionBudgets().Informer(),
		own.factory.Core().V1().PersistentVolumeClaims().Informer(),
		own.factory.Core().V1().PersistentVolumes().Informer(),
		own.factory.Storage().V1().VolumeAttachments().Informer(),
	}
	for _, informer := range watched {
		if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc:    func(object any) { own.seen(ctx, object) },
			UpdateFunc: func(_, object any) { own.seen(ctx, object) },
			DeleteFunc: own.gone,
		}); err != nil {
			return nil, err
		}
	}
	// Heard, but no change of what happens.
	own.factory.Core().V1().Events().Informer()
	own.factory.Start(ctx.Done())
	own.factory.WaitForCacheSync(ctx.Done())
	return own, ctx.Err()
}

func (own *Observer) seen(ctx context.Context, object any) {
	meta, ok := object.(metav1.Object)
	if !ok {
		return
	}
	pod, isPod := object.(*corev1.Pod)
	owner := ""
	if isPod {
		owner = own.Owner(ctx, pod)
	}
	print := fingerprint(object)
	own.lock.Lock()
	defer own.lock.Unlock()
	if own.objects[meta.GetUID()] != print {
		own.objects[meta.GetUID()] = print
		own.changed()
	}
	if isPod {
		if _, known := own.order[pod.UID]; !known {
			own.order[pod.UID] = len(own.order)
		}
		if isActive(pod) && isReady(pod) {
			own.count(pod.UID, owner)
		} else {
			own.count(pod.UID, "")
		}
	}
}

func (own *Observer) gone(object any) {
	if tombstone, unknown := object.(cache.DeletedFinalStateUnknown); unknown {
		object = tombstone.Obj
	}
	meta, ok := object.(metav1.Object)
	if !ok {
		return
	}
	own.lock.Lock()
	defer own.lock.Unlock()
	delete(own.objects, meta.GetUID())
	own.changed()
	if _, isPod := object.(*corev1.Pod); isPod {
		own.count(meta.GetUID(), "")
	}
}

func (own *Observer) changed() {
	own.lastChange = time.Now()
	own.changes++
}

// count notes for which workload a pod counts as ready; for none: "".
func (own *Observer) count(pod types.UID, workload string) {
	before := own.readyPods[pod]
	if before == workload {
		return
	}
	if workload == "" {
		delete(own.readyPods, pod)
	} else {
		own.readyPods[pod] = workload
		own.ready[workload]++
	}
	if before != "" {
		own.ready[before]--
		own.lowest[before] = min(own.lowest[before], own.ready[before])
	}
}

// BeginStep forgets the lowest readiness so far.
func (own *Observer) BeginStep() {
	own.lock.Lock()
	defer own.lock.Unlock()
	own.lowest = map[string]int{}
	for workload, count := range own.ready {
		own.lowest[workload] = count
	}
	own.lastChange = time.Now()
	own.changes = 0
}

// Lowest is the lowest readiness of a workload since the step began; one that came only then began at 0.
func (own *Observer) Lowest(workload string) int {
	own.lock.Lock()
	defer own.lock.Unlock()
	return own.lowest[workload]
}

// QuietFor tells how long nothing has changed.
func (own *Observer) QuietFor() time.Duration {
	own.lock.Lock()
	defer own.lock.Unlock()
	return time.Since(own.lastChange)
}

// Changes counts what has changed since the step began.
func (own *Observer) Changes() int {
	own.lock.Lock()
	defer own.lock.Unlock()
	return own.changes
}

// Forget drops what is known of pods that are gone: a new case begins.
func (own *Observer) Forget() {
	own.lock.Lock()
	defer own.lock.Unlock()
	own.order, own.owners = map[types.UID]int{}, map[types.UID]string{}
	own.readyPods, own.ready, own.lowest = map[types.UID]string{}, map[string]int{}, map[string]int{}
}

// OldestFirst sorts pods by the order in which they were created: timestamps know only whole seconds.
func (own *Observer) OldestFirst(pods []*corev1.Pod) {
	own.lock.Lock()
	defer own.lock.Unlock()
	sort.Slice(pods, func(one, other int) bool {
		return own.order[pods[one].UID] < own.order[pods[other].UID]
	})
}

// Owner is `deployment/NS/NAME` of the workload that a pod belongs to, or `pod/NS/NAME`.
func (own *Observer) Owner(ctx context.Context, pod *corev1.Pod) string {
	controller := metav1.GetControllerOf(pod)
	if controller == nil {
		return "pod/" + pod.Namespace + "/" + pod.Name
	}
	text := workloadText(controller.Kind, pod.Namespace, controller.Name)
	if controller.Kind != "ReplicaSet" {
		return text
	}
	own.lock.Lock()
	known := own.owners[controller.UID]
	own.lock.Unlock()
	if known != "" {
		return known
	}
	// The ReplicaSet may not have arrived yet: it comes by another watch than the pod.
	set, err := own.client.AppsV1().ReplicaSets(pod.Namespace).Get(ctx, controller.Name, metav1.GetOptions{})
	if err == nil {
		if deployment := metav1.GetControllerOf(set); deployment != nil {
			text = workloadText(deployment.Kind, pod.Namespace, deployment.Name)
		}
		own.lock.Lock()
		own.owners[controller.UID] = text
		own.lock.Unlock()
	}
	return text
}

// fingerprint is of everything in an object but heartbeats and bookkeeping.
func fingerprint(object any) uint64 {
	copied := object.(runtime.Object).DeepCopyObject()
	meta := copied.(metav1.Object)
	meta.SetResourceVersion("")
	meta.SetManagedFields(nil)
	if node, isNode := copied.(*corev1.Node); isNode {
		for index := range node.Status.Conditions {
			node.Status.Conditions[index].LastHeartbeatTime = metav1.Time{}
		}
	}
	text, _ := json.Marshal(copied)
	hash := fnv.New64a()
	_, _ = hash.Write(text)
	return hash.Sum64()
}

func isActive(pod *corev1.Pod) bool {
	return pod.DeletionTimestamp == nil && pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed
}

func isReady(pod *corev1.Pod) bool {
	condition := podCondition(pod, corev1.PodReady)
	return condition != nil && condition.Status == corev1.ConditionTrue
}

func podCondition(pod *corev1.Pod, kind corev1.PodConditionType) *corev1.PodCondition {
	for index := range pod.Status.Conditions {
		if pod.Status.Conditions[index].Type == kind {
			return &pod.Status.Conditions[index]
		}
	}
	return nil
}
