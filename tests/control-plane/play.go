package main

import (
	"context"
	"fmt"
	"math"
	"sort"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
)

// Recording is what happened to a case on a real control plane.
type Recording struct {
	Kubernetes string         `json:"kubernetes"`
	Case       string         `json:"case"`
	Settings   *Settings      `json:"settings"`
	Initial    *State         `json:"initial"`
	Steps      []StepRecorded `json:"steps"`
	Seconds    map[string]any `json:"recordedSeconds"`
}

// StepRecorded is one step of a recording.
type StepRecorded struct {
	Action   string         `json:"action"`
	Outcome  string         `json:"outcome"`
	Detail   string         `json:"detail"`
	Targets  []Target       `json:"targets,omitempty"`
	After    *State         `json:"after"`
	MinReady map[string]int `json:"minReady"`
	// Deployments that report that they made no progress in time.
	PastDeadline []string `json:"progressDeadlineExceeded,omitempty"`
	Seconds      float64  `json:"seconds"`
}

// Play plays a case on an empty cluster and leaves the cluster empty.
func (own *Cluster) Play(ctx context.Context, item *Case) (recording *Recording, err error) {
	began := time.Now()
	defer func() {
		if wipeErr := own.Wipe(ctx); err == nil && wipeErr != nil {
			err = wipeErr
		}
	}()
	if item.has("HorizontalPodAutoscaler") {
		if err := own.registerMetrics(ctx); err != nil {
			return nil, err
		}
	}
	own.stopsScheduler, own.keepsScheduler = item.stopsScheduler(), item.setting("kube-scheduler") == "from-bind"
	own.holdsEvictions, own.held, own.begun = item.setting("taint-eviction") == "in-bind", map[types.UID]bool{}, false
	if err := own.begin(ctx, item); err != nil {
		return nil, err
	}
	own.waitUntilQuiet(ctx, idle)
	initial, err := own.State(ctx)
	if err != nil {
		return nil, err
	}
	recording = &Recording{
		Kubernetes: own.version, Case: item.Name, Settings: own.settings, Initial: initial, Steps: []StepRecorded{},
	}
	startup := time.Since(began)
	own.alignClock(ctx, item)
	for index := range item.Scenario.Spec.Steps {
		step := &item.Scenario.Spec.Steps[index]
		recorded, err := own.playStep(ctx, step, item.Folder)
		if err != nil {
			return nil, fmt.Errorf("%s, step %d: %w", item.Name, index+1, err)
		}
		recorded.Action = item.Actions[index]
		recording.Steps = append(recording.Steps, *recorded)
	}
	recording.Seconds = map[string]any{"total": seconds(time.Since(began)), "startup": seconds(startup)}
	return recording, nil
}

// begin makes the objects of a case, with its pods where they are.
func (own *Cluster) begin(ctx context.Context, item *Case) error {
	given, err := ReadGiven(item.Cluster)
	if err != nil {
		return err
	}
	binds := item.hasGivenPods()
	if err := own.setScheduler(ctx, !own.stopsScheduler && !binds); err != nil {
		return err
	}
	own.observer.BeginStep()
	if err := own.Create(ctx, given.objects); err != nil {
		return err
	}
	if !binds {
		return nil
	}
	if err := own.bindGiven(ctx, given); err != nil {
		return err
	}
	own.waitUntilQuiet(ctx, idle)
	return own.setScheduler(ctx, !own.stopsScheduler)
}

// alignClock waits for the beginning of a minute where a case has CronJobs: the simulator's clock begins with one too.
func (own *Cluster) alignClock(ctx context.Context, item *Case) {
	own.clock = time.Time{}
	if !item.has("CronJob") {
		return
	}
	now := time.Now()
	own.clock = now.Truncate(time.Minute)
	if now.Sub(own.clock) > time.Second {
		own.clock = own.clock.Add(time.Minute)
		sleep(ctx, time.Until(own.clock))
	}
}

// wait lets time pass. Where the clock matters it is that of the simulator, to which all other steps take no time.
func (own *Cluster) wait(ctx context.Context, seconds int64) {
	duration := time.Duration(seconds) * time.Second
	if own.clock.IsZero() {
		sleep(ctx, duration)
		return
	}
	own.clock = own.clock.Add(duration)
	sleep(ctx, time.Until(own.clock))
}

// sleep ends when ctx does.
func sleep(ctx context.Context, duration time.Duration) {
	select {
	case <-time.After(duration):
	case <-ctx.Done():
	}
}

func idle() bool { return false }

func seconds(duration time.Duration) float64 {
	return math.Round(duration.Seconds()*10) / 10
}

// State is what was watched.
func (own *Cluster) State(ctx context.Context) (*State, error) {
	return own.observer.State(ctx)
}

