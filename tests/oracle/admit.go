package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/apiserver/pkg/admission"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/apis/core"
	schedulingapi "k8s.io/kubernetes/pkg/apis/scheduling/v1"
	"k8s.io/kubernetes/plugin/pkg/admission/defaulttolerationseconds"
	"k8s.io/kubernetes/plugin/pkg/admission/limitranger"
	"k8s.io/kubernetes/plugin/pkg/admission/priority"
	"k8s.io/kubernetes/plugin/pkg/admission/runtimeclass"
)

// admitCase is a pod that is created among objects that admission reads.
type admitCase struct {
	ID      string            `json:"id"`
	Objects []json.RawMessage `json:"objects"`
	Pod     json.RawMessage   `json:"pod"`
}

// admitAnswer is the pod's specification after admission, or the plugin that refuses it and what it says, sorted.
type admitAnswer struct {
	admitCase
	Spec    *v1.PodSpec `json:"spec,omitempty"`
	Plugin  string      `json:"plugin,omitempty"`
	Reasons []string    `json:"reasons,omitempty"`
	// Error says why there is no answer, where --keep-going asked for it.
	Error string `json:"error,omitempty"`
}

// answerAdmit is the subcommand admit: {"id", "objects", "pod"} to the same with "spec", or "plugin" and "reasons". The
// plugins are those that change where a pod can go and are on by default: LimitRanger, Priority, DefaultTolerationSeconds
// and RuntimeClass.
//
// With --keep-going a case that has no answer is answered with "error".
func answerAdmit(arguments []string, in io.Reader, out io.Writer) error {
	keepGoing := slices.Contains(arguments, "--keep-going")
	silenceKubernetes()
	return forEachLine(in, out, func(one admitCase) (admitAnswer, error) {
		answer := admitAnswer{admitCase: one}
		if err := answer.admit(); err != nil {
			if keepGoing {
				return admitAnswer{admitCase: admitCase{ID: one.ID}, Error: err.Error()}, nil
			}
			return answer, fmt.Errorf("case %q: %w", one.ID, err)
		}
		return answer, nil
	})
}

func (a *admitAnswer) admit() error {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	chain, err := newAdmissionChain(ctx, a.Objects)
	if err != nil {
		return err
	}
	object, err := decodeWithDefaults(a.Pod)
	if err != nil {
		return err
	}
	pod, err := internalPod(object.(*v1.Pod))
	if err != nil {
		return err
	}
	plugin, refusal := chain.admit(ctx, pod)
	if refusal != nil {
		a.Plugin, a.Reasons = plugin, reasonsOf(refusal)
		return nil
	}
	versioned := &v1.Pod{}
	if err := legacyscheme.Scheme.Convert(pod, versioned, nil); err != nil {
		return err
	}
	a.Spec = &versioned.Spec
	return nil
}

// reasonsOf are the single reasons of a refusal, without the name of the pod, sorted: LimitRanger's order is a map's.
func reasonsOf(refusal error) []string {
	var several utilerrors.Aggregate
	if errors.As(refusal, &several) {
		var reasons []string
		for _, one := range several.Errors() {
			reasons = append(reasons, one.Error())
		}
		sort.Strings(reasons)
		return reasons
	}
	_, reason, found := strings.Cut(refusal.Error(), "is forbidden: ")
	if !found {
		reason = refusal.Error()
	}
	return []string{reason}
}

// admissionChain is the plugins over the objects of one case.
type admissionChain struct {
	ranges       []*v1.LimitRange
	priority     *priority.Plugin
	tolerations  *defaulttolerationseconds.Plugin
	runtimeClass *runtimeclass.RuntimeClass
}

func newAdmissionChain(ctx context.Context, manifests []json.RawMessage) (*admissionChain, error) {
	chain := &admissionChain{
		priority:     priority.NewPlugin(),
		tolerations:  defaulttolerationseconds.NewDefaultTolerationSeconds(),
		runtimeClass: runtimeclass.NewRuntimeClass(),
	}
	var objects []runtime.Object
	// The API server makes these itself.
	for _, class := range schedulingapi.SystemPriorityClasses() {
		legacyscheme.Scheme.Default(class)
		objects = append(objects, class)
	}
	for _, manifest := range manifests {
		object, err := decodeWithDefaults(manifest)
		if err != nil {
			return nil, err
		}
		if limitRange, is := object.(*v1.LimitRange); is {
			chain.ranges = append(chain.ranges, limitRange)
		}
		objects = append(objects, object)
	}
	client := fake.NewClientset(objects...)
	factory := informers.NewSharedInformerFactory(client, 0)
	chain.priority.SetExternalKubeClientSet(client)
	chain.priority.SetExternalKubeInformerFactory(factory)
	chain.runtimeClass.SetExternalKubeClientSet(client)
	chain.runtimeClass.SetExternalKubeInformerFactory(factory)
	chain.tolerations.InspectFeatureGates(utilfeature.DefaultFeatureGate)
	factory.Start(ctx.Done())
	synced := factory.WaitForCacheSyncWithContext(ctx)
	return chain, synced.Err
}

// admit changes pod as the plugins do, in their order, and names the first one that refuses it.
func (c *admissionChain) admit(ctx context.Context, pod *core.Pod) (string, error) {
	attributes := admission.NewAttributesRecord(pod, nil, core.Kind("Pod").WithVersion("version"), pod.Namespace, pod.Name,
		core.Resource("pods").WithVersion("version"), "", admission.Create, &metav1.CreateOptions{}, false, nil)
	for _, limitRange := range c.ranges {
		if err := limitranger.PodMutateLimitFunc(limitRange, pod); err != nil {
			return limitranger.PluginName, err
		}
	}
	if err := c.priority.Admit(ctx, attributes, nil); err != nil {
		return priority.PluginName, err
	}
	if err := c.tolerations.Admit(ctx, attributes, nil); err != nil {
		return defaulttolerationseconds.PluginName, err
	}
	if err := c.runtimeClass.Admit(ctx, attributes, nil); err != nil {
		return runtimeclass.PluginName, err
	}
	for _, limitRange := range c.ranges {
		if err := limitranger.PodValidateLimitFunc(limitRange, pod); err != nil {
			return limitranger.PluginName, err
		}
	}
	return runtimeclass.PluginName, c.runtimeClass.Validate(ctx, attributes, nil)
}
