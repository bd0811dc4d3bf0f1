# METADATA
# title: a Secret lies in the open
# description: |
#   A Secret with values is among the manifests, where quorate.yaml says that secrets are sealed (`secrets.sealing`:
#   `sealedSecrets`, `externalSecrets` or `sops`). Values are never read or printed.
# related_resources:
# - ref: https://kubernetes.io/docs/concepts/security/secrets-good-practices/
#   description: Good practices for Secrets
# - ref: https://github.com/bitnami-labs/sealed-secrets
#   description: Sealed Secrets
# custom:
#   id: plain-secret
#   severity: error
#   why: |
#     Base64 is not encryption: whoever reads the repository, its forks, its build logs or its backups has the secret, and
#     Git keeps it after it is deleted.
#   help: |
#     Rotate the secret first: it is known. Then seal the new one (`kubeseal`), or refer to it with an ExternalSecret, and
#     remove this object and its history.
#   kinds: [Secret]
#   needs: [environment.secrets.sealing]
package quorate.security.plain_secret

import data.quorate.lib.workload.name as object_name

mends := {
	"sealedSecrets": "rotate it, and commit a SealedSecret made with kubeseal",
	"externalSecrets": "rotate it, and commit an ExternalSecret that refers to the store",
	"sops": "rotate it, and commit it encrypted with sops",
}

deny contains finding if {
	mend := mends[data.environment.secrets.sealing]
	# sops leaves the kind and encrypts the values.
	not input.sops
	count(keys) > 0
	finding := {
		"msg": sprintf("secret %q carries %d unsealed %s", [object_name, count(keys), noun]),
		# Not the place of the values: what stands there must not be quoted.
		"path": ["kind"],
		"mends": [mend],
	}
}

keys contains [field, key] if {
	some field in ["data", "stringData"]
	values := input[field]
	is_object(values)
	some key, _ in values
}

noun := "value" if {
	count(keys) == 1
} else := "values"
