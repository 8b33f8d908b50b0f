//! One room with members of every format.
use super::{ALL, Counted, Second, Speaker, Tongue, app};
use serde::{Serialize, Serializer};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use switchboard::{Compression, Delivery, Server};
use switchboard_rig::{Offer, Rig, Stack, each_stack, matrix, on};

#[test]
fn one_room_in_all_formats_and_each_encodes_once() {
    matrix(|stack| async move {
        let app = app();
        let server = app.server();
        let rig = Rig::start(stack, app).await;
        let counted = Counted::default();
        assert_eq!((server.broadcast("counted", &counted).queued, counted.calls()), (0, 1));
        let mut members = Vec::new();
        for tongue in
            [Tongue::MessagePack, Tongue::Json, Tongue::Turned, Tongue::Json, Tongue::MessagePack, Tongue::Turned]
        {
            let mut it = Speaker::arrive(&rig, tongue).await;
            it.ask(json!({ "event": "join", "data": "room", "id": 1 })).await;
            members.push(it);
        }
        let emits: [fn(&Server, &Counted) -> Delivery; _] = [
            |server, counted| server.broadcast_to("room", "counted", counted),
            |server, counted| server.broadcast("counted", counted),
            |server, counted| server.to("room").to("room").emit("counted", counted),
            |server, counted| server.to("room").volatile().emit("counted", counted),
            |server, counted| server.to("room").latest("key").emit("counted", counted),
        ];
        for emit in emits {
            let delivery = emit(&server, &counted);
            assert_eq!((delivery.queued, delivery.dropped, counted.calls()), (6, 0, 3));
            for it in &mut members {
                it.expect(json!({ "event": "counted", "data": "counted" })).await;
            }
        }
        // Of one format only that: of JSON and the format of who gets it.
        let alone = server.local().clients_in("room").first().unwrap().id().to_string();
        assert!(server.to(alone).emit("counted", &counted).queued == 1 && counted.calls() <= 2);
        let client = server.local().clients_in("room").swap_remove(0);
        assert_eq!((client.emit("counted", &counted).queued, counted.calls()), (1, 1));
        for _ in 0..2 {
            members[0].expect(json!({ "event": "counted", "data": "counted" })).await;
        }
        // In order, and not to the sender.
        for sender in 0..members.len() {
            for n in 0..20 {
                members[sender].send(json!({ "event": "say", "data": n.to_string(), "id": n })).await;
            }
            for n in 0..20 {
                for (at, it) in members.iter_mut().enumerate() {
                    it.expect(match at == sender {
                        true => json!({ "event": "say", "data": 5, "id": n }),
                        false => json!({ "event": "said", "data": n.to_string() }),
                    })
                    .await;
                }
            }
        }
        drop(members);
        rig.expect_empty().await;
    });
}

#[test]
fn what_cannot_be_said_in_a_second_format_is_dropped_for_it() {
    on(Stack::Memory, |stack| async move {
        let app = app();
        let server = app.server();
        let rig = Rig::start(stack, app).await;
        let mut json = Speaker::arrive(&rig, Tongue::Json).await;
        let mut packed = Speaker::arrive(&rig, Tongue::MessagePack).await;
        let mut turned = Speaker::arrive(&rig, Tongue::Turned).await;
        for it in [&mut json, &mut packed, &mut turned] {
            it.ask(json!({ "event": "join", "data": "room", "id": 1 })).await;
        }
        for (second, said) in [(Second::Fails, "fails"), (Second::Panics, "panics")] {
            let before = rig.handle.stats().dropped;
            let delivery = server.to("room").emit(said, Counted::that(second));
            assert_eq!((delivery.queued, delivery.dropped, delivery.refused), (2, 1, false));
            assert_eq!(rig.handle.stats().dropped, before + 1);
            json.expect(json!({ "event": said, "data": "counted" })).await;
            turned.expect(json!({ "event": said, "data": "counted" })).await;
        }
        // The codec's own refusals.
        let delivery = server.to("room").emit("unsayable", 1);
        assert_eq!((delivery.queued, delivery.dropped), (2, 1));
        for it in [&mut json, &mut packed] {
            it.expect(json!({ "event": "unsayable", "data": 1 })).await;
        }
        assert!(server.local().clients().iter().filter(|client| client.emit("unsayable", 1).refused).count() == 1);
    });
}

#[test]
fn what_is_compressed_is_compressed_once_for_each_format() {
    /// Long, and counted.
    struct Long(Arc<AtomicUsize>);
    impl Serialize for Long {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            self.0.fetch_add(1, Ordering::SeqCst);
            serializer.serialize_str(&"long ".repeat(1000))
        }
    }
    each_stack(|stack| async move {
        let app = app().compression(Compression::default());
        let server = app.server();
        let rig = Rig::start(stack, app).await;
        let mut members = Vec::new();
        for (tongue, offers) in
            ALL.into_iter().flat_map(|tongue| [(tongue, None), (tongue, Some("permessage-deflate"))])
        {
            for _ in 0..2 {
                let peer = rig.connect_with(Offer::to("/ws").protocols(&[tongue.protocol()]).extensions(offers)).await;
                let mut it = Speaker { peer, tongue };
                it.ask(json!({ "event": "join", "data": "room", "id": 1 })).await;
                members.push((it, offers.is_some()));
            }
        }
        let calls = Arc::new(AtomicUsize::new(0));
        let delivery = server.to("room").emit("long", Long(calls.clone()));
        assert_eq!((delivery.queued, calls.load(Ordering::SeqCst)), (12, 3));
        let mut compressed: Vec<(Tongue, Vec<u8>)> = Vec::new();
        for (it, compresses) in &mut members {
            let (first, payload) = it.peer.recv_frame().await;
            let opcode = if it.tongue == Tongue::Json { 0x81 } else { 0x82 };
            assert_eq!(first, opcode | if *compresses { 0x40 } else { 0 });
            assert_eq!(payload.len() < 200, *compresses);
            if *compresses {
                compressed.push((it.tongue, payload));
            }
        }
        for pair in compressed.chunks(2) {
            assert!(matches!(pair, [(one, a), (two, b)] if one == two && a == b));
        }
        // What they send compressed, and are sent, is read.
        let (it, _) = members.last_mut().unwrap();
        let well = json!({ "event": "echo", "data": "long ".repeat(1000), "id": 1 });
        assert_eq!(it.ask(&well).await, well);
    });
}
