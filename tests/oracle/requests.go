package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	resourcehelper "k8s.io/component-helpers/resource"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	schedutil "k8s.io/kubernetes/pkg/scheduler/util"
)

// requestsCase is one pod whose requests are counted.
type requestsCase struct {
	ID  string          `json:"id"`
	Pod json.RawMessage `json:"pod"`
}

// amounts are in the scheduler's units: thousandths of a CPU, whole units of everything else.
type amounts struct {
	CPU              int64            `json:"cpu"`
	Memory           int64            `json:"memory"`
	EphemeralStorage int64            `json:"ephemeralStorage"`
	Scalar           map[string]int64 `json:"scalar"`
}

// scored is what the least-allocated score counts.
type scored struct {
	CPU    int64 `json:"cpu"`
	Memory int64 `json:"memory"`
}

// requestsAnswer is what the scheduler counts for a pod: on its node, where its status counts too, and while it is placed.
type requestsAnswer struct {
	requestsCase
	Requests         amounts `json:"requests"`
	NonZero          scored  `json:"nonZero"`
	RequestsIncoming amounts `json:"requestsIncoming"`
	NonZeroIncoming  scored  `json:"nonZeroIncoming"`
	// Error says why there is no answer, where --keep-going asked for it.
	Error string `json:"error,omitempty"`
}

// answerRequests is the subcommand requests: {"id", "pod"} to the same with the sums of a pod that is on a node
// ("requests", "nonZero": PodInfo.CalculateResource) and of one that is being placed ("requestsIncoming": PodRequests as
// NodeResourcesFit filters with it; "nonZeroIncoming": as its score calls it).
//
// With --keep-going a case that has no answer (a pod that the API server would not accept) is answered with "error".
func answerRequests(arguments []string, in io.Reader, out io.Writer) error {
	keepGoing := slices.Contains(arguments, "--keep-going")
	return forEachLine(in, out, func(one requestsCase) (requestsAnswer, error) {
		answer, err := one.answer()
		if err != nil && keepGoing {
			return requestsAnswer{requestsCase: requestsCase{ID: one.ID}, Error: err.Error()}, nil
		}
		return answer, err
	})
}

func (c requestsCase) answer() (requestsAnswer, error) {
	answer := requestsAnswer{requestsCase: c}
	object, err := decodeAsStored(c.Pod)
	if err != nil {
		return answer, fmt.Errorf("case %q: %w", c.ID, err)
	}
	pod, is := object.(*v1.Pod)
	if !is {
		return answer, fmt.Errorf("case %q: a %T", c.ID, object)
	}
	if err := answer.count(pod); err != nil {
		return answer, fmt.Errorf("case %q: %w", c.ID, err)
	}
	return answer, nil
}

func (a *requestsAnswer) count(pod *v1.Pod) error {
	onNode, err := overTheWire(pod)
	if err != nil {
		return err
	}
	information, err := framework.NewPodInfo(onNode)
	if err != nil {
		return err
	}
	placed := information.CalculateResource()
	a.Requests = amountsOf(placed.Resource)
	a.NonZero = scored{placed.Non0CPU, placed.Non0Mem}
	filtered, err := overTheWire(pod)
	if err != nil {
		return err
	}
	a.RequestsIncoming = amountsOf(framework.NewResource(resourcehelper.PodRequests(filtered, resourcehelper.PodResourcesOptions{})))
	incoming, err := overTheWire(pod)
	if err != nil {
		return err
	}
	a.NonZeroIncoming = scoredIncoming(incoming)
	return nil
}

// overTheWire is pod as the scheduler receives it. Quantities that were summed in this process can share memory with the
// sums that PodRequests makes of them, so that asking twice would add the overhead twice.
func overTheWire(pod *v1.Pod) (*v1.Pod, error) {
	written, err := json.Marshal(pod)
	if err != nil {
		return nil, err
	}
	received := &v1.Pod{}
	return received, json.Unmarshal(written, received)
}

func amountsOf(counted fwk.Resource) amounts {
	scalar := map[string]int64{}
	for name, amount := range counted.GetScalarResources() {
		scalar[string(name)] = amount
	}
	return amounts{counted.GetMilliCPU(), counted.GetMemory(), counted.GetEphemeralStorage(), scalar}
}

// scoredIncoming calls PodRequests as the scorer of NodeResourcesFit does in the default profile: neither the status nor
// requests of the whole pod count.
func scoredIncoming(pod *v1.Pod) scored {
	requests := resourcehelper.PodRequests(pod, resourcehelper.PodResourcesOptions{
		SkipPodLevelResources: true,
		NonMissingContainerRequests: v1.ResourceList{
			v1.ResourceCPU:    *resource.NewMilliQuantity(schedutil.DefaultMilliCPURequest, resource.DecimalSI),
			v1.ResourceMemory: *resource.NewQuantity(schedutil.DefaultMemoryRequest, resource.DecimalSI),
		},
	})
	return scored{requests.Cpu().MilliValue(), requests.Memory().Value()}
}
