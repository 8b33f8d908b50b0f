//! What a compression bomb costs: a process of its own, so that its largest size is this test's.
#![cfg(target_os = "linux")]
use flate2::{Compress, Compression, FlushCompress};
use http::header::{HeaderMap, HeaderValue, SEC_WEBSOCKET_EXTENSIONS};
use switchboard_core::ws::{Decoder, Deflate, FrameLimits, Item, Opcode, Role, Violation, write_frame};

/// The largest size that this process ever had, in KiB.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Zeros, compressed piece by piece: nothing of their size is ever in memory.
fn zeros(len: usize) -> Vec<u8> {
    let mut stream = Compress::new(Compression::best(), false);
    let mut out = Vec::with_capacity(len / 1000 + 4096);
    let piece = vec![0; 64 << 10];
    for _ in 0..len / piece.len() {
        stream.compress_vec(&piece, &mut out, FlushCompress::None).unwrap();
    }
    stream.compress_vec(&[], &mut out, FlushCompress::Sync).unwrap();
    assert_eq!(stream.total_in() as usize, len);
    out.truncate(out.len() - 4);
    out
}

fn decode(payload: &[u8], limits: &FrameLimits) -> Result<usize, Violation> {
    let mut headers = HeaderMap::new();
    headers.insert(SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_static("permessage-deflate"));
    let deflate = Deflate::negotiate(&headers).map(|(deflate, _)| deflate);
    let mut frame = Vec::with_capacity(payload.len() + 14);
    write_frame(&mut frame, Opcode::Binary, true, payload, Some([1, 2, 3, 4]));
    frame[0] |= 0x40;
    let decoded = Decoder::new(Role::Server).with_deflate(deflate).decode(&mut frame, limits)?;
    match decoded.item {
        Some(Item::Binary(bytes)) => Ok(bytes.len()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn b20_the_memory_of_a_bomb() {
    let limits = |max_message| FrameLimits { max_message, max_frame: max_message, max_fragments: 128 };
    // DEFLATE itself ends at 1032:1: this is half a MiB that becomes 512.
    let bomb = zeros(512 << 20);
    assert!(bomb.len() > 500_000 && bomb.len() * 1000 < 512 << 20, "{}", bomb.len());
    // Compressed twice it is more than 100,000:1; one level of it is undone, as was agreed.
    let twice = {
        let mut stream = Compress::new(Compression::best(), false);
        let mut out = Vec::with_capacity(bomb.len());
        stream.compress_vec(&bomb, &mut out, FlushCompress::Sync).unwrap();
        out.truncate(out.len() - 4);
        out
    };
    assert!(twice.len() * 100_000 < 512 << 20, "{}", twice.len());
    let corrupt = [&bomb[..bomb.len() - 100], &[0xFF; 100]].concat();
    assert_eq!(decode(&zeros(64 << 10), &limits(64 << 10)), Ok(64 << 10));
    let before = peak();
    for max_message in [1 << 20, 64 << 20, 256 << 20] {
        let limits = limits(max_message);
        assert_eq!(decode(&bomb, &limits), Err(Violation::MESSAGE_TOO_BIG));
        assert_eq!(decode(&corrupt, &limits), Err(Violation::MESSAGE_TOO_BIG));
        assert_eq!(decode(&twice, &limits), Ok(bomb.len()));
    }
    // The frame that the test makes of the bomb, and what the one that fits becomes: nothing of the bomb itself.
    let grown = peak().saturating_sub(before);
    assert!(grown < 4 * 1024, "{grown} KiB");
    // One that fits costs what it is.
    let before = peak();
    assert_eq!(decode(&zeros(32 << 20), &limits(32 << 20)), Ok(32 << 20));
    let grown = peak().saturating_sub(before);
    assert!(grown < 33 * 1024, "{grown} KiB");
}
