package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	v1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	configv1 "k8s.io/kube-scheduler/config/v1"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/scheme"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/validation"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/defaultpreemption"
	pluginnames "k8s.io/kubernetes/pkg/scheduler/framework/plugins/names"
)

// configurationCase is the text of a KubeSchedulerConfiguration.
type configurationCase struct {
	ID   string `json:"id"`
	Text string `json:"text"`
}

// configurationAnswer is what kube-scheduler makes of it before it begins to schedule.
type configurationAnswer struct {
	configurationCase
	// Stage is where it was refused: decode, validate or start; empty where it was not.
	Stage                    string          `json:"stage,omitempty"`
	Errors                   []string        `json:"errors,omitempty"`
	Profiles                 []normalProfile `json:"profiles,omitempty"`
	PodInitialBackoffSeconds int64           `json:"podInitialBackoffSeconds,omitempty"`
	PodMaxBackoffSeconds     int64           `json:"podMaxBackoffSeconds,omitempty"`
}

// normalProfile is a profile with everything filled in: the plugins of each extension point in the order in which they run.
type normalProfile struct {
	SchedulerName            string                     `json:"schedulerName"`
	PercentageOfNodesToScore int32                      `json:"percentageOfNodesToScore"`
	Plugins                  map[string][]string        `json:"plugins"`
	Weights                  map[string]int32           `json:"weights"`
	Arguments                map[string]json.RawMessage `json:"arguments"`
	// Unusable says why every pod would fail with an error, though kube-scheduler starts.
	Unusable string `json:"unusable,omitempty"`
}

// answerConfiguration is the subcommand configuration: {"id", "text"} to the same with "stage" and "errors", or with the profiles.
func answerConfiguration(_ []string, in io.Reader, out io.Writer) error {
	silenceKubernetes()
	return forEachLine(in, out, func(one configurationCase) (configurationAnswer, error) {
		answer := configurationAnswer{configurationCase: one}
		configuration, err := decodeConfiguration([]byte(one.Text))
		if err != nil {
			answer.Stage, answer.Errors = "decode", []string{err.Error()}
			return answer, nil
		}
		if errs := validation.ValidateKubeSchedulerConfiguration(configuration); errs != nil {
			answer.Stage = "validate"
			for _, each := range errs.Errors() {
				answer.Errors = append(answer.Errors, each.Error())
			}
			// Extension points are validated in the order of a Go map.
			slices.Sort(answer.Errors)
			return answer, nil
		}
		answer.PodInitialBackoffSeconds = configuration.PodInitialBackoffSeconds
		answer.PodMaxBackoffSeconds = configuration.PodMaxBackoffSeconds
		for index := range configuration.Profiles {
			profile, err := normalise(configuration, &configuration.Profiles[index])
			if err != nil {
				return configurationAnswer{configurationCase: one, Stage: "start", Errors: []string{err.Error()}}, nil
			}
			answer.Profiles = append(answer.Profiles, *profile)
		}
		return answer, nil
	})
}

// decodeConfiguration follows loadConfig of cmd/kube-scheduler.
func decodeConfiguration(text []byte) (*config.KubeSchedulerConfiguration, error) {
	object, kind, err := scheme.Codecs.UniversalDecoder().Decode(text, nil, nil)
	if err != nil {
		return nil, err
	}
	configuration, is := object.(*config.KubeSchedulerConfiguration)
	if !is {
		return nil, fmt.Errorf("couldn't decode as KubeSchedulerConfiguration, got %s: ", kind)
	}
	configuration.APIVersion = kind.GroupVersion().String()
	return configuration, nil
}

// ignoreManagedResources does what scheduler.New does for extenders, before it makes frameworks.
func ignoreManagedResources(configuration *config.KubeSchedulerConfiguration, profile *config.KubeSchedulerProfile) {
	var ignored []string
	for _, extender := range configuration.Extenders {
		for _, resource := range extender.ManagedResources {
			if resource.IgnoredByScheduler {
				ignored = append(ignored, resource.Name)
			}
		}
	}
	for _, each := range profile.PluginConfig {
		if arguments, is := each.Args.(*config.NodeResourcesFitArgs); is && len(ignored) > 0 {
			arguments.IgnoredResources = ignored
		}
	}
}

