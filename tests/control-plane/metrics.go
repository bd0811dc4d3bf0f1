package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
)

// SetMetric says what the pods of an autoscaler's workload use of a resource: one of the three.
type SetMetric struct {
	HorizontalPodAutoscaler string `json:"horizontalPodAutoscaler"`
	Metric                  string `json:"metric"`
	// Percent of the requests, of each pod that is ready.
	AverageUtilization *int64 `json:"averageUtilization"`
	// Of each pod that is ready.
	Usage *resource.Quantity `json:"usage"`
	// Of all together.
	Value *resource.Quantity `json:"value"`
}

const metricsPath = "/apis/metrics.k8s.io/v1beta1"

// metricsService is what the API server is told that metrics come from.
const metricsService = "quorate-metrics"

// Metrics is a metrics-server of which scenarios say what it measures.
type Metrics struct {
	lock sync.Mutex
	// By `NAMESPACE/SELECTOR`, then by resource.
	loads map[string]map[string]SetMetric
}

// registerMetrics makes the API server ask us for metrics, and waits until it does.
func (own *Cluster) registerMetrics(ctx context.Context) error {
	if own.services == nil {
		return errors.New("metrics are served on a control plane of our own alone")
	}
	objects := []string{
		`{"apiVersion":"v1","kind":"Service","metadata":{"name":"` + metricsService + `","namespace":"kube-system"},
		  "spec":{"ports":[{"name":"https","port":443,"targetPort":443}]}}`,
		`{"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","addressType":"IPv4",
		  "metadata":{"name":"` + metricsService + `","namespace":"kube-system","labels":{"kubernetes.io/service-name":"` + metricsService + `"}},
		  "ports":[{"name":"https","port":443,"protocol":"TCP"}],"endpoints":[{"addresses":["10.1.255.254"],"conditions":{"ready":true}}]}`,
		`{"apiVersion":"apiregistration.k8s.io/v1","kind":"APIService","metadata":{"name":"v1beta1.metrics.k8s.io"},
		  "spec":{"group":"metrics.k8s.io","version":"v1beta1","groupPriorityMinimum":100,"versionPriority":100,"insecureSkipTLSVerify":true,
		          "service":{"namespace":"kube-system","name":"` + metricsService + `","port":443}}}`,
	}
	for _, text := range objects {
		var object unstructured.Unstructured
		if err := json.Unmarshal([]byte(text), &object.Object); err != nil {
			return err
		}
		if _, err := own.Apply(ctx, &object); err != nil {
			return err
		}
	}
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		if _, err := own.client.RESTClient().Get().AbsPath(metricsPath, "namespaces/default/pods").DoRaw(ctx); err == nil {
			return nil
		}
		time.Sleep(200 * time.Millisecond)
	}
	return errors.New("the API server does not ask for metrics")
}

// setMetric is aimed at the workload that the autoscaler scales.
func (own *Cluster) setMetric(step *SetMetric) (*Result, error) {
	namespace, name, found := strings.Cut(step.HorizontalPodAutoscaler, "/")
	if !found {
		namespace, name = "default", step.HorizontalPodAutoscaler
	}
	autoscaler, err := own.observer.factory.Autoscaling().V2().HorizontalPodAutoscalers().Lister().HorizontalPodAutoscalers(namespace).Get(name)
	if err != nil {
		return failed(err)
	}
	target := autoscaler.Spec.ScaleTargetRef
	selector, err := own.selectorOf(namespace, target.Kind, target.Name)
	if err != nil {
		return failed(err)
	}
	key := namespace + "/" + selector.String()
	own.metrics.lock.Lock()
	defer own.metrics.lock.Unlock()
	if own.metrics.loads[key] == nil {
		own.metrics.loads[key] = map[string]SetMetric{}
	}
	own.metrics.loads[key][step.Metric] = *step
	return &Result{workloads: []string{workloadText(target.Kind, namespace, target.Name)}, judged: true}, nil
}

