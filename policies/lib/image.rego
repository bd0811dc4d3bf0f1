# Image references: `registry.example:5000/team/app:1.2@sha256:…`.
package quorate.lib.image

has_digest(image) if contains(image, "@sha")

# `ko://` and a Go package: ko builds it and puts a digest in its place.
is_built_by_ko(image) if startswith(image, "ko://")

# Name and tag, without registry and folders: a colon before the last slash belongs to a registry's port.
pieces(image) := split(parts[count(parts) - 1], ":") if {
	parts := split(split(image, "@")[0], "/")
}

# The tag; empty where there is none.
tag(image) := found[1] if {
	found := pieces(image)
	count(found) > 1
} else := ""

# The name: `postgres`.
name(image) := lower(pieces(image)[0])
