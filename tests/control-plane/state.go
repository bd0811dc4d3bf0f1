package main

import (
	"context"
	"sort"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// State is a cluster as recordings show it.
type State struct {
	Workloads map[string]Numbers `json:"workloads"`
	Pods      []PodState         `json:"pods"`
	Budgets   map[string]Budget  `json:"pdbs"`
	Nodes     map[string]Node    `json:"nodes"`
	Jobs      map[string]Job     `json:"jobs,omitempty"`
	// What the API server does not let controllers create, by workload.
	Refused map[string]string `json:"refused,omitempty"`
}

// Job is a Job's status.
type Job struct {
	Active      int32  `json:"active"`
	Succeeded   int32  `json:"succeeded"`
	Failed      int32  `json:"failed"`
	Terminating int32  `json:"terminating"`
	Condition   string `json:"condition"`
	Reason      string `json:"reason,omitempty"`
}

// Numbers are a workload's, as its status says.
type Numbers struct {
	Desired   int32 `json:"desired"`
	Replicas  int32 `json:"replicas"`
	Updated   int32 `json:"updated"`
	Ready     int32 `json:"ready"`
	Available int32 `json:"available"`
}

// PodState is a pod without its name.
type PodState struct {
	Owner               string  `json:"owner"`
	Node                *string `json:"node"`
	Phase               string  `json:"phase"`
	Ready               bool    `json:"ready"`
	Terminating         bool    `json:"terminating"`
	Revision            string  `json:"revision"`
	UnschedulableReason string  `json:"unschedulableReason,omitempty"`
	// Why a pod that is bound does not start: a volume that is attached elsewhere.
	WaitingReason string `json:"waitingReason,omitempty"`
}

// Budget is the status of a PodDisruptionBudget.
type Budget struct {
	ExpectedPods       int32 `json:"expectedPods"`
	CurrentHealthy     int32 `json:"currentHealthy"`
	DesiredHealthy     int32 `json:"desiredHealthy"`
	DisruptionsAllowed int32 `json:"disruptionsAllowed"`
}

// Node is what controllers know of a node.
type Node struct {
	Ready         string   `json:"ready"`
	Unschedulable bool     `json:"unschedulable"`
	Taints        []string `json:"taints"`
}

func workloadText(kind, namespace, name string) string {
	return strings.ToLower(kind) + "/" + namespace + "/" + name
}

// State reads the cluster from what was watched.
func (own *Observer) State(ctx context.Context) (*State, error) {
	state := &State{Workloads: map[string]Numbers{}, Pods: []PodState{}, Budgets: map[string]Budget{}, Nodes: map[string]Node{}}
	if err := own.workloads(state); err != nil {
		return nil, err
	}
	pods, err := own.factory.Core().V1().Pods().Lister().List(labels.Everything())
	if err != nil {
		return nil, err
	}
	for _, pod := range pods {
		state.Pods = append(state.Pods, own.podState(ctx, pod))
	}
	sort.SliceStable(state.Pods, func(one, other int) bool {
		return podKey(state.Pods[one]) < podKey(state.Pods[other])
	})
	budgets, err := own.factory.Policy().V1().PodDisruptionBudgets().Lister().List(labels.Everything())
	if err != nil {
		return nil, err
	}
	for _, budget := range budgets {
		status := budget.Status
		state.Budgets[budget.Namespace+"/"+budget.Name] = Budget{
			ExpectedPods: status.ExpectedPods, CurrentHealthy: status.CurrentHealthy,
			DesiredHealthy: status.DesiredHealthy, DisruptionsAllowed: status.DisruptionsAllowed,
		}
	}
	jobs, err := own.factory.Batch().V1().Jobs().Lister().List(labels.Everything())
	if err != nil {
		return nil, err
	}
	for _, job := range jobs {
		if state.Jobs == nil {
			state.Jobs = map[string]Job{}
		}
		state.Jobs[job.Namespace+"/"+job.Name] = jobState(job)
	}
	for _, one := range own.refusals() {
		if state.Refused == nil {
			state.Refused = map[string]string{}
		}
		state.Refused[one.workload] = refusedText(one.message)
	}
	nodes, err := own.factory.Core().V1().Nodes().Lister().List(labels.Everything())
	if err != nil {
		return nil, err
	}
	for _, node := range nodes {
		taints := []string{}
		for _, taint := range node.Spec.Taints {
			taints = append(taints, taint.Key+":"+string(taint.Effect))
		}
		sort.Strings(taints)
		state.Nodes[node.Name] = Node{Ready: nodeReady(node), Unschedulable: node.Spec.Unschedulable, Taints: taints}
	}
	return state, nil
}

func jobState(job *batchv1.Job) Job {
	state := Job{Active: job.Status.Active, Succeeded: job.Status.Succeeded, Failed: job.Status.Failed, Condition: "Active"}
	if job.Status.Terminating != nil {
		state.Terminating = *job.Status.Terminating
	}
	if job.Spec.Suspend != nil && *job.Spec.Suspend {
		state.Condition = "Suspended"
	}
	// In the order in which one follows the other.
	for _, kind := range []batchv1.JobConditionType{batchv1.JobSuccessCriteriaMet, batchv1.JobFailureTarget, batchv1.JobComplete, batchv1.JobFailed} {
		for _, condition := range job.Status.Conditions {
			if condition.Type != kind || condition.Status != corev1.ConditionTrue {
				continue
			}
			state.Condition = string(kind)
			if kind == batchv1.JobFailed || kind == batchv1.JobFailureTarget {
				state.Reason = condition.Reason
			}
		}
	}
	return state
}

// podKey orders pods: by workload, those without a node last.
func podKey(pod PodState) string {
	parts := []string{pod.Owner, "1", "", pod.Phase, pod.Revision, pod.UnschedulableReason}
	if pod.Node != nil {
		parts[1], parts[2] = "0", *pod.Node
	}
	if pod.Terminating {
		parts = append(parts, "terminating")
	}
	return strings.Join(parts, "\x00")
}

func nodeReady(node *corev1.Node) string {
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return string(condition.Status)
		}
	}
	return "Unknown"
}

