//! [`Addresses`]: what is remembered of the addresses that connect.
use crate::rate::{Bucket, Rate};
use indexmap::IndexMap;
use std::hash::RandomState;
use std::net::{IpAddr, Ipv6Addr};

/// The most addresses that are remembered.
const ADDRESSES: usize = 1 << 16;
/// How many old entries are checked for each new one. There are more than one, so that idle entries go faster than new ones come.
const LOOKS: usize = 2;
/// [`LOOKS`] while the table is full.
const LOOKS_WHEN_FULL: usize = 16;

/// The key of an address. An IPv6 address counts by its /64, because the subscriber chooses the rest.
pub(super) fn key(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}

#[derive(Default)]
pub(super) struct Entry {
    /// Its WebSockets.
    pub(super) open: u32,
    /// Its HTTP connections that are not upgraded yet.
    pub(super) handshakes: u32,
    pub(super) bucket: Option<Bucket>,
}

impl Entry {
    fn is_used(&self) -> bool {
        self.open > 0 || self.handshakes > 0
    }

    /// Whether forgetting the entry changes nothing.
    pub(super) fn is_idle(&mut self, now: u64, rate: Option<Rate>) -> bool {
        let full = match (&mut self.bucket, rate) {
            (Some(bucket), Some(rate)) => bucket.is_full(rate, now),
            _ => true,
        };
        full && !self.is_used()
    }
}

/// A table of at most [`ADDRESSES`] entries. Idle ones are removed as new ones come; in a full table, an entry without
/// connections makes room.
#[derive(Default)]
pub(super) struct Addresses {
    pub(super) entries: IndexMap<IpAddr, Entry, RandomState>,
    /// The entry that is checked next.
    hand: usize,
}

impl Addresses {
    /// The entry of an address. `None`: there is no room, because all entries that were checked have connections.
    pub(super) fn entry(&mut self, key: IpAddr, now: u64, rate: Option<Rate>) -> Option<&mut Entry> {
        if !self.entries.contains_key(&key) {
            self.make_room(now, rate);
            if self.entries.len() >= ADDRESSES {
                return None;
            }
        }
        Some(self.entries.entry(key).or_default())
    }

    fn make_room(&mut self, now: u64, rate: Option<Rate>) {
        let looks = if self.entries.len() < ADDRESSES { LOOKS } else { LOOKS_WHEN_FULL };
        for _ in 0..looks {
            if self.hand >= self.entries.len() {
                self.hand = 0;
            }
            let full = self.entries.len() >= ADDRESSES;
            let Some((_, entry)) = self.entries.get_index_mut(self.hand) else { return };
            if entry.is_idle(now, rate) || (full && !entry.is_used()) {
                self.entries.swap_remove_index(self.hand);
            } else {
                self.hand += 1;
            }
        }
    }

    pub(super) fn remove(&mut self, key: &IpAddr) {
        self.entries.swap_remove(key);
        if self.entries.len() < self.entries.capacity() / 4 {
            self.entries.shrink_to_fit();
        }
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
    fn a23_an_ipv6_address_counts_by_its_64() {
        assert_eq!(key(address("2001:db8:1:2:3:4:5:6")), address("2001:db8:1:2::"));
        assert_eq!(key(address("2001:db8:1:2::")), key(address("2001:db8:1:2:ffff:ffff:ffff:ffff")));
        assert_ne!(key(address("2001:db8:1:2::1")), key(address("2001:db8:1:3::1")));
        assert_eq!(key(address("::ffff:192.0.2.1")), address("192.0.2.1"), "an IPv4 address on an IPv6 socket");
        assert_ne!(key(address("192.0.2.1")), key(address("192.0.2.2")));
    }

    #[test]
    fn a23_the_table_of_addresses_is_bounded_and_forgets_the_idle() {
        let rate = Some(Rate::new(1, 1));
        let mut table = Addresses::default();
        let nth = |n: usize| IpAddr::from(Ipv4Addr::from_bits(n as u32));
        // All of them came just now, and every other one is connected.
        for n in 0..ADDRESSES + 1000 {
            let entry = table.entry(nth(n), 0, rate).unwrap();
            entry.bucket = Some(Bucket::full(Rate::new(1, 1), 0));
            assert!(entry.bucket.as_mut().unwrap().take(Rate::new(1, 1), 0));
            entry.open = (n % 2) as u32;
        }
        assert_eq!(table.entries.len(), ADDRESSES);
        let connected = (0..ADDRESSES + 1000).filter(|n| n % 2 == 1);
        assert!(connected.clone().all(|n| table.entries.contains_key(&nth(n))), "who is connected is never forgotten");
        // A second later the others are idle, and go as new ones come.
        for entry in table.entries.values_mut() {
            entry.open = 0;
        }
        for n in 0..ADDRESSES {
            table.entry(address(&format!("2001:db8::{:x}:{:x}", n >> 16, n & 0xFFFF)), 1000, rate);
        }
        assert!(table.entries.len() < 16, "{}", table.entries.len());
        let full = |n: usize| (nth(n), Entry { open: 1, ..Entry::default() });
        table.entries = (0..ADDRESSES).map(full).collect();
        assert!(table.entry(nth(ADDRESSES), 1000, rate).is_none(), "no room: not tracked");
        assert_eq!(table.entries.len(), ADDRESSES);
    }
}
