package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"
)

// preFilterResultPlugin marks nodes that a PreFilter plugin left out before any Filter plugin saw them.
const preFilterResultPlugin = "PreFilterResult"

// scheduleCase is a cluster and one pod to find a node for.
type scheduleCase struct {
	ID string `json:"id"`
	// Objects are the cluster: Nodes in the order of their creation, bound Pods, Namespaces, Services and whatever else
	// plugins look at. Pods without spec.nodeName count only where status.nominatedNodeName is set.
	Objects []json.RawMessage `json:"objects"`
	Pod     json.RawMessage   `json:"pod"`
	// Configuration is a KubeSchedulerConfiguration; without one kube-scheduler's defaults apply. An answer holds the profile that
	// it gives the pod, with everything filled in.
	Configuration json.RawMessage `json:"configuration,omitempty"`
	Profile       *normalProfile  `json:"profile,omitempty"`
}

// verdict is a plugin's rejection, or Success. Reasons are sorted, as kube-scheduler sorts them in its events.
type verdict struct {
	Code    string   `json:"code"`
	Plugin  string   `json:"plugin,omitempty"`
	Reasons []string `json:"reasons,omitempty"`
}

// decision is what one scheduling cycle finds, with the scores of every feasible node even if there is only one, which
// kube-scheduler would take unscored.
type decision struct {
	PreFilter *verdict                    `json:"preFilter"`
	Nodes     map[string]verdict          `json:"nodes"`
	Scores    map[string]map[string]int64 `json:"scores"`
	Total     map[string]int64            `json:"total"`
	Best      []string                    `json:"best"`
}

// scheduleAnswer is a case and what is decided.
type scheduleAnswer struct {
	scheduleCase
	decision
	// Error says why there is no answer, where --keep-going asked for it.
	Error string `json:"error,omitempty"`
}

// answerSchedule is the subcommand schedule: {"id", "objects", "pod"} to the same with "preFilter", "nodes", "scores",
// "total" and "best", found by the plugins of kube-scheduler's default profile. With --keep-going a case that has no answer
// (an object that is none, or a pod that the API server would not accept) is answered with "error".
func answerSchedule(arguments []string, in io.Reader, out io.Writer) error {
	keepGoing := slices.Contains(arguments, "--keep-going")
	silenceKubernetes()
	return forEachLine(in, out, func(one scheduleCase) (scheduleAnswer, error) {
		answer := scheduleAnswer{scheduleCase: one}
		objects, pod, err := decodeCluster(one)
		if err == nil && keepGoing {
			err = validatePod(one.Pod)
		}
		if err == nil {
			err = answer.schedule(objects, pod)
		}
		if err != nil && keepGoing {
			return scheduleAnswer{scheduleCase: scheduleCase{ID: one.ID}, Error: err.Error()}, nil
		}
		if err != nil {
			return answer, fmt.Errorf("case %q: %w", one.ID, err)
		}
		return answer, nil
	})
}

// decodeCluster decodes and defaults the objects of a case as the API server would store them.
func decodeCluster(one scheduleCase) ([]runtime.Object, *v1.Pod, error) {
	objects := make([]runtime.Object, 0, len(one.Objects))
	for number, manifest := range one.Objects {
		object, err := decodeAsStored(manifest)
		if err != nil {
			return nil, nil, fmt.Errorf("object %d: %w", number, err)
		}
		objects = append(objects, object)
	}
	object, err := decodeAsStored(one.Pod)
	if err != nil {
		return nil, nil, fmt.Errorf("pod: %w", err)
	}
	pod, is := object.(*v1.Pod)
	if !is {
		return nil, nil, fmt.Errorf("pod: a %T", object)
	}
	return objects, pod, nil
}

// schedule follows Scheduler.findNodesThatFitPod and prioritizeNodes, over all nodes and without extenders.
func (a *decision) schedule(objects []runtime.Object, pod *v1.Pod) error {
	return a.scheduleIn(context.Background(), objects, pod)
}

