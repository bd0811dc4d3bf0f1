//! In-tree disks as the CSI drivers that have taken their place see them.
//!
//! Source: `staging:csi-translation-lib` (`translate.go`, `plugins/*.go`) and the two places of the scheduler that ask whether a
//! plugin is migrated (`plugins/nodevolumelimits/utils.go`, `plugins/volumebinding/binder.go`).

use super::labels::Labels;
use super::name::Symbol;
use super::pod_template::{NodeRequirement, NodeRequirementOperator, NodeSelectorTerm};
use super::state::ClusterState;
use super::volume::CsiVolume;

/// A volume plugin that was once part of Kubernetes and has a CSI driver in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InTreePlugin {
    /// `kubernetes.io/aws-ebs`.
    AwsElasticBlockStore,
    /// `kubernetes.io/azure-disk`.
    AzureDisk,
    /// `kubernetes.io/azure-file`.
    AzureFile,
    /// `kubernetes.io/cinder`.
    Cinder,
    /// `kubernetes.io/gce-pd`.
    GcePersistentDisk,
    /// `kubernetes.io/portworx-volume`.
    Portworx,
    /// `kubernetes.io/vsphere-volume`.
    Vsphere,
}

impl InTreePlugin {
    const ALL: [Self; 7] = [
        Self::AwsElasticBlockStore,
        Self::AzureDisk,
        Self::AzureFile,
        Self::Cinder,
        Self::GcePersistentDisk,
        Self::Portworx,
        Self::Vsphere,
    ];

    /// The plugin of this name.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|plugin| plugin.name() == text)
    }

    /// Upstream's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AwsElasticBlockStore => "kubernetes.io/aws-ebs",
            Self::AzureDisk => "kubernetes.io/azure-disk",
            Self::AzureFile => "kubernetes.io/azure-file",
            Self::Cinder => "kubernetes.io/cinder",
            Self::GcePersistentDisk => "kubernetes.io/gce-pd",
            Self::Portworx => "kubernetes.io/portworx-volume",
            Self::Vsphere => "kubernetes.io/vsphere-volume",
        }
    }

    /// The driver in its place.
    #[must_use]
    pub const fn csi_driver(self) -> &'static str {
        match self {
            Self::AwsElasticBlockStore => "ebs.csi.aws.com",
            Self::AzureDisk => "disk.csi.azure.com",
            Self::AzureFile => "file.csi.azure.com",
            Self::Cinder => "cinder.csi.openstack.org",
            Self::GcePersistentDisk => "pd.csi.storage.gke.io",
            Self::Portworx => "pxd.portworx.com",
            Self::Vsphere => "csi.vsphere.vmware.com",
        }
    }

    /// Whether the scheduler looks for its volumes under the driver at all.
    #[must_use]
    pub const fn is_migrated(self) -> bool {
        match self {
            Self::AwsElasticBlockStore | Self::AzureDisk | Self::Cinder | Self::GcePersistentDisk | Self::Portworx => {
                true
            }
            Self::AzureFile | Self::Vsphere => false,
        }
    }

    /// The label by which the driver names zones, where the plugin's zones are translated to it.
    const fn zone_key(self) -> Option<&'static str> {
        match self {
            Self::AwsElasticBlockStore => Some("topology.ebs.csi.aws.com/zone"),
            Self::Cinder => Some("topology.cinder.csi.openstack.org/zone"),
            Self::GcePersistentDisk => Some("topology.gke.io/zone"),
            Self::AzureDisk | Self::AzureFile | Self::Portworx | Self::Vsphere => None,
        }
    }
}

