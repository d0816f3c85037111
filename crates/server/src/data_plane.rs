//! The daemon's clusters as the control plane's estate needs them.

use std::net::Ipv4Addr;
use std::sync::Arc;

use strongroom_control_plane::estate::{DataPlane, Fault, Image, Kind, Occasion, Origin, Papers, PlacedNode};
use strongroom_control_plane::shapes;
use strongroom_model::{HsmType, Mode, NodeId, Variant};

use crate::Daemon;
use crate::backups::Backups;
use crate::control::{BackupInfo, BackupOrigin, BackupReason, ClusterStatus, NodeState, NodeStatus, Refusal};

/// The clusters of a daemon, and the images in its home.
pub(crate) struct RealPlane(Arc<Daemon>);

impl RealPlane {
    pub(crate) fn new(daemon: &Arc<Daemon>) -> Self {
        Self(Arc::clone(daemon))
    }

    fn backups(&self) -> &Backups {
        self.0.backups()
    }

    /// A node as it is now.
    fn placed(&self, cluster: &str, node: NodeId) -> Result<PlacedNode, Fault> {
        let failed = || Fault::Failed(format!("node {} of cluster {cluster} has no TCP address", node.0));
        let address = self.0.address_of(cluster, node).ok_or_else(failed)?;
        Ok(PlacedNode { node, address: *address.ip(), is_well: true })
    }
}

impl DataPlane for RealPlane {
    fn nodes(&self, cluster: &str) -> Option<Vec<PlacedNode>> {
        let status = self.0.status_of(cluster)?;
        let placed = |node: &NodeStatus| PlacedNode {
            node: node.node,
            address: node.address.map_or(Ipv4Addr::UNSPECIFIED, |address| *address.ip()),
            is_well: node.state == NodeState::Running && node.lags == 0,
        };
        Some(status.nodes.iter().map(placed).collect())
    }

    fn create(&self, cluster: &str, kind: Kind, address: Option<Ipv4Addr>) -> Result<PlacedNode, Fault> {
        let node = self
            .0
            .create_managed(cluster, variant(kind), address)
            .map_err(|error| placing(error, address))?;
        self.placed(cluster, node)
    }

    fn restore(
        &self,
        cluster: &str,
        kind: Kind,
        image: &str,
        address: Option<Ipv4Addr>,
    ) -> Result<PlacedNode, Fault> {
        let made = self.0.restore_managed(cluster, variant(kind), image, address);
        self.placed(cluster, made.map_err(|error| placing(error, address))?)
    }

    fn add_node(&self, cluster: &str, address: Option<Ipv4Addr>) -> Result<PlacedNode, Fault> {
        let node = self.0.add_managed(cluster, address).map_err(|error| placing(error, address))?;
        self.placed(cluster, node)
    }

    fn remove_node(&self, cluster: &str, node: NodeId) -> Result<(), Fault> {
        // What speaks against it is that no other node serves.
        self.0.remove_managed(cluster, node).map_err(refused)
    }

    fn close(&self, cluster: &str, keep: bool, _now: u64) -> Result<(), Fault> {
        self.0.end_cluster(cluster, keep).map_err(failed)
    }

    fn certificates(&self, cluster: &str) -> Result<Papers, Fault> {
        let papers = self.0.certificates(cluster).map_err(failed)?;
        Ok(Papers {
            csr: papers.csr,
            hsm: papers.hsm,
            service_hardware: papers.aws_hardware,
            maker_hardware: papers.manufacturer_hardware,
            cluster: papers.cluster,
        })
    }

    fn initialize(&self, cluster: &str, signed: &str, anchor: &str) -> Result<(), Fault> {
        self.0.initialize_cluster(cluster, signed, anchor).map(drop).map_err(refused)
    }

    fn is_activated(&self, cluster: &str) -> bool {
        self.0.status_of(cluster).is_some_and(|status| status.initialized)
    }

    fn change_kind(&self, cluster: &str, kind: Kind) -> Result<(), Fault> {
        let quirks = self.0.status_of(cluster).map(|status: ClusterStatus| status.variant.quirks);
        let variant = Variant { quirks: quirks.unwrap_or_default(), ..variant(kind) };
        self.0.set_variant(cluster, variant).map_err(failed)
    }

