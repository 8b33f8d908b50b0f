//! Requests to a room with members of every format.
use super::{ALL, Counted, Second, Speaker, Tongue, app};
use serde::Serialize;
use serde_json::json;
use std::time::Duration;
use switchboard::{Broadcast, Client, Limits, Server};
use switchboard_rig::{Rig, Stack, matrix, on};

/// Everyone of a room, in its format.
async fn room(rig: &Rig, tongues: impl IntoIterator<Item = Tongue>) -> Vec<Speaker> {
    let mut members = Vec::new();
    for tongue in tongues {
        let mut it = Speaker::arrive(rig, tongue).await;
        it.ask(json!({ "event": "join", "data": "room", "id": 1 })).await;
        members.push(it);
    }
    members
}

fn ask_all(server: &Server, data: impl Serialize, ms: u64) -> switchboard::Answering<u32> {
    server.to("room").emit_with_ack("how many?", data, Duration::from_millis(ms))
}

/// The codes of those that failed, sorted.
fn codes(answers: &switchboard::Answers<u32>) -> Vec<&str> {
    let mut codes: Vec<&str> = answers.failed.iter().map(|(_, error)| error.code().as_str()).collect();
    codes.sort_unstable();
    codes
}

#[test]
fn a_room_is_asked_and_everyone_is_in_one_list() {
    matrix(|stack| async move {
        let app = app();
        let server = app.server();
        let rig = Rig::start(stack, app).await;
        let nobody = ask_all(&server, (), 50).await;
        assert!(nobody.is_complete() && nobody.answered.is_empty());
        let mut members = room(&rig, ALL.into_iter().chain(ALL)).await;
        let ids: Vec<_> = server.local().clients_in("room").iter().map(Client::id).collect();
        let counted = Counted::default();

        // Everyone answers: the payload is serialised once for each format, and all is over with the last answer.
        let asking = ask_all(&server, &counted, 60_000);
        assert_eq!(counted.calls(), 3);
        rig.until(|stats| stats.pending_acks == 6).await;
        for (n, it) in members.iter_mut().enumerate() {
            let asked = it.recv().await;
            assert_eq!((&asked["event"], &asked["data"]), (&json!("how many?"), &json!("counted")));
            it.send(json!({ "ack": asked["ack"], "data": n })).await;
        }
        let answers = asking.await;
        assert!(answers.is_complete());
        let mut answered: Vec<(_, u32)> = answers.answered;
        answered.sort_by_key(|(_, n)| *n);
        assert_eq!(answered.iter().map(|(_, n)| *n).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
        assert!(ids.iter().all(|id| answered.iter().any(|(other, _)| other == id)));
        assert_eq!(rig.handle.stats().pending_acks, 0);

        // One answers, one with an error, one with what is no number, one leaves, one twice, one never.
        let asking = ask_all(&server, "now", 400);
        let mut acks = Vec::new();
        for it in &mut members {
            acks.push(it.recv().await["ack"].clone());
        }
        members[0].send(json!({ "ack": acks[0], "data": 7 })).await;
        members[1].send(json!({ "ack": acks[1], "error": { "code": "shy", "message": "No" } })).await;
        members[2].send(json!({ "ack": acks[2], "data": "seven" })).await;
        members[4].send(json!({ "ack": acks[4], "data": 8 })).await;
        members[4].send(json!({ "ack": acks[4], "data": 9 })).await;
        drop(members.remove(3));
        let rejected = rig.handle.stats().rejected;
        let answers = asking.await;
        let mut numbers: Vec<u32> = answers.answered.iter().map(|(_, n)| *n).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, [7, 8]);
        assert_eq!(codes(&answers), ["not_found", "shy", "timeout", "validation_failed"]);
        let mut all: Vec<String> = answers.answered.iter().map(|(id, _)| id.to_string()).collect();
        all.extend(answers.failed.iter().map(|(id, _)| id.to_string()));
        let (told, mut once) = (all.len(), all);
        once.sort_unstable();
        once.dedup();
        assert_eq!((told, once.len()), (6, 6));
        // What comes too late is ignored.
        members[4].send(json!({ "ack": acks[5], "data": 1 })).await;
        rig.until(|stats| stats.rejected > rejected).await;

        // Dropped, it is not waited for.
        let asking = ask_all(&server, "now", 60_000);
        rig.until(|stats| stats.pending_acks == 5).await;
        drop(asking);
        assert_eq!(rig.handle.stats().pending_acks, 0);
        drop(members);
        rig.expect_empty().await;
    });
}

#[test]
fn who_cannot_be_asked_is_in_the_list_too() {
    on(Stack::Memory, |stack| async move {
        let mut limits = Limits::default();
        (limits.gateway.pending_acks, limits.node.pending_acks_node) = (2, 6);
        let app = app().limits(limits);
        let server = app.server();
        let rig = Rig::start(stack, app).await;
        let members = room(&rig, ALL).await;
        let first = ask_all(&server, "one", 60_000);
        let second = ask_all(&server, "two", 60_000);
        drop(first);
        // Each client, and the node, have room for one more.
        let third = ask_all(&server, "three", 100);
        let fourth = ask_all(&server, "four", 100);
        let (third, fourth) = (third.await, fourth.await);
        assert_eq!(codes(&third), ["timeout"; 3]);
        assert_eq!(codes(&fourth), ["rate_limited"; 3]);
        drop(second);
        // Nobody can be told what cannot be serialised, or has no name.
        let unnamed = server.to("room").emit_with_ack::<u32>("sys.x", 1, Duration::from_secs(1)).await;
        assert_eq!(codes(&unnamed), ["internal"; 3]);
        let broken = ask_all(&server, Counted::that(Second::Fails), 50).await;
        assert_eq!(codes(&broken), ["internal", "timeout", "timeout"]);
        assert_eq!(rig.handle.stats().pending_acks, 0);
        // The sender of a broadcast is not asked.
        let id = server.local().clients_in("room")[0].id();
        let sender = server.local().client(id).unwrap();
        let others: Broadcast = sender.to("room");
        let answers = others.emit_with_ack::<u32>("?", 1, Duration::from_millis(50)).await;
        assert_eq!(answers.failed.len(), 2);
        assert!(answers.failed.iter().all(|(other, _)| *other != id));
        drop(members);
    });
}
