//! Requests of Socket.IO clients, from the packet to the frames of the answer. Each request with an ack gets exactly one.
mod seat;

use crate::{Args, Binary};
use seat::{Around, Photo, Seat, code_of};
use serde_json::Value;
use std::time::Duration;

const NONE: [&str; 0] = [];
const SOON: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_request_with_an_ack_gets_one() {
    for around in [None, Some(Around { maps: false }), Some(Around { maps: true })] {
        let mut seat = Seat::new(around);
        seat.acks(r#"["echo",{"a":[1,2.50]}]"#, r#"[{"a":[1,2.50]}]"#.replace("2.50", "2.5").as_str());
        seat.acks(r#"["echo",null]"#, "[]");
        seat.acks(r#"["echo"]"#, "[]");
        seat.acks(r#"["echo",1,"b"]"#, r#"[[1,"b"]]"#);
        seat.acks(r#"["pair",[1,"b"]]"#, r#"[[1,"b"]]"#);
        seat.acks(r#"["pair",1,"b"]"#, r#"[[1,"b"]]"#);
        seat.acks(r#"["swap",1,"b"]"#, r#"["b",1]"#);
        seat.acks(r#"["nothing"]"#, "[]");
        seat.acks(r#"["nothing",1,2]"#, "[]");
        seat.acks(r#"["none"]"#, "[]");
        seat.acks(r#"["silent"]"#, "[]");
        seat.fails(r#"["fails"]"#, "forbidden");
        seat.fails(r#"["unheard of"]"#, "unknown_event");
        seat.fails(r#"["sys.x"]"#, "bad_request");
        seat.fails(r#"["pair",5]"#, "validation_failed");
        seat.fails(r#"["swap",5]"#, "validation_failed");
        seat.fails(r#"["eleven"]"#, "internal");
        seat.fails(r#"["long"]"#, "internal");
        seat.fails(r#"["unserializable"]"#, "internal");
        seat.fails(r#"["reserved"]"#, "internal");
    }
}

#[tokio::test(start_paused = true)]
async fn one_argument_is_a_list_of_one_for_args() {
    let mut seat = Seat::new(None);
    for (arguments, count) in [("", 0), (",null", 1), (",[1,2]", 1), (",1,2", 2), (",null,null,{}", 3), (" ,  1 ", 1)] {
        seat.acks(&format!(r#"["count"{arguments}]"#), &format!("[{count}]"));
        let maybe = if count == 0 { String::new() } else { count.to_string() };
        seat.acks(&format!(r#"["maybe"{arguments}]"#), &format!("[{maybe}]"));
    }
    let answer = seat.send(r#"2/admin,7["swap",1,2]"#);
    assert!(answer[0].contains(r#""path":"/1""#) || answer[0].contains("/1"), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn a_request_without_an_ack_is_answered_by_events() {
    for around in [None, Some(Around { maps: false })] {
        let mut seat = Seat::new(around);
        assert_eq!(seat.send(r#"2/admin,["echo",5]"#), [r#"2/admin,["echo",5]"#]);
        assert_eq!(seat.send(r#"2/admin,["pair",1,"b"]"#), [r#"2/admin,["pair",[1,"b"]]"#]);
        assert_eq!(seat.send(r#"2/admin,["swap",1,"b"]"#), [r#"2/admin,["swap","b",1]"#]);
        assert_eq!(seat.send(r#"2/admin,["nothing"]"#), NONE);
        assert_eq!(seat.send(r#"2/admin,["none"]"#), NONE);
        assert_eq!(seat.send(r#"2/admin,["silent"]"#), NONE);
        assert_eq!(seat.send(r#"2/admin,["named",5]"#), [r#"2/admin,["other",5]"#]);
        let failed = seat.send(r#"2/admin,["fails"]"#);
        assert_eq!(
            failed,
            [
                r#"2/admin,["exception",{"status":"error","code":"forbidden","message":"No","event":"fails","retryable":false}]"#
            ]
        );
        assert_eq!(seat.send(r#"2/admin,["items",2]"#), [r#"2/admin,["items",1]"#, r#"2/admin,["items",2]"#]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_reply_of_another_name_is_an_event_and_an_empty_ack() {
    for around in [None, Some(Around { maps: false })] {
        let mut seat = Seat::new(around);
        assert_eq!(seat.send(r#"2/admin,7["named",5]"#), [r#"2/admin,["other",5]"#, "3/admin,7[]"]);
        let long = "x".repeat(300);
        let sent = seat.send(&format!(r#"2/admin,7["named","{long}"]"#));
        assert_eq!(sent, [format!(r#"2/admin,["other","{long}"]"#), "3/admin,7[]".to_owned()]);
        let photo = [r#"51-/admin,["other",{"_placeholder":true,"num":0}]"#, "+xy", "3/admin,7[]"];
        assert_eq!(seat.send(r#"2/admin,7["named photo"]"#), photo);
        assert_eq!(seat.send(r#"2/admin,["named photo"]"#), photo[..2]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_stream_is_the_ack() {
    for around in [None, Some(Around { maps: false })] {
        let mut seat = Seat::new(around);
        let items = [r#"2/admin,["items",1]"#, r#"2/admin,["items",2]"#, "3/admin,7[]"];
        assert_eq!(seat.send(r#"2/admin,7["items",2]"#), items);
        assert_eq!(seat.send(r#"2/admin,7["items",0]"#), ["3/admin,7[]"]);
        let broken = seat.send(r#"2/admin,7["breaks"]"#);
        assert_eq!((broken.len(), &*broken[0]), (2, r#"2/admin,["breaks",1]"#));
        assert_eq!(code_of(&broken[1], "3/admin,7"), "forbidden");
    }
}

#[tokio::test(start_paused = true)]
async fn a_deferred_answer_is_one_ack() {
    for around in [None, Some(Around { maps: false })] {
        let mut seat = Seat::new(around);
        seat.acks(r#"["sends"]"#, "[1,2]");
        seat.fails(r#"["drops"]"#, "internal");
        seat.fails(r#"["sends long"]"#, "internal");
        assert_eq!(seat.send(r#"2/admin,8["later"]"#), NONE);
        seat.fails(r#"["fails"]"#, "forbidden");
        // Its id is taken as long as it is open.
        assert_eq!(code_of(&seat.send(r#"2/admin,8["nothing"]"#)[0], "3/admin,8"), "conflict");
        tokio::time::advance(Duration::from_millis(1002)).await;
        let late = seat.turn();
        assert_eq!((late.len(), code_of(&late[0], "3/admin,8")), (1, "timeout".to_owned()));

        assert_eq!(seat.send(r#"2/admin,9["never"]"#), NONE);
        assert_eq!(code_of(&seat.send(r#"2/admin,9["nothing"]"#)[0], "3/admin,9"), "conflict");
        tokio::time::advance(Duration::from_millis(1002)).await;
        let late = seat.turn();
        assert_eq!((late.len(), code_of(&late[0], "3/admin,9")), (1, "timeout".to_owned()));
    }
}

#[tokio::test(start_paused = true)]
async fn attachments_come_back_as_they_came() {
    for maps in [None, Some(false), Some(true)] {
        let mut seat = Seat::new(maps.map(|maps| Around { maps }));
        let p = |num: u8| format!(r#"{{"_placeholder":true,"num":{num}}}"#);
        let photo = format!(r#"{{"name":"a","bytes":{}}}"#, p(0));
        let sent = seat.send_binary(&format!(r#"51-/admin,7["photo",{photo}]"#), &["xyz"]);
        assert_eq!(sent, [format!(r#"61-/admin,7[{photo}]"#), "+xyz".to_owned()]);
        let sent = seat.send_binary(&format!(r#"51-/admin,["photo",{photo}]"#), &["xyz"]);
        assert_eq!(sent, [format!(r#"51-/admin,["photo",{photo}]"#), "+xyz".to_owned()]);

        let request = format!(r#"52-/admin,7["photos",{},{{"name":"a","bytes":{}}}]"#, p(0), p(1));
        let name = if maps == Some(true) { "changed" } else { "a" };
        let answer = format!(r#"62-/admin,7[{{"name":"{name}","bytes":{}}},{}]"#, p(0), p(1));
        let sent = seat.send_binary(&request, &["one", "two"]);
        assert_eq!(sent, [answer, "+two".to_owned(), "+one".to_owned()]);
        // One argument with bytes is a list of one.
        assert_eq!(seat.send_binary(&format!(r#"51-/admin,7["sizes",{}]"#, p(0)), &["xy"]), ["3/admin,7[[2]]"]);
        assert_eq!(seat.send_binary(&format!(r#"51-/admin,7["sizes",{},null]"#, p(0)), &["xy"]), ["3/admin,7[[2,0]]"]);
        let failed = seat.send_binary(&format!(r#"51-/admin,7["sys.x",{}]"#, p(0)), &[""]);
        assert_eq!(code_of(&failed[0], "3/admin,7"), "bad_request");
        assert_eq!(seat.malformed, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_emitted_says_its_arguments() {
    let mut seat = Seat::new(None);
    let emitted = [r#"2/admin,["one",[1,"a"]]"#, r#"2/admin,["two",1,"a"]"#, r#"2/admin,["none"]"#, "3/admin,7[]"];
    assert_eq!(seat.send(r#"2/admin,7["emits"]"#), emitted);
}

#[tokio::test(start_paused = true)]
async fn clients_answer_the_server() {
    let mut seat = Seat::new(None);
    let client = seat.runner.client.clone();
    let one = client.emit_with_ack::<Value>("ask", (), SOON);
    let list = client.emit_with_ack::<Args<(Value, u8)>>("ask", Args((1, 2)), SOON);
    let none = client.emit_with_ack::<Args<Vec<Value>>>("ask", 5, SOON);
    let photo = client.emit_with_ack::<Photo>("ask", [Binary::from(b"x".to_vec())], SOON);
    let asked = seat.turn();
    let photo_asked = r#"51-/admin,4["ask",[{"_placeholder":true,"num":0}]]"#;
    assert_eq!(asked, [r#"2/admin,1["ask"]"#, r#"2/admin,2["ask",1,2]"#, r#"2/admin,3["ask",5]"#, photo_asked, "+x"]);
    assert_eq!(seat.send(r#"3/admin,1["yes",{}]"#), NONE);
    assert_eq!(seat.send(r#"3/admin,2[null,2]"#), NONE);
    assert_eq!(seat.send("3/admin,3[]"), NONE);
    assert_eq!(seat.send_binary(r#"61-/admin,4[{"name":"n","bytes":{"_placeholder":true,"num":0}}]"#, &["xyz"]), NONE);
    assert_eq!(one.await.unwrap(), serde_json::json!(["yes", {}]));
    assert_eq!(list.await.unwrap(), Args((Value::Null, 2)));
    assert!(none.await.unwrap().is_empty());
    assert_eq!(*photo.await.unwrap().bytes, *b"xyz");

    let refused = client.emit_with_ack::<Value>("ask", (), SOON);
    let keys = (0..1025).map(|key| format!(r#""{key}":1"#)).collect::<Vec<_>>().join(",");
    seat.turn();
    assert_eq!(seat.send(&format!("3/admin,5[{{{keys}}}]")), NONE);
    assert_eq!(refused.await.unwrap_err().code().as_str(), "bad_request");
    assert!(client.emit_with_ack::<Value>("connect", (), SOON).await.unwrap_err().is_internal());
}
