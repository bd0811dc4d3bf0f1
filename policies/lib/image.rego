# Image references: `registry.example:5000/team/app:1.2@sha256:…`.
package quorate.lib.image

without_digest(image) := split(image, "@")[0] if is_string(image)

# The part behind the last slash; a colon before it belongs to a registry's port.
last_part(image) := part if {
	parts := split(without_digest(image), "/")
	part := parts[count(parts) - 1]
}

has_digest(image) if contains(image, "@sha")

# Undefined where there is none.
tag(image) := split(last_part(image), ":")[1]

# The name without registry, folders, tag and digest: `postgres`.
name(image) := lower(split(last_part(image), ":")[0])