/// A disk of an in-tree plugin, as a manifest gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InTreeDisk<'a> {
    /// `awsElasticBlockStore`: `volumeID`.
    AwsElasticBlockStore(&'a str),
    /// `azureDisk`: `diskURI`, and whether its kind is `Managed`; others are not translated.
    AzureDisk(&'a str, AzureDiskKind),
    /// `azureFile`.
    AzureFile,
    /// `cinder`: `volumeID`.
    Cinder(&'a str),
    /// `gcePersistentDisk`: `pdName`.
    GcePersistentDisk(&'a str),
    /// `portworxVolume`: `volumeID`.
    Portworx(&'a str),
    /// `vsphereVolume`.
    Vsphere,
}

/// `azureDisk.kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AzureDiskKind {
    /// `Managed`.
    Managed,
    /// `Shared` (the default) or `Dedicated`.
    Unmanaged,
}

impl AzureDiskKind {
    /// The kind of this name, in any case.
    #[must_use]
    pub fn named(text: &str) -> Self {
        if text.eq_ignore_ascii_case("Managed") { Self::Managed } else { Self::Unmanaged }
    }
}

/// A PersistentVolume of an in-tree plugin.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MigratedVolume {
    /// The plugin.
    pub plugin: InTreePlugin,
    /// The volume as its driver sees it; `None`: upstream cannot translate it.
    pub translated: Option<TranslatedVolume>,
}

/// A PersistentVolume as the driver of its in-tree plugin sees it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TranslatedVolume {
    /// Driver and handle.
    pub volume: CsiVolume,
    /// Its node affinity with the driver's label for zones.
    pub node_terms: Option<Vec<NodeSelectorTerm>>,
}

/// An inline disk of an in-tree plugin as its driver counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MigratedDisk {
    /// Its plugin has no driver, or none that the scheduler looks for.
    NotCounted,
    /// As this volume.
    As(CsiVolume),
    /// Upstream cannot translate it.
    Untranslatable,
}

impl InTreeDisk<'_> {
    /// Its plugin.
    #[must_use]
    pub const fn plugin(self) -> InTreePlugin {
        match self {
            Self::AwsElasticBlockStore(_) => InTreePlugin::AwsElasticBlockStore,
            Self::AzureDisk(..) => InTreePlugin::AzureDisk,
            Self::AzureFile => InTreePlugin::AzureFile,
            Self::Cinder(_) => InTreePlugin::Cinder,
            Self::GcePersistentDisk(_) => InTreePlugin::GcePersistentDisk,
            Self::Portworx(_) => InTreePlugin::Portworx,
            Self::Vsphere => InTreePlugin::Vsphere,
        }
    }

    /// The driver's handle; `zones` are those of a PersistentVolume's label. `None`: it cannot be translated.
    fn handle(self, zones: &[&str]) -> Option<String> {
        match self {
            Self::AwsElasticBlockStore(volume) => aws_handle(volume),
            Self::AzureDisk(uri, AzureDiskKind::Managed) => Some(uri.to_owned()),
            Self::AzureDisk(_, AzureDiskKind::Unmanaged) | Self::AzureFile | Self::Vsphere => None,
            Self::Cinder(volume) | Self::Portworx(volume) => Some(volume.to_owned()),
            Self::GcePersistentDisk(name) => match zones {
                [] | [""] => Some(format!("projects/UNSPECIFIED/zones/UNSPECIFIED/disks/{name}")),
                [zone] => Some(format!("projects/UNSPECIFIED/zones/{zone}/disks/{name}")),
                zones => Some(format!("projects/UNSPECIFIED/regions/{}/disks/{name}", gce_region(zones)?)),
            },
        }
    }

    /// An inline disk as its driver counts it.
    pub fn migrate_inline(self, state: &mut ClusterState) -> MigratedDisk {
        let plugin = self.plugin();
        if !plugin.is_migrated() {
            return MigratedDisk::NotCounted;
        }
        match self.handle(&[]) {
            Some(handle) => MigratedDisk::As(csi_volume(state, plugin, &handle)),
            None => MigratedDisk::Untranslatable,
        }
    }

    /// A PersistentVolume as its driver sees it; `labels` and `node_terms` are the volume's own.
    pub fn migrate(
        self,
        state: &mut ClusterState,
        labels: &Labels,
        node_terms: Option<&[NodeSelectorTerm]>,
    ) -> MigratedVolume {
        let plugin = self.plugin();
        let label = [Symbol::BETA_ZONE, Symbol::ZONE].into_iter().filter_map(|key| labels.get(key));
        let label = label.map(|value| state.names.text(value).to_owned()).find(|text| !text.is_empty());
        let zones: Vec<&str> = label.as_deref().map_or_else(Vec::new, |text| text.split(ZONE_DELIMITER).collect());
        let translated = self.handle(&zones).map(|handle| TranslatedVolume {
            volume: csi_volume(state, plugin, &handle),
            node_terms: translate_terms(state, plugin, labels, node_terms),
        });
        MigratedVolume { plugin, translated }
    }
}

/// Stands between zones in the label of a volume that is in several.
pub(crate) const ZONE_DELIMITER: &str = "__";

fn csi_volume(state: &mut ClusterState, plugin: InTreePlugin, handle: &str) -> CsiVolume {
    CsiVolume { driver: state.intern(plugin.csi_driver()), handle: state.intern(handle) }
}

