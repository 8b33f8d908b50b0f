//! Requests, replies, streams and stages in each format.
use super::{ALL, Reverse, Reversed, Speaker, Tongue, app};
use serde_json::json;
use switchboard::Binary;
use switchboard_core::codec::msgpack;
use switchboard_rig::{Got, Rig, Stack, matrix, on};

#[test]
fn every_format_has_everything() {
    matrix(|stack| async move {
        let rig = Rig::start(stack, app()).await;
        for tongue in ALL {
            let mut it = Speaker::arrive(&rig, tongue).await;
            // Replies, with an id and without.
            for data in [json!(1), json!("ü"), json!({ "a": [1, { "b": null }, -7, 0.5], "c": true }), json!([])] {
                let message = json!({ "event": "echo", "data": data, "id": 7 });
                assert_eq!(it.ask(&message).await, message);
                let message = json!({ "event": "echo", "data": data });
                assert_eq!(it.ask(&message).await, message);
            }
            let answers = [
                (json!({ "event": "nothing", "id": "a" }), json!({ "event": "nothing", "data": null, "id": "a" })),
                (
                    json!({ "event": "maybe", "data": false, "id": 1 }),
                    json!({ "event": "maybe", "data": null, "id": 1 }),
                ),
                (json!({ "event": "maybe", "data": true }), json!({ "event": "maybe", "data": 1 })),
                (json!({ "event": "null" }), json!({ "event": "null", "data": null })),
                (json!({ "event": "echo", "id": 2 }), json!({ "event": "echo", "data": null, "id": 2 })),
                (
                    json!({ "event": "renamed", "id": 3 }),
                    json!({ "event": "other", "data": { "a": [1, -2, 0.5] }, "id": 3 }),
                ),
                (json!({ "event": "wrapped" }), json!({ "event": "wrapped", "data": "wrapped" })),
                (
                    json!({ "event": "traced", "data": 5, "meta": { "trace": "t" }, "id": 4 }),
                    json!({ "event": "traced", "data": "t 5", "id": 4 }),
                ),
                (json!({ "event": "perhaps", "meta": { "trace": "t" } }), json!({ "event": "perhaps", "data": "t" })),
                (json!({ "event": "perhaps", "id": 5 }), json!({ "event": "perhaps", "data": null, "id": 5 })),
            ];
            for (message, answer) in answers {
                assert_eq!(it.ask(&message).await, answer, "{tongue:?} {message}");
            }
            // Silence: the next answer is that of the next request.
            it.send(json!({ "event": "nothing" })).await;
            it.send(json!({ "event": "maybe", "data": false })).await;
            let last = json!({ "event": "echo", "data": "last" });
            assert_eq!(it.ask(&last).await, last);
            // Errors.
            it.refused(json!({ "event": "nobody", "id": 1 }), "unknown_event").await;
            it.refused(json!({ "event": "forbidden", "id": "b" }), "forbidden").await;
            it.refused(json!({ "event": "sys.mine", "id": 1 }), "bad_request").await;
            it.refused(json!({ "event": "", "id": 3 }), "bad_request").await;
            it.refused(json!({ "event": "a\nb", "id": 4 }), "bad_request").await;
            it.refused(json!({ "event": "traced", "data": 5 }), "validation_failed").await;
            let error =
                it.refused(json!({ "event": "traced", "data": 5, "meta": {}, "id": 1 }), "validation_failed").await;
            assert_eq!(error["details"][0], json!({ "path": "/trace", "code": "missing", "message": "is missing" }));
            let error =
                it.refused(json!({ "event": "point", "data": { "x": "a" }, "id": 1 }), "validation_failed").await;
            assert_eq!(error["details"][0], json!({ "path": "/x", "code": "type", "message": "expected i32" }));
            let error =
                it.refused(json!({ "event": "point", "data": { "x": 1, "y": 2, "z": 3 } }), "validation_failed").await;
            assert_eq!(error["details"][0]["code"], "unknown_field");
            let error = it.refused(json!({ "event": "point", "id": 1 }), "validation_failed").await;
            assert_eq!(error["message"], "The data is missing");
            let error = it.ask(json!({ "event": "join_badly" })).await;
            assert_eq!((&error["event"], &error["data"]["code"]), (&json!("exception"), &json!("validation_failed")));
            // Pushes.
            it.send(json!({ "event": "push", "data": { "n": 1 } })).await;
            it.expect(json!({ "event": "pushed", "data": { "n": 1 } })).await;
            it.expect(json!({ "event": "perhaps", "data": { "n": 1 } })).await;
            it.expect(json!({ "event": "push", "data": 2 })).await;
            // The server asks.
            let mut asked = it.ask(json!({ "event": "question", "id": 9 })).await;
            let ack = asked["ack"].take();
            assert_eq!(asked, json!({ "event": "where?", "data": "you", "ack": null }));
            let answer = it.ask(json!({ "ack": ack, "data": { "x": 1, "y": -1 } })).await;
            assert_eq!(answer, json!({ "event": "question", "data": { "x": 1, "y": -1 }, "id": 9 }));
            let asked = it.ask(json!({ "event": "question", "id": 9 })).await;
            let answer = it.ask(json!({ "ack": asked["ack"], "error": { "code": "shy", "message": "No" } })).await;
            assert_eq!((&answer["data"]["code"], &answer["id"]), (&json!("shy"), &json!(9)));
            let asked = it.ask(json!({ "event": "question", "id": 9 })).await;
            let answer = it.ask(json!({ "ack": asked["ack"], "error": 5 })).await;
            assert_eq!(answer["data"]["code"], "client_error");
            let asked = it.ask(json!({ "event": "question", "id": 9 })).await;
            let answer = it.ask(json!({ "ack": asked["ack"], "data": "there" })).await;
            assert_eq!(answer["data"]["code"], "validation_failed");
            // What runs, and what waits behind it: conflicts and cancels.
            it.send(json!({ "event": "hang", "id": "h" })).await;
            it.send(json!({ "event": "echo", "data": 1, "id": "w" })).await;
            it.send(json!({ "event": "echo", "data": 2, "id": "v" })).await;
            it.refused(json!({ "event": "echo", "id": "w" }), "conflict").await;
            let cancelled = it.ask(json!({ "cancel": "w" })).await;
            assert_eq!((&cancelled["data"]["code"], &cancelled["id"]), (&json!("cancelled"), &json!("w")));
            let cancelled = it.ask(json!({ "cancel": "h" })).await;
            assert_eq!((&cancelled["data"]["event"], &cancelled["id"]), (&json!("hang"), &json!("h")));
            it.expect(json!({ "event": "echo", "data": 2, "id": "v" })).await;
        }
        rig.expect_empty().await;
    });
}

