# METADATA
# title: a host is served without TLS
# description: |
#   An Ingress serves a host that no entry under `spec.tls` covers. Hosts with `tls: optional` under `exposure.hosts` in
#   quorate.yaml, and Ingresses whose annotations name a certificate, are not meant.
# related_resources:
# - ref: https://kubernetes.io/docs/concepts/services-networking/ingress/#tls
#   description: TLS for an Ingress
# custom:
#   id: ingress-without-tls
#   severity: warning
#   why: |
#     Passwords, session cookies and answers go in the clear between the client and the ingress controller, and anyone on
#     the way can read and change them. A proxy before it ends TLS for the first stretch only.
#   help: |
#     Add the host under `spec.tls` with a `secretName`; cert-manager fills it (`cert-manager.io/cluster-issuer`).
#   kinds: [networking.k8s.io/Ingress]
#   parameters:
#     certificateAnnotations:
#       description: annotations that name a certificate elsewhere
#       default: [alb.ingress.kubernetes.io/certificate-arn, networking.gke.io/managed-certificates, ingress.gcp.kubernetes.io/pre-shared-cert, traefik.ingress.kubernetes.io/router.tls, nginx.ingress.kubernetes.io/ssl-passthrough]
package quorate.exposure.ingress_without_tls

deny contains finding if {
	not certificate_elsewhere
	some index, rule in list(input.spec, "rules")
	is_object(rule)
	host := object.get(rule, "host", "")
	is_string(host)
	not covered(host)
	not data.environment.exposure.hosts[host].tls == "optional"
	finding := {
		"msg": sprintf("%s is served without TLS", [shown(host)]),
		"path": array.concat(["spec", "rules", index], field(rule)),
	}
}

shown("") := "every host"

shown(host) := sprintf("host %q", [host]) if host != ""

field(rule) := ["host"] if {
	rule.host
} else := []

# A TLS entry without hosts uses the controller's default certificate for all.
covered(_) if {
	some entry in list(input.spec, "tls")
	is_object(entry)
	count(list(entry, "hosts")) == 0
}

covered(host) if {
	some entry in list(input.spec, "tls")
	some name in list(entry, "hosts")
	matches(name, host)
}

matches(name, host) if name == host

matches(name, host) if {
	is_string(name)
	startswith(name, "*.")
	parts := split(host, ".")
	concat(".", array.slice(parts, 1, count(parts))) == substring(name, 2, -1)
}

certificate_elsewhere if {
	some annotation in data.parameters.certificateAnnotations
	input.metadata.annotations[annotation] != null
}

list(from, key) := value if {
	value := from[key]
	is_array(value)
} else := []
