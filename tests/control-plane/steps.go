package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// Result is how a step went, before the workloads that it aimed at are judged.
type Result struct {
	Outcome string
	Detail  string
	Targets []Target
	// Workloads that should come to their desired state.
	workloads []string
	judged    bool
}

// Target is one of several that a step was aimed at.
type Target struct {
	Target  string `json:"target"`
	Outcome string `json:"outcome"`
	Detail  string `json:"detail"`
}

func completed() (*Result, error) {
	return &Result{Outcome: "completed"}, nil
}

func failed(err error) (*Result, error) {
	return &Result{Outcome: "failed", Detail: err.Error()}, nil
}

// perform does what a step says; a drain is waited for.
func (own *Cluster) perform(ctx context.Context, step *Step, folder string) (*Result, error) {
	switch {
	case step.SetImage != nil:
		return own.setImage(ctx, step.SetImage)
	case step.Restart != nil:
		patch := fmt.Sprintf(`{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":%q}}}}}`,
			time.Now().Format(time.RFC3339Nano))
		return own.patchWorkload(ctx, step.Restart.Workload, types.MergePatchType, patch)
	case step.Scale != nil:
		patch := fmt.Sprintf(`{"spec":{"replicas":%d}}`, step.Scale.Replicas)
		// As `kubectl scale`: webhooks on the workload itself do not see it.
		return own.patchWorkload(ctx, step.Scale.Workload, types.MergePatchType, patch, "scale")
	case step.Apply != nil:
		return own.applyStep(ctx, step.Apply, folder)
	case step.Delete != nil:
		return own.delete(ctx, step.Delete.Object)
	case step.Cordon != nil:
		return own.cordon(ctx, step.Cordon.Node, true)
	case step.Uncordon != nil:
		return own.cordon(ctx, step.Uncordon.Node, false)
	case step.Drain != nil:
		return own.drain(ctx, step.Drain.Nodes)
	case step.Evict != nil:
		return own.evict(ctx, step.Evict)
	case step.SetReady != nil:
		return own.setReady(ctx, step.SetReady)
	case step.FailNode != nil:
		return own.failNodes(ctx, step.FailNode.Nodes)
	case step.RecoverNode != nil:
		return own.recoverNodes(ctx, step.RecoverNode.Nodes)
	case step.DeleteNode != nil:
		return own.deleteNodes(ctx, step.DeleteNode.Nodes)
	case step.Bind != nil:
		return own.bind(ctx, step.Bind)
	case step.SetMetric != nil:
		return own.setMetric(step.SetMetric)
	case step.Wait != nil:
		own.wait(ctx, step.Wait.Seconds)
		return completed()
	default:
		return nil, errors.New("a step without an action")
	}
}

// The resources of workloads by the kind that references are written with.
var workloadResources = map[string]schema.GroupVersionResource{
	"deployment":  {Group: "apps", Version: "v1", Resource: "deployments"},
	"replicaset":  {Group: "apps", Version: "v1", Resource: "replicasets"},
	"statefulset": {Group: "apps", Version: "v1", Resource: "statefulsets"},
	"daemonset":   {Group: "apps", Version: "v1", Resource: "daemonsets"},
	"job":         {Group: "batch", Version: "v1", Resource: "jobs"},
	"cronjob":     {Group: "batch", Version: "v1", Resource: "cronjobs"},
	"pod":         {Version: "v1", Resource: "pods"},
}

// reference is KIND/NAMESPACE/NAME, or KIND/NAME in the namespace default.
func reference(text string) (schema.GroupVersionResource, string, string, error) {
	parts := strings.Split(text, "/")
	resource, known := workloadResources[strings.ToLower(parts[0])]
	switch {
	case known && len(parts) == 3:
		return resource, parts[1], parts[2], nil
	case known && len(parts) == 2:
		return resource, "default", parts[1], nil
	default:
		return schema.GroupVersionResource{}, "", "", fmt.Errorf("%q names no object", text)
	}
}

func canonical(text string) string {
	parts := strings.Split(text, "/")
	if len(parts) == 2 {
		return strings.ToLower(parts[0]) + "/default/" + parts[1]
	}
	return text
}

func (own *Cluster) patchWorkload(ctx context.Context, workload string, kind types.PatchType, patch string, subresources ...string) (*Result, error) {
	resource, namespace, name, err := reference(workload)
	if err != nil {
		return nil, err
	}
	_, err = own.dynamic.Resource(resource).Namespace(namespace).Patch(ctx, name, kind, []byte(patch), metav1.PatchOptions{FieldManager: fieldManager}, subresources...)
	if err != nil {
		return failed(err)
	}
	return &Result{workloads: []string{canonical(workload)}, judged: true}, nil
}

func (own *Cluster) setImage(ctx context.Context, step *SetImage) (*Result, error) {
	patch := fmt.Sprintf(`{"spec":{"template":{"spec":{"containers":[{"name":%q,"image":%q}]}}}}`, step.Container, step.Image)
	return own.patchWorkload(ctx, step.Workload, types.StrategicMergePatchType, patch)
}