// scheduleIn is the same by the profile that base carries.
func (a *decision) scheduleIn(base context.Context, objects []runtime.Object, pod *v1.Pod) error {
	ctx, cancel := context.WithCancel(base)
	defer cancel()
	cycle, err := newSchedulingCycle(ctx, objects)
	if err != nil {
		return err
	}
	a.Nodes, a.Scores, a.Total, a.Best = map[string]verdict{}, map[string]map[string]int64{}, map[string]int64{}, []string{}
	state := framework.NewCycleState()
	result, status, plugins := cycle.framework.RunPreFilterPlugins(ctx, state, pod)
	if !status.IsSuccess() {
		rejected, err := rejection(status, preFilterResultPlugin)
		if err != nil {
			return err
		}
		a.PreFilter = &rejected
		for _, node := range cycle.nodes {
			a.Nodes[node.Node().Name] = rejected
		}
		return nil
	}
	feasible, err := a.nominatedNode(ctx, cycle, state, pod)
	if err != nil || len(feasible) > 0 {
		return errors.Join(err, a.score(ctx, cycle, state, pod, feasible))
	}
	for _, node := range cycle.nodes {
		name := node.Node().Name
		if _, seen := a.Nodes[name]; seen {
			continue
		}
		if !result.AllNodes() && !result.NodeNames.Has(name) {
			reason := fmt.Sprintf("node(s) didn't satisfy plugin(s) %v", sortedKeys(plugins))
			a.Nodes[name] = verdict{fwk.UnschedulableAndUnresolvable.String(), preFilterResultPlugin, []string{reason}}
			continue
		}
		status := cycle.framework.RunFilterPluginsWithNominatedPods(ctx, state, pod, node)
		if status.IsSuccess() {
			feasible = append(feasible, node)
			a.Nodes[name] = verdict{Code: fwk.Success.String()}
			continue
		}
		if a.Nodes[name], err = rejection(status, ""); err != nil {
			return err
		}
	}
	return a.score(ctx, cycle, state, pod, feasible)
}

// nominatedNode follows Scheduler.evaluateNominatedNode: the node that room was made on is looked at first, and alone if the pod
// fits there.
func (a *decision) nominatedNode(ctx context.Context, cycle *schedulingCycle, state fwk.CycleState, pod *v1.Pod) ([]fwk.NodeInfo, error) {
	for _, node := range cycle.nodes {
		name := node.Node().Name
		if name != pod.Status.NominatedNodeName {
			continue
		}
		status := cycle.framework.RunFilterPluginsWithNominatedPods(ctx, state, pod, node)
		if status.IsSuccess() {
			a.Nodes[name] = verdict{Code: fwk.Success.String()}
			return []fwk.NodeInfo{node}, nil
		}
		rejected, err := rejection(status, "")
		a.Nodes[name] = rejected
		return nil, err
	}
	return nil, nil
}

func (a *decision) score(ctx context.Context, cycle *schedulingCycle, state fwk.CycleState, pod *v1.Pod, feasible []fwk.NodeInfo) error {
	if len(feasible) == 0 {
		return nil
	}
	if status := cycle.framework.RunPreScorePlugins(ctx, state, pod, feasible); !status.IsSuccess() {
		return status.AsError()
	}
	scored, status := cycle.framework.RunScorePlugins(ctx, state, pod, feasible)
	if !status.IsSuccess() {
		return status.AsError()
	}
	var highest int64 = -1
	for _, node := range scored {
		a.Scores[node.Name] = map[string]int64{}
		for _, plugin := range node.Scores {
			a.Scores[node.Name][plugin.Name] = plugin.Score
		}
		a.Total[node.Name] = node.TotalScore
		if node.TotalScore > highest {
			highest, a.Best = node.TotalScore, []string{}
		}
		if node.TotalScore == highest {
			a.Best = append(a.Best, node.Name)
		}
	}
	sort.Strings(a.Best)
	return nil
}

// rejection reads a status that is no success; an internal error of a plugin is an error here too.
func rejection(status *fwk.Status, pluginUnlessNamed string) (verdict, error) {
	if !status.IsRejected() {
		return verdict{}, status.AsError()
	}
	plugin := status.Plugin()
	if plugin == "" {
		plugin = pluginUnlessNamed
	}
	reasons := append([]string{}, status.Reasons()...)
	sort.Strings(reasons)
	return verdict{status.Code().String(), plugin, reasons}, nil
}