    fn back_up(&self, cluster: &str, occasion: Occasion, _now: u64) -> Result<Image, Fault> {
        let reason = match occasion {
            Occasion::Activated => BackupReason::Activated,
            Occasion::Adding => BackupReason::NodeAdded,
            Occasion::Removing => BackupReason::NodeRemoved,
        };
        self.0.back_up(cluster, reason).map(image).map_err(failed)
    }

    fn images(&self) -> Vec<Image> {
        self.backups().list(None).into_iter().map(image).collect()
    }

    fn certificate_in(&self, image: &str) -> Result<Option<String>, Fault> {
        self.backups().certificate_in(image).map_err(Fault::Failed)
    }

    fn copy_image(&self, id: &str, origin: &Origin, _now: u64) -> Result<Image, Fault> {
        let Origin { account, region, source_region, source_image: _, source_cluster, copied, seed_of } =
            origin.clone();
        let origin = BackupOrigin { account, region, source_region, source_cluster, copied, seed_of };
        self.backups().copy_for(id, origin).map(image).map_err(Fault::Failed)
    }

    fn delete_image(&self, id: &str, at: u64) -> Result<Image, Fault> {
        self.backups().delete_at(id, at).map(image).map_err(Fault::Failed)
    }

    fn undelete_image(&self, id: &str) -> Result<Image, Fault> {
        self.backups().undelete(id).map(image).map_err(Fault::Failed)
    }

    fn keep_image(&self, id: &str, forever: bool) -> Result<Image, Fault> {
        self.backups().keep(id, forever).map(image).map_err(Fault::Failed)
    }

    fn govern(&self, clusters: &[String]) {
        self.backups().leave(clusters);
    }
}

fn image(info: BackupInfo) -> Image {
    let source_image = info.source.clone().unwrap_or_default();
    Image {
        id: info.id,
        cluster: info.cluster,
        created: info.created,
        kind: info.variant.map(kind),
        is_activated: info.users > 0,
        // A copy that somebody made by command never goes by itself.
        never_expires: info.never_expires || (info.source.is_some() && info.origin.is_none()),
        delete_at: info.delete_at,
        origin: info.origin.map(|origin| Origin {
            account: origin.account,
            region: origin.region,
            source_region: origin.source_region,
            source_image,
            source_cluster: origin.source_cluster,
            copied: origin.copied,
            seed_of: origin.seed_of,
        }),
    }
}

fn kind(variant: Variant) -> Kind {
    Kind {
        hsm: match variant.hsm {
            HsmType::Hsm1 => shapes::HsmType::Hsm1Medium,
            HsmType::Hsm2m => shapes::HsmType::Hsm2mMedium,
        },
        mode: match variant.mode {
            Mode::Fips => shapes::ClusterMode::Fips,
            Mode::NonFips => shapes::ClusterMode::NonFips,
        },
    }
}

fn variant(kind: Kind) -> Variant {
    Variant {
        hsm: match kind.hsm {
            shapes::HsmType::Hsm1Medium => HsmType::Hsm1,
            shapes::HsmType::Hsm2mMedium => HsmType::Hsm2m,
        },
        mode: match kind.mode {
            shapes::ClusterMode::Fips => Mode::Fips,
            shapes::ClusterMode::NonFips => Mode::NonFips,
        },
        ..Variant::default()
    }
}

/// What goes wrong when a node is placed is most likely the address, if one was wished for.
fn placing(refusal: Refusal, address: Option<Ipv4Addr>) -> Fault {
    if address.is_some() { refused(refusal) } else { failed(refusal) }
}

fn refused(refusal: Refusal) -> Fault {
    Fault::Refused(sentence(refusal))
}

fn failed(refusal: Refusal) -> Fault {
    Fault::Failed(sentence(refusal))
}

fn sentence(refusal: Refusal) -> String {
    match refusal {
        Refusal::Exists => "there is a cluster of this name already".to_owned(),
        Refusal::Failed(sentence) => sentence,
    }
}
