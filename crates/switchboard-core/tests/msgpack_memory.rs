//! What a frame of MessagePack makes the server allocate; alone in its program, which counts for all of its threads.
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use switchboard_core::Incoming;
use switchboard_core::codec::msgpack;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The least of three, since the test harness' own thread may allocate during one of them.
fn allocated(work: impl Fn()) -> usize {
    let measured = || {
        let region = Region::new(ALLOCATOR);
        work();
        region.change().bytes_allocated
    };
    (0..3).map(|_| measured()).min().unwrap()
}

/// `{"event":"a","data":` and what follows.
fn frame(data: &[u8]) -> Vec<u8> {
    [b"\x82\xa5event\xa1a\xa4data", data].concat()
}

#[test]
fn c05_nothing_is_allocated_for_what_is_promised() {
    /// The error itself, boxed.
    const ERROR: usize = 512;
    let mut hostile: Vec<Vec<u8>> = Vec::new();
    for head in [0xdd, 0xdf, 0xdb, 0xc6, 0xc9] {
        let bomb = [head, 0xff, 0xff, 0xff, 0xff];
        hostile.push(bomb.to_vec());
        hostile.push(frame(&bomb));
        hostile.push(frame(&bomb.repeat(10_000)));
        hostile.push(frame(&[&vec![0x91; 100_000][..], &bomb].concat()));
    }
    for bytes in hostile {
        let bytes = std::hint::black_box(bytes);
        assert!(allocated(|| assert!(msgpack::decode(&bytes).is_err())) <= ERROR);
    }

    let text = [&b"\xdb\x00\x10\x00\x00"[..], &vec![b'x'; 1 << 20]].concat();
    let deep = [&vec![0x91; 1 << 20][..], b"\xc0"].concat();
    let flat = [&b"\xdd\x00\x10\x00\x00"[..], &vec![0x01; 1 << 20]].concat();
    for data in [&text, &deep, &flat] {
        let bytes = frame(data);
        assert_eq!(allocated(|| assert!(msgpack::decode(&bytes).is_ok())), 0);
    }

    let bytes = frame(&text);
    let Ok(Incoming::Request(request)) = msgpack::decode(&bytes) else { panic!() };
    assert!(allocated(|| drop(msgpack::from_data::<String>(request.data))) <= bytes.len());
    // Refused, and explained.
    assert!(allocated(|| drop(msgpack::from_data::<u8>(request.data))) <= 2 * bytes.len() + 4096);
    let bytes = frame(&flat);
    let Ok(Incoming::Request(request)) = msgpack::decode(&bytes) else { panic!() };
    assert!(allocated(|| drop(msgpack::from_data::<Vec<u8>>(request.data))) <= 2 * bytes.len());

    // Levels are kept only where some text may be a key that is refused.
    let private = [&b"\xbe"[..], b"$serde_json::private::RawValue"].concat();
    let lists = [&vec![0x92; 1 << 20][..], &private, &vec![0xc0; 1 << 20]].concat();
    let maps = [&b"\x82\xa0\xc0\xa0".repeat(1 << 20)[..], &private].concat();
    for data in [&lists, &maps] {
        let bytes = frame(data);
        assert!(allocated(|| assert!(msgpack::decode(&bytes).is_ok())) <= 2 * bytes.len());
    }
}
