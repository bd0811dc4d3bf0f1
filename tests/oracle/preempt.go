package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sort"

	v1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/defaultpreemption"
	pluginfeature "k8s.io/kubernetes/pkg/scheduler/framework/plugins/feature"
	"k8s.io/kubernetes/pkg/scheduler/framework/preemption"
)

// choices is how often the best of so many candidates is asked for: ties are broken by the order of a Go map, in which what is
// asked for least comes first once in the number of its slots, fewer than four times as many as it has entries.
func choices(candidates int) int { return 200 + 80*candidates }

// victims are the pods that preemption would evict on a node, most important first.
type victims struct {
	Pods             []string `json:"pods"`
	BudgetViolations int64    `json:"budgetViolations"`
}

// preemptAnswer is a case and what is found for it.
type preemptAnswer struct {
	scheduleCase
	postFilter
	// Error says why there is no answer, where --keep-going asked for it.
	Error string `json:"error,omitempty"`
}

// postFilter is what PostFilter finds for a pod that fits no node.
type postFilter struct {
	// Feasible is true where the pod fits somewhere: nothing else is recorded then.
	Feasible bool `json:"feasible,omitempty"`
	// Candidates are the nodes where evicting pods makes room.
	Candidates map[string]victims `json:"candidates"`
	// Chosen are the nodes that were chosen among them in many tries.
	Chosen []string `json:"chosen"`
	// Statuses are the rejections of the other nodes on which preemption was tried.
	Statuses map[string]verdict `json:"statuses"`
	// Message is that of the PodScheduled condition.
	Message string `json:"message"`
}

// answerPreempt is the subcommand preempt: {"id", "objects", "pod"} to the same with the answer of PostFilter. With
// --keep-going a case that has no answer is answered with "error".
func answerPreempt(arguments []string, in io.Reader, out io.Writer) error {
	keepGoing := slices.Contains(arguments, "--keep-going")
	silenceKubernetes()
	return forEachLine(in, out, func(one scheduleCase) (preemptAnswer, error) {
		answer := preemptAnswer{scheduleCase: one}
		objects, pod, err := decodeCluster(one)
		if err == nil && keepGoing {
			err = validatePod(one.Pod)
		}
		if err == nil {
			err = answer.preempt(objects, pod)
		}
		if err != nil && keepGoing {
			return preemptAnswer{scheduleCase: scheduleCase{ID: one.ID}, Error: err.Error()}, nil
		}
		if err != nil {
			return answer, fmt.Errorf("case %q: %w", one.ID, err)
		}
		return answer, nil
	})
}

func (a *postFilter) preempt(objects []runtime.Object, pod *v1.Pod) error {
	return a.preemptIn(context.Background(), objects, pod)
}

// preemptIn is the same by the profile that base carries.
func (a *postFilter) preemptIn(base context.Context, objects []runtime.Object, pod *v1.Pod) error {
	ctx, cancel := context.WithCancel(base)
	defer cancel()
	cycle, err := newSchedulingCycle(ctx, append(objects, pod))
	if err != nil {
		return err
	}
	a.Candidates, a.Chosen, a.Statuses = map[string]victims{}, []string{}, map[string]verdict{}
	if len(cycle.nodes) == 0 {
		a.Message = scheduler.ErrNoNodesAvailable.Error()
		return nil
	}
	state := framework.NewCycleState()
	diagnosis := framework.Diagnosis{NodeToStatus: framework.NewDefaultNodeToStatus()}
	if a.Feasible, err = filterAll(ctx, cycle, state, pod, &diagnosis); err != nil || a.Feasible {
		return err
	}
	if diagnosis.PreFilterMsg == "" {
		if err := a.dryRun(ctx, cycle, state, pod, objects, diagnosis.NodeToStatus); err != nil {
			return err
		}
	}
	// With a candidate PostFilter would succeed, without any text, and begin to evict.
	if len(a.Candidates) == 0 {
		_, status := cycle.framework.RunPostFilterPlugins(ctx, state, pod, diagnosis.NodeToStatus)
		diagnosis.PostFilterMsg = status.Message()
	}
	a.Message = (&framework.FitError{Pod: pod, NumAllNodes: len(cycle.nodes), Diagnosis: diagnosis}).Error()
	return nil
}

