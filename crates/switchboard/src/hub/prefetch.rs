//! Prefetches connections in groups. A walk over thousands of connections spends most of its time on cache misses, and the misses of a
//! group overlap.
use crate::hub::Endpoint;
use crate::hub::conns::ById;
use indexmap::set::Slice;
use std::hint::black_box;
use std::sync::Arc;

/// The number of connections that are loaded before the first of them is processed.
pub(crate) const GROUP: usize = 8;

pub(crate) fn fetch<'c>(conns: impl Iterator<Item = &'c Arc<Endpoint>>) {
    black_box(conns.fold(0, |sum, conn| sum ^ conn.fetch()));
}

pub(crate) fn for_each(mut conns: &Slice<ById>, work: &mut dyn FnMut(&Arc<Endpoint>)) {
    while !conns.is_empty() {
        let (group, rest) = conns.split_at(GROUP.min(conns.len()));
        fetch(group.iter().map(ById::endpoint));
        group.iter().map(ById::endpoint).for_each(&mut *work);
        conns = rest;
    }
}
