//! Frames that are not valid in their format, and codecs that fail.
use super::{Speaker, Tongue, app, turn};
use serde_json::json;
use switchboard_core::ws::Opcode;
use switchboard_rig::{Rig, matrix};

#[test]
fn faults_of_a_codec_are_contained() {
    matrix(|stack| async move {
        let rig = Rig::start(stack, app()).await;
        let mut it = Speaker::arrive(&rig, Tongue::Turned).await;
        it.peer.send_frame(Opcode::Binary, true, &turn(b"panic")).await;
        assert_eq!(it.recv().await["data"]["code"], "internal");
        it.refused(json!({ "event": "unsayable", "data": 1, "id": 1 }), "internal").await;
        it.refused(json!({ "event": "echo", "data": "unreadable", "id": 3 }), "bad_request").await;
        let asked = it.ask(json!({ "event": "question", "id": 9 })).await;
        let answer = it.ask(json!({ "ack": asked["ack"], "error": "unreadable" })).await;
        assert_eq!(answer["data"]["code"], "client_error");
        // An error that cannot be said: nobody waits for it.
        it.send(json!({ "event": "voiceless", "id": 4 })).await;
        assert_eq!(it.peer.skip_until_close().await, 1011);
        rig.until(|stats| stats.dropped == 1).await;
        drop(it);
        rig.expect_empty().await;
    });
}

#[test]
fn frames_of_the_wrong_kind_or_form_are_malformed() {
    matrix(|stack| async move {
        let rig = Rig::start(stack, app()).await;
        for tongue in [Tongue::MessagePack, Tongue::Turned] {
            let mut it = Speaker::arrive(&rig, tongue).await;
            let well = json!({ "event": "echo", "data": 1, "id": 1 });
            it.peer.send(r#"{"event":"echo","data":1,"id":1}"#).await;
            assert_eq!(it.recv().await["data"]["code"], "bad_request");
            it.peer.send_frame(Opcode::Binary, true, b"\xc1\xc1\xc1").await;
            assert_eq!(it.recv().await["data"]["code"], "bad_request");
            assert_eq!(it.ask(&well).await, well);
            // While a handler runs they wait their turn.
            it.send(json!({ "event": "wait", "data": 20, "id": 2 })).await;
            it.peer.send("text").await;
            it.expect(json!({ "event": "wait", "data": null, "id": 2 })).await;
            assert_eq!(it.recv().await["data"]["code"], "bad_request");
            // 100 of them in 10 s, and no more.
            for _ in 0..97 {
                it.peer.send("text").await;
                assert_eq!(it.recv().await["data"]["code"], "bad_request");
            }
            it.peer.send("text").await;
            assert_eq!(it.recv().await["data"]["code"], "bad_request");
            it.expect(json!({
                "event": "sys.goaway", "data": { "code": 4507, "reason": "too_many_errors", "retryable": false },
            }))
            .await;
            assert_eq!(it.peer.skip_until_close().await, 4507);
        }
        // JSON in binary frames is JSON.
        let mut json = Speaker::arrive(&rig, Tongue::Json).await;
        json.peer.send_frame(Opcode::Binary, true, br#"{"event":"echo","data":1}"#).await;
        json.expect(json!({ "event": "echo", "data": 1 })).await;
    });
}

#[test]
fn c06_unknown_or_truncated_bytes_are_refused_and_the_connection_stays() {
    matrix(|stack| async move {
        let rig = Rig::watched(stack, app()).await;
        for tongue in [Tongue::MessagePack, Tongue::Turned] {
            let mut it = Speaker::arrive(&rig, tongue).await;
            let well = json!({ "event": "echo", "data": [1, "é"], "id": 1 });
            let (opcode, whole) = tongue.write(&well);
            let truncated = (0..whole.len()).map(|len| whole[..len].to_vec());
            let trailing = [&whole[..], &[0xC1]].concat();
            for bytes in truncated.chain([trailing, vec![0xC1], vec![0xFF; 1000], b"{\"event\":\"echo\"}".to_vec()]) {
                it.peer.send_frame(opcode, true, &bytes).await;
                let error = it.recv().await;
                assert_eq!((&error["event"], &error["data"]["code"]), (&json!("exception"), &json!("bad_request")));
            }
            assert_eq!(it.ask(&well).await, well);
            rig.unnoticed().await;
        }
        rig.expect_empty().await;
    });
}