func (own *Cluster) selectorOf(namespace, kind, name string) (labels.Selector, error) {
	apps := own.observer.factory.Apps().V1()
	var selector *metav1.LabelSelector
	switch kind {
	case "Deployment":
		item, err := apps.Deployments().Lister().Deployments(namespace).Get(name)
		if err != nil {
			return nil, err
		}
		selector = item.Spec.Selector
	case "StatefulSet":
		item, err := apps.StatefulSets().Lister().StatefulSets(namespace).Get(name)
		if err != nil {
			return nil, err
		}
		selector = item.Spec.Selector
	default:
		return nil, fmt.Errorf("%s %s has no metrics here", kind, name)
	}
	return metav1.LabelSelectorAsSelector(selector)
}

// measure answers what an autoscaler asks of the resource metrics API; false: it asks for something else.
func (own *Cluster) measure(writer http.ResponseWriter, request *http.Request) bool {
	if !strings.HasPrefix(request.URL.Path, metricsPath) {
		return false
	}
	writer.Header().Set("Connection", "close")
	writer.Header().Set("Content-Type", "application/json")
	rest := strings.Split(strings.TrimPrefix(request.URL.Path, metricsPath+"/"), "/")
	if len(rest) != 3 || rest[0] != "namespaces" || rest[2] != "pods" {
		_, _ = fmt.Fprint(writer, `{"kind":"APIResourceList","apiVersion":"v1","groupVersion":"metrics.k8s.io/v1beta1","resources":[`+
			`{"name":"pods","singularName":"","namespaced":true,"kind":"PodMetrics","verbs":["get","list"]}]}`)
		return true
	}
	selector, err := labels.Parse(request.URL.Query().Get("labelSelector"))
	if err != nil {
		http.Error(writer, err.Error(), http.StatusBadRequest)
		return true
	}
	items := []any{}
	pods, _ := own.observer.factory.Core().V1().Pods().Lister().Pods(rest[1]).List(selector)
	own.metrics.lock.Lock()
	loads := own.metrics.loads[rest[1]+"/"+selector.String()]
	own.metrics.lock.Unlock()
	serving := int64(0)
	for _, pod := range pods {
		if isActive(pod) && isReady(pod) {
			serving++
		}
	}
	for _, pod := range pods {
		if pod.Status.Phase == corev1.PodRunning && len(loads) > 0 {
			items = append(items, podMetrics(pod, loads, serving))
		}
	}
	_ = json.NewEncoder(writer).Encode(map[string]any{
		"kind": "PodMetricsList", "apiVersion": "metrics.k8s.io/v1beta1", "metadata": map[string]any{}, "items": items,
	})
	return true
}

// podMetrics is what one pod uses. All of it is its first container's; a pod that is not ready uses nothing.
func podMetrics(pod *corev1.Pod, loads map[string]SetMetric, serving int64) any {
	used := map[string]string{}
	for name, load := range loads {
		milli := int64(0)
		switch {
		case !isReady(pod) || !isActive(pod):
		case load.AverageUtilization != nil:
			for _, container := range pod.Spec.Containers {
				quantity := container.Resources.Requests[corev1.ResourceName(name)]
				milli += quantity.MilliValue()
			}
			milli = milli * *load.AverageUtilization / 100
		case load.Usage != nil:
			milli = load.Usage.MilliValue()
		case load.Value != nil:
			milli = load.Value.MilliValue() / max(serving, 1)
		}
		used[name] = resource.NewMilliQuantity(milli, resource.DecimalSI).String()
	}
	containers := []any{}
	for index, container := range pod.Spec.Containers {
		usage := map[string]string{}
		for name, amount := range used {
			if usage[name] = "0"; index == 0 {
				usage[name] = amount
			}
		}
		containers = append(containers, map[string]any{"name": container.Name, "usage": usage})
	}
	return map[string]any{
		"metadata":  map[string]any{"name": pod.Name, "namespace": pod.Namespace, "labels": pod.Labels},
		"timestamp": time.Now().UTC().Format(time.RFC3339), "window": "15s", "containers": containers,
	}
}
