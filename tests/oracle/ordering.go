package main

import "sort"

// sortByID orders cases by id, so that recordings do not depend on the order of Go maps.
func sortByID(cases []textCase) {
	sort.Slice(cases, func(i, j int) bool { return cases[i].ID < cases[j].ID })
}

// sortedKeys are the keys of mapping in the order of their bytes.
func sortedKeys[Value any](mapping map[string]Value) []string {
	keys := make([]string, 0, len(mapping))
	for key := range mapping {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}