// normalise builds the framework of a profile over no objects and asks it for its plugins.
func normalise(configuration *config.KubeSchedulerConfiguration, profile *config.KubeSchedulerProfile) (*normalProfile, error) {
	ignoreManagedResources(configuration, profile)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	cycle, err := newSchedulingCycleOf(ctx, profile, nil)
	if err != nil {
		return nil, err
	}
	return normalOf(configuration, profile, cycle.framework)
}

func normalOf(configuration *config.KubeSchedulerConfiguration, profile *config.KubeSchedulerProfile, made framework.Framework) (*normalProfile, error) {
	plugins := made.ListPlugins()
	normal := &normalProfile{
		SchedulerName: profile.SchedulerName,
		Plugins: map[string][]string{
			"preEnqueue": namesOf(plugins.PreEnqueue), "queueSort": namesOf(plugins.QueueSort),
			"preFilter": namesOf(plugins.PreFilter), "filter": namesOf(plugins.Filter), "postFilter": namesOf(plugins.PostFilter),
			"preScore": namesOf(plugins.PreScore), "score": namesOf(plugins.Score), "reserve": namesOf(plugins.Reserve),
			"permit": namesOf(plugins.Permit), "preBind": namesOf(plugins.PreBind), "bind": namesOf(plugins.Bind),
			"postBind": namesOf(plugins.PostBind),
		},
		Weights: map[string]int32{}, Arguments: map[string]json.RawMessage{},
	}
	for _, plugin := range plugins.Score.Enabled {
		normal.Weights[plugin.Name] = plugin.Weight
	}
	if profile.PercentageOfNodesToScore != nil {
		normal.PercentageOfNodesToScore = *profile.PercentageOfNodesToScore
	} else if configuration.PercentageOfNodesToScore != nil {
		normal.PercentageOfNodesToScore = *configuration.PercentageOfNodesToScore
	}
	info, _ := runtime.SerializerInfoForMediaType(scheme.Codecs.SupportedMediaTypes(), runtime.ContentTypeJSON)
	encoder := scheme.Codecs.EncoderForVersion(info.Serializer, configv1.SchemeGroupVersion)
	for _, each := range profile.PluginConfig {
		if _, unknown := each.Args.(*runtime.Unknown); unknown || each.Args == nil {
			continue
		}
		encoded, err := runtime.Encode(encoder, each.Args)
		if err != nil {
			return nil, err
		}
		normal.Arguments[each.Name] = bytes.TrimSpace(encoded)
	}
	normal.Unusable = normal.unusable()
	return normal, nil
}

func namesOf(set config.PluginSet) []string {
	found := []string{}
	for _, plugin := range set.Enabled {
		found = append(found, plugin.Name)
	}
	return found
}

// needed says which extension point of a plugin leaves what another one of it cannot do without.
var needed = []struct{ point, before string }{
	{"filter", "preFilter"}, {"score", "preScore"}, {"reserve", "preFilter"}, {"postFilter", "preFilter"}, {"scoreOfFilter", "preFilter"},
}

// dependants are the plugins that fail at a point when they had no turn at the point before.
var dependants = map[string][]string{
	"filter": {
		pluginnames.NodePorts, pluginnames.NodeResourcesFit, pluginnames.VolumeRestrictions, pluginnames.VolumeBinding, pluginnames.PodTopologySpread,
		pluginnames.InterPodAffinity, pluginnames.DynamicResources, pluginnames.NodeDeclaredFeatures,
	},
	"score":         {pluginnames.TaintToleration, pluginnames.PodTopologySpread, pluginnames.InterPodAffinity},
	"reserve":       {pluginnames.VolumeBinding, pluginnames.DynamicResources},
	"postFilter":    {pluginnames.DynamicResources},
	"scoreOfFilter": {pluginnames.DynamicResources},
}

func (p *normalProfile) unusable() string {
	for _, each := range needed {
		point := strings.TrimSuffix(each.point, "OfFilter")
		for _, plugin := range dependants[each.point] {
			if slices.Contains(p.Plugins[point], plugin) && !slices.Contains(p.Plugins[each.before], plugin) {
				return fmt.Sprintf("%s at %s without %s", plugin, point, each.before)
			}
		}
	}
	return ""
}

