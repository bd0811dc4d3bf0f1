package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/klog/v2"
	"k8s.io/kubectl/pkg/drain"
)

var taintLogger = klog.Background()

func (own *Cluster) drainer(ctx context.Context, said *bytes.Buffer) *drain.Helper {
	return &drain.Helper{
		Ctx: ctx, Client: own.client, GracePeriodSeconds: -1, IgnoreAllDaemonSets: true, DeleteEmptyDirData: true,
		EvictErrorRetryDelay: 5 * time.Second, Out: said, ErrOut: said,
	}
}

func (own *Cluster) cordon(ctx context.Context, name string, desired bool) (*Result, error) {
	node, err := own.client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return failed(err)
	}
	if err := drain.RunCordonOrUncordon(own.drainer(ctx, &bytes.Buffer{}), node, desired); err != nil {
		return nil, err
	}
	return completed()
}

// drain cordons all nodes, then drains each, all at once, by kubectl's own code. A drain in which nothing moves for longer
// than a retry takes is blocked.
func (own *Cluster) drain(ctx context.Context, nodes []string) (*Result, error) {
	for _, name := range nodes {
		result, err := own.cordon(ctx, name, true)
		if err != nil || result.Outcome == "failed" {
			return result, err
		}
	}
	drainContext, cancel := context.WithCancel(ctx)
	defer cancel()
	type drained struct {
		said bytes.Buffer
		err  error
		done bool
	}
	drains := make([]drained, len(nodes))
	var lock sync.Mutex
	var evicted = make([]int, len(nodes))
	var group sync.WaitGroup
	for index, name := range nodes {
		drainer := own.drainer(drainContext, &drains[index].said)
		drainer.OnPodDeletionOrEvictionFinished = func(_ *corev1.Pod, _ bool, err error) {
			lock.Lock()
			defer lock.Unlock()
			if err == nil {
				evicted[index]++
			}
		}
		group.Go(func() {
			list, errs := drainer.GetPodsForDeletion(name)
			var err error
			refused := len(errs) > 0
			if !refused {
				err = drainer.DeleteOrEvictPods(list.Pods())
			}
			lock.Lock()
			defer lock.Unlock()
			drains[index].done = true
			drains[index].err = err
			if refused {
				drains[index].err = refusal{fmt.Errorf("%v", errs)}
			}
		})
	}
	busy := func() bool {
		lock.Lock()
		defer lock.Unlock()
		for index := range drains {
			if !drains[index].done {
				// One whole retry must have had no effect.
				return own.observer.QuietFor() < 7*time.Second
			}
		}
		return false
	}
	rest := own.waitUntilQuiet(ctx, busy)
	lock.Lock()
	result := &Result{}
	for index, name := range nodes {
		target := Target{Target: name, Outcome: "completed"}
		_, refused := drains[index].err.(refusal)
		switch {
		case !drains[index].done:
			target.Outcome = "blocked"
		case refused:
			target.Outcome = "refused"
		case drains[index].err != nil:
			target.Outcome = "failed"
		}
		target.Detail = fmt.Sprintf("%s, evicted %d", target.Outcome, evicted[index])
		if drains[index].err != nil {
			target.Detail += "; " + oneLine(drains[index].err.Error())
		}
		result.Targets = append(result.Targets, target)
	}
	lock.Unlock()
	// What still waits for a budget sleeps for five seconds before it looks whether it was given up.
	cancel()
	group.Wait()
	result.judge()
	if rest == Restless {
		result.Outcome = "livelock"
	}
	return result, nil
}

type refusal struct{ error }

func oneLine(text string) string {
	return strings.Join(strings.Fields(text), " ")
}

func (own *Cluster) setFailed(node string, failed bool) {
	own.failedLock.Lock()
	defer own.failedLock.Unlock()
	if failed {
		own.failed[node] = true
	} else {
		delete(own.failed, node)
	}
}

func (own *Cluster) failNodes(ctx context.Context, nodes []string) (*Result, error) {
	for _, name := range nodes {
		if own.holdsEvictions {
			if err := own.holdEvictions(ctx, name); err != nil {
				return nil, err
			}
		}
		if err := own.setKubelet(ctx, name, false); err != nil {
			return failed(err)
		}
	}
	for _, name := range nodes {
		own.setFailed(name, true)
	}
	own.disturbed = time.Now()
	return completed()
}

// recoverNodes gives the nodes their kubelets back. KWOK does not start containers a second time: keepReady does.
func (own *Cluster) recoverNodes(ctx context.Context, nodes []string) (*Result, error) {
	for _, name := range nodes {
		if !own.failed[name] {
			continue
		}
		if err := own.setKubelet(ctx, name, true); err != nil {
			return failed(err)
		}
		own.setFailed(name, false)
	}
	own.disturbed = time.Now()
	if err := own.waitForNodes(ctx); err != nil {
		return nil, err
	}
	return completed()
}

// keepReady sets pods ready again that the node lifecycle controller has set unready and whose node is ready now: a kubelet
// would, KWOK does not.
func (own *Cluster) keepReady(ctx context.Context) {
	pods, _ := own.observer.factory.Core().V1().Pods().Lister().List(labels.Everything())
	for _, pod := range pods {
		ready := podCondition(pod, corev1.PodReady)
		if !isActive(pod) || pod.Status.Phase != corev1.PodRunning || ready == nil || ready.Status == corev1.ConditionTrue {
			continue
		}
		node, err := own.observer.factory.Core().V1().Nodes().Lister().Get(pod.Spec.NodeName)
		if err != nil || own.failed[node.Name] || nodeReady(node) != "True" || ready.Reason == heldReason || ready.Reason == startingReason {
			continue
		}
		if time.Since(own.revived[string(pod.UID)]) > time.Second {
			own.revived[string(pod.UID)] = time.Now()
			_ = own.patchReady(ctx, pod, true, readyReason)
		}
	}
}

func (own *Cluster) deleteNodes(ctx context.Context, nodes []string) (*Result, error) {
	for _, name := range nodes {
		// Without its kubelet first: KWOK would make the pods of a node without object go at once.
		if err := own.client.CoreV1().Nodes().Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
			return failed(err)
		}
		own.setFailed(name, false)
	}
	own.disturbed = time.Now()
	return completed()
}
