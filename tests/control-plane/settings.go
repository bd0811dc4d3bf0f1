package main

import (
	"encoding/json"
	"fmt"
	"sort"
	"strings"
	"time"
)

// Settings are what a control plane has to be started with for a scenario.
type Settings struct {
	APIServerArgs         []string `json:"apiserverArgs"`
	ControllerManagerArgs []string `json:"controllerManagerArgs"`
	// LeaseSeconds is the duration of a node's lease: KWOK renews it in a quarter of that.
	LeaseSeconds    int    `json:"kwokNodeLeaseDurationSeconds"`
	KWOK            string `json:"kwok"`
	StartupSeconds  int    `json:"podReadyDelaySeconds"`
	ShutdownSeconds int    `json:"podStopDelaySeconds"`
	Compressed      bool   `json:"nodeFailureTimeCompressed"`

	gracePeriod time.Duration
}

// The flags of kube-apiserver; every other setting is one of kube-controller-manager.
var apiServerFlags = map[string]bool{
	"default-not-ready-toleration-seconds":   true,
	"default-unreachable-toleration-seconds": true,
}

// Settings that say how a case is played. A cluster begins without pods that have a node anyhow; no seed decides what the real thing does.
var ofSteps = map[string]bool{"kube-scheduler": true, "taint-eviction": true, "placement": true, "seed": true}

// ReadSettings turns a scenario's settings into arguments.
func ReadSettings(scenario *Scenario) (*Settings, error) {
	settings := &Settings{
		APIServerArgs:         []string{},
		ControllerManagerArgs: []string{},
		LeaseSeconds:          40,
		KWOK:                  kwokVersion,
		gracePeriod:           50 * time.Second,
	}
	names := make([]string, 0, len(scenario.Spec.Settings))
	for name := range scenario.Spec.Settings {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		raw := scenario.Spec.Settings[name]
		if name == "pods" {
			var pods struct {
				StartupSeconds  int `json:"startupSeconds"`
				ShutdownSeconds int `json:"shutdownSeconds"`
			}
			if err := json.Unmarshal(raw, &pods); err != nil {
				return nil, fmt.Errorf("settings.pods: %w", err)
			}
			settings.StartupSeconds, settings.ShutdownSeconds = pods.StartupSeconds, pods.ShutdownSeconds
			continue
		}
		if ofSteps[name] {
			continue
		}
		value := strings.Trim(string(raw), `"`)
		argument := "--" + name + "=" + value
		if apiServerFlags[name] {
			settings.APIServerArgs = append(settings.APIServerArgs, argument)
			continue
		}
		settings.ControllerManagerArgs = append(settings.ControllerManagerArgs, argument)
		if name == "node-monitor-grace-period" {
			period, err := time.ParseDuration(value)
			if err != nil {
				return nil, fmt.Errorf("settings.%s: %w", name, err)
			}
			settings.gracePeriod = period
			if period < 40*time.Second {
				settings.LeaseSeconds = 4
				settings.Compressed = true
			}
		}
	}
	return settings, nil
}

// key tells which scenarios can be played on the same control plane.
func (settings *Settings) key() string {
	text, _ := json.Marshal(settings)
	return string(text)
}
