//! The close handshake, and streams that end without it.
use super::{HEALTHY, LINGER, frame, plain};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use switchboard::{App, DisconnectReason, Gateway, Limits};
use switchboard_rig::Stopwatch;
use switchboard_rig::{Got, RawClient, Rig, Stack, Stream, each_stack, matrix, on};

#[test]
fn b16_after_a_close_nothing_counts() {
    each_stack(|stack| async move {
        let rig = Rig::start(stack, plain(Limits::default().linger(LINGER))).await;
        let mut healthy = rig.connect().await;
        let mut peers = Vec::new();
        for (body, echoed) in [
            (&b""[..], None),
            (b"\x03\xe8", Some((1000, ""))),
            (b"\x03\xe9bye", Some((1001, "bye"))),
            (b"\x0f\xa5\xc3\xa9", Some((4005, "é"))),
        ] {
            let mut peer = rig.connect().await;
            peer.send_all([HEALTHY]).await;
            let close = frame(0x88, body);
            peer.send_bytes(&[close.clone(), frame(0x81, HEALTHY.as_bytes()), close, vec![0xFF; 9]].concat()).await;
            peer.expect(HEALTHY).await;
            // The same code and reason; without a body where there was none.
            assert_eq!(peer.recv().await, Got::Close(echoed.map(|(code, said)| (code, said.to_owned()))), "{body:?}");
            peer.expect_end().await;
            // No FIN follows, but further bytes.
            let _ = peer.flood(&[0; 4096], Duration::from_millis(20)).await;
            peers.push(peer);
        }
        let watch = Stopwatch::start();
        rig.until(|stats| stats.connections == 1).await;
        watch.within(LINGER + Duration::from_millis(300));
        assert_eq!(healthy.request(HEALTHY).await, HEALTHY);
        drop((healthy, peers));
        rig.expect_empty().await;
    });
}

/// What is on its way is read, and no more: who floods on behind its close does so against a full socket.
#[test]
fn b16_a_flood_behind_a_close_is_not_read() {
    const FLOOD: usize = 256 << 20;
    matrix(|stack| async move {
        let rig = Rig::start(stack, plain(Limits::default().linger(Duration::from_millis(500)))).await;
        let mut healthy = rig.connect().await;
        // Closed for its own fault, and for the server's reasons.
        for last in [frame(0xC1, b"reserved"), frame(0x81, br#"{"event":"bye"}"#)] {
            let mut peer = rig.connect().await;
            peer.send_bytes(&last).await;
            let mut sent = 0;
            let nothing = vec![0; 1 << 20];
            while sent < FLOOD {
                match peer.flood(&nothing, Duration::from_millis(200)).await {
                    0 => break,
                    more => sent += more,
                }
            }
            // What both sockets hold, and what was read.
            assert!(sent < 24 << 20, "{stack:?}: {sent}");
            assert_eq!(healthy.request(HEALTHY).await, HEALTHY);
            rig.until(|stats| stats.connections == 1).await;
        }
        drop(healthy);
        rig.expect_empty().await;
    });
}

#[test]
fn b17_a_close_that_nobody_answers() {
    each_stack(|stack| async move {
        let rig = Rig::start(stack, plain(Limits::default().linger(LINGER))).await;
        let mut silent = rig.connect().await;
        silent.send(r#"{"event":"bye"}"#).await;
        let goaway = silent.recv_text().await;
        assert!(goaway.starts_with(r#"{"event":"sys.goaway","data":{"code":4508,"reason":"replaced","#), "{goaway}");
        assert_eq!(silent.recv_close().await, (4508, "replaced".into()));
        let watch = Stopwatch::start();
        // It is sent to after that, and sends itself.
        assert_eq!(rig.handle.server().broadcast("x", 1).queued, 0);
        let _ = silent.flood(&frame(0x81, HEALTHY.as_bytes()), Duration::from_millis(20)).await;
        rig.until(|stats| stats.connections == 0).await;
        assert!(watch.elapsed() > LINGER / 2, "{:?}", watch.elapsed());
        watch.within(LINGER + Duration::from_millis(300));
        assert_eq!(silent.recv().await, Got::End);
        drop(silent);
        rig.expect_empty().await;
    });
}

#[derive(Default, Clone)]
struct Ends(Arc<Mutex<Vec<DisconnectReason>>>);

impl Ends {
    async fn echo(&self, text: String) -> String {
        text
    }
    async fn ended(&self, reason: DisconnectReason) {
        self.0.lock().unwrap().push(reason);
    }
}

#[test]
fn b18_reset_and_end_in_mid_frame() {
    on(Stack::Listen, |stack| async move {
        let ends = Ends::default();
        let gateway = Gateway::new(ends.clone()).on("echo", Ends::echo).on_disconnect(Ends::ended);
        let rig = Rig::start(stack, App::new().gateway("/ws", gateway)).await;
        let mut healthy = rig.connect().await;
        let message = frame(0x81, HEALTHY.as_bytes());
        let cuts = [1, 3, 8, message.len() - 1];
        for cut in cuts {
            for reset in [true, false] {
                let stream = tokio::net::TcpStream::connect(rig.address()).await.unwrap();
                let socket = socket2::SockRef::from(&stream).try_clone().unwrap();
                let stream: Box<dyn Stream> = Box::new(stream);
                let mut peer = RawClient::connect(stream, "/ws").await;
                peer.send_bytes(&message[..cut]).await;
                tokio::time::sleep(Duration::from_millis(5)).await;
                if reset {
                    socket.set_linger(Some(Duration::ZERO)).unwrap();
                    drop(peer);
                    drop(socket);
                } else {
                    peer.finish().await;
                    peer.expect_end().await;
                }
            }
        }
        assert_eq!(healthy.request(HEALTHY).await, HEALTHY);
        rig.until(|stats| stats.connections == 1).await;
        assert_eq!(*ends.0.lock().unwrap(), vec![DisconnectReason::Lost; cuts.len() * 2]);
        drop(healthy);
        rig.expect_empty().await;
    });
}
