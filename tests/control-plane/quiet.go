package main

import (
	"context"
	"math"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

const (
	// How long nothing must change before a step is over, if nothing is known to come.
	baseQuiet = 2500 * time.Millisecond
	// The same while a node is down: between two nodes that are given up there are 10 s, and a node is given up after
	// its grace period.
	failureQuiet = 12 * time.Second
	// A step that has not come to rest by then never does, unless something is known to come.
	restlessAfter = 60 * time.Second
	// The longest that anything known is waited for.
	longestWait = 480 * time.Second
)

// Rest is how a step came to its end.
type Rest int

const (
	AtRest Rest = iota
	Restless
)

// waitUntilQuiet waits until nothing changes any more and nothing is known to come; busy says that the step itself goes on.
func (own *Cluster) waitUntilQuiet(ctx context.Context, busy func() bool) Rest {
	began := time.Now()
	lastComing := began
	for ctx.Err() == nil {
		quiet, coming := own.quietNeeded(), own.isSomethingComing()
		if coming {
			lastComing = time.Now()
		}
		own.keepReady(ctx)
		if own.observer.QuietFor() >= quiet && !coming && !busy() {
			return AtRest
		}
		elapsed := time.Since(began)
		if elapsed > longestWait || (time.Since(lastComing) > restlessAfter && own.observer.QuietFor() < baseQuiet) {
			return Restless
		}
		time.Sleep(50 * time.Millisecond)
	}
	return Restless
}

// quietNeeded is how long nothing must happen.
func (own *Cluster) quietNeeded() time.Duration {
	needed := baseQuiet
	if time.Since(own.disturbed) < failureQuiet {
		needed = 2 * baseQuiet
	}
	if own.isScheduling() {
		needed = 2 * baseQuiet
	}
	if own.mayTaint() {
		needed = max(failureQuiet, own.settings.gracePeriod+6*time.Second)
	}
	seconds := max(own.settings.StartupSeconds, own.settings.ShutdownSeconds)
	apps := own.observer.factory.Apps().V1()
	deployments, _ := apps.Deployments().Lister().List(labels.Everything())
	for _, item := range deployments {
		seconds = max(seconds, int(item.Spec.MinReadySeconds))
		deadline := item.Spec.ProgressDeadlineSeconds
		if deadline != nil && *deadline < 60 && item.Status.UpdatedReplicas != item.Status.AvailableReplicas {
			seconds = max(seconds, int(*deadline))
		}
	}
	stateful, _ := apps.StatefulSets().Lister().List(labels.Everything())
	for _, item := range stateful {
		seconds = max(seconds, int(item.Spec.MinReadySeconds))
	}
	daemons, _ := apps.DaemonSets().Lister().List(labels.Everything())
	for _, item := range daemons {
		seconds = max(seconds, int(item.Spec.MinReadySeconds))
	}
	autoscalers, _ := own.observer.factory.Autoscaling().V2().HorizontalPodAutoscalers().Lister().List(labels.Everything())
	if len(autoscalers) > 0 {
		// Two of their looks.
		seconds = max(seconds, 31)
	}
	jobs, _ := own.observer.factory.Batch().V1().Jobs().Lister().List(labels.Everything())
	for _, job := range jobs {
		finished := job.Status.CompletionTime != nil
		for _, condition := range job.Status.Conditions {
			finished = finished || condition.Type == "Failed" && condition.Status == corev1.ConditionTrue
		}
		if finished {
			continue
		}
		// Failed pods are replaced after 10 s, 20 s and so on.
		if job.Status.Failed > 0 {
			seconds = max(seconds, int(10*math.Pow(2, float64(min(job.Status.Failed, 6)-1))))
		}
		if job.Spec.ActiveDeadlineSeconds != nil {
			seconds = max(seconds, int(min(*job.Spec.ActiveDeadlineSeconds, 60)))
		}
	}
	return max(needed+time.Duration(seconds)*time.Second, own.untilRetried())
}

// isScheduling tells whether a scheduler runs that is stopped in other steps of the case.
func (own *Cluster) isScheduling() bool {
	return own.stopsScheduler && own.processes != nil && own.processes.scheduler != nil
}

// mayTaint tells whether a node that is down has not been given up yet.
func (own *Cluster) mayTaint() bool {
	for name := range own.failed {
		node, err := own.observer.factory.Core().V1().Nodes().Lister().Get(name)
		if err != nil {
			continue
		}
		given := false
		for _, taint := range node.Spec.Taints {
			given = given || taint.Key == corev1.TaintNodeUnreachable && taint.Effect == corev1.TaintEffectNoExecute
		}
		if !given {
			return true
		}
	}
	return false
}

// isSomethingComing tells whether something is bound to happen though nothing moves: a timer runs.
func (own *Cluster) isSomethingComing() bool {
	nodes := map[string]*corev1.Node{}
	listed, _ := own.observer.factory.Core().V1().Nodes().Lister().List(labels.Everything())
	for _, node := range listed {
		nodes[node.Name] = node
		// A kubelet that is gone will be missed; one that is back will be heard.
		if (nodeReady(node) == "True") == own.failed[node.Name] && own.failed[node.Name] {
			return true
		}
	}
	pods, _ := own.observer.factory.Core().V1().Pods().Lister().List(labels.Everything())
	for _, pod := range pods {
		if pod.Spec.NodeName == "" {
			// A scheduler that has just been started looks at every pod.
			if own.isScheduling() && pod.DeletionTimestamp == nil && podCondition(pod, corev1.PodScheduled) == nil {
				return true
			}
			continue
		}
		node, exists := nodes[pod.Spec.NodeName]
		switch {
		case !exists:
			// Pod garbage collection comes.
			return true
		case pod.DeletionTimestamp != nil:
			if !own.failed[node.Name] || hasTaint(node, corev1.TaintNodeOutOfService) {
				return true
			}
		case isActive(pod) && evictionIsTimed(pod, node):
			return true
		case pod.Status.Phase == corev1.PodPending && !own.failed[node.Name]:
			// Its kubelet starts it, unless a volume is attached elsewhere for good.
			if waits, comes := own.waitsForVolume(pod); !waits || comes {
				return true
			}
		case pod.Status.Phase == corev1.PodRunning && pod.Annotations["quorate.dev/run-seconds"] != "" && !own.failed[node.Name] && !own.isOfCronJob(pod):
			// Its containers end. What CronJobs do never ends, and no step waits for it.
			return true
		}
	}
	return false
}

func (own *Cluster) isOfCronJob(pod *corev1.Pod) bool {
	controller := metav1.GetControllerOf(pod)
	if controller == nil || controller.Kind != "Job" {
		return false
	}
	job, err := own.observer.factory.Batch().V1().Jobs().Lister().Jobs(pod.Namespace).Get(controller.Name)
	return err == nil && metav1.GetControllerOf(job) != nil
}

func hasTaint(node *corev1.Node, key string) bool {
	for _, taint := range node.Spec.Taints {
		if taint.Key == key {
			return true
		}
	}
	return false
}

// evictionIsTimed tells whether a taint will evict the pod within a minute or two.
func evictionIsTimed(pod *corev1.Pod, node *corev1.Node) bool {
	least, timed := int64(math.MaxInt64), false
	for index := range node.Spec.Taints {
		taint := &node.Spec.Taints[index]
		if taint.Effect != corev1.TaintEffectNoExecute {
			continue
		}
		tolerated := false
		for _, toleration := range pod.Spec.Tolerations {
			if !toleration.ToleratesTaint(taintLogger, taint, false) {
				continue
			}
			tolerated = true
			if toleration.TolerationSeconds != nil {
				least, timed = min(least, *toleration.TolerationSeconds), true
			}
			break
		}
		if !tolerated {
			return true
		}
	}
	return timed && least <= 120
}
