package main

import (
	"context"
	"sync"

	"github.com/go-logr/logr"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	resourceslicetracker "k8s.io/dynamic-resource-allocation/resourceslice/tracker"
	"k8s.io/klog/v2"
	schedulerconfig "k8s.io/kube-scheduler/config/v1"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/features"
	"k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/latest"
	"k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/dynamicresources"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/nodevolumelimits"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"
	"k8s.io/kubernetes/pkg/scheduler/metrics"
	"k8s.io/kubernetes/pkg/scheduler/util/assumecache"
)

// schedulingCycle is the default profile over one snapshot of a cluster.
type schedulingCycle struct {
	framework framework.Framework
	nodes     []fwk.NodeInfo
}

// silenceKubernetes keeps the libraries' logs off standard error and registers the metrics that plugins write to.
func silenceKubernetes() {
	klog.SetLogger(logr.Discard())
	utilruntime.ErrorHandlers = nil
	metrics.Register()
}

// frameworkInput is what a framework is built from.
type frameworkInput struct {
	// profile has its defaults.
	profile *config.KubeSchedulerProfile
	// objects are what informers hold.
	objects     []runtime.Object
	snapshot    *cache.Snapshot
	nominated   nominatedPods
	parallelism int
}

// defaultConfiguration is that of a kube-scheduler that is given none.
var defaultConfiguration = sync.OnceValues(latest.Default)

// inTreeRegistry is the same for every framework.
var inTreeRegistry = sync.OnceValue(plugins.NewInTreeRegistry)

// noClient stands where a plugin wants a client: none is asked for anything before a decision is made.
var noClient = sync.OnceValue(func() kubernetes.Interface { return fake.NewClientset() })

func defaultProfile() (*config.KubeSchedulerProfile, error) {
	configuration, err := defaultConfiguration()
	if err != nil {
		return nil, err
	}
	return &configuration.Profiles[0], nil
}

// newSchedulingCycle builds the framework of kube-scheduler's default profile over objects.
func newSchedulingCycle(ctx context.Context, objects []runtime.Object) (*schedulingCycle, error) {
	profile, err := profileIn(ctx)
	if err != nil {
		return nil, err
	}
	cycle, err := newSchedulingCycleOf(ctx, profile, objects)
	if err != nil {
		return nil, err
	}
	return cycle, noteProfile(ctx, cycle)
}

func newSchedulingCycleOf(ctx context.Context, profile *config.KubeSchedulerProfile, objects []runtime.Object) (*schedulingCycle, error) {
	snapshot, nominated, err := snapshotOf(ctx, objects)
	if err != nil {
		return nil, err
	}
	made, err := newFramework(ctx, frameworkInput{profile, objects, snapshot, nominated, 1})
	if err != nil {
		return nil, err
	}
	nodes, err := snapshot.NodeInfos().List()
	return &schedulingCycle{framework: made, nodes: nodes}, err
}

// newFramework builds a framework as scheduler.New does, with informers that hold the objects from the beginning.
func newFramework(ctx context.Context, input frameworkInput) (framework.Framework, error) {
	informerFactory, err := holdObjects(input.objects)
	if err != nil {
		return nil, err
	}
	logger := klog.FromContext(ctx)
	claims := assumecache.NewAssumeCache(logger, informerFactory.Resource().V1().ResourceClaims().Informer(), "ResourceClaim", "", nil)
	slices, err := resourceslicetracker.StartTracker(ctx, resourceslicetracker.Options{
		EnableConsumableCapacity: utilfeature.DefaultFeatureGate.Enabled(features.DRAConsumableCapacity),
		SliceInformer:            informerFactory.Resource().V1().ResourceSlices(),
		KubeClient:               noClient(),
	})
	if err != nil {
		return nil, err
	}
	return frameworkruntime.NewFramework(ctx, inTreeRegistry(), input.profile,
		frameworkruntime.WithComponentConfigVersion(schedulerconfig.SchemeGroupVersion.String()),
		frameworkruntime.WithClientSet(noClient()),
		frameworkruntime.WithInformerFactory(informerFactory),
		frameworkruntime.WithSharedDRAManager(dynamicresources.NewDRAManager(ctx, claims, slices, informerFactory)),
		frameworkruntime.WithSharedCSIManager(nodevolumelimits.NewCSIManager(informerFactory.Storage().V1().CSINodes().Lister())),
		frameworkruntime.WithSnapshotSharedLister(input.snapshot),
		frameworkruntime.WithPodNominator(input.nominated),
		frameworkruntime.WithParallelism(input.parallelism),
	)
}

// snapshotOf takes nodes and pods through the scheduler's cache, which also knows which images are where.
func snapshotOf(ctx context.Context, objects []runtime.Object) (*cache.Snapshot, nominatedPods, error) {
	logger := klog.FromContext(ctx)
	schedulerCache := cache.New(ctx, nil, utilfeature.DefaultFeatureGate.Enabled(features.GenericWorkload))
	nominated := nominatedPods{}
	for _, object := range objects {
		if node, is := object.(*v1.Node); is {
			schedulerCache.AddNode(logger, node)
		}
	}
	for _, object := range objects {
		pod, is := object.(*v1.Pod)
		if !is || pod.Status.Phase == v1.PodSucceeded || pod.Status.Phase == v1.PodFailed {
			continue
		}
		if pod.Spec.NodeName != "" {
			if err := schedulerCache.AddPod(logger, pod); err != nil {
				return nil, nil, err
			}
		} else if node := pod.Status.NominatedNodeName; node != "" {
			information, err := framework.NewPodInfo(pod)
			if err != nil {
				return nil, nil, err
			}
			nominated[node] = append(nominated[node], information)
		}
	}
	snapshot := cache.NewEmptySnapshot()
	return snapshot, nominated, schedulerCache.UpdateSnapshot(logger, snapshot)
}

// nominatedPods are unbound pods by the node that preemption has made room on for them.
type nominatedPods map[string][]fwk.PodInfo

var _ fwk.PodNominator = nominatedPods{}

func (n nominatedPods) AddNominatedPod(klog.Logger, fwk.PodInfo, *fwk.NominatingInfo) {}

func (n nominatedPods) DeleteNominatedPodIfExists(*v1.Pod) {}

func (n nominatedPods) UpdateNominatedPod(klog.Logger, *v1.Pod, fwk.PodInfo) {}

func (n nominatedPods) NominatedPodsForNode(node string) []fwk.PodInfo { return n[node] }
