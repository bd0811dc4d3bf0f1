package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
)

// fieldManager is under which name objects are applied.
const fieldManager = "quorate"

// Cluster is a control plane to play on.
type Cluster struct {
	client   *kubernetes.Clientset
	dynamic  dynamic.Interface
	mapper   meta.RESTMapper
	observer *Observer
	settings *Settings
	version  string
	// Our own control plane; nil on a cluster that somebody else has started.
	processes *Processes
	// What answers webhooks; nil on a cluster that somebody else has started.
	services *Services
	metrics  Metrics
	// Whether kube-scheduler runs in steps `bind` alone; whether it runs on once such a step has started it, and whether one has.
	stopsScheduler, keepsScheduler, begun bool
	// Whether pods of failed nodes are evicted by steps `bind` alone, and those that are still to be.
	holdsEvictions bool
	held           map[types.UID]bool
	// Nodes whose kubelet was stopped by a scenario.
	failedLock sync.Mutex
	failed     map[string]bool
	// When a pod was last set ready by hand, by UID.
	revived map[string]time.Time
	// When a node last failed, recovered or went.
	disturbed time.Time
	// Up to when steps have waited, in a case in which the time of day matters.
	clock time.Time
}

// Connect prepares to play on the cluster that config leads to.
func Connect(ctx context.Context, config *rest.Config, settings *Settings) (*Cluster, error) {
	config = rest.CopyConfig(config)
	config.QPS, config.Burst = 500, 1000
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	dynamicClient, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	version, err := client.Discovery().ServerVersion()
	if err != nil {
		return nil, err
	}
	observer, err := Observe(ctx, client)
	if err != nil {
		return nil, err
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(client.Discovery()))
	own := &Cluster{
		client: client, dynamic: dynamicClient, mapper: mapper, observer: observer,
		settings: settings, version: version.GitVersion, failed: map[string]bool{}, revived: map[string]time.Time{},
		held:    map[types.UID]bool{},
		metrics: Metrics{loads: map[string]map[string]SetMetric{}},
	}
	go own.playVolumes(ctx)
	return own, nil
}

func (own *Cluster) resource(object *unstructured.Unstructured) (dynamic.ResourceInterface, error) {
	kind := object.GroupVersionKind()
	mapping, err := own.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return nil, err
	}
	resource := own.dynamic.Resource(mapping.Resource)
	if mapping.Scope.Name() == meta.RESTScopeNameRoot {
		return resource, nil
	}
	if object.GetNamespace() == "" {
		object.SetNamespace("default")
	}
	return resource.Namespace(object.GetNamespace()), nil
}

