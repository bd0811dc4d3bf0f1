//! Networks, and what is exposed to the outside.

use std::collections::BTreeMap;
use std::fmt;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// A network in CIDR notation, its address the first of the range (`10.0.0.0/16`, not `10.0.0.1/16`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cidr(IpNet);

/// Why a text is no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CidrError {
    /// Not an address and a prefix length.
    #[error("`{0}` is no network: write an address and a prefix length, for example 10.0.0.0/16")]
    Shape(String),
    /// An address inside the range.
    #[error("`{written}` is an address inside a network: write {network}")]
    HostBits {
        /// The text.
        written: String,
        /// The network that it is in.
        network: IpNet,
    },
}

impl Cidr {
    /// The range of addresses.
    pub const fn range(self) -> IpNet {
        self.0
    }
}

impl TryFrom<String> for Cidr {
    type Error = CidrError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let Ok(range) = text.parse::<IpNet>() else {
            return Err(CidrError::Shape(text));
        };
        match range.trunc() {
            network if network == range => Ok(Self(range)),
            network => Err(CidrError::HostBits { written: text, network }),
        }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl From<Cidr> for String {
    fn from(cidr: Cidr) -> Self {
        cidr.to_string()
    }
}

/// Address ranges of the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Networks {
    /// The private network that all machines share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vpc: Option<Cidr>,
    /// The part of it that nodes have their addresses from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Cidr>,
    /// Addresses of pods (`--cluster-cidr`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pods: Option<Cidr>,
    /// Addresses of Services (`--service-cluster-ip-range`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub services: Option<Cidr>,
}

/// What may be reached from the outside. What is not declared here must not be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Exposure {
    /// Ports that may be open.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<ExposedPort>,
    /// Names that are served, by host name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub hosts: BTreeMap<String, ExposedHost>,
}

/// A port that may be open to the outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExposedPort {
    /// The port's number.
    pub port: u16,
    /// The transport protocol; TCP if absent.
    #[serde(default)]
    pub protocol: Protocol,
    /// The way that traffic to it may take; the load balancer if absent.
    #[serde(default)]
    pub through: ExposurePath,
    /// What it is open for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
}

/// Transport protocols, as Kubernetes writes them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Protocol {
    /// TCP.
    #[default]
    #[serde(rename = "TCP")]
    Tcp,
    /// UDP.
    #[serde(rename = "UDP")]
    Udp,
    /// SCTP.
    #[serde(rename = "SCTP")]
    Sctp,
}

/// The way that traffic from the outside takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ExposurePath {
    /// Only through a load balancer (a Service of type LoadBalancer, or one in front of the API server).
    #[default]
    LoadBalancer,
    /// On nodes themselves (node ports, host ports, host network).
    Node,
    /// On the API server's own address.
    ApiServer,
}

/// A host name that is served to the outside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExposedHost {
    /// What is served there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// Whether it must be served over TLS; required if absent.
    pub tls: TlsRequirement,
}

/// Whether a host must be served over TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TlsRequirement {
    /// Only over TLS.
    #[default]
    Required,
    /// Also without.
    Optional,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read_and_addresses_inside_one_are_corrected() {
        assert_eq!(Cidr::try_from("10.96.0.0/12".to_owned()).unwrap().to_string(), "10.96.0.0/12");
        assert!(Cidr::try_from("fd00::/48".to_owned()).is_ok());
        let error = Cidr::try_from("10.0.1.7/24".to_owned()).unwrap_err().to_string();
        assert!(error.ends_with("write 10.0.1.0/24"), "{error}");
        for text in ["", "10.0.0.0", "10.0.0.0/33", "10.0/16"] {
            assert!(matches!(Cidr::try_from(text.to_owned()), Err(CidrError::Shape(_))), "{text}");
        }
    }

    #[test]
    fn a_port_needs_only_its_number() {
        let port: ExposedPort = serde_json::from_str(r#"{"port": 443}"#).unwrap();
        assert_eq!((port.protocol, port.through), (Protocol::Tcp, ExposurePath::LoadBalancer));
    }
}
