//! Ids that a MessagePack client sends as floats.
use super::{ALL, Speaker, Tongue, app, lab};
use serde_json::{Value, json};
use switchboard::Limits;
use switchboard_rig::{Got, Offer, Rig, each_stack, matrix};

/// JavaScript's `msgpackr` writes `Date.now()` as a float, and reads an integer of 64 bits as a `BigInt`: who looks a caller up by the
/// id of its answer finds it by the float alone.
#[test]
fn d09_an_id_that_came_as_a_float_goes_back_as_one() {
    fn float(id: f64) -> Vec<u8> {
        [&b"\xa2id\xcb"[..], &id.to_be_bytes()].concat()
    }
    fn integer(id: u64) -> Vec<u8> {
        [&b"\xa2id\xcf"[..], &id.to_be_bytes()].concat()
    }
    /// A map of one key more than `rest` has.
    async fn send(it: &mut Speaker, rest: Value, id: &[u8]) {
        let (opcode, mut frame) = it.tongue.write(&rest);
        frame[0] += 1;
        frame.extend_from_slice(id);
        it.peer.send_frame(opcode, true, &frame).await;
    }
    async fn expect(it: &mut Speaker, with: &str, id: &[u8]) {
        let got = it.peer.recv().await;
        let Got::Binary(frame) = &got else { panic!("{got:?}") };
        assert!(frame.windows(id.len()).any(|part| part == id), "{id:02x?} in {frame:02x?}");
        assert!(frame.windows(with.len()).any(|part| part == with.as_bytes()), "{with} in {frame:02x?}");
    }
    matrix(|stack| async move {
        let rig = Rig::start(stack, app().gateway("/patterns", lab().patterns())).await;
        let mut it = Speaker::arrive(&rig, Tongue::MessagePack).await;
        for id in [1_796_117_252_841.0, 1.0, 0.0, 9_007_199_254_740_992.0] {
            let id = float(id);
            for (request, answer) in [
                (json!({ "event": "echo", "data": "so" }), "so"),
                (json!({ "event": "nothing" }), "nothing"),
                (json!({ "event": "forbidden" }), "forbidden"),
                (json!({ "event": "nobody" }), "unknown_event"),
                (json!({ "event": "point", "data": 1 }), "validation_failed"),
                (json!({ "event": "late", "data": "so" }), "so"),
                (json!({ "event": "late", "data": "drop" }), "internal"),
            ] {
                send(&mut it, request, &id).await;
                expect(&mut it, answer, &id).await;
            }
            send(&mut it, json!({ "event": "count", "data": 1 }), &id).await;
            expect(&mut it, "more", &id).await;
            expect(&mut it, "over", &id).await;
        }
        // An integer stays one, and is the same id as the float.
        let (id, whole) = (float(1_796_117_252_841.0), integer(1_796_117_252_841));
        send(&mut it, json!({ "event": "echo", "data": "so" }), &whole).await;
        expect(&mut it, "so", &whole).await;
        send(&mut it, json!({ "event": "hang" }), &id).await;
        send(&mut it, json!({ "event": "echo" }), &whole).await;
        expect(&mut it, "conflict", &whole).await;
        it.send(json!({ "cancel": 1_796_117_252_841_u64 })).await;
        expect(&mut it, "cancelled", &id).await;
        send(&mut it, json!({ "event": "hang" }), &whole).await;
        it.send(json!({ "cancel": 1_796_117_252_841.0 })).await;
        expect(&mut it, "cancelled", &whole).await;
        // So do what waits, what runs beside and what is answered late.
        let cancel = json!({ "cancel": 1_796_117_252_841_u64 });
        send(&mut it, json!({ "event": "hang" }), &float(1.0)).await;
        send(&mut it, json!({ "event": "echo" }), &id).await;
        it.send(&cancel).await;
        expect(&mut it, "cancelled", &id).await;
        it.send(json!({ "cancel": 1 })).await;
        expect(&mut it, "cancelled", &float(1.0)).await;
        send(&mut it, json!({ "event": "endless" }), &id).await;
        expect(&mut it, "more", &id).await;
        it.send(&cancel).await;
        expect(&mut it, "cancelled", &id).await;
        send(&mut it, json!({ "event": "late", "data": "wait" }), &id).await;
        send(&mut it, json!({ "event": "echo" }), &float(1.0)).await;
        expect(&mut it, "echo", &float(1.0)).await;
        it.send(&cancel).await;
        expect(&mut it, "cancelled", &id).await;
        // The number of a question of the server may be a float, too.
        send(&mut it, json!({ "event": "question" }), &id).await;
        let ack = it.recv().await["ack"].as_f64().unwrap();
        it.send(json!({ "ack": ack, "data": { "x": 1, "y": -1 } })).await;
        expect(&mut it, "question", &id).await;
        drop(it);
        let peer = rig.connect_with(Offer::to("/patterns").protocols(&[Tongue::MessagePack.protocol()])).await;
        let mut it = Speaker { peer, tongue: Tongue::MessagePack };
        for (pattern, answer) in [("echo", "so"), ("forbidden", "forbidden")] {
            send(&mut it, json!({ "kind": "message", "pattern": pattern, "payload": "so" }), &id).await;
            expect(&mut it, answer, &id).await;
        }
        send(&mut it, json!({ "kind": "message", "pattern": "two" }), &id).await;
        for more in ["more", "more", "done"] {
            expect(&mut it, more, &id).await;
        }
        drop(it);
        rig.expect_empty().await;
    });
}

/// A message is one frame: a list of them is none.
#[test]
fn d17_there_are_no_batches() {
    each_stack(|stack| async move {
        let limits = Limits::default().max_message(4 << 20);
        let rig = Rig::watched(stack, app().limits(limits)).await;
        for tongue in ALL {
            let mut it = Speaker::arrive(&rig, tongue).await;
            let well = json!({ "event": "echo", "data": 1, "id": 1 });
            for calls in [0, 1, 64, 65, 10_000] {
                let batch = vec![&well; calls];
                let error = it.ask(batch).await;
                assert_eq!((&error["event"], &error["data"]["code"]), (&json!("exception"), &json!("bad_request")));
                // None of them is answered.
                assert_eq!(it.ask(&well).await, well, "{calls} {tongue:?}");
            }
            rig.unnoticed().await;
        }
        rig.expect_empty().await;
    });
}