// filterAll follows Scheduler.findNodesThatFitPod and says whether a node fits.
func filterAll(ctx context.Context, cycle *schedulingCycle, state fwk.CycleState, pod *v1.Pod, diagnosis *framework.Diagnosis) (bool, error) {
	result, status, plugins := cycle.framework.RunPreFilterPlugins(ctx, state, pod)
	if !status.IsSuccess() {
		if !status.IsRejected() {
			return false, status.AsError()
		}
		diagnosis.NodeToStatus.SetAbsentNodesStatus(status)
		diagnosis.PreFilterMsg = status.Message()
		return false, nil
	}
	if !result.AllNodes() {
		reason := fmt.Sprintf("node(s) didn't satisfy plugin(s) %v", sortedKeys(plugins))
		diagnosis.NodeToStatus.SetAbsentNodesStatus(fwk.NewStatus(fwk.UnschedulableAndUnresolvable, reason))
	}
	for _, node := range cycle.nodes {
		name := node.Node().Name
		if !result.AllNodes() && !result.NodeNames.Has(name) && name != pod.Status.NominatedNodeName {
			continue
		}
		status := cycle.framework.RunFilterPluginsWithNominatedPods(ctx, state, pod, node)
		if status.IsSuccess() {
			return true, nil
		}
		if !status.IsRejected() {
			return false, status.AsError()
		}
		diagnosis.NodeToStatus.Set(name, status)
	}
	return false, nil
}

// dryRun asks for the victims on every node, which PostFilter itself does not tell.
func (a *postFilter) dryRun(ctx context.Context, cycle *schedulingCycle, state fwk.CycleState, pod *v1.Pod, objects []runtime.Object, statuses *framework.NodeToStatus) error {
	arguments := preemptionArguments(ctx, cycle.framework)
	if arguments == nil {
		return nil
	}
	plugin, err := defaultpreemption.New(ctx, arguments, cycle.framework, pluginfeature.NewSchedulerFeaturesFromGates(utilfeature.DefaultFeatureGate))
	if err != nil {
		return err
	}
	if eligible, _ := plugin.PodEligibleToPreemptOthers(ctx, pod, statuses.Get(pod.Status.NominatedNodeName)); !eligible {
		return nil
	}
	nodes, err := statuses.NodesForStatusCode(cycle.framework.SnapshotSharedLister().NodeInfos(), fwk.Unschedulable)
	if err != nil || len(nodes) == 0 {
		return err
	}
	var budgets []*policyv1.PodDisruptionBudget
	for _, object := range objects {
		if budget, is := object.(*policyv1.PodDisruptionBudget); is {
			budgets = append(budgets, budget)
		}
	}
	candidates, others, err := plugin.Evaluator.DryRunPreemption(ctx, state, pod, nodes, budgets, 0, int32(len(nodes)))
	if err != nil {
		return err
	}
	for _, candidate := range candidates {
		found := victims{BudgetViolations: candidate.Victims().NumPDBViolations}
		for _, victim := range candidate.Victims().Pods {
			found.Pods = append(found.Pods, victim.Namespace+"/"+victim.Name)
		}
		a.Candidates[candidate.Name()] = found
	}
	others.ForEachExplicitNode(func(name string, status *fwk.Status) {
		a.Statuses[name], err = rejection(status, "")
	})
	if isConfigured(ctx) && err == nil {
		return a.chooseFromAnyStart(ctx, plugin, state, pod, nodes, budgets)
	}
	a.choose(ctx, plugin.Evaluator, candidates)
	return err
}

func (a *postFilter) choose(ctx context.Context, evaluator *preemption.Evaluator, candidates []preemption.Candidate) {
	if len(candidates) == 0 {
		return
	}
	chosen := map[string]bool{}
	for range choices(len(candidates)) {
		chosen[evaluator.SelectCandidate(ctx, candidates).Name()] = true
	}
	a.Chosen = sortedKeys(chosen)
	sort.Strings(a.Chosen)
}
