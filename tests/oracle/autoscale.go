package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	scalefake "k8s.io/client-go/scale/fake"
	core "k8s.io/client-go/testing"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/controller/podautoscaler"
)

// The flags of kube-controller-manager, as they are by default.
const (
	autoscalerPeriod         = 15 * time.Second
	autoscalerStabilisation  = 5 * time.Minute
	autoscalerTolerance      = 0.1
	autoscalerInitialisation = 5 * time.Minute
	autoscalerReadinessDelay = 30 * time.Second
)

// testOfProcess lets code run in virtual time, which Go offers to tests alone.
var testOfProcess *testing.T

// autoscaleCase is a HorizontalPodAutoscaler that looks at its target, the Deployment "web", once a step: every 15 seconds.
type autoscaleCase struct {
	ID       string          `json:"id"`
	HPA      json.RawMessage `json:"hpa"`
	Template v1.PodSpec      `json:"template"`
	Replicas int32           `json:"replicas"`
	Steps    []autoscaleStep `json:"steps"`
}

// autoscaleStep is what there is when the controller looks; what is not given is as it was before.
type autoscaleStep struct {
	// ScaleTo: somebody sets spec.replicas before.
	ScaleTo *int32 `json:"scaleTo,omitempty"`
	// Pods of the target: the first of them, as many as spec.replicas, and Surplus more.
	Pods    []autoscalePod `json:"pods,omitzero"`
	Surplus int            `json:"surplus,omitempty"`
	// Loads is given by the name of the metric; a metric that is not among them cannot be read.
	Loads map[string]autoscaleLoad `json:"loads,omitzero"`
}

// autoscalePod is a pod; times are seconds since the case began.
type autoscalePod struct {
	Phase      v1.PodPhase `json:"phase"`
	Ready      bool        `json:"ready"`
	StartedAt  int64       `json:"startedAt"`
	ReadySince int64       `json:"readySince"`
	Deleting   bool        `json:"deleting,omitempty"`
	// Unmeasured: nothing is known of it.
	Unmeasured bool `json:"unmeasured,omitempty"`
}

// autoscaleLoad is one of: percent of what a pod requests, an amount a pod, an amount of all pods together, in thousandths.
type autoscaleLoad struct {
	Utilization *int64 `json:"utilization,omitempty"`
	Usage       *int64 `json:"usage,omitempty"`
	Total       *int64 `json:"total,omitempty"`
}

// autoscaleOutcome is spec.replicas after a look, and why it was changed.
type autoscaleOutcome struct {
	Replicas int32  `json:"replicas"`
	Why      string `json:"why"`
}

type autoscaleAnswer struct {
	autoscaleCase
	Outcomes []autoscaleOutcome `json:"outcomes"`
	Error    string             `json:"error,omitempty"`
}

// answerAutoscale is the subcommand autoscale: the controller of kube-controller-manager itself, in virtual time.
func answerAutoscale(arguments []string, in io.Reader, out io.Writer) error {
	keepGoing := slices.Contains(arguments, "--keep-going")
	return forEachLine(in, out, func(one autoscaleCase) (autoscaleAnswer, error) {
		answer, err := one.answer()
		if err != nil && keepGoing {
			return autoscaleAnswer{autoscaleCase: autoscaleCase{ID: one.ID}, Error: err.Error()}, nil
		}
		return answer, err
	})
}

func (c autoscaleCase) answer() (autoscaleAnswer, error) {
	answer := autoscaleAnswer{autoscaleCase: c, Outcomes: []autoscaleOutcome{}}
	hpa, err := autoscalerAsStored(c.HPA)
	if err != nil {
		return answer, fmt.Errorf("case %q: %w", c.ID, err)
	}
	// What is said of errors is not of interest, and waits in a time of its own.
	utilruntime.ErrorHandlers = nil
	synctest.Test(testOfProcess, func(*testing.T) {
		world := &autoscaledWorld{of: c, began: time.Now(), replicas: c.Replicas, metrics: metricNames(hpa)}
		answer.Outcomes, err = world.play(hpa)
	})
	return answer, err
}

// autoscalerAsStored is an autoscaler as the controller receives it: with defaults, quantities in canonical form.
func autoscalerAsStored(given json.RawMessage) (*autoscalingv2.HorizontalPodAutoscaler, error) {
	object, err := decodeAsStored(given)
	if err != nil {
		return nil, err
	}
	hpa, is := object.(*autoscalingv2.HorizontalPodAutoscaler)
	if !is {
		return nil, fmt.Errorf("a %T", object)
	}
	written, err := json.Marshal(hpa)
	if err != nil {
		return nil, err
	}
	received := &autoscalingv2.HorizontalPodAutoscaler{}
	return received, json.Unmarshal(written, received)
}

func metricNames(hpa *autoscalingv2.HorizontalPodAutoscaler) []string {
	var names []string
	for _, metric := range hpa.Spec.Metrics {
		switch {
		case metric.Resource != nil:
			names = append(names, string(metric.Resource.Name))
		case metric.Pods != nil:
			names = append(names, metric.Pods.Metric.Name)
		case metric.Object != nil:
			names = append(names, metric.Object.Metric.Name)
		case metric.External != nil:
			names = append(names, metric.External.Metric.Name)
		}
	}
	return names
}

