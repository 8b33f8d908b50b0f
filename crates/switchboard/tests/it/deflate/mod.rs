//! permessage-deflate: docs/limits.md A19, B02 and B20, and who gets what compressed. flate2, used directly, is the other end.
mod inbound;
mod negotiation;
mod outbound;

use flate2::{Compress, Decompress, FlushCompress, FlushDecompress};
use std::time::Duration;
use switchboard::Compression;
use switchboard_rig::{Offer, RawClient, Rig, masked};

const OFFER: &str = "permessage-deflate; client_max_window_bits";

const ANSWER: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

const MASK: [u8; 4] = [1, 2, 3, 4];

const LINGER: Duration = Duration::from_millis(400);

/// Compressed text, binary.
const TEXT: u8 = 0xC1;

const BINARY: u8 = 0xC2;

fn on_by_default() -> Compression {
    Compression::default()
}

fn packed(payload: &[u8]) -> Vec<u8> {
    let mut stream = Compress::new(flate2::Compression::default(), false);
    let mut out = Vec::with_capacity(payload.len() + 100);
    stream.compress_vec(payload, &mut out, FlushCompress::Sync).unwrap();
    out.truncate(out.len() - 4);
    out
}

fn unpacked(payload: &[u8], window: u8) -> String {
    let mut stream = Decompress::new_with_window_bits(false, window);
    let mut out = Vec::with_capacity(1 << 20);
    for part in [payload, &[0, 0, 0xFF, 0xFF]] {
        stream.decompress_vec(part, &mut out, FlushDecompress::Sync).unwrap();
    }
    String::from_utf8(out).unwrap()
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    masked(first, payload, MASK)
}

/// A compressed message of a client.
fn sent(text: &str) -> Vec<u8> {
    frame(TEXT, &packed(text.as_bytes()))
}

fn echo(len: usize) -> String {
    format!(r#"{{"event":"echo","data":"{}"}}"#, "abcdefg ".repeat(len / 8))
}

async fn deflating(rig: &Rig) -> RawClient {
    let peer = rig.connect_with(Offer::to("/ws").extensions(OFFER)).await;
    assert!(peer.head.to_lowercase().contains(&format!("sec-websocket-extensions: {ANSWER}\r\n")), "{}", peer.head);
    peer
}

async fn asked(rig: &Rig, path: &str, offers: &[&str]) -> (u16, Option<String>) {
    let mut request = format!(
        "GET {path} HTTP/1.1\r\nHost: test.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    );
    for offer in offers {
        request += &format!("Sec-WebSocket-Extensions: {offer}\r\n");
    }
    let answer = rig.http((request + "\r\n").as_bytes()).await.unwrap();
    (answer.status, answer.header("sec-websocket-extensions").map(str::to_owned))
}
