package main

import "fmt"

func (g *clusterGenerator) nodeSelector() object {
	selector := object{}
	switch g.source.IntN(4) {
	case 0:
		selector[zoneLabel] = pick(g, []string{"a", "b", "c"})
	case 1:
		selector["disk"] = pick(g, []string{"ssd", "hdd", ""})
	case 2:
		selector["rack"] = pick(g, []string{"r1", "r2", "r3"})
	case 3:
		selector["rack"], selector["disk"] = "r1", "ssd"
	}
	return selector
}

func (g *clusterGenerator) nodeAffinity() object {
	affinity := object{}
	if g.likely(nodeTermsFeature, 4) || g.likely(fieldsFeature, 0) {
		var terms list
		for range 1 + g.source.IntN(2) {
			terms = append(terms, g.nodeTerm())
		}
		if g.widely(nodeTermsFeature, 0) && g.chance(10) {
			expression := object{"key": "generation", "operator": pick(g, []string{"Gt", "Lt"}), "values": list{"x"}}
			terms = append(terms, object{"matchExpressions": list{expression}})
		}
		affinity["requiredDuringSchedulingIgnoredDuringExecution"] = object{"nodeSelectorTerms": terms}
	}
	if g.likely(preferenceFeature, 4) {
		var preferred list
		for range 1 + g.source.IntN(3) {
			preferred = append(preferred, object{"weight": 1 + g.source.IntN(100), "preference": g.nodeTerm()})
		}
		affinity["preferredDuringSchedulingIgnoredDuringExecution"] = preferred
	}
	return affinity
}

func (g *clusterGenerator) nodeTerm() object {
	term := object{}
	if !g.features[fieldsFeature] || g.chance(30) {
		var expressions list
		for range 1 + g.source.IntN(2) {
			expressions = append(expressions, g.nodeExpression())
		}
		term["matchExpressions"] = expressions
	}
	if g.likely(fieldsFeature, 2) {
		operator := "In"
		if g.chance(25) {
			operator = "NotIn"
		}
		name := nodeName(1 + g.source.IntN(g.nodes+1))
		fields := list{object{"key": "metadata.name", "operator": operator, "values": list{name}}}
		if g.chance(10) {
			fields = append(fields, object{"key": "metadata.name", "operator": "In", "values": list{nodeName(1)}})
		}
		term["matchFields"] = fields
	}
	if g.chance(2) {
		return object{}
	}
	return term
}

func (g *clusterGenerator) nodeExpression() object {
	key := pick(g, []string{zoneLabel, "rack", "disk", "generation"})
	operator := pick(g, []string{"In", "In", "NotIn", "Exists", "DoesNotExist"})
	if key == "generation" {
		operator = pick(g, []string{"Gt", "Lt", "Gt", "Lt", "Exists"})
	}
	expression := object{"key": key, "operator": operator}
	switch operator {
	case "In", "NotIn":
		values := map[string][]string{zoneLabel: {"a", "b", "c"}, "rack": {"r1", "r2", "r3"}, "disk": {"ssd", "hdd", ""}}
		expression["values"] = pickSome(g, values[key], 1, 2)
	case "Gt", "Lt":
		expression["values"] = list{pick(g, []string{"0", "3", "4", "007"})}
	}
	return expression
}

func (g *clusterGenerator) tolerations() list {
	if !g.likely(taintsFeature, 15) && !g.likely(cordonFeature, 0) {
		return nil
	}
	var tolerations list
	for range 1 + g.source.IntN(3) {
		toleration := object{}
		if g.chance(92) {
			toleration["key"] = pick(g, taintKeys)
		} else {
			toleration["operator"] = "Exists"
		}
		if _, decided := toleration["operator"]; !decided {
			switch g.source.IntN(4) {
			case 0, 1:
				toleration["operator"] = "Exists"
			case 2:
				toleration["operator"], toleration["value"] = "Equal", pick(g, []string{"one", "two"})
			case 3:
				toleration["value"] = pick(g, []string{"", "one"})
			}
		}
		if g.chance(65) {
			toleration["effect"] = pick(g, taintEffects)
		}
		if toleration["effect"] == "NoExecute" && g.chance(50) {
			toleration["tolerationSeconds"] = g.source.IntN(400)
		}
		tolerations = append(tolerations, toleration)
	}
	return tolerations
}

