package quorate.security.plain_secret_test

import data.quorate.security.plain_secret as rule

secret(fields) := object.union({"kind": "Secret", "metadata": {"name": "a"}}, fields)

sealed := {"secrets": {"sealing": "sealedSecrets"}}

test_values_are_found if {
	some finding in rule.deny with input as secret({"data": {"k": "hidden"}}) with data.environment as sealed
	finding.path == ["kind"]
	not contains(json.marshal(finding), "hidden")
	count(rule.deny) == 1 with input as secret({"stringData": {"k": "v"}}) with data.environment as sealed
}

test_a_secret_without_values_is_not if {
	count(rule.deny) == 0 with input as secret({}) with data.environment as sealed
	count(rule.deny) == 0 with input as secret({"data": {}}) with data.environment as sealed
}

test_encrypted_by_sops_is_not if {
	count(rule.deny) == 0 with input as secret({"data": {"k": "ENC[…]"}, "sops": {"version": "3"}})
		with data.environment as sealed
}

test_nothing_is_said_where_secrets_need_not_be_sealed if {
	count(rule.deny) == 0 with input as secret({"data": {"k": "v"}}) with data.environment as {"secrets": {"sealing": "none"}}
}
