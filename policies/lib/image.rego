# Image references: `registry.example:5000/team/app:1.2@sha256:…`.
package quorate.lib.image

without_digest(image) := split(image, "@")[0]

# The part behind the last slash; a colon before it belongs to a registry's port.
last_part(image) := part if {
	parts := split(without_digest(image), "/")
	part := parts[count(parts) - 1]
}

has_digest(image) if contains(image, "@sha")

# `ko://` and a Go package: ko builds it and puts a digest in its place.
is_built_by_ko(image) if startswith(image, "ko://")

# Undefined where there is none.
tag(image) := parts[1] if {
	parts := split(last_part(image), ":")
	count(parts) > 1
}

# The name without registry, folders, tag and digest: `postgres`.
name(image) := lower(split(last_part(image), ":")[0])
