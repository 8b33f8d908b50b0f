//! Pings and pongs.
use super::{HEALTHY, LINGER, frame, plain};
use std::time::Duration;
use switchboard::Limits;
use switchboard_rig::Stopwatch;
use switchboard_rig::{Got, Rig, each_stack, matrix};

#[test]
fn b13_pongs_come_in_order_with_their_payload() {
    matrix(|stack| async move {
        let rig = Rig::start(stack, plain(Limits::default())).await;
        let mut peer = rig.connect().await;
        let payload = |i: usize| vec![i as u8; i * 125 / 99];
        let pings: Vec<u8> = (0..100).flat_map(|i| frame(0x89, &payload(i))).collect();
        peer.send_bytes(&pings).await;
        for i in 0..100 {
            assert_eq!(peer.recv().await, Got::Pong(payload(i)), "ping {i} {stack:?}");
        }
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn b13_pongs_keep_their_order_among_replies() {
    each_stack(|stack| async move {
        let rig = Rig::start(stack, plain(Limits::default())).await;
        let mut peer = rig.connect().await;
        let long = "x".repeat(600);
        let mut bytes = Vec::new();
        for i in 0..30u8 {
            let data = if i % 3 == 0 { long.as_str() } else { "short" };
            bytes.extend(frame(0x81, format!(r#"{{"event":"echo","data":"{data}","id":{i}}}"#).as_bytes()));
            bytes.extend(frame(0x89, &[i]));
        }
        peer.send_bytes(&bytes).await;
        let (mut pongs, mut ids) = (Vec::new(), Vec::new());
        for _ in 0..60 {
            match peer.recv().await {
                Got::Pong(payload) => pongs.push(payload[0]),
                Got::Text(text) => {
                    let text: serde_json::Value = serde_json::from_str(&text).unwrap();
                    ids.push(text["id"].as_u64().unwrap() as u8);
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(pongs, (0..30).collect::<Vec<_>>(), "{stack:?}");
        assert_eq!(ids, (0..30).collect::<Vec<_>>(), "{stack:?}");
        drop(peer);
        rig.expect_empty().await;
    });
}

#[test]
fn b13_a_flood_of_pings_is_closed() {
    each_stack(|stack| async move {
        let rig = Rig::start(stack, plain(Limits::default().linger(LINGER))).await;
        let (mut flood, mut healthy) = (rig.connect().await, rig.connect().await);
        let pings: Vec<u8> = (0..201).flat_map(|_| frame(0x89, b"")).collect();
        let watch = Stopwatch::start();
        flood.send_bytes(&pings).await;
        let mut pongs = 0;
        let close = loop {
            match flood.recv().await {
                Got::Pong(_) => pongs += 1,
                other => break other,
            }
        };
        assert_eq!(close, Got::Close(Some((1008, "ping_flood".into()))));
        // Two windows at most, if the second began in between.
        assert!((1..=200).contains(&pongs), "{pongs}");
        watch.within(Duration::from_secs(2));
        flood.expect_end().await;
        assert_eq!(healthy.request(HEALTHY).await, HEALTHY);
        drop((flood, healthy));
        rig.expect_empty().await;
    });
}

#[test]
fn b13_a_flood_of_pongs_that_nobody_asked_for_is_closed() {
    each_stack(|stack| async move {
        let rig = Rig::start(stack, plain(Limits::default().linger(LINGER))).await;
        let (mut flood, mut healthy) = (rig.connect().await, rig.connect().await);
        let few: Vec<u8> = (0..49).flat_map(|_| [frame(0x8A, b"x"), frame(0x89, b"")].concat()).collect();
        healthy.send_bytes(&few).await;
        let pongs: Vec<u8> = (0..201).flat_map(|_| frame(0x8A, b"x")).collect();
        flood.send_bytes(&pongs).await;
        assert_eq!(flood.recv().await, Got::Close(Some((1008, "ping_flood".into()))));
        flood.expect_end().await;
        for _ in 0..49 {
            assert_eq!(healthy.recv().await, Got::Pong(Vec::new()));
        }
        assert_eq!(healthy.request(HEALTHY).await, HEALTHY);
        drop((flood, healthy));
        rig.expect_empty().await;
    });
}
