package main

import (
	"fmt"
	"io"
)

// countSchedule is the subcommand count-schedule: it reads answers of schedule and writes how many nodes each plugin
// rejected with which code, and in how many cases each plugin's scores tell nodes apart.
func countSchedule(_ []string, in io.Reader, out io.Writer) error {
	counts := map[string]int{}
	err := forEachLine(in, io.Discard, func(one scheduleAnswer) (struct{}, error) {
		counts["cases"]++
		if one.PreFilter != nil {
			counts["cases rejected by PreFilter "+one.PreFilter.Plugin+" "+one.PreFilter.Code]++
		} else {
			for _, node := range one.Nodes {
				counts["nodes "+node.Plugin+" "+node.Code]++
			}
		}
		if len(one.Best) > 1 {
			counts["cases with several best nodes"]++
		}
		if len(one.Total) > 1 {
			counts["cases with several feasible nodes"]++
		}
		for _, plugin := range distinguishingPlugins(one.Scores) {
			counts["cases told apart by "+plugin]++
		}
		return struct{}{}, nil
	})
	if err != nil {
		return err
	}
	for _, what := range sortedKeys(counts) {
		fmt.Fprintf(out, "%6d %s\n", counts[what], what)
	}
	return nil
}

// distinguishingPlugins are those that score nodes differently.
func distinguishingPlugins(scores map[string]map[string]int64) []string {
	first := map[string]int64{}
	differs := map[string]bool{}
	for _, node := range sortedKeys(scores) {
		for plugin, score := range scores[node] {
			if before, seen := first[plugin]; seen && before != score {
				differs[plugin] = true
			}
			first[plugin] = score
		}
	}
	return sortedKeys(differs)
}