/// `vol-1`, `aws:///vol-1`, `aws://zone/vol-1`.
fn aws_handle(volume: &str) -> Option<String> {
    let Some(rest) = volume.strip_prefix("aws://") else { return Some(volume.to_owned()) };
    let id = rest.split_once('/').map_or("", |(_, path)| path).trim_matches('/');
    (id.starts_with("vol-") && !id.contains('/')).then(|| id.to_owned())
}

/// `europe-west1` of `europe-west1-b` and `europe-west1-c`.
fn gce_region(zones: &[&str]) -> Option<String> {
    let region_of = |zone: &&str| match zone.split('-').collect::<Vec<_>>().as_slice() {
        [place, region, _] => Some(format!("{place}-{region}")),
        _ => None,
    };
    let regions: Option<Vec<String>> = zones.iter().map(region_of).collect();
    let mut regions = regions?;
    regions.dedup();
    match regions.as_slice() {
        [region] => Some(region.clone()),
        _ => None,
    }
}

/// Zones move from Kubernetes' label to the driver's; where no term names a zone, those of the volume's label are added.
fn translate_terms(
    state: &mut ClusterState,
    plugin: InTreePlugin,
    labels: &Labels,
    node_terms: Option<&[NodeSelectorTerm]>,
) -> Option<Vec<NodeSelectorTerm>> {
    let Some(zone_key) = plugin.zone_key() else { return node_terms.map(<[_]>::to_vec) };
    let zone_key = state.intern(zone_key);
    let mut terms = node_terms.map(<[_]>::to_vec).unwrap_or_default();
    let (zone_label, region_label) = topology_labels(labels, &terms);
    let names_zones =
        |requirement: &NodeRequirement| requirement.key == zone_label && has_values(&requirement.operator);
    if expressions(&terms).any(names_zones) {
        replace_key(&mut terms, zone_label, zone_key);
    } else if let Some(value) = labels.get(zone_label) {
        add_zones(state, &mut terms, zone_key, value);
    }
    if region_label == Symbol::BETA_REGION {
        replace_key(&mut terms, Symbol::BETA_REGION, Symbol::REGION);
    }
    (node_terms.is_some() || !terms.is_empty()).then_some(terms)
}

fn expressions(terms: &[NodeSelectorTerm]) -> impl Iterator<Item = &NodeRequirement> {
    terms.iter().flat_map(|term| term.expressions.iter())
}

/// The labels for zone and region that the volume uses: those of its terms first, then its own.
fn topology_labels(labels: &Labels, terms: &[NodeSelectorTerm]) -> (Symbol, Symbol) {
    let (current, beta) = ((Symbol::ZONE, Symbol::REGION), (Symbol::BETA_ZONE, Symbol::BETA_REGION));
    let in_terms = |key| expressions(terms).any(|requirement| requirement.key == key);
    if in_terms(Symbol::ZONE) {
        return current;
    }
    if in_terms(Symbol::BETA_ZONE) {
        return beta;
    }
    if labels.get(Symbol::ZONE).is_none() && labels.get(Symbol::BETA_ZONE).is_some() { beta } else { current }
}

const fn has_values(operator: &NodeRequirementOperator) -> bool {
    match operator {
        NodeRequirementOperator::In(values) | NodeRequirementOperator::NotIn(values) => !values.is_empty(),
        NodeRequirementOperator::GreaterThan(_)
        | NodeRequirementOperator::LessThan(_)
        | NodeRequirementOperator::Invalid => true,
        NodeRequirementOperator::Exists | NodeRequirementOperator::DoesNotExist => false,
    }
}

fn replace_key(terms: &mut [NodeSelectorTerm], old: Symbol, new: Symbol) {
    for requirement in terms.iter_mut().flat_map(|term| term.expressions.iter_mut()) {
        if requirement.key == old {
            requirement.key = new;
        }
    }
}