func (own *Observer) workloads(state *State) error {
	deployments, err := own.factory.Apps().V1().Deployments().Lister().List(labels.Everything())
	if err != nil {
		return err
	}
	for _, item := range deployments {
		state.Workloads[workloadText("deployment", item.Namespace, item.Name)] = Numbers{
			*item.Spec.Replicas, item.Status.Replicas, item.Status.UpdatedReplicas, item.Status.ReadyReplicas, item.Status.AvailableReplicas,
		}
	}
	sets, err := own.factory.Apps().V1().ReplicaSets().Lister().List(labels.Everything())
	if err != nil {
		return err
	}
	pods, err := own.factory.Core().V1().Pods().Lister().List(labels.Everything())
	if err != nil {
		return err
	}
	for _, item := range sets {
		if metav1.GetControllerOf(item) != nil {
			continue
		}
		// A ReplicaSet's status does not say how many of its pods follow its template.
		updated := int32(0)
		for _, pod := range pods {
			if metav1.IsControlledBy(pod, item) && isActive(pod) && followsTemplate(pod, item) {
				updated++
			}
		}
		state.Workloads[workloadText("replicaset", item.Namespace, item.Name)] = Numbers{
			*item.Spec.Replicas, item.Status.Replicas, updated, item.Status.ReadyReplicas, item.Status.AvailableReplicas,
		}
	}
	stateful, err := own.factory.Apps().V1().StatefulSets().Lister().List(labels.Everything())
	if err != nil {
		return err
	}
	for _, item := range stateful {
		state.Workloads[workloadText("statefulset", item.Namespace, item.Name)] = Numbers{
			*item.Spec.Replicas, item.Status.Replicas, item.Status.UpdatedReplicas, item.Status.ReadyReplicas, item.Status.AvailableReplicas,
		}
	}
	daemons, err := own.factory.Apps().V1().DaemonSets().Lister().List(labels.Everything())
	if err != nil {
		return err
	}
	for _, item := range daemons {
		status := item.Status
		state.Workloads[workloadText("daemonset", item.Namespace, item.Name)] = Numbers{
			status.DesiredNumberScheduled, status.CurrentNumberScheduled, status.UpdatedNumberScheduled, status.NumberReady, status.NumberAvailable,
		}
	}
	return nil
}

