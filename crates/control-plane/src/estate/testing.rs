//! For tests of what stands on the estate: clusters in memory and a clock that is set by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::Mutex;
use strongroom_model::NodeId;

use super::{Clock, DataPlane, Fault, Image, Kind, Occasion, Origin, Papers, PlacedNode};
use crate::shapes::Timestamp;

/// A clock that stands still until it's moved.
#[derive(Debug)]
pub struct HandClock(AtomicI64);

impl HandClock {
    /// A clock that shows so many seconds since 1970.
    pub fn at(seconds: i64) -> Self {
        Self(AtomicI64::new(seconds * 1000))
    }

    /// Moves it on.
    pub fn pass(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1000, Ordering::Relaxed);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}

/// Clusters in memory. A cluster's content is a set of words; certificates are whatever text they're given.
#[derive(Debug, Default)]
pub struct MemoryPlane(Mutex<World>);

#[derive(Debug, Default)]
struct World {
    clusters: BTreeMap<String, Cluster>,
    images: Vec<(Image, Content)>,
    made: u64,
    failing: bool,
    ill: BTreeSet<(String, NodeId)>,
}

#[derive(Debug)]
struct Cluster {
    kind: Kind,
    nodes: Vec<PlacedNode>,
    next: u16,
    content: Content,
}

#[derive(Clone, Debug, Default)]
struct Content {
    certificate: Option<String>,
    is_activated: bool,
    words: BTreeSet<String>,
    csr: u64,
}

impl MemoryPlane {
    /// Gives a cluster its first officer.
    pub fn activate(&self, cluster: &str) {
        self.change(cluster, |content| content.is_activated = true);
    }

    /// Puts a word into a cluster.
    pub fn put(&self, cluster: &str, word: &str) {
        self.change(cluster, |content| {
            content.words.insert(word.to_owned());
        });
    }

    /// The words in a cluster; `None` if it has no nodes.
    pub fn words(&self, cluster: &str) -> Option<Vec<String>> {
        let world = self.0.lock();
        Some(world.clusters.get(cluster)?.content.words.iter().cloned().collect())
    }

    /// The kind of a cluster that has nodes.
    pub fn kind(&self, cluster: &str) -> Option<Kind> {
        self.0.lock().clusters.get(cluster).map(|cluster| cluster.kind)
    }

    /// Whether changes fail from now on.
    pub fn set_failing(&self, failing: bool) {
        self.0.lock().failing = failing;
    }

    /// Whether a node is ill.
    pub fn set_ill(&self, cluster: &str, node: NodeId, ill: bool) {
        let mut world = self.0.lock();
        let place = (cluster.to_owned(), node);
        if ill {
            world.ill.insert(place);
        } else {
            world.ill.remove(&place);
        }
    }

    fn change(&self, cluster: &str, change: impl FnOnce(&mut Content)) {
        if let Some(cluster) = self.0.lock().clusters.get_mut(cluster) {
            change(&mut cluster.content);
        }
    }

    fn make(
        &self,
        name: &str,
        kind: Kind,
        content: impl FnOnce(&World) -> Result<Content, Fault>,
        address: Option<Ipv4Addr>,
    ) -> Result<PlacedNode, Fault> {
        let mut world = self.0.lock();
        world.check()?;
        let content = content(&world)?;
        let csr = world.made + 1;
        let node = world.place(0, address);
        let content = Content { csr, ..content };
        let cluster = Cluster { kind, nodes: vec![node], next: 1, content };
        world.clusters.insert(name.to_owned(), cluster);
        Ok(node)
    }

    fn image(&self, id: &str, change: impl FnOnce(&mut Image)) -> Result<Image, Fault> {
        let mut world = self.0.lock();
        world.check()?;
        let found = world.images.iter_mut().find(|(image, _)| image.id == id);
        let (image, _) = found.ok_or_else(|| Fault::Refused(format!("there is no image {id}")))?;
        change(image);
        Ok(image.clone())
    }
}

impl World {
    fn check(&self) -> Result<(), Fault> {
        if self.failing { Err(Fault::Failed("the data plane is out of order".to_owned())) } else { Ok(()) }
    }

    fn place(&mut self, node: u16, address: Option<Ipv4Addr>) -> PlacedNode {
        self.made += 1;
        let [.., high, low] = self.made.to_be_bytes();
        let address = address.unwrap_or(Ipv4Addr::new(127, 7, high, low));
        PlacedNode { node: NodeId(node), address, is_well: true }
    }

    fn add_image(&mut self, image: Image, content: Content) -> Image {
        self.made += 1;
        let digits = format!("{:08o}", self.made)
            .bytes()
            .map(|digit| char::from(digit - b'0' + b'a'))
            .collect::<String>();
        let image = Image { id: format!("backup-mem{digits}"), ..image };
        self.images.push((image.clone(), content));
        image
    }
}

impl DataPlane for MemoryPlane {
    fn nodes(&self, cluster: &str) -> Option<Vec<PlacedNode>> {
        let world = self.0.lock();
        let nodes = &world.clusters.get(cluster)?.nodes;
        let is_well = |node: &PlacedNode| !world.ill.contains(&(cluster.to_owned(), node.node));
        Some(nodes.iter().map(|node| PlacedNode { is_well: is_well(node), ..*node }).collect())
    }