fn add_zones(state: &mut ClusterState, terms: &mut Vec<NodeSelectorTerm>, key: Symbol, label: Symbol) {
    let text = state.names.text(label).to_owned();
    let zones = text.split(ZONE_DELIMITER).map(str::trim).filter(|zone| !zone.is_empty());
    let zones: Vec<Symbol> = zones.map(|zone| state.intern(zone)).collect();
    if zones.is_empty() {
        return;
    }
    if terms.is_empty() {
        terms.push(NodeSelectorTerm::default());
    }
    for term in terms {
        term.expressions.push(NodeRequirement { key, operator: NodeRequirementOperator::In(zones.clone()) });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn in_zone(state: &mut ClusterState, key: Symbol, zone: &str) -> NodeSelectorTerm {
        let operator = NodeRequirementOperator::In(vec![state.intern(zone)]);
        NodeSelectorTerm { expressions: vec![NodeRequirement { key, operator }], fields: Vec::new() }
    }

    #[test]
    fn ids_of_amazon_lose_their_zone() {
        assert_eq!(aws_handle("vol-1").as_deref(), Some("vol-1"));
        assert_eq!(aws_handle("anything").as_deref(), Some("anything"));
        assert_eq!(aws_handle("aws:///vol-1").as_deref(), Some("vol-1"));
        assert_eq!(aws_handle("aws://eu-central-1a/vol-1").as_deref(), Some("vol-1"));
        assert_eq!(aws_handle("aws://eu-central-1a/disk"), None);
        assert_eq!(aws_handle("aws://vol-1"), None);
    }

    #[test]
    fn zones_of_google_become_a_region() {
        let handle = |zones: &[&str]| InTreeDisk::GcePersistentDisk("d").handle(zones);
        assert_eq!(handle(&[]).as_deref(), Some("projects/UNSPECIFIED/zones/UNSPECIFIED/disks/d"));
        assert_eq!(handle(&["a-b-c"]).as_deref(), Some("projects/UNSPECIFIED/zones/a-b-c/disks/d"));
        assert_eq!(handle(&["a-b-c", "a-b-d"]).as_deref(), Some("projects/UNSPECIFIED/regions/a-b/disks/d"));
        assert_eq!(handle(&["a-b-c", "a-x-d"]), None);
        assert_eq!(handle(&["a", "b"]), None);
    }

    #[test]
    fn terms_get_the_drivers_label_for_zones() {
        let mut state = ClusterState::default();
        let driver_zone = state.intern("topology.ebs.csi.aws.com/zone");
        let disk = InTreeDisk::AwsElasticBlockStore("vol-1");
        let migrate = |state: &mut ClusterState, labels: &Labels, terms: Option<&[NodeSelectorTerm]>| {
            disk.migrate(state, labels, terms).translated.unwrap().node_terms
        };
        let beta = in_zone(&mut state, Symbol::BETA_ZONE, "a");
        let translated = in_zone(&mut state, driver_zone, "a");
        assert_eq!(migrate(&mut state, &Labels::default(), Some(&[beta])), Some(vec![translated]));
        let label = state.intern("a__b");
        let labels = Labels::from_iter([(Symbol::ZONE, label)]);
        let zones = vec![state.intern("a"), state.intern("b")];
        let added = NodeRequirement { key: driver_zone, operator: NodeRequirementOperator::In(zones) };
        let terms = migrate(&mut state, &labels, None).unwrap();
        assert_eq!(terms, [NodeSelectorTerm { expressions: vec![added], fields: Vec::new() }]);
        assert_eq!(migrate(&mut state, &Labels::default(), None), None);
    }

    #[test]
    fn a_region_of_old_becomes_todays_beside_a_zone_of_old() {
        let mut state = ClusterState::default();
        let disk = InTreeDisk::Cinder("disk");
        let terms = [in_zone(&mut state, Symbol::BETA_REGION, "east")];
        let zone = state.intern("a");
        let key_of = |state: &mut ClusterState, label: Symbol| {
            let labels = Labels::from_iter([(label, zone)]);
            disk.migrate(state, &labels, Some(&terms)).translated.unwrap().node_terms.unwrap()[0].expressions[0].key
        };
        assert_eq!(key_of(&mut state, Symbol::BETA_ZONE), Symbol::REGION);
        assert_eq!(key_of(&mut state, Symbol::ZONE), Symbol::BETA_REGION);
    }

    #[test]
    fn only_managed_disks_of_azure_are_translated() {
        let mut state = ClusterState::default();
        let unmanaged = InTreeDisk::AzureDisk("uri", AzureDiskKind::named("Shared"));
        assert_eq!(unmanaged.migrate_inline(&mut state), MigratedDisk::Untranslatable);
        let managed = InTreeDisk::AzureDisk("uri", AzureDiskKind::named("managed"));
        let volume = csi_volume(&mut state, InTreePlugin::AzureDisk, "uri");
        assert_eq!(managed.migrate_inline(&mut state), MigratedDisk::As(volume));
        assert_eq!(InTreeDisk::Vsphere.migrate_inline(&mut state), MigratedDisk::NotCounted);
    }
}