#[test]
fn streams_and_late_answers_in_every_format() {
    matrix(|stack| async move {
        let rig = Rig::start(stack, app()).await;
        for tongue in ALL {
            let mut it = Speaker::arrive(&rig, tongue).await;
            // An item each, `None` too, and an end; nobody waits for the end without an id.
            it.send(json!({ "event": "count", "data": 3, "id": 1 })).await;
            for data in [json!(null), json!(1), json!(2)] {
                it.expect(json!({ "event": "count", "data": data, "id": 1, "more": true })).await;
            }
            let error = it.recv().await;
            assert_eq!((&error["data"]["code"], &error["id"]), (&json!("over"), &json!(1)));
            it.send(json!({ "event": "count", "data": 2 })).await;
            for data in [json!(null), json!(1)] {
                it.expect(json!({ "event": "count", "data": data })).await;
            }
            assert_eq!(it.recv().await["data"]["code"], "over");
            it.send(json!({ "event": "endless", "id": "e" })).await;
            it.expect(json!({ "event": "endless", "data": 1, "id": "e", "more": true })).await;
            let cancelled = it.ask(json!({ "cancel": "e" })).await;
            assert_eq!((&cancelled["data"]["code"], &cancelled["id"]), (&json!("cancelled"), &json!("e")));
            if tongue != Tongue::MessagePack {
                it.send(json!({ "event": "two", "id": 2 })).await;
                it.expect(json!({ "event": "two", "data": "AQ==", "id": 2, "more": true })).await;
                it.expect(json!({ "event": "two", "data": "Ag==", "id": 2, "more": true })).await;
                it.expect(json!({ "event": "two", "id": 2, "done": true })).await;
            }
            // Answers that come late.
            let late = json!({ "event": "late", "data": "so", "id": 3 });
            assert_eq!(it.ask(&late).await, late);
            it.refused(json!({ "event": "late", "data": "fail", "id": 4 }), "forbidden").await;
            it.refused(json!({ "event": "late", "data": "drop", "id": 5 }), "internal").await;
        }
        rig.expect_empty().await;
    });
}

#[test]
fn stages_keep_what_a_format_has() {
    on(Stack::Memory, |stack| async move {
        let rig = Rig::start(stack, app()).await;
        for tongue in ALL {
            let mut it = Speaker::arrive(&rig, tongue).await;
            let keyed = json!({ "event": "keyed", "data": { "x": -5, "y": [1] }, "id": "k" });
            assert_eq!(it.ask(keyed).await, json!({ "event": "keyed", "data": -5, "id": "k" }));
            it.refused(json!({ "event": "keyed", "data": { "y": 1 }, "id": "k" }), "validation_failed").await;
            for (event, data, answer) in [
                ("looked_maybe", json!(true), json!({ "event": "looked_maybe", "data": 1, "id": 1 })),
                ("looked_maybe", json!(false), json!({ "event": "looked_maybe", "data": null, "id": 1 })),
                ("looked_renamed", json!(null), json!({ "event": "other", "data": { "a": [1, -2, 0.5] }, "id": 1 })),
                ("looked_nothing", json!(null), json!({ "event": "looked_nothing", "data": null, "id": 1 })),
            ] {
                assert_eq!(it.ask(json!({ "event": event, "data": data, "id": 1 })).await, answer, "{tongue:?}");
            }
            it.send(json!({ "event": "looked_maybe", "data": false })).await;
            it.send(json!({ "event": "looked_nothing" })).await;
            for event in ["looked", "piped"] {
                it.send(json!({ "event": event, "data": "AQL/", "id": 2 })).await;
                if tongue != Tongue::MessagePack {
                    it.expect(json!({ "event": event, "data": "/wIB", "id": 2 })).await;
                    continue;
                }
                // Bytes came as a text, and go as bytes; and then they come as bytes.
                for bytes in [Binary::from(vec![255, 2, 1]), Binary::from(vec![1, 2, 255])] {
                    let Got::Binary(got) = it.peer.recv().await else { panic!() };
                    let reply: Reversed = msgpack::from_data(Some(msgpack::Raw::new(&got).unwrap())).unwrap();
                    assert_eq!(reply.data, bytes);
                    assert!(got.windows(2).any(|head| head == [0xc4, 3]), "{got:?}");
                    if bytes[0] == 255 {
                        it.send(Reverse { event, data: &bytes, id: 3 }).await;
                    }
                }
            }
        }
    });
}
