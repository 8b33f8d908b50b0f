//! Every call from everywhere that the application's code runs: nothing waits for itself, overflows, or panics past its client.
mod places;
mod world;

use self::places::{PLACES, app};
use self::world::{WORLD, touch};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use std::sync::Mutex;
use std::time::Duration;
use switchboard_rig::{Got, Offer, Rig, Stack, matrix, on};

/// The code of a value that is sent.
#[derive(Clone)]
struct Itself(u8);

impl Serialize for Itself {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        touch("serialize");
        serializer.serialize_u8(self.0)
    }
}

impl<'de> Deserialize<'de> for Itself {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Itself, D::Error> {
        touch("deserialize");
        u8::deserialize(deserializer).map(Itself)
    }
}

/// One client's whole life.
async fn live(rig: &Rig, path: &str, protocol: Option<&str>) {
    let protocols: Vec<&str> = protocol.into_iter().collect();
    let mut peer = rig.connect_with(Offer::to(path).protocols(&protocols)).await;
    for (event, data) in [("plain", "1"), ("fails", "null"), ("streams", "null"), ("acks", "null"), ("joins", "null")] {
        peer.send(&format!(r#"{{"event":"{event}","data":{data},"id":"i"}}"#)).await;
        loop {
            let frame: Value = serde_json::from_str(&peer.recv_text().await).unwrap();
            if frame["id"] == "i" && frame["more"] != true {
                break;
            }
        }
    }
    peer.send(r#"{"event":"asks","id":"asks"}"#).await;
    loop {
        let frame: Value = serde_json::from_str(&peer.recv_text().await).unwrap();
        if frame["event"] == "question" {
            peer.send(&format!(r#"{{"ack":{},"data":7}}"#, frame["ack"])).await;
        }
        if frame["id"] == "asks" {
            break;
        }
    }
    peer.send(r#"{"event":"waits","id":"w"}"#).await;
    peer.send(r#"{"event":"plain","data":1,"id":"last"}"#).await;
    loop {
        let frame: Value = serde_json::from_str(&peer.recv_text().await).unwrap();
        if frame["id"] == "last" {
            break;
        }
    }
    peer.close(1000).await;
}

/// They share what the code of the application has.
static ONE_TEST: Mutex<()> = Mutex::new(());

const PATHS: [(&str, Option<&str>); 4] = [("/ws", None), ("/staged", None), ("/named", None), ("/ws", Some("chatty"))];

#[test]
fn every_call_works_from_everywhere() {
    let _one = ONE_TEST.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    matrix(|stack| async move {
        let rig = Rig::start(stack, app()).await;
        let world = WORLD.lock().unwrap().clone().unwrap();
        for (path, protocol) in PATHS {
            live(&rig, path, protocol).await;
        }
        // Two that live at once reach each other.
        tokio::join!(live(&rig, "/ws", None), live(&rig, "/staged", None), live(&rig, "/ws", Some("chatty")));
        world.clients.lock().unwrap().clear();
        rig.expect_empty().await;
        let seen = world.seen.lock().unwrap().clone();
        let missing: Vec<_> = PLACES.iter().filter(|place| !seen.contains(*place)).collect();
        assert!(missing.is_empty(), "{stack:?}: {missing:?}");
        let ended = tokio::time::timeout(Duration::from_secs(20), rig.handle.shutdown()).await;
        assert_eq!(ended.expect("it ends").aborted, 0);
        *WORLD.lock().unwrap() = None;
    });
}

/// A panic at each of the places, whose payload panics whenever it is dropped: it stays with its client.
#[test]
fn a_panic_of_a_panic_stays_where_it_is() {
    let _one = ONE_TEST.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    for stack in [Stack::Listen, Stack::Memory] {
        on(stack, |stack| async move {
            for place in PLACES {
                let rig = Rig::start(stack, app()).await;
                let world = WORLD.lock().unwrap().clone().unwrap();
                *world.panics_at.lock().unwrap() = Some(place);
                for (path, protocol) in PATHS {
                    hurry(&rig, path, protocol).await;
                }
                assert!(world.seen.lock().unwrap().contains(place), "{stack:?}: never at {place}");
                *world.panics_at.lock().unwrap() = None;
                world.clients.lock().unwrap().clear();
                rig.expect_empty().await;
                live(&rig, "/ws", None).await;
                world.clients.lock().unwrap().clear();
                rig.expect_empty().await;
                let ended = tokio::time::timeout(Duration::from_secs(20), rig.handle.shutdown()).await;
                assert!(ended.is_ok(), "{stack:?}: no end after {place}");
                *WORLD.lock().unwrap() = None;
            }
        });
    }
}

/// Sends all at once and leaves; whatever is answered, there is an end.
async fn hurry(rig: &Rig, path: &str, protocol: Option<&str>) {
    use tokio::io::AsyncWriteExt;
    let mut stream = rig.stream().await;
    let protocol = protocol.map_or_else(String::new, |protocol| format!("Sec-WebSocket-Protocol: {protocol}\r\n"));
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: test.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: BwcHBwcHBwcHBwcHBwcHBw==\r\n{protocol}\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let (head, _) = switchboard_rig::read_head(&mut stream).await;
    if !head.starts_with("HTTP/1.1 101") {
        assert!(head.starts_with("HTTP/1.1 500"), "{head}");
        return;
    }
    drop(stream);
    let mut peer = rig.connect_by_request(request.as_bytes()).await;
    for event in ["plain", "fails", "streams", "acks", "joins", "asks", "waits", "plain"] {
        let data = if event == "plain" { "1" } else { "null" };
        peer.send_if_open(&format!(r#"{{"event":"{event}","data":{data},"id":"{event}"}}"#)).await;
    }
    let mut leaves = false;
    loop {
        let got = match leaves {
            true => Some(peer.recv().await),
            false => tokio::time::timeout(Duration::from_millis(100), peer.recv()).await.ok(),
        };
        match got {
            Some(Got::End) => break,
            Some(Got::Text(text)) => {
                let frame: Value = serde_json::from_str(&text).unwrap();
                if frame["event"] == "question" {
                    peer.send_if_open(&format!(r#"{{"ack":{},"data":7}}"#, frame["ack"])).await;
                }
            }
            Some(_) => {}
            // Nothing more is answered.
            None => {
                leaves = true;
                peer.close_if_open().await;
            }
        }
    }
}
