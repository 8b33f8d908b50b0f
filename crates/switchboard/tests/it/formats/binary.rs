//! Payloads of bytes.
use super::{Reverse, Reversed, Speaker, Tongue, app};
use serde_json::json;
use switchboard::Binary;
use switchboard_core::codec::msgpack;
use switchboard_rig::{Got, Rig, Stack, on};

#[test]
fn binary_payloads() {
    on(Stack::Memory, |stack| async move {
        let rig = Rig::start(stack, app()).await;
        let bytes = Binary::from((0..=255).collect::<Vec<u8>>());
        let reversed: Vec<u8> = (0..=255).rev().collect();
        let message = Reverse { event: "reverse", data: &bytes, id: 1 };
        for tongue in [Tongue::Json, Tongue::Turned] {
            let mut it = Speaker::arrive(&rig, tongue).await;
            let reply: Reversed = serde_json::from_value(it.ask(&message).await).unwrap();
            assert_eq!(*reply.data, reversed[..]);
            assert_eq!(it.ask(json!({ "event": "reverse", "data": "AQL/" })).await["data"], "/wIB");
            for wrong in [json!("AQL_"), json!("AQI"), json!("A"), json!(1), json!([1, 2])] {
                let error =
                    it.refused(json!({ "event": "reverse", "data": wrong, "id": 2 }), "validation_failed").await;
                let message = error["details"][0]["message"].as_str().unwrap();
                assert_eq!(message, "expected bytes, or a text of base64 with padding");
            }
        }
        let mut it = Speaker::arrive(&rig, Tongue::MessagePack).await;
        it.send(&message).await;
        let Got::Binary(got) = it.peer.recv().await else { panic!() };
        // bin 8 of 256 bytes is bin 16.
        assert!(got.windows(3).any(|head| head == [0xc5, 1, 0]), "{got:?}");
        let reply: Reversed = msgpack::from_data(Some(msgpack::Raw::new(&got).unwrap())).unwrap();
        assert_eq!(*reply.data, reversed[..]);
        it.send(json!({ "event": "reverse", "data": "AQL/" })).await;
        assert_eq!(it.peer.recv().await, Got::Binary(b"\x82\xa5event\xa7reverse\xa4data\xc4\x03\xff\x02\x01".into()));
    });
}
