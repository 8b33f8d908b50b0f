//! Admission of connections: the node's maximum, the rate of upgrades, and what one address or user may have.
//!
//! A place is a guard: however its connection ends, the place is free again when the guard is dropped.
use crate::User;
use crate::limits::NodeLimits;
use crate::node::Node;
use crate::node::addresses::{Addresses, key};
use crate::node::memory::Level;
use crate::rate::{Bucket, Rate};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, LazyLock};

/// File descriptors that are left for everything else; at most a quarter of those that the process may open.
const RESERVE: usize = 256;
/// If no maximum is configured and fewer WebSockets than this are possible, the log says so at boot.
const FEW: usize = 512;
/// The most HTTP connections that have sent no request yet.
const HANDSHAKES: usize = 512;
/// The most HTTP connections that have sent one, unless `Limits::http_connections` says otherwise.
const HTTP_CONNECTIONS: usize = 1024;
/// Why a connection is not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// The node has as many connections as it may.
    Node,
    Memory,
    /// There were more upgrades than `accept_rate`.
    Rate,
    /// The address has as many connections as it may.
    AddressConnections,
    /// The address made more upgrades than `address_rate`.
    AddressRate,
    /// The user has as many connections as it may.
    UserConnections,
    /// The node has as many namespaces that are named at run time as it may.
    Namespaces,
}

/// A place among the connections of this node; free again when dropped.
pub(crate) struct ConnectionPermit {
    node: Arc<Node>,
    owners: Option<Box<Owners>>,
}

/// The address and the user for which the connection counts, and its compression window, if these are limited.
#[derive(Default)]
struct Owners {
    _address: Option<AddressPlace>,
    _window: Option<WindowPlace>,
}

impl ConnectionPermit {
    /// Admits a connection. The limits of its address come before those of the node, so that an address that connects too often
    /// does not use up the rate of all. Errors: why the connection is not admitted.
    pub(crate) fn new(node: &Arc<Node>, address: Option<IpAddr>) -> Result<ConnectionPermit, Full> {
        let limits = node.limits();
        if node.memory.fullness() >= Level::NoNewConnections {
            return Err(Full::Memory);
        }
        let address = node.admission.place(node, limits, address)?;
        if let Some(rate) = limits.accept_rate
            && !node.admission.accept(node, rate)
        {
            return Err(Full::Rate);
        }
        let admitted = &node.counters.admitted;
        // Added first and taken back, so that two connections do not both get the last place.
        let before = admitted.fetch_add(1, SeqCst);
        let owners = address.map(|address| Box::new(Owners { _address: Some(address), ..Owners::default() }));
        let permit = ConnectionPermit { node: node.clone(), owners };
        // A refused permit is dropped like any other: a shutdown that waits for an empty node may have counted it.
        if before >= max_connections(limits) { Err(Full::Node) } else { Ok(permit) }
    }

    /// Reserves a compression window of `bytes` bytes, as long as the connection lives; false if there is no room. All of it is
    /// reserved at once, so that no message is refused later because the windows of others have grown.
    pub(crate) fn keeps_window(&mut self, bytes: usize) -> bool {
        if bytes == 0 || !self.node.memory.is_limited() {
            return true;
        }
        let place = WindowPlace::new(&self.node, bytes);
        let is_kept = place.is_some();
        if is_kept {
            self.owners.get_or_insert_default()._window = place;
        }
        is_kept
    }
}

/// Memory that is reserved, until dropped.
struct WindowPlace {
    node: Arc<Node>,
    bytes: usize,
}

impl WindowPlace {
    fn new(node: &Arc<Node>, bytes: usize) -> Option<WindowPlace> {
        node.memory.reserve_window(bytes).then(|| WindowPlace { node: node.clone(), bytes })
    }
}

impl Drop for WindowPlace {
    fn drop(&mut self) {
        self.node.memory.release_window(self.bytes);
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.node.counters.admitted.fetch_sub(1, SeqCst);
        self.node.left.notify_waiters();
    }
}

/// An HTTP connection that is not upgraded yet, counted for its address until dropped.
pub(crate) struct Handshaking {
    _place: Option<AddressPlace>,
}

