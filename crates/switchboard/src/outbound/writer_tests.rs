use super::*;
use switchboard_core::ws::{self, Opcode};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

/// A new writer, and the socket of its peer.
async fn lane() -> (Writer, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (_, socket) = listener.accept().await.unwrap().0.into_split();
    (Writer::new(Some(socket)), peer)
}

fn text(text: &str) -> Vec<u8> {
    let mut frame = vec![0; ws::HEADER_ROOM];
    frame.extend_from_slice(text.as_bytes());
    let start = ws::finish_frame(&mut frame, 0, Opcode::Text);
    frame.split_off(start)
}

#[tokio::test]
async fn a_turn_that_leaves_something_to_its_end_is_told_from_others() {
    let ((lane, mut peer), limits, node) = (lane().await, GatewayLimits::default(), Arc::new(Node::new()));
    let end_turn = || {
        let end = lane.end_turn(&mut Context::from_waker(Waker::noop()), None, &limits, &node);
        (lane.is_touched(), end.again)
    };
    let reply = |reply: &str, only| lane.put_reply(&mut Frame::new(&text(reply)), only, &limits, &node).unwrap();
    let push = |push: &str, own| lane.push(&mut Frame::new(&text(push)), Class::Push, &limits, own, &node).0;
    assert!(lane.is_touched(), "there is no waker yet");
    assert_eq!(end_turn(), (false, false));
    reply("1", true);
    assert!(!lane.is_touched(), "the only reply is written");
    reply("2", false);
    assert!(lane.is_touched());
    assert_eq!(end_turn(), (false, false));

    assert_eq!((push("3", false), lane.is_touched()), (Pushed::Queued, false), "the flusher writes it");
    assert_eq!((push("4", true), lane.is_touched()), (Pushed::Queued, false), "and what comes behind it");
    assert!(lane.flush_scheduled(&node).is_none());
    assert!(!lane.is_touched());
    push("5", false);
    reply("6", true);
    assert!(lane.is_touched(), "a reply behind it is not written at once");
    assert!(lane.flush_scheduled(&node).is_none(), "it is the task's now");
    assert_eq!(end_turn(), (false, false));
    assert_eq!((push("7", true), lane.is_touched()), (Pushed::Queued, true));
    assert_eq!(end_turn(), (false, false));
    assert!(lane.put_control(b"\x8a\x00"));
    assert!(lane.is_touched());
    assert_eq!(end_turn(), (false, false));

    lane.wake();
    assert!(lane.is_touched(), "the waker is gone");
    assert_eq!(end_turn(), (false, false));
    lane.wake();
    lane.wake();
    assert_eq!(end_turn(), (false, true), "somebody came who found no waker");
    assert!(lane.request(CloseRequest::Shutdown).0.is_some());
    assert!(lane.is_touched());
    assert_eq!(end_turn(), (false, true));
    assert!(lane.evict(&node).is_some());
    assert!(lane.is_touched());
    assert_eq!(end_turn(), (false, true));
    assert_eq!(lane.close(b"\x88\x00", true, &node), 0);
    assert!(lane.is_touched());
    assert_eq!(end_turn(), (false, false));

    let mut expected: Vec<u8> = (1..8).flat_map(|number| text(&number.to_string())).collect();
    expected.extend(b"\x8a\x00\x88\x00");
    let mut got = vec![0; expected.len()];
    peer.read_exact(&mut got).await.unwrap();
    assert_eq!(got, expected);
}

#[tokio::test]
async fn what_a_socket_refuses_is_left_to_the_end_of_a_turn() {
    let ((lane, _peer), limits, node) = (lane().await, GatewayLimits::default(), Arc::new(Node::new()));
    let mut cx = Context::from_waker(Waker::noop());
    let long = text(&"x".repeat(1 << 20));
    for _ in 0..100 {
        lane.put_reply(&mut Frame::new(&long), true, &limits, &node).unwrap();
        lane.end_turn(&mut cx, None, &limits, &node);
        if lane.blocked().is_some() {
            break;
        }
        assert!(!lane.is_touched());
    }
    assert!(lane.blocked().is_some() && lane.is_touched());
}

#[tokio::test]
async fn the_flusher_leaves_what_a_socket_refuses_to_the_task() {
    let ((lane, _peer), limits, node) = (lane().await, GatewayLimits::default(), Arc::new(Node::new()));
    let mut cx = Context::from_waker(Waker::noop());
    let long = text(&"x".repeat(limits.outbound_bytes / 4));
    for _ in 0..1000 {
        lane.end_turn(&mut cx, None, &limits, &node);
        lane.push(&mut Frame::new(&long), Class::Push, &limits, false, &node);
        assert!(!lane.is_touched());
        if lane.flush_scheduled(&node).is_some() {
            break;
        }
    }
    assert!(lane.blocked().is_some() && lane.is_touched());
}

#[test]
fn a_stream_that_the_task_owns_is_looked_at_in_every_turn() {
    let (lane, limits, node) = (Writer::new(None), GatewayLimits::default(), Arc::new(Node::new()));
    lane.end_turn(&mut Context::from_waker(Waker::noop()), None, &limits, &node);
    assert!(lane.is_touched());
}