// addPodTerms adds required and preferred terms of kind podAffinity or podAntiAffinity.
func (g *clusterGenerator) addPodTerms(affinity object, about feature, kind string, percent int) {
	if g.features[preferenceFeature] {
		percent = 40
	}
	if !g.likely(about, percent) {
		return
	}
	terms := object{}
	if !g.features[preferenceFeature] && g.chance(65) || g.chance(10) {
		var required list
		for range 1 + g.source.IntN(2) {
			required = append(required, g.podTerm())
		}
		terms["requiredDuringSchedulingIgnoredDuringExecution"] = required
	}
	if len(terms) == 0 || g.chance(35) {
		var preferred list
		for range 1 + g.source.IntN(2) {
			preferred = append(preferred, object{"weight": 1 + g.source.IntN(100), "podAffinityTerm": g.podTerm()})
		}
		terms["preferredDuringSchedulingIgnoredDuringExecution"] = preferred
	}
	affinity[kind] = terms
}

func (g *clusterGenerator) podTerm() object {
	term := object{"topologyKey": pick(g, g.topologyKeys(hostnameLabel, hostnameLabel, zoneLabel, zoneLabel, "rack"))}
	if g.chance(95) {
		term["labelSelector"] = g.labelSelector()
		if g.chance(15) {
			term[pick(g, []string{"matchLabelKeys", "mismatchLabelKeys"})] = list{"v"}
		}
	}
	if g.chance(20) {
		term["namespaces"] = pickSome(g, []string{"default", "blue", "green"}, 1, 2)
	}
	if g.chance(20) {
		term["namespaceSelector"] = g.namespaceSelector()
	}
	return term
}

func (g *clusterGenerator) namespaceSelector() object {
	switch g.source.IntN(5) {
	case 0:
		return object{}
	case 1:
		return object{"matchLabels": object{"team": pick(g, []string{"x", "y"})}}
	case 2:
		return object{"matchExpressions": list{object{"key": "env", "operator": "Exists"}}}
	case 3:
		return object{"matchExpressions": list{object{"key": "env", "operator": "NotIn", "values": list{"prod"}}}}
	default:
		return object{"matchExpressions": list{object{"key": "team", "operator": "DoesNotExist"}}}
	}
}

func (g *clusterGenerator) labelSelector() object {
	switch g.source.IntN(8) {
	case 0:
		return object{}
	case 1:
		values := pickSome(g, apps, 1, 2)
		operator := pick(g, []string{"In", "NotIn"})
		return object{"matchExpressions": list{object{"key": "app", "operator": operator, "values": values}}}
	case 2:
		return object{"matchExpressions": list{object{"key": "tier", "operator": pick(g, []string{"Exists", "DoesNotExist"})}}}
	case 3:
		return object{"matchLabels": object{"app": pick(g, apps), "tier": pick(g, tiers)}}
	default:
		return object{"matchLabels": object{"app": pick(g, apps)}}
	}
}

func (g *clusterGenerator) spreadConstraints() list {
	hard, soft := g.likely(hardSpreadFeature, 4), g.likely(softSpreadFeature, 4)
	var constraints list
	seen := map[string]bool{}
	for range 1 + g.source.IntN(2) {
		for _, when := range []string{"DoNotSchedule", "ScheduleAnyway"} {
			if when == "DoNotSchedule" && !hard || when == "ScheduleAnyway" && !soft {
				continue
			}
			constraint := g.spreadConstraint(when)
			pair := fmt.Sprint(constraint["topologyKey"], when)
			if !seen[pair] {
				seen[pair] = true
				constraints = append(constraints, constraint)
			}
		}
	}
	return constraints
}

func (g *clusterGenerator) spreadConstraint(when string) object {
	constraint := object{
		"maxSkew": pick(g, []int{1, 1, 1, 2, 3}), "whenUnsatisfiable": when,
		"topologyKey": pick(g, g.topologyKeys(hostnameLabel, zoneLabel, zoneLabel, "rack")),
	}
	if g.chance(95) {
		constraint["labelSelector"] = g.labelSelector()
		if g.chance(50) {
			constraint["labelSelector"] = object{"matchLabels": object{"app": "web"}}
		}
		if g.chance(20) {
			constraint["matchLabelKeys"] = list{"v"}
		}
	}
	if when == "DoNotSchedule" && g.chance(25) {
		constraint["minDomains"] = 1 + g.source.IntN(4)
	}
	if g.chance(20) {
		constraint["nodeAffinityPolicy"] = pick(g, []string{"Honor", "Ignore"})
	}
	if g.chance(25) {
		constraint["nodeTaintsPolicy"] = pick(g, []string{"Honor", "Ignore"})
	}
	return constraint
}