func (own *Cluster) playStep(ctx context.Context, step *Step, folder string) (*StepRecorded, error) {
	began := time.Now()
	if err := own.setScheduler(ctx, !own.stopsScheduler || own.keepsScheduler && own.begun); err != nil {
		return nil, err
	}
	own.observer.BeginStep()
	result, err := own.perform(ctx, step, folder)
	if err != nil {
		return nil, err
	}
	rest := AtRest
	if step.Wait == nil {
		rest = own.waitUntilQuiet(ctx, idle)
	}
	after, err := own.State(ctx)
	if err != nil {
		return nil, err
	}
	if result.judged {
		own.judgeWorkloads(result, after)
	}
	if step.Wait == nil {
		own.tellRefusals(result, began)
	}
	if rest == Restless {
		result.Outcome = "livelock"
		result.Detail = fmt.Sprintf("after %d changes it still goes on", own.observer.Changes())
	}
	if step.FailNode != nil {
		bound, terminating := 0, 0
		for _, pod := range after.Pods {
			if pod.Node != nil && own.failed[*pod.Node] {
				bound++
				if pod.Terminating {
					terminating++
				}
			}
		}
		result.Detail = fmt.Sprintf("pods still bound to failed nodes: %d (%d terminating)", bound, terminating)
	}
	lowest := map[string]int{}
	for workload := range after.Workloads {
		lowest[workload] = own.observer.Lowest(workload)
	}
	return &StepRecorded{
		Outcome: result.Outcome, Detail: result.Detail, Targets: result.Targets, After: after, MinReady: lowest,
		PastDeadline: own.pastDeadline(), Seconds: seconds(time.Since(began)),
	}, nil
}

// judgeWorkloads tells whether the workloads that a step was aimed at have come to their desired state, as
// `kubectl rollout status` does.
func (own *Cluster) judgeWorkloads(result *Result, after *State) {
	result.Outcome = "completed"
	var details []string
	for _, workload := range result.workloads {
		if parts := strings.SplitN(workload, "/", 2); parts[0] == "job" {
			job := after.Jobs[parts[1]]
			if job.Condition == "Failed" || job.Condition == "FailureTarget" || job.Condition == "SuccessCriteriaMet" {
				result.Outcome = "stuck"
			}
			details = append(details, fmt.Sprintf("%+v", job))
			continue
		}
		numbers, known := after.Workloads[workload]
		if !known {
			continue
		}
		detail := fmt.Sprintf("desired=%d, replicas=%d, updated=%d, ready=%d, available=%d",
			numbers.Desired, numbers.Replicas, numbers.Updated, numbers.Ready, numbers.Available)
		if !own.isComplete(workload, numbers) {
			result.Outcome = "stuck"
			for _, reason := range unschedulable(after, workload) {
				detail += "; " + reason
			}
		}
		if len(result.workloads) > 1 {
			detail = workload + ": " + detail
		}
		details = append(details, detail)
	}
	result.Detail = strings.Join(details, "; ")
}

func unschedulable(state *State, workload string) []string {
	reasons := map[string]bool{}
	for _, pod := range state.Pods {
		if pod.Owner == workload && pod.UnschedulableReason != "" && !pod.Terminating {
			reasons[pod.UnschedulableReason] = true
		}
	}
	sorted := make([]string, 0, len(reasons))
	for reason := range reasons {
		sorted = append(sorted, reason)
	}
	sort.Strings(sorted)
	return sorted
}

func (own *Cluster) isComplete(workload string, numbers Numbers) bool {
	parts := strings.Split(workload, "/")
	kind, namespace, name := parts[0], parts[1], parts[2]
	apps := own.observer.factory.Apps().V1()
	settled := numbers.Replicas == numbers.Desired && numbers.Available == numbers.Desired
	switch kind {
	case "deployment":
		item, err := apps.Deployments().Lister().Deployments(namespace).Get(name)
		return err == nil && settled && (item.Spec.Paused || numbers.Updated == numbers.Desired)
	case "statefulset":
		item, err := apps.StatefulSets().Lister().StatefulSets(namespace).Get(name)
		if err != nil {
			return false
		}
		kept := int32(0)
		switch {
		case item.Spec.UpdateStrategy.Type == appsv1.OnDeleteStatefulSetStrategyType:
			kept = numbers.Desired
		case item.Spec.UpdateStrategy.RollingUpdate != nil && item.Spec.UpdateStrategy.RollingUpdate.Partition != nil:
			kept = min(*item.Spec.UpdateStrategy.RollingUpdate.Partition, numbers.Desired)
		}
		return settled && numbers.Updated >= numbers.Desired-kept
	case "daemonset":
		item, err := apps.DaemonSets().Lister().DaemonSets(namespace).Get(name)
		onDelete := err == nil && item.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType
		return numbers.Available >= numbers.Desired && (onDelete || numbers.Updated >= numbers.Desired)
	default:
		return settled
	}
}

// pastDeadline are the Deployments whose condition Progressing has the reason ProgressDeadlineExceeded.
func (own *Cluster) pastDeadline() []string {
	var late []string
	deployments, _ := own.observer.factory.Apps().V1().Deployments().Lister().List(labels.Everything())
	for _, item := range deployments {
		for _, condition := range item.Status.Conditions {
			if condition.Type == appsv1.DeploymentProgressing && condition.Reason == "ProgressDeadlineExceeded" {
				late = append(late, workloadText("deployment", item.Namespace, item.Name))
			}
		}
	}
	sort.Strings(late)
	return late
}