impl Handshaking {
    /// `None`: the address has as many as it may have.
    pub(crate) fn new(node: &Arc<Node>, address: IpAddr) -> Option<Handshaking> {
        let limits = node.limits();
        let Some(most) = limits.address_connections else { return Some(Handshaking { _place: None }) };
        let mut table = node.admission.addresses.lock();
        let key = key(address);
        let Some(entry) = table.entry(key, node.exact(), limits.address_rate) else {
            return Some(Handshaking { _place: None });
        };
        if entry.handshakes as usize >= most {
            return None;
        }
        entry.handshakes += 1;
        Some(Handshaking { _place: Some(AddressPlace { node: node.clone(), key, open: false }) })
    }
}

/// What the node remembers for admission.
#[derive(Default)]
pub(crate) struct Admission {
    accepts: Mutex<Option<Bucket>>,
    addresses: Mutex<Addresses>,
    /// The number of connections of each user that has any.
    users: Mutex<HashMap<Box<str>, usize>>,
}

impl Admission {
    fn accept(&self, node: &Node, rate: Rate) -> bool {
        let mut bucket = self.accepts.lock();
        let now = node.exact();
        bucket.get_or_insert_with(|| Bucket::full(rate, now)).take(rate, now)
    }

    #[cfg(test)]
    pub(crate) fn counted_users(&self) -> usize {
        self.users.lock().len()
    }

    /// Takes a place for the address. `None`: addresses are not limited, this one is not known, or the table has no room to
    /// remember it.
    fn place(
        &self,
        node: &Arc<Node>,
        limits: &NodeLimits,
        address: Option<IpAddr>,
    ) -> Result<Option<AddressPlace>, Full> {
        if limits.address_connections.is_none() && limits.address_rate.is_none() {
            return Ok(None);
        }
        let Some(address) = address else {
            crate::log::limited!(
                warn,
                (),
                "limits of addresses have no effect, for the peers are not known: give axum::serve the router's \
                 into_make_service_with_connect_info::<SocketAddr>()"
            );
            return Ok(None);
        };
        let mut table = self.addresses.lock();
        let (key, now) = (key(address), node.exact());
        let Some(entry) = table.entry(key, now, limits.address_rate) else { return Ok(None) };
        if limits.address_connections.is_some_and(|most| entry.open as usize >= most) {
            return Err(Full::AddressConnections);
        }
        if let Some(rate) = limits.address_rate
            && !entry.bucket.get_or_insert_with(|| Bucket::full(rate, now)).take(rate, now)
        {
            return Err(Full::AddressRate);
        }
        entry.open += 1;
        Ok(Some(AddressPlace { node: node.clone(), key, open: true }))
    }
}

/// One of the connections of an address, until dropped.
struct AddressPlace {
    node: Arc<Node>,
    key: IpAddr,
    /// True for a WebSocket, false for a connection that is not upgraded yet.
    open: bool,
}

impl Drop for AddressPlace {
    fn drop(&mut self) {
        let mut table = self.node.admission.addresses.lock();
        let Some(entry) = table.entries.get_mut(&self.key) else { return };
        let count = if self.open { &mut entry.open } else { &mut entry.handshakes };
        *count = count.saturating_sub(1);
        if entry.is_idle(self.node.exact(), self.node.limits().address_rate) {
            table.remove(&self.key);
        }
    }
}

/// One of the connections of a user, until dropped.
pub(crate) struct UserPlace {
    node: Arc<Node>,
    user: User,
}

impl UserPlace {
    /// `None`: the node does not count them.
    pub(crate) fn new(node: &Arc<Node>, user: &User) -> Result<Option<UserPlace>, Full> {
        let Some(most) = node.limits().user_connections else { return Ok(None) };
        let mut users = node.admission.users.lock();
        match users.get_mut(user.id()) {
            Some(open) if *open >= most => return Err(Full::UserConnections),
            Some(open) => *open += 1,
            None => {
                users.insert(user.id().into(), 1);
            }
        }
        Ok(Some(UserPlace { node: node.clone(), user: user.clone() }))
    }
}

impl Drop for UserPlace {
    fn drop(&mut self) {
        let mut users = self.node.admission.users.lock();
        let Some(open) = users.get_mut(self.user.id()) else { return };
        *open -= 1;
        if *open == 0 {
            users.remove(self.user.id());
            if users.len() < users.capacity() / 4 {
                users.shrink_to_fit();
            }
        }
    }
}

/// How many descriptors connections may have: what the process may open, less the reserve.
fn descriptors() -> usize {
    // RLIMIT_NOFILE, on systems that report it in a file.
    static OPEN_FILES: LazyLock<Option<usize>> = LazyLock::new(|| {
        let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
        let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
        line.split_whitespace().next()?.parse().ok()
    });
    without_reserve(OPEN_FILES.unwrap_or(usize::MAX))
}

