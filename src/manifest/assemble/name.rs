//! The syntax of names (`k8s.io/apimachinery/pkg/api/validation`, `pkg/apis/*/validation`).

use crate::manifest::api::KubernetesVersion;

/// How a kind's objects may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NameRule {
    /// Labels with dots between them, 253 characters.
    Subdomain,
    /// One label, 63 characters.
    Label,
    /// One label that starts with a letter, 63 characters.
    LabelFromLetter,
    /// A label that leaves room for what a CronJob's Jobs are called: 52 characters.
    CronJob,
    /// Anything that can stand in a path.
    PathSegment,
    /// Not checked: the name means something else (an address), or there is none.
    Free,
}

impl NameRule {
    /// The rule of a kind.
    pub(super) fn of(group: &str, kind: &str, version: KubernetesVersion) -> Self {
        match (group, kind) {
            ("", "Namespace") | ("apps", "StatefulSet") => Self::Label,
            // RelaxedServiceNameValidation is on from 1.36.
            ("", "Service") if version >= KubernetesVersion::one(36) => Self::Label,
            ("", "Service") => Self::LabelFromLetter,
            ("batch", "CronJob") => Self::CronJob,
            ("rbac.authorization.k8s.io" | "apiregistration.k8s.io", _) => Self::PathSegment,
            ("networking.k8s.io", "IPAddress") | ("certificates.k8s.io", "ClusterTrustBundle") => Self::Free,
            ("authentication.k8s.io" | "authorization.k8s.io", _) => Self::Free,
            ("", "Binding") | ("policy", "Eviction") | ("autoscaling", "Scale") => Self::Free,
            _ => Self::Subdomain,
        }
    }

    /// What is wrong with `name`, which an object has.
    pub(super) fn problem(self, name: &str) -> Option<String> {
        let longest = match self {
            Self::Subdomain | Self::PathSegment | Self::Free => 253,
            Self::Label | Self::LabelFromLetter => 63,
            Self::CronJob => 52,
        };
        let fits = match self {
            Self::Subdomain | Self::CronJob => is_subdomain(name),
            Self::Label => is_label(name),
            Self::LabelFromLetter => is_label(name) && name.starts_with(|first: char| first.is_ascii_lowercase()),
            Self::PathSegment => !matches!(name, "." | "..") && !name.contains(['/', '%']),
            Self::Free => true,
        };
        match (fits, name.len() <= longest) {
            (true, true) => None,
            (true, false) => Some(format!("a name has at most {longest} characters here, and this one {}", name.len())),
            (false, _) => Some(self.in_words().to_owned()),
        }
    }

    /// What is wrong with `prefix`, to which the API server adds five characters.
    pub(super) fn problem_of_prefix(self, prefix: &str) -> Option<String> {
        self.problem(&format!("{prefix}x")).filter(|_| !prefix.is_empty())
    }

    const fn in_words(self) -> &'static str {
        match self {
            Self::Subdomain | Self::CronJob => {
                "a name is lower-case letters, digits, `-` and `.`, and starts and ends with a letter or digit"
            }
            Self::Label => "a name is lower-case letters, digits and `-`, and starts and ends with a letter or digit",
            Self::LabelFromLetter => "a name is lower-case letters, digits and `-`, and starts with a letter",
            Self::PathSegment => "a name has no `/` and no `%`, and is not `.` or `..`",
            Self::Free => "",
        }
    }
}

/// Whether `text` is a DNS label (RFC 1123), of any length.
fn is_label(text: &str) -> bool {
    let is_end = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.bytes().all(|byte| is_end(byte) || byte == b'-')
        && text.bytes().next().is_some_and(is_end)
        && text.bytes().last().is_some_and(is_end)
}

/// Whether `text` is labels with dots between them, of any length.
fn is_subdomain(text: &str) -> bool {
    text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_their_kind() {
        let rule = |group, kind| NameRule::of(group, kind, KubernetesVersion::MODELLED);
        assert_eq!(rule("apps", "Deployment").problem("a.b-1"), None);
        assert!(rule("apps", "Deployment").problem("Backend").is_some());
        assert!(rule("apps", "Deployment").problem("a_b").is_some());
        assert!(rule("apps", "Deployment").problem("").is_some());
        assert!(rule("apps", "Deployment").problem("-a").is_some());
        assert!(rule("apps", "Deployment").problem(&"a".repeat(254)).is_some());
        assert!(rule("", "Namespace").problem("a.b").is_some());
        assert_eq!(rule("", "Service").problem("1a"), None);
        assert!(NameRule::of("", "Service", KubernetesVersion::one(35)).problem("1a").is_some());
        assert_eq!(rule("rbac.authorization.k8s.io", "ClusterRole").problem("system:node"), None);
        assert!(rule("batch", "CronJob").problem(&"a".repeat(53)).is_some());
        assert_eq!(rule("", "Pod").problem_of_prefix("a-"), None);
    }
}
