package quorate.exposure.ingress_without_tls_test

import data.quorate.exposure.ingress_without_tls as rule

ingress(spec) := {"kind": "Ingress", "metadata": {"name": "a", "annotations": {}}, "spec": spec}

one(tls) := ingress({"rules": [{"host": "a.example.com"}], "tls": tls})

test_an_uncovered_host_is_found if {
	every tls in [[], [{"hosts": ["b.example.com"]}], [{"hosts": ["*.com"]}]] {
		some finding in rule.deny with input as one(tls)
		finding.path == ["spec", "rules", 0, "host"]
	}
}

test_a_covered_host_is_not if {
	every tls in [[{"hosts": ["a.example.com"]}], [{"hosts": ["*.example.com"]}], [{"secretName": "s"}]] {
		count(rule.deny) == 0 with input as one(tls)
	}
}

test_no_host_means_every_host if {
	some finding in rule.deny with input as ingress({"rules": [{"http": {}}]})
	finding.path == ["spec", "rules", 0]
}

test_a_certificate_elsewhere_and_an_optional_host_are_not if {
	annotated := object.union(one([]), {"metadata": {"annotations": {"alb.ingress.kubernetes.io/certificate-arn": "x"}}})
	count(rule.deny) == 0 with input as annotated
	count(rule.deny) == 0 with input as one([])
		with data.environment as {"exposure": {"hosts": {"a.example.com": {"tls": "optional"}}}}
}