fn without_reserve(open: usize) -> usize {
    (open - RESERVE.min(open / 4)).max(2)
}

/// How many HTTP connections our listeners have at once that have sent no request yet.
pub(crate) fn max_handshakes() -> usize {
    HANDSHAKES.min(descriptors() / 8).max(1)
}

/// How many HTTP connections our listeners keep after their first request, without WebSockets.
pub(crate) fn max_http_connections(limits: &NodeLimits) -> usize {
    let few = HTTP_CONNECTIONS.min(descriptors() / 8);
    limits.http_connections.map_or(few, |most| most.min(descriptors() / 2))
}

/// The node's maximum of WebSockets: what is configured, and not more than the process may open beside HTTP connections.
fn max_connections(limits: &NodeLimits) -> usize {
    let possible = descriptors().saturating_sub(max_handshakes() + max_http_connections(limits)).max(1);
    limits.max_connections.map_or(possible, |most| most.min(possible))
}

/// Warns if the configured maximum is more than the process may open, or if none is configured and little is possible.
pub(crate) fn warn_of_few_descriptors(limits: &NodeLimits) {
    let possible = max_connections(limits);
    match limits.max_connections {
        // On a system whose limit is not known, nothing was lowered.
        Some(asked) if asked > possible && possible < usize::MAX / 2 => tracing::warn!(
            target: "switchboard",
            asked,
            possible,
            "`max_connections` is lowered to what this process may open; raise its limit of open files (`ulimit -n`)"
        ),
        None if possible < FEW => tracing::warn!(
            target: "switchboard",
            possible,
            "this process may open few files, which leaves room for `possible` WebSockets; raise its limit (`ulimit -n`)"
        ),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn j03_the_reserve_is_a_quarter_of_few_descriptors() {
        let left = [(1 << 20, (1 << 20) - 256), (1024, 768), (1000, 750), (256, 192), (64, 48), (4, 3), (1, 2), (0, 2)];
        for (open, descriptors) in left {
            assert_eq!(without_reserve(open), descriptors, "{open}");
        }
        assert!(without_reserve(usize::MAX) > usize::MAX / 2, "no limit is none");
    }

    #[test]
    fn a23_a_handshake_does_not_forget_who_came_too_often() {
        let node = Arc::new(Node::new());
        node.configure(crate::Limits::default().address_connections(Some(8)).address_rate(Some(Rate::new(1, 3))));
        let flooding = Some(address("192.0.2.1"));
        let come = || ConnectionPermit::new(&node, flooding).map(drop);
        assert_eq!([come(), come(), come(), come()], [Ok(()), Ok(()), Ok(()), Err(Full::AddressRate)]);
        // Each of them checks old entries, that of the flood among them.
        for n in 0..20u8 {
            assert!(Handshaking::new(&node, Ipv4Addr::new(198, 51, 100, n).into()).is_some());
        }
        assert_eq!(come(), Err(Full::AddressRate));
    }

    #[test]
    fn a23_a_user_has_so_many_connections_and_is_forgotten_with_the_last() {
        let node = Arc::new(Node::new());
        node.configure(crate::Limits::default().user_connections(Some(2)));
        let come = |user: Option<&str>| {
            let permit = ConnectionPermit::new(&node, None)?;
            let place = user.map(|user| UserPlace::new(&node, &User::new(user))).transpose()?;
            Ok((permit, place))
        };
        let (first, second) = (come(Some("ada")).ok(), come(Some("ada")).ok());
        assert!(first.is_some() && second.is_some());
        assert_eq!(come(Some("ada")).err(), Some(Full::UserConnections));
        let nobody: Vec<_> = (0..3).map(|_| come(None).ok().unwrap()).collect();
        let other = come(Some("bob")).ok().unwrap();
        assert_eq!(node.counters.admitted(), 6, "who was refused has no place");
        assert_eq!(node.admission.users.lock().len(), 2);
        drop(first);
        let third = come(Some("ada")).ok();
        assert!(third.is_some());
        drop((second, third, nobody, other));
        assert!(node.admission.users.lock().is_empty());
        // The table does not keep the size that it had at most.
        let many: Vec<_> = (0..1000).map(|n| come(Some(&n.to_string())).ok().unwrap()).collect();
        drop(many);
        assert!(node.admission.users.lock().capacity() < 16);
    }
}
