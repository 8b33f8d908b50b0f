//! What packets of Socket.IO make the server allocate; alone in its program, which counts for all of its threads.
use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use switchboard_core::socketio::{Assembler, Content, Emit, PacketLimits, Sender, decode, encode_event};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const LIMITS: PacketLimits = PacketLimits { max_attachments: 10, max_bytes: 1_000_000 };

/// The least of three, since the test harness' own thread may allocate during one of them.
fn allocated(mut work: impl FnMut()) -> usize {
    let mut measured = || {
        let region = Region::new(ALLOCATOR);
        work();
        region.change().bytes_allocated
    };
    (0..3).map(|_| measured()).min().unwrap()
}

#[test]
fn e21_e22_memory_is_for_what_has_arrived() {
    without_attachments_nothing_is_copied();
    attachments_are_held_as_they_arrive();
}

fn without_attachments_nothing_is_copied() {
    let text = r#"2/admin,13["echo",7,"some text that is longer than a few bytes"]"#;
    let read = allocated(|| {
        let packet = decode(text, Sender::Client, &LIMITS).unwrap();
        let Content::Event { message: Ok(message), .. } = packet.content else { panic!() };
        let items: usize = message.arguments.iter().map(|item| item.get().len()).sum();
        assert_eq!(items, 44);
    });
    assert_eq!(read, 0);

    let nested = format!(r#"2["a",{}0{}]"#, "[".repeat(50_000), "]".repeat(50_000));
    let read = allocated(|| assert!(decode(&nested, Sender::Client, &LIMITS).is_ok()));
    assert!(read <= 4 * 50_000, "{read}: a byte for each level, in a vector that grows");

    let mut out = Vec::with_capacity(200);
    let written = allocated(|| {
        out.clear();
        encode_event(&mut out, "/admin", "echo", Emit::One(&(7, "text", [1.5, 2.5])), Some(13), &mut |_| ()).unwrap();
    });
    assert_eq!(written, 0);
}

fn attachments_are_held_as_they_arrive() {
    let text = r#"51-["a",{"_placeholder":true,"num":0}]"#;
    let waiting = allocated(|| assert!(Assembler::new(Sender::Client).text(text, &LIMITS).unwrap().is_none()));
    assert!(waiting < 500, "{waiting}");
    let refused = format!("5{}-[]", "9".repeat(18));
    assert_eq!(allocated(|| assert!(decode(&refused, Sender::Client, &LIMITS).is_err())), 0);
    // The attachment as it arrives, and once more among the arguments.
    let attachment = vec![7; 900_000];
    let complete = allocated(|| {
        let mut assembler = Assembler::new(Sender::Client);
        assembler.text(text, &LIMITS).unwrap();
        assert!(assembler.binary(&attachment, &LIMITS).unwrap().is_some());
    });
    assert!(complete < 3 * attachment.len() + 1000, "{complete}");
}