// autoscaledWorld is everything around the controller.
type autoscaledWorld struct {
	of       autoscaleCase
	began    time.Time
	replicas int32
	looks    int
	metrics  []string
	why      string
	// shown are the pods that there are, all are those that the steps speak of.
	all, shown []autoscalePod
	loads      map[string]autoscaleLoad
}

func (w *autoscaledWorld) play(hpa *autoscalingv2.HorizontalPodAutoscaler) ([]autoscaleOutcome, error) {
	ctx, cancel := context.WithCancel(klog.NewContext(context.Background(), logr.New(w)))
	// Time stands still once this returns: whatever is being ended needs some.
	defer func() { cancel(); time.Sleep(time.Minute) }()
	client := fake.NewSimpleClientset(hpa)
	factory := informers.NewSharedInformerFactory(client, 12*time.Hour)
	mapper := meta.NewDefaultRESTMapper([]schema.GroupVersion{{Group: "apps", Version: "v1"}})
	mapper.Add(schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}, meta.RESTScopeNamespace)
	pods := factory.Core().V1().Pods()
	controller := podautoscaler.NewHorizontalController(ctx, client.CoreV1(), w.scales(), client.AutoscalingV2(), mapper, w,
		factory.Autoscaling().V2().HorizontalPodAutoscalers(), pods, autoscalerPeriod, autoscalerStabilisation,
		autoscalerTolerance, autoscalerInitialisation, autoscalerReadinessDelay)
	store := pods.Informer().GetStore()
	factory.Start(ctx.Done())
	defer factory.Shutdown()
	defer cancel()
	synctest.Wait()
	go controller.Run(ctx, 1)
	outcomes := []autoscaleOutcome{}
	for number, step := range w.of.Steps {
		w.become(step)
		if err := store.Replace(w.pods(), ""); err != nil {
			return nil, err
		}
		time.Sleep(time.Until(w.began.Add(time.Duration(number+1) * autoscalerPeriod)))
		synctest.Wait()
		if w.looks != number+1 {
			return nil, fmt.Errorf("step %d: the controller has looked %d times", number, w.looks)
		}
		outcomes = append(outcomes, autoscaleOutcome{w.replicas, w.reason()})
	}
	return outcomes, nil
}

// The controller's log is where each rescaling and its reason can be read: of events some are dropped where there are many.

// Init takes nothing over.
func (w *autoscaledWorld) Init(logr.RuntimeInfo) {}

// Enabled is always so.
func (w *autoscaledWorld) Enabled(int) bool { return true }

// Info notes why the target was rescaled.
func (w *autoscaledWorld) Info(_ int, message string, keysAndValues ...any) {
	if at := slices.Index(keysAndValues, any("reason")); message == "Successfully rescaled" && at >= 0 {
		w.why = keysAndValues[at+1].(string)
	}
}

// Error passes over what fails: a metric that cannot be read.
func (w *autoscaledWorld) Error(error, string, ...any) {}

// WithValues changes nothing.
func (w *autoscaledWorld) WithValues(...any) logr.LogSink { return w }

// WithName changes nothing.
func (w *autoscaledWorld) WithName(string) logr.LogSink { return w }

func (w *autoscaledWorld) become(step autoscaleStep) {
	if step.ScaleTo != nil {
		w.replicas = *step.ScaleTo
	}
	if step.Pods != nil {
		w.all = step.Pods
	}
	if step.Loads != nil {
		w.loads = step.Loads
	}
	count := min(max(int(w.replicas)+step.Surplus, 0), len(w.all))
	w.shown = w.all[:count]
}

// scales are the subresources scale: that of the target alone.
func (w *autoscaledWorld) scales() *scalefake.FakeScaleClient {
	client := &scalefake.FakeScaleClient{}
	client.AddReactor("get", "deployments", func(core.Action) (bool, runtime.Object, error) {
		w.looks++
		return true, &autoscalingv1.Scale{
			ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "default"},
			Spec:       autoscalingv1.ScaleSpec{Replicas: w.replicas},
			Status:     autoscalingv1.ScaleStatus{Replicas: w.active(), Selector: "app=web"},
		}, nil
	})
	client.AddReactor("update", "deployments", func(action core.Action) (bool, runtime.Object, error) {
		scale := action.(core.UpdateAction).GetObject().(*autoscalingv1.Scale)
		w.replicas = scale.Spec.Replicas
		return true, scale, nil
	})
	return client
}

// active is what the target's status counts.
func (w *autoscaledWorld) active() int32 {
	var count int32
	for _, pod := range w.shown {
		if pod.isActive() {
			count++
		}
	}
	return count
}

func (p autoscalePod) isActive() bool {
	return !p.Deleting && p.Phase != v1.PodFailed && p.Phase != v1.PodSucceeded
}

// reason says in few words what was logged.
func (w *autoscaledWorld) reason() string {
	reason := w.why
	w.why = ""
	switch {
	case strings.Contains(reason, "above Spec.MaxReplicas"):
		return "above maxReplicas"
	case strings.Contains(reason, "below Spec.MinReplicas"):
		return "below minReplicas"
	case reason == "All metrics below target":
		return "all metrics below target"
	}
	for _, name := range w.metrics {
		if strings.Contains(reason, name) {
			return name + " above target"
		}
	}
	return reason
}