    fn create(&self, cluster: &str, kind: Kind, address: Option<Ipv4Addr>) -> Result<PlacedNode, Fault> {
        self.make(cluster, kind, |_| Ok(Content::default()), address)
    }

    fn restore(
        &self,
        cluster: &str,
        kind: Kind,
        image: &str,
        address: Option<Ipv4Addr>,
    ) -> Result<PlacedNode, Fault> {
        let content = |world: &World| {
            let found = world.images.iter().find(|(other, _)| other.id == image);
            found
                .map(|(_, content)| content.clone())
                .ok_or_else(|| Fault::Refused(format!("there is no image {image}")))
        };
        self.make(cluster, kind, content, address)
    }

    fn add_node(&self, cluster: &str, address: Option<Ipv4Addr>) -> Result<PlacedNode, Fault> {
        let mut world = self.0.lock();
        world.check()?;
        let next = world.clusters.get(cluster).map(|cluster| cluster.next);
        let next = next.ok_or_else(|| Fault::Refused(format!("there is no cluster {cluster}")))?;
        let node = world.place(next, address);
        if let Some(cluster) = world.clusters.get_mut(cluster) {
            cluster.next += 1;
            cluster.nodes.push(node);
        }
        Ok(node)
    }

    fn remove_node(&self, cluster: &str, node: NodeId) -> Result<(), Fault> {
        let mut world = self.0.lock();
        world.check()?;
        let found = world.clusters.get_mut(cluster);
        let found = found.ok_or_else(|| Fault::Refused(format!("there is no cluster {cluster}")))?;
        found.nodes.retain(|other| other.node != node);
        Ok(())
    }

    fn close(&self, cluster: &str, keep: bool, now: u64) -> Result<(), Fault> {
        if keep {
            self.back_up(cluster, Occasion::Removing, now)?;
        }
        let mut world = self.0.lock();
        world.check()?;
        world.clusters.remove(cluster);
        Ok(())
    }

    fn certificates(&self, cluster: &str) -> Result<Papers, Fault> {
        let world = self.0.lock();
        let found = world.clusters.get(cluster);
        let content = &found.ok_or_else(|| Fault::Refused(format!("there is no cluster {cluster}")))?.content;
        Ok(Papers {
            csr: content.certificate.is_none().then(|| format!("CSR {}", content.csr)),
            hsm: Some("HSM".to_owned()),
            service_hardware: Some("SERVICE".to_owned()),
            maker_hardware: Some("MAKER".to_owned()),
            cluster: content.certificate.clone(),
        })
    }

    fn initialize(&self, cluster: &str, signed: &str, anchor: &str) -> Result<(), Fault> {
        self.0.lock().check()?;
        if signed == anchor {
            return Err(Fault::Refused("SignedCert and TrustAnchor are the same".to_owned()));
        }
        self.change(cluster, |content| content.certificate = Some(signed.to_owned()));
        Ok(())
    }

    fn is_activated(&self, cluster: &str) -> bool {
        self.0.lock().clusters.get(cluster).is_some_and(|cluster| cluster.content.is_activated)
    }

    fn change_kind(&self, cluster: &str, kind: Kind) -> Result<(), Fault> {
        let mut world = self.0.lock();
        world.check()?;
        if let Some(cluster) = world.clusters.get_mut(cluster) {
            cluster.kind = kind;
        }
        Ok(())
    }

    fn back_up(&self, cluster: &str, _occasion: Occasion, now: u64) -> Result<Image, Fault> {
        let mut world = self.0.lock();
        world.check()?;
        let found = world.clusters.get(cluster);
        let found = found.ok_or_else(|| Fault::Refused(format!("there is no cluster {cluster}")))?;
        let (kind, content) = (found.kind, found.content.clone());
        let image = Image {
            id: String::new(),
            cluster: cluster.to_owned(),
            created: now,
            kind: Some(kind),
            is_activated: content.is_activated,
            never_expires: false,
            delete_at: None,
            origin: None,
        };
        Ok(world.add_image(image, content))
    }

    fn images(&self) -> Vec<Image> {
        self.0.lock().images.iter().map(|(image, _)| image.clone()).collect()
    }

    fn certificate_in(&self, image: &str) -> Result<Option<String>, Fault> {
        let world = self.0.lock();
        let found = world.images.iter().find(|(other, _)| other.id == image);
        found
            .map(|(_, content)| content.certificate.clone())
            .ok_or_else(|| Fault::Refused(format!("there is no image {image}")))
    }

    fn copy_image(&self, image: &str, origin: &Origin, _now: u64) -> Result<Image, Fault> {
        let mut world = self.0.lock();
        world.check()?;
        let found = world.images.iter().find(|(other, _)| other.id == image).cloned();
        let (of, content) = found.ok_or_else(|| Fault::Refused(format!("there is no image {image}")))?;
        let copy = Image { origin: Some(origin.clone()), never_expires: false, ..of };
        Ok(world.add_image(copy, content))
    }

    fn delete_image(&self, image: &str, at: u64) -> Result<Image, Fault> {
        self.image(image, |image| image.delete_at = Some(at))
    }

    fn undelete_image(&self, image: &str) -> Result<Image, Fault> {
        self.image(image, |image| image.delete_at = None)
    }

    fn keep_image(&self, image: &str, forever: bool) -> Result<Image, Fault> {
        self.image(image, |image| image.never_expires = forever)
    }

    fn govern(&self, _clusters: &[String]) {}
}