func (own *Cluster) applyStep(ctx context.Context, step *Apply, folder string) (*Result, error) {
	var objects []*unstructured.Unstructured
	if step.Path != "" {
		read, err := readObjects(filepath.Join(folder, step.Path))
		if err != nil {
			return nil, err
		}
		objects = read
	}
	for _, object := range step.Objects {
		objects = append(objects, &unstructured.Unstructured{Object: object})
	}
	result := &Result{judged: true}
	for _, object := range objects {
		changed, err := own.Apply(ctx, object)
		if err != nil {
			return failed(err)
		}
		kind := strings.ToLower(object.GetKind())
		if _, isWorkload := workloadResources[kind]; isWorkload && changed && kind != "pod" && kind != "cronjob" {
			namespace := object.GetNamespace()
			if namespace == "" {
				namespace = "default"
			}
			result.workloads = append(result.workloads, workloadText(kind, namespace, object.GetName()))
		}
	}
	return result, nil
}

func (own *Cluster) delete(ctx context.Context, object string) (*Result, error) {
	resource, namespace, name, err := reference(object)
	if err != nil {
		return nil, err
	}
	background := metav1.DeletePropagationBackground
	err = own.dynamic.Resource(resource).Namespace(namespace).Delete(ctx, name, metav1.DeleteOptions{PropagationPolicy: &background})
	if err != nil {
		return failed(err)
	}
	return completed()
}

// selected are the pods of a selection, oldest first.
func (own *Cluster) selected(selector *PodSelector, node string, limit *int) ([]*corev1.Pod, error) {
	namespace := selector.Namespace
	if namespace == "" {
		namespace = "default"
	}
	matching := labels.SelectorFromSet(selector.Labels)
	pods, err := own.observer.factory.Core().V1().Pods().Lister().Pods(namespace).List(matching)
	if err != nil {
		return nil, err
	}
	var chosen []*corev1.Pod
	for _, pod := range pods {
		if node == "" || pod.Spec.NodeName == node {
			chosen = append(chosen, pod)
		}
	}
	own.observer.OldestFirst(chosen)
	if limit != nil && len(chosen) > *limit {
		chosen = chosen[:*limit]
	}
	return chosen, nil
}

func (own *Cluster) evict(ctx context.Context, step *Evict) (*Result, error) {
	var pods []*corev1.Pod
	if step.PodSelector != nil {
		selected, err := own.selected(step.PodSelector, "", nil)
		if err != nil {
			return nil, err
		}
		pods = selected
	} else {
		namespace, name, found := strings.Cut(step.Pod, "/")
		if !found {
			namespace, name = "default", step.Pod
		}
		pod, err := own.client.CoreV1().Pods(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return failed(err)
		}
		pods = []*corev1.Pod{pod}
	}
	result := &Result{Outcome: "completed"}
	for _, pod := range pods {
		err := own.client.PolicyV1().Evictions(pod.Namespace).Evict(ctx, &policyv1.Eviction{
			ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name},
		})
		target := Target{Target: pod.Namespace + "/" + pod.Name, Outcome: "allowed"}
		switch {
		case err == nil:
		case apierrors.IsTooManyRequests(err):
			target.Outcome = "denied-429"
		case isSilence(err.Error()):
			target.Outcome = "failed"
		case apierrors.IsInternalError(err):
			target.Outcome = "denied-500"
		default:
			target.Outcome = "failed"
		}
		if err != nil {
			target.Detail = err.Error()
		}
		result.Targets = append(result.Targets, target)
	}
	result.judge()
	return result, nil
}

// The outcomes of targets, the worst last.
var severity = []string{"completed", "allowed", "denied-429", "denied-500", "refused", "failed", "blocked", "stuck", "livelock"}

// judge takes the worst of the targets' outcomes.
func (result *Result) judge() {
	worst := -1
	var details []string
	for _, target := range result.Targets {
		for rank, outcome := range severity {
			if outcome == target.Outcome && rank > worst {
				worst = rank
				result.Outcome = outcome
			}
		}
		if target.Detail != "" {
			details = append(details, target.Target+": "+target.Detail)
		}
	}
	result.Detail = strings.Join(details, "; ")
}

// setReady sets the Ready condition by hand: KWOK looks at pods only until they have started.
func (own *Cluster) setReady(ctx context.Context, step *SetReady) (*Result, error) {
	pods, err := own.selected(&step.Pods, step.Node, step.Limit)
	if err != nil {
		return nil, err
	}
	for _, pod := range pods {
		reason := ""
		if !step.Ready {
			reason = heldReason
		}
		if err := own.patchReady(ctx, pod, step.Ready, reason); err != nil {
			return nil, err
		}
	}
	return completed()
}

func (own *Cluster) patchReady(ctx context.Context, pod *corev1.Pod, ready bool, reason string) error {
	status := "False"
	if ready {
		status = "True"
	}
	type condition struct {
		Type               string `json:"type"`
		Status             string `json:"status"`
		Reason             string `json:"reason"`
		LastTransitionTime string `json:"lastTransitionTime"`
	}
	now := time.Now().UTC().Format(time.RFC3339)
	conditions := []condition{{"Ready", status, reason, now}, {"ContainersReady", status, reason, now}}
	patch, err := json.Marshal(map[string]any{"status": map[string]any{"conditions": conditions}})
	if err != nil {
		return err
	}
	_, err = own.client.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	return err
}