// Apply applies one object and tells whether that changed what is wanted of it.
func (own *Cluster) Apply(ctx context.Context, object *unstructured.Unstructured) (bool, error) {
	object = object.DeepCopy()
	// What an API server has said of an object, which `kubectl get -o yaml` shows: this one says it anew.
	for _, field := range []string{"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink"} {
		unstructured.RemoveNestedField(object.Object, "metadata", field)
	}
	if object.GetKind() == "Node" {
		return true, own.applyNode(ctx, object)
	}
	resource, err := own.resource(object)
	if err != nil {
		return false, err
	}
	// What an object says of its status is for the simulator: here controllers and kubelets say it.
	unstructured.RemoveNestedField(object.Object, "status")
	own.trustServices(object)
	before := int64(0)
	if existing, err := resource.Get(ctx, object.GetName(), metav1.GetOptions{}); err == nil {
		before = existing.GetGeneration()
	}
	deadline := time.Now().Add(10 * time.Second)
	for {
		applied, err := resource.Apply(ctx, object.GetName(), object, metav1.ApplyOptions{FieldManager: fieldManager, Force: true})
		if err == nil {
			return applied.GetGeneration() != before, nil
		}
		// The service account of a new namespace takes a moment.
		if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "serviceaccount") || time.Now().After(deadline) {
			return false, fmt.Errorf("%s %s: %w", object.GetKind(), object.GetName(), err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// trustServices tells a webhook's configuration who signs for the webhook.
func (own *Cluster) trustServices(object *unstructured.Unstructured) {
	webhooks, _ := object.Object["webhooks"].([]any)
	if own.services == nil {
		return
	}
	for _, webhook := range webhooks {
		client, _ := webhook.(map[string]any)["clientConfig"].(map[string]any)
		if client["service"] != nil {
			client["caBundle"] = base64.StdEncoding.EncodeToString(own.services.bundle)
		}
	}
}

// isFailed tells whether a scenario has stopped a node's kubelet.
func (own *Cluster) isFailed(node string) bool {
	own.failedLock.Lock()
	defer own.failedLock.Unlock()
	return own.failed[node]
}

// applyNode makes a node, tells how much room it has, and only then gives it a kubelet.
func (own *Cluster) applyNode(ctx context.Context, object *unstructured.Unstructured) error {
	status, _, _ := unstructured.NestedMap(object.Object, "status")
	unstructured.RemoveNestedField(object.Object, "status")
	nodes := own.client.CoreV1().Nodes()
	text, err := json.Marshal(object.Object)
	if err != nil {
		return err
	}
	force := true
	options := metav1.PatchOptions{FieldManager: fieldManager, Force: &force}
	if _, err := nodes.Patch(ctx, object.GetName(), types.ApplyPatchType, text, options); err != nil {
		return fmt.Errorf("node %s: %w", object.GetName(), err)
	}
	room := map[string]any{}
	for _, key := range []string{"allocatable", "capacity"} {
		if value, given := status[key]; given {
			room[key] = value
		}
	}
	if room["capacity"] == nil && room["allocatable"] != nil {
		room["capacity"] = room["allocatable"]
	}
	text, err = json.Marshal(map[string]any{"status": room})
	if err != nil {
		return err
	}
	if _, err := nodes.Patch(ctx, object.GetName(), types.MergePatchType, text, metav1.PatchOptions{}, "status"); err != nil {
		return fmt.Errorf("status of node %s: %w", object.GetName(), err)
	}
	if own.failed[object.GetName()] {
		return nil
	}
	return own.setKubelet(ctx, object.GetName(), true)
}

// setKubelet gives a node a kubelet or takes it away.
func (own *Cluster) setKubelet(ctx context.Context, node string, runs bool) error {
	value := "null"
	if runs {
		value = `"runs"`
	}
	patch := fmt.Sprintf(`{"metadata":{"labels":{%q:%s},"annotations":{%q:"true"}}}`, kubeletLabel, value, attachedByController)
	_, err := own.client.CoreV1().Nodes().Patch(ctx, node, types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "kubelet"})
	return err
}

// The order in which the kinds of a cluster are made; everything else comes as written. Webhooks come once their pods run.
var order = map[string]int{
	"Namespace": -3, "PriorityClass": -2, "LimitRange": -2, "ResourceQuota": -2, "StorageClass": -2, "CSIDriver": -2,
	"PersistentVolume": -2, "PersistentVolumeClaim": -2, "Node": -1,
	"ValidatingWebhookConfiguration": 1, "MutatingWebhookConfiguration": 1,
}

// Create makes the objects of a case and waits until they are at rest.
func (own *Cluster) Create(ctx context.Context, objects []*unstructured.Unstructured) error {
	for rank := -3; rank <= 1; rank++ {
		settled := rank < 1
		for _, object := range objects {
			if order[object.GetKind()] != rank {
				continue
			}
			if !settled {
				own.waitUntilQuiet(ctx, idle)
				settled = true
			}
			if _, err := own.Apply(ctx, object); err != nil {
				return err
			}
		}
		switch rank {
		case -2:
			if err := own.waitForQuotas(ctx); err != nil {
				return err
			}
		case -1:
			if err := own.waitForNodes(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// waitForQuotas waits until every quota is counted.
func (own *Cluster) waitForQuotas(ctx context.Context) error {
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		quotas, err := own.client.CoreV1().ResourceQuotas("").List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(quotas.Items, isUncounted) {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return errors.New("quotas are not counted")
}

// waitForNodes waits until every node that has a kubelet is ready and has lost the taint that it was created with.
func (own *Cluster) waitForNodes(ctx context.Context) error {
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		nodes, err := own.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{LabelSelector: kubeletLabel})
		if err != nil {
			return err
		}
		waiting := false
		for _, node := range nodes.Items {
			waiting = waiting || nodeReady(&node) != "True"
			for _, taint := range node.Spec.Taints {
				waiting = waiting || taint.Key == corev1.TaintNodeNotReady
			}
		}
		if !waiting {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return errors.New("nodes do not become ready")
}

// What a case may leave behind, in the order of removal: controllers first, so that nothing is made again.
var wiped = []schema.GroupVersionResource{
	{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingwebhookconfigurations"},
	{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "mutatingwebhookconfigurations"},
	{Group: "autoscaling", Version: "v2", Resource: "horizontalpodautoscalers"},
	{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"},
	{Group: "batch", Version: "v1", Resource: "cronjobs"},
	{Group: "batch", Version: "v1", Resource: "jobs"},
	{Group: "apps", Version: "v1", Resource: "deployments"},
	{Group: "apps", Version: "v1", Resource: "statefulsets"},
	{Group: "apps", Version: "v1", Resource: "daemonsets"},
	{Group: "apps", Version: "v1", Resource: "replicasets"},
	{Group: "apps", Version: "v1", Resource: "controllerrevisions"},
	{Version: "v1", Resource: "replicationcontrollers"},
	{Group: "policy", Version: "v1", Resource: "poddisruptionbudgets"},
	{Version: "v1", Resource: "resourcequotas"},
	{Version: "v1", Resource: "limitranges"},
	{Version: "v1", Resource: "services"},
	{Version: "v1", Resource: "pods"},
	{Version: "v1", Resource: "persistentvolumeclaims"},
	{Version: "v1", Resource: "persistentvolumes"},
	{Group: "storage.k8s.io", Version: "v1", Resource: "volumeattachments"},
	{Group: "storage.k8s.io", Version: "v1", Resource: "csidrivers"},
	{Group: "storage.k8s.io", Version: "v1", Resource: "csinodes"},
	{Group: "storage.k8s.io", Version: "v1", Resource: "storageclasses"},
	{Version: "v1", Resource: "nodes"},
}

// Wipe removes what a case has left, and waits until it is gone and controllers have seen that.
func (own *Cluster) Wipe(ctx context.Context) error {
	deadline := time.Now().Add(60 * time.Second)
	zero, background := int64(0), metav1.DeletePropagationBackground
	options := metav1.DeleteOptions{GracePeriodSeconds: &zero, PropagationPolicy: &background}
	for {
		left := 0
		for _, resource := range wiped {
			list, err := own.dynamic.Resource(resource).List(ctx, metav1.ListOptions{})
			if err != nil {
				return err
			}
			for _, item := range list.Items {
				if isBuiltIn(resource.Resource, &item) {
					continue
				}
				left++
				var client dynamic.ResourceInterface = own.dynamic.Resource(resource)
				if item.GetNamespace() != "" {
					client = own.dynamic.Resource(resource).Namespace(item.GetNamespace())
				}
				if len(item.GetFinalizers()) > 0 {
					_, _ = client.Patch(ctx, item.GetName(), types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
				}
				if err := client.Delete(ctx, item.GetName(), options); err != nil && !apierrors.IsNotFound(err) {
					return err
				}
			}
		}
		if left == 0 {
			break
		}
		if time.Now().After(deadline) {
			return errors.New("what the case left behind does not go")
		}
		time.Sleep(100 * time.Millisecond)
	}
	if err := own.wipeClasses(ctx); err != nil {
		return err
	}
	// The node lifecycle controller looks once in its monitor period.
	for own.observer.QuietFor() < 1500*time.Millisecond {
		time.Sleep(50 * time.Millisecond)
	}
	own.failedLock.Lock()
	own.failed = map[string]bool{}
	own.failedLock.Unlock()
	own.metrics.lock.Lock()
	own.metrics.loads = map[string]map[string]SetMetric{}
	own.metrics.lock.Unlock()
	own.revived, own.disturbed = map[string]time.Time{}, time.Time{}
	own.observer.Forget()
	return nil
}

// isBuiltIn tells whether the API server makes an object again whenever it is removed.
func isBuiltIn(resource string, object *unstructured.Unstructured) bool {
	switch resource {
	case "services":
		return object.GetNamespace() == "default" && object.GetName() == "kubernetes"
	case "apiservices":
		_, ofService, _ := unstructured.NestedMap(object.Object, "spec", "service")
		return !ofService
	default:
		return false
	}
}

func (own *Cluster) wipeClasses(ctx context.Context) error {
	classes, err := own.client.SchedulingV1().PriorityClasses().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for _, class := range classes.Items {
		if strings.HasPrefix(class.Name, "system-") {
			continue
		}
		if err := own.client.SchedulingV1().PriorityClasses().Delete(ctx, class.Name, metav1.DeleteOptions{}); err != nil {
			return err
		}
	}
	return nil
}
