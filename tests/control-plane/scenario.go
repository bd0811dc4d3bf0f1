package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// Scenario is the file that `quorate simulate --scenario` plays.
type Scenario struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name string `json:"name"`
	} `json:"metadata"`
	Spec struct {
		Steps    []Step                     `json:"steps"`
		Settings map[string]json.RawMessage `json:"settings"`
	} `json:"spec"`
}

// Step holds exactly one action.
type Step struct {
	Name        string          `json:"name"`
	Expect      json.RawMessage `json:"expect"`
	SetImage    *SetImage       `json:"setImage"`
	Restart     *OfWorkload     `json:"restart"`
	Scale       *Scale          `json:"scale"`
	Apply       *Apply          `json:"apply"`
	Delete      *Delete         `json:"delete"`
	Cordon      *OfNode         `json:"cordon"`
	Uncordon    *OfNode         `json:"uncordon"`
	Drain       *OfNodes        `json:"drain"`
	Evict       *Evict          `json:"evict"`
	SetReady    *SetReady       `json:"setReady"`
	FailNode    *OfNodes        `json:"failNode"`
	RecoverNode *OfNodes        `json:"recoverNode"`
	DeleteNode  *OfNodes        `json:"deleteNode"`
	Bind        *Bind           `json:"bind"`
	SetMetric   *SetMetric      `json:"setMetric"`
	Wait        *Wait           `json:"wait"`
}

type SetImage struct {
	Workload  string `json:"workload"`
	Container string `json:"container"`
	Image     string `json:"image"`
}

type OfWorkload struct {
	Workload string `json:"workload"`
}

type Scale struct {
	Workload string `json:"workload"`
	Replicas int64  `json:"replicas"`
}

type Apply struct {
	Objects []map[string]any `json:"objects"`
	Path    string           `json:"path"`
}

type Delete struct {
	Object string `json:"object"`
}

type OfNode struct {
	Node string `json:"node"`
}

type OfNodes struct {
	Nodes []string `json:"nodes"`
}

type Evict struct {
	Pod         string       `json:"pod"`
	PodSelector *PodSelector `json:"podSelector"`
}

type PodSelector struct {
	Namespace string            `json:"namespace"`
	Labels    map[string]string `json:"labels"`
}

type SetReady struct {
	Pods  PodSelector `json:"pods"`
	Ready bool        `json:"ready"`
	Limit *int        `json:"limit"`
	Node  string      `json:"node"`
}

type Wait struct {
	Seconds int64 `json:"seconds"`
}

// Case is a cluster with a scenario.
type Case struct {
	Name     string
	Folder   string
	Cluster  []*unstructured.Unstructured
	Scenario Scenario
	// Actions are the steps as written, for the recording.
	Actions []string
}

// ReadCase reads `cluster.yaml` and `scenario.yaml` of a folder.
func ReadCase(folder string) (*Case, error) {
	objects, err := readObjects(filepath.Join(folder, "cluster.yaml"))
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(folder, "scenario.yaml"))
	if err != nil {
		return nil, err
	}
	own := &Case{Name: filepath.Base(folder), Folder: folder, Cluster: objects}
	if err := yaml.UnmarshalStrict(text, &own.Scenario); err != nil {
		return nil, fmt.Errorf("%s/scenario.yaml: %w", folder, err)
	}
	var raw struct {
		Spec struct {
			Steps []map[string]any `json:"steps"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(text, &raw); err != nil {
		return nil, err
	}
	for _, step := range raw.Spec.Steps {
		own.Actions = append(own.Actions, actionText(step))
	}
	return own, nil
}

// setting is what the scenario's settings say under name, without quotes.
func (own *Case) setting(name string) string {
	return strings.Trim(string(own.Scenario.Spec.Settings[name]), `"`)
}

// stopsScheduler tells whether kube-scheduler does not run at first.
func (own *Case) stopsScheduler() bool {
	return own.setting("kube-scheduler") == "after-bind" || own.setting("kube-scheduler") == "from-bind"
}

// binds tells whether pods are bound without the scheduler.
func (own *Case) binds() bool {
	return own.stopsScheduler() || own.hasGivenPods() || slices.ContainsFunc(own.Scenario.Spec.Steps, func(step Step) bool { return step.Bind != nil })
}

// hasGivenPods tells whether the cluster has pods of workloads on nodes, and begins with them there.
func (own *Case) hasGivenPods() bool {
	given, err := ReadGiven(own.Cluster)
	return own.setting("placement") != "fresh" && (err != nil || len(given.pods) > 0)
}

// has tells whether objects of one of these kinds are in the cluster or are applied by a step.
func (own *Case) has(kinds ...string) bool {
	isOne := func(object *unstructured.Unstructured) bool { return slices.Contains(kinds, object.GetKind()) }
	if slices.ContainsFunc(own.Cluster, isOne) {
		return true
	}
	for _, step := range own.Scenario.Spec.Steps {
		if step.Apply == nil {
			continue
		}
		for _, object := range step.Apply.Objects {
			if isOne(&unstructured.Unstructured{Object: object}) {
				return true
			}
		}
	}
	return false
}

func readObjects(path string) ([]*unstructured.Unstructured, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var objects []*unstructured.Unstructured
	decoder := utilyaml.NewYAMLOrJSONDecoder(strings.NewReader(string(text)), 4096)
	for {
		var object map[string]any
		if err := decoder.Decode(&object); err != nil {
			if err.Error() == "EOF" {
				return objects, nil
			}
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if len(object) == 0 {
			continue
		}
		own := &unstructured.Unstructured{Object: object}
		if !own.IsList() {
			objects = append(objects, own)
			continue
		}
		list, err := own.ToList()
		if err != nil {
			return nil, err
		}
		for index := range list.Items {
			objects = append(objects, &list.Items[index])
		}
	}
}

// actionText writes a step as one line: the key, then its value; of applied objects their kinds and names only.
func actionText(step map[string]any) string {
	for key, value := range step {
		if key == "name" || key == "expect" {
			continue
		}
		if key == "apply" {
			return "apply " + appliedText(value)
		}
		return key + " " + spaced(value)
	}
	return ""
}

func appliedText(value any) string {
	apply, _ := value.(map[string]any)
	if path, given := apply["path"].(string); given {
		return path
	}
	var names []string
	objects, _ := apply["objects"].([]any)
	for _, object := range objects {
		own := unstructured.Unstructured{Object: object.(map[string]any)}
		names = append(names, strings.ToLower(own.GetKind())+"/"+own.GetName())
	}
	return strings.Join(names, ", ")
}

// spaced is JSON with sorted keys and a space after each comma and colon.
func spaced(value any) string {
	switch own := value.(type) {
	case map[string]any:
		keys := make([]string, 0, len(own))
		for key := range own {
			keys = append(keys, key)
		}
		sort.Strings(keys)
		parts := make([]string, 0, len(keys))
		for _, key := range keys {
			parts = append(parts, spaced(key)+": "+spaced(own[key]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case []any:
		parts := make([]string, 0, len(own))
		for _, item := range own {
			parts = append(parts, spaced(item))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	default:
		text, _ := json.Marshal(own)
		return string(text)
	}
}