func (own *Observer) podState(ctx context.Context, pod *corev1.Pod) PodState {
	state := PodState{
		Owner: own.Owner(ctx, pod), Phase: string(pod.Status.Phase), Ready: isReady(pod),
		Terminating: pod.DeletionTimestamp != nil, Revision: "old",
	}
	if own.isNew(pod) {
		state.Revision = "new"
	}
	if own.isOrphan(pod) {
		state.Owner = ""
	}
	if pod.Spec.NodeName != "" {
		state.Node = &pod.Spec.NodeName
		state.WaitingReason = own.waitingReason(pod)
	} else if scheduled := podCondition(pod, corev1.PodScheduled); scheduled != nil && scheduled.Status == corev1.ConditionFalse {
		state.UnschedulableReason = scheduled.Message
	}
	return state
}

// waitingReason is what the attach-detach controller says of a pod that has not started.
func (own *Observer) waitingReason(pod *corev1.Pod) string {
	if pod.Status.Phase != corev1.PodPending || !hasClaims(pod) {
		return ""
	}
	events, _ := own.factory.Core().V1().Events().Lister().Events(pod.Namespace).List(labels.Everything())
	for _, event := range events {
		if event.InvolvedObject.UID == pod.UID && event.Reason == "FailedAttachVolume" {
			return event.Message
		}
	}
	return ""
}

// isOrphan tells whether a pod's ReplicaSet is gone, and with it what the pod belonged to.
func (own *Observer) isOrphan(pod *corev1.Pod) bool {
	controller := metav1.GetControllerOf(pod)
	if controller == nil || controller.Kind != "ReplicaSet" {
		return false
	}
	_, err := own.factory.Apps().V1().ReplicaSets().Lister().ReplicaSets(pod.Namespace).Get(controller.Name)
	return apierrors.IsNotFound(err)
}

// isNew tells whether a pod has its workload's present template.
func (own *Observer) isNew(pod *corev1.Pod) bool {
	controller := metav1.GetControllerOf(pod)
	if controller == nil {
		return true
	}
	apps := own.factory.Apps().V1()
	switch controller.Kind {
	case "ReplicaSet":
		set, err := apps.ReplicaSets().Lister().ReplicaSets(pod.Namespace).Get(controller.Name)
		if err != nil {
			return false
		}
		parent := metav1.GetControllerOf(set)
		if parent == nil {
			return followsTemplate(pod, set)
		}
		deployment, err := apps.Deployments().Lister().Deployments(pod.Namespace).Get(parent.Name)
		return err == nil && sameTemplate(&set.Spec.Template, &deployment.Spec.Template)
	case "StatefulSet":
		set, err := apps.StatefulSets().Lister().StatefulSets(pod.Namespace).Get(controller.Name)
		return err == nil && pod.Labels[appsv1.StatefulSetRevisionLabel] == set.Status.UpdateRevision
	case "DaemonSet":
		return pod.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] == own.newestRevision(pod.Namespace, controller)
	default:
		return true
	}
}

// sameTemplate compares as the Deployment controller does: without the hash that it adds itself.
func sameTemplate(one, other *corev1.PodTemplateSpec) bool {
	one, other = one.DeepCopy(), other.DeepCopy()
	delete(one.Labels, appsv1.DefaultDeploymentUniqueLabelKey)
	delete(other.Labels, appsv1.DefaultDeploymentUniqueLabelKey)
	return equality.Semantic.DeepEqual(one, other)
}

func followsTemplate(pod *corev1.Pod, set *appsv1.ReplicaSet) bool {
	if len(pod.Spec.Containers) != len(set.Spec.Template.Spec.Containers) {
		return false
	}
	for index, container := range set.Spec.Template.Spec.Containers {
		own := pod.Spec.Containers[index]
		if own.Image != container.Image || !equality.Semantic.DeepEqual(own.Resources.Requests, container.Resources.Requests) {
			return false
		}
	}
	for key, value := range set.Spec.Template.Annotations {
		if pod.Annotations[key] != value {
			return false
		}
	}
	return true
}

// newestRevision is the hash of a DaemonSet's newest ControllerRevision.
func (own *Observer) newestRevision(namespace string, owner *metav1.OwnerReference) string {
	revisions, err := own.factory.Apps().V1().ControllerRevisions().Lister().ControllerRevisions(namespace).List(labels.Everything())
	if err != nil {
		return ""
	}
	newest, hash := int64(-1), ""
	for _, revision := range revisions {
		controller := metav1.GetControllerOf(revision)
		if controller != nil && controller.UID == owner.UID && revision.Revision > newest {
			newest, hash = revision.Revision, revision.Labels[appsv1.DefaultDaemonSetUniqueLabelKey]
		}
	}
	return hash
}
