//! The tag in an image's name (`github.com/distribution/reference`, by way of `pkg/util/parsers`).

/// Whether `image` names the tag `latest`, or neither tag nor digest. A text that is no image's name does not.
pub(super) fn is_tagged_latest(image: &str) -> bool {
    let (name_and_tag, digest) = match image.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (image, None),
    };
    let (name, tag) = match name_and_tag.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        Some(_) | None => (name_and_tag, None),
    };
    let is_valid = is_name(name) && tag.is_none_or(is_tag) && digest.is_none_or(is_digest);
    is_valid && (tag == Some("latest") || (tag.is_none() && digest.is_none()))
}

fn is_name(name: &str) -> bool {
    let (domain, path) = match name.split_once('/') {
        Some((first, rest)) if is_domain_like(first) => (Some(first), rest),
        Some(_) | None => (None, name),
    };
    let is_identifier = name.len() == 64 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    !is_identifier && domain.is_none_or(is_domain) && path.split('/').all(is_path_component)
}

fn is_domain_like(first: &str) -> bool {
    first.contains(['.', ':']) || first == "localhost" || first.bytes().any(|byte| byte.is_ascii_uppercase())
}

fn is_domain(domain: &str) -> bool {
    let (host, port) = match domain.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        Some(_) | None => (domain, None),
    };
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let is_label = |label: &str| {
        let is_end = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
        label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && is_end(label.bytes().next())
            && is_end(label.bytes().last())
    };
    let is_address = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).is_some_and(|inside| {
        !inside.is_empty() && inside.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':')
    });
    port.is_none_or(is_port) && (is_address || host.split('.').all(is_label))
}

/// Lower-case letters and digits with `.`, `_`, `__` or any number of `-` between them.
fn is_path_component(component: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = component.as_bytes();
    let ends_well = bytes.first().copied().is_some_and(is_part) && bytes.last().copied().is_some_and(is_part);
    ends_well
        && bytes.split(|byte| is_part(*byte)).all(|separator| {
            matches!(separator, b"" | b"." | b"_" | b"__") || separator.iter().all(|byte| *byte == b'-')
        })
}

fn is_tag(tag: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    tag.len() <= 128
        && tag.bytes().next().is_some_and(is_word)
        && tag.bytes().all(|byte| is_word(byte) || matches!(byte, b'.' | b'-'))
}

fn is_digest(digest: &str) -> bool {
    digest.split_once(':').is_some_and(|(algorithm, hash)| {
        !algorithm.is_empty() && hash.len() >= 32 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_tag_and_no_digest_is_latest() {
        for image in ["nginx", "nginx:latest", "a.b:5000/c/d", "localhost/x", "a--b/c", "registry.example.com/a_b/c__d"]
        {
            assert!(is_tagged_latest(image), "{image}");
        }
        let digest = format!("nginx@sha256:{}", "a".repeat(64));
        for image in ["nginx:1", "a.b:5000/c:1", "", "Nginx", "a b", "nginx:", "a___b", digest.as_str()] {
            assert!(!is_tagged_latest(image), "{image}");
        }
    }
}
