package main

import (
	"context"
	"fmt"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/kubernetes/pkg/controller/podautoscaler/metrics"
)

// metricWindow is the time over which metrics-server measures.
const metricWindow = 15 * time.Second

func podNumbered(number int) string { return fmt.Sprintf("web-%d", number) }

func (w *autoscaledWorld) at(seconds int64) *metav1.Time {
	at := metav1.NewTime(w.began.Add(time.Duration(seconds) * time.Second))
	return &at
}

// pods are those of the step, as the API server shows them.
func (w *autoscaledWorld) pods() []any {
	var pods []any
	for number, one := range w.shown {
		pod := &v1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: podNumbered(number), Namespace: "default", Labels: map[string]string{"app": "web"}},
			Spec:       w.of.Template,
			Status:     v1.PodStatus{Phase: one.Phase},
		}
		if one.Deleting {
			pod.DeletionTimestamp = w.at(0)
		}
		if one.Phase != v1.PodPending {
			pod.Status.StartTime = w.at(one.StartedAt)
			status := v1.ConditionFalse
			if one.Ready {
				status = v1.ConditionTrue
			}
			pod.Status.Conditions = []v1.PodCondition{{Type: v1.PodReady, Status: status, LastTransitionTime: *w.at(one.ReadySince)}}
		}
		pods = append(pods, pod)
	}
	return pods
}

func (p autoscalePod) serves() bool { return p.Ready && p.isActive() && !p.Unmeasured }

// perPod is what each pod uses of what a metric measures.
func (w *autoscaledWorld) perPod(name string, request *int64) (metrics.PodMetricsInfo, time.Time, error) {
	load, known := w.loads[name]
	if !known {
		return nil, time.Time{}, fmt.Errorf("%s is not measured", name)
	}
	var serving int64
	for _, pod := range w.shown {
		if pod.serves() {
			serving++
		}
	}
	var each int64
	switch {
	case load.Utilization != nil:
		if request == nil {
			return nil, time.Time{}, fmt.Errorf("nothing is requested of %s", name)
		}
		each = *request * *load.Utilization / 100
	case load.Usage != nil:
		each = *load.Usage
	case load.Total != nil && serving > 0:
		each = *load.Total / serving
	}
	measured := metrics.PodMetricsInfo{}
	for number, pod := range w.shown {
		if pod.Unmeasured || pod.Phase == v1.PodPending || pod.Phase == v1.PodSucceeded {
			continue
		}
		usage := int64(0)
		if pod.serves() {
			usage = each
		}
		measured[podNumbered(number)] = metrics.PodMetric{Timestamp: time.Now(), Window: metricWindow, Value: usage}
	}
	if len(measured) == 0 {
		return nil, time.Time{}, fmt.Errorf("no metrics of %s", name)
	}
	return measured, time.Now(), nil
}

// GetResourceMetric answers as metrics-server does.
func (w *autoscaledWorld) GetResourceMetric(_ context.Context, name v1.ResourceName, _ string, _ labels.Selector, _ string) (metrics.PodMetricsInfo, time.Time, error) {
	return w.perPod(string(name), w.requested(name))
}

// requested is what a pod requests of a resource, in thousandths.
func (w *autoscaledWorld) requested(name v1.ResourceName) *int64 {
	var sum int64
	for _, container := range w.of.Template.Containers {
		request, is := container.Resources.Requests[name]
		if !is {
			return nil
		}
		sum += request.MilliValue()
	}
	return &sum
}

// GetRawMetric is a metric of pods.
func (w *autoscaledWorld) GetRawMetric(name, _ string, _, _ labels.Selector) (metrics.PodMetricsInfo, time.Time, error) {
	return w.perPod(name, nil)
}

// GetObjectMetric is a metric of an object.
func (w *autoscaledWorld) GetObjectMetric(name, _ string, _ *autoscalingv2.CrossVersionObjectReference, _ labels.Selector) (int64, time.Time, error) {
	load := w.loads[name]
	if load.Total == nil {
		return 0, time.Time{}, fmt.Errorf("%s is not measured", name)
	}
	return *load.Total, time.Now(), nil
}

// GetExternalMetric is a metric of something outside.
func (w *autoscaledWorld) GetExternalMetric(name, _ string, _ labels.Selector) ([]int64, time.Time, error) {
	load := w.loads[name]
	if load.Total == nil {
		return nil, time.Time{}, fmt.Errorf("%s is not measured", name)
	}
	return []int64{*load.Total}, time.Now(), nil
}
