package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	scheduling "k8s.io/component-helpers/scheduling/corev1"
)

// sequenceCase is a cluster and what happens to it, one step after the other.
type sequenceCase struct {
	ID      string            `json:"id"`
	Objects []json.RawMessage `json:"objects"`
	Steps   []sequenceStep    `json:"steps"`
}

// sequenceStep is one of these.
type sequenceStep struct {
	// Place is a pod that is created and gets a node. Where it fits nowhere, preemption is tried; where that does not help
	// either, the pod goes away again.
	Place json.RawMessage `json:"place,omitempty"`
	// Retry takes up the pod for which preemption has made room, the oldest of them.
	Retry bool `json:"retry,omitempty"`
	// Choice decides which of several nodes is taken: that of this number among the sorted names, counted round and round.
	Choice int `json:"choice,omitempty"`
	// Remove is the name of a pod that is gone, Terminate that of one which is being deleted; namespace, slash, name.
	Remove    string `json:"remove,omitempty"`
	Terminate string `json:"terminate,omitempty"`
	// Node is the name of one that gets the taints and the unschedulable of Spec instead of its own.
	Node string       `json:"node,omitempty"`
	Spec *v1.NodeSpec `json:"spec,omitempty"`
}

// sequenceOutcome is what one step came to; empty where nothing was to be decided.
type sequenceOutcome struct {
	Decision   *decision   `json:"decision,omitempty"`
	Preemption *postFilter `json:"preemption,omitempty"`
	// Node is the one that was taken, by the pod or for it.
	Node string `json:"node,omitempty"`
}

// sequenceAnswer is a case and the outcome of every step.
type sequenceAnswer struct {
	sequenceCase
	Outcomes []sequenceOutcome `json:"outcomes"`
	// Error says why there is no answer, where --keep-going asked for it.
	Error string `json:"error,omitempty"`
}

// answerSequence is the subcommand sequence: {"id", "objects", "steps"} to the same with "outcomes". After every step all is
// counted anew from the objects that there are then. With --keep-going a case that has no answer is answered with "error".
func answerSequence(arguments []string, in io.Reader, out io.Writer) error {
	keepGoing := slices.Contains(arguments, "--keep-going")
	silenceKubernetes()
	return forEachLine(in, out, func(one sequenceCase) (sequenceAnswer, error) {
		answer, err := one.answer()
		if err != nil && keepGoing {
			return sequenceAnswer{sequenceCase: sequenceCase{ID: one.ID}, Error: err.Error()}, nil
		}
		if err != nil {
			return answer, fmt.Errorf("case %q: %w", one.ID, err)
		}
		return answer, nil
	})
}

func (c sequenceCase) answer() (sequenceAnswer, error) {
	answer := sequenceAnswer{sequenceCase: c}
	cluster := &sequence{}
	for number, manifest := range c.Objects {
		if err := cluster.add(manifest); err != nil {
			return answer, fmt.Errorf("object %d: %w", number, err)
		}
	}
	for number, step := range c.Steps {
		outcome, err := cluster.take(step)
		if err != nil {
			return answer, fmt.Errorf("step %d: %w", number, err)
		}
		answer.Outcomes = append(answer.Outcomes, outcome)
	}
	return answer, nil
}

// sequence is a cluster that changes.
type sequence struct {
	objects []runtime.Object
}

func (s *sequence) add(manifest json.RawMessage) error {
	object, err := decodeAsStored(manifest)
	if pod, is := object.(*v1.Pod); is && err == nil {
		object, err = overTheWire(pod)
	}
	s.objects = append(s.objects, object)
	return err
}

func (s *sequence) take(step sequenceStep) (sequenceOutcome, error) {
	switch {
	case step.Place != nil:
		if err := validatePod(step.Place); err != nil {
			return sequenceOutcome{}, err
		}
		object, err := decodeAsStored(step.Place)
		if err != nil {
			return sequenceOutcome{}, err
		}
		pod, err := overTheWire(object.(*v1.Pod))
		if err != nil {
			return sequenceOutcome{}, err
		}
		return s.place(pod, step.Choice)
	case step.Retry:
		for index, object := range s.objects {
			if pod, is := object.(*v1.Pod); is && isNominated(pod) {
				s.objects = slices.Delete(s.objects, index, index+1)
				return s.place(pod, step.Choice)
			}
		}
	case step.Remove != "":
		s.removePods(func(pod *v1.Pod) bool { return nameOf(pod) == step.Remove })
	case step.Terminate != "":
		s.terminate(step.Terminate)
	case step.Node != "":
		for index, object := range s.objects {
			if node, is := object.(*v1.Node); is && node.Name == step.Node && step.Spec != nil {
				changed := node.DeepCopy()
				changed.Spec.Taints, changed.Spec.Unschedulable = step.Spec.Taints, step.Spec.Unschedulable
				s.objects[index] = changed
			}
		}
	}
	return sequenceOutcome{}, nil
}

func nameOf(pod *v1.Pod) string { return pod.Namespace + "/" + pod.Name }

func isNominated(pod *v1.Pod) bool {
	return pod.Spec.NodeName == "" && pod.Status.NominatedNodeName != ""
}

func (s *sequence) removePods(goes func(*v1.Pod) bool) {
	s.objects = slices.DeleteFunc(s.objects, func(object runtime.Object) bool {
		pod, is := object.(*v1.Pod)
		return is && goes(pod)
	})
}

func (s *sequence) terminate(name string) {
	for index, object := range s.objects {
		if pod, is := object.(*v1.Pod); is && nameOf(pod) == name && pod.Spec.NodeName != "" {
			changed := pod.DeepCopy()
			changed.DeletionTimestamp = &metav1.Time{}
			s.objects[index] = changed
		}
	}
}

// place follows Scheduler.schedulingCycle up to the point where the pod is assumed, and what the API server makes of it.
func (s *sequence) place(pod *v1.Pod, choice int) (sequenceOutcome, error) {
	outcome := sequenceOutcome{Decision: &decision{}}
	if err := outcome.Decision.schedule(s.objects, pod); err != nil {
		return outcome, err
	}
	if best := outcome.Decision.Best; len(best) > 0 {
		outcome.Node = best[choice%len(best)]
		bound := pod.DeepCopy()
		bound.Spec.NodeName, bound.Status.NominatedNodeName = outcome.Node, ""
		s.objects = append(s.objects, bound)
		return outcome, nil
	}
	outcome.Preemption = &postFilter{}
	if err := outcome.Preemption.preempt(slices.Clone(s.objects), pod); err != nil {
		return outcome, err
	}
	if chosen := outcome.Preemption.Chosen; len(chosen) > 0 {
		outcome.Node = chosen[choice%len(chosen)]
		s.preempt(pod, outcome.Node, outcome.Preemption.Candidates[outcome.Node].Pods)
	}
	return outcome, nil
}

// preempt lets the victims go at once, and with them the pods of lower priority for which room was made on this node: they are
// nominated no longer.
func (s *sequence) preempt(pod *v1.Pod, node string, victims []string) {
	s.removePods(func(other *v1.Pod) bool {
		isLower := isNominated(other) && other.Status.NominatedNodeName == node && scheduling.PodPriority(other) < scheduling.PodPriority(pod)
		return isLower || slices.Contains(victims, nameOf(other))
	})
	nominated := pod.DeepCopy()
	nominated.Status.NominatedNodeName = node
	s.objects = append(s.objects, nominated)
}