// configured is the configuration of a case and the profile of its pod.
type configured struct {
	configuration *config.KubeSchedulerConfiguration
	profile       *config.KubeSchedulerProfile
	// of is the case, in which the profile is recorded.
	of *scheduleCase
}

type configuredKey struct{}

// configuredContext is a context that newFramework finds the configuration of the case in.
func (c *scheduleCase) configuredContext(pod *v1.Pod) (context.Context, error) {
	if c.Configuration == nil {
		return context.Background(), nil
	}
	configuration, err := decodeConfiguration(c.Configuration)
	if err != nil {
		return nil, err
	}
	if errs := validation.ValidateKubeSchedulerConfiguration(configuration); errs != nil {
		return nil, errs
	}
	for index := range configuration.Profiles {
		profile := &configuration.Profiles[index]
		if profile.SchedulerName == pod.Spec.SchedulerName {
			return context.WithValue(context.Background(), configuredKey{}, configured{configuration, profile, c}), nil
		}
	}
	return nil, fmt.Errorf("no profile is named %q", pod.Spec.SchedulerName)
}

// isConfigured is true where ctx carries a profile.
func isConfigured(ctx context.Context) bool {
	_, is := ctx.Value(configuredKey{}).(configured)
	return is
}

// profileIn is the profile that ctx carries, or the default one.
func profileIn(ctx context.Context) (*config.KubeSchedulerProfile, error) {
	if found, is := ctx.Value(configuredKey{}).(configured); is {
		return found.profile, nil
	}
	return defaultProfile()
}

// noteProfile records what the framework made of the configuration that ctx carries.
func noteProfile(ctx context.Context, cycle *schedulingCycle) error {
	found, is := ctx.Value(configuredKey{}).(configured)
	if !is {
		return nil
	}
	var err error
	found.of.Profile, err = normalOf(found.configuration, found.profile, cycle.framework)
	return err
}

// schedule decides by the configuration of the case.
func (a *scheduleAnswer) schedule(objects []runtime.Object, pod *v1.Pod) error {
	configured, err := a.configuredContext(pod)
	if err != nil {
		return err
	}
	return a.scheduleIn(configured, objects, pod)
}

// preempt does so by the configuration of the case.
func (a *preemptAnswer) preempt(objects []runtime.Object, pod *v1.Pod) error {
	configured, err := a.configuredContext(pod)
	if err != nil {
		return err
	}
	return a.preemptIn(configured, objects, pod)
}

// preemptionArguments are those of the profile that ctx carries, or the default ones; nil where it does not preempt.
func preemptionArguments(ctx context.Context, made framework.Framework) *config.DefaultPreemptionArgs {
	arguments := &config.DefaultPreemptionArgs{MinCandidateNodesPercentage: 10, MinCandidateNodesAbsolute: 100}
	found, is := ctx.Value(configuredKey{}).(configured)
	if !is {
		return arguments
	}
	if !slices.Contains(namesOf(made.ListPlugins().PostFilter), pluginnames.DefaultPreemption) {
		return nil
	}
	for _, each := range found.profile.PluginConfig {
		if given, is := each.Args.(*config.DefaultPreemptionArgs); is {
			arguments = given
		}
	}
	return arguments
}

// chooseFromAnyStart asks for the best candidate of every search that the arguments allow: one from each node on.
func (a *postFilter) chooseFromAnyStart(ctx context.Context, plugin *defaultpreemption.DefaultPreemption, state fwk.CycleState, pod *v1.Pod, nodes []fwk.NodeInfo, budgets []*policyv1.PodDisruptionBudget) error {
	chosen := map[string]bool{}
	_, enough := plugin.GetOffsetAndNumCandidates(int32(len(nodes)))
	for start := range nodes {
		candidates, _, err := plugin.Evaluator.DryRunPreemption(ctx, state, pod, nodes, budgets, int32(start), enough)
		if err != nil {
			return err
		}
		if len(candidates) == 0 {
			continue
		}
		for range choices(len(candidates)) {
			chosen[plugin.Evaluator.SelectCandidate(ctx, candidates).Name()] = true
		}
	}
	a.Chosen = sortedKeys(chosen)
	slices.Sort(a.Chosen)
	return nil
}
