//! When a client that is sent away may come back: what the error or the close says.
use std::time::Duration;
use switchboard::close::CloseCode;
use switchboard::{App, Client, Close, Error, Gateway};
use switchboard_rig::{Rig, matrix};

fn again(how: &str) -> Error {
    let error = Error::overloaded("Full").retry_after(Duration::from_millis(9000));
    match how {
        "own" => {
            error.closing(Close::new(CloseCode::RECONNECT_REQUESTED, "own").retry_after(Duration::from_millis(7000)))
        }
        "never" => error.closing(CloseCode::KICKED),
        "first" => {
            Error::overloaded("Full").closing(CloseCode::RECONNECT_REQUESTED).retry_after(Duration::from_millis(9000))
        }
        "any" => Error::overloaded("Full").closing(CloseCode::RECONNECT_REQUESTED),
        _ => error.closing(CloseCode::RECONNECT_REQUESTED),
    }
}

#[test]
fn clients_come_back_when_the_error_or_the_close_says() {
    matrix(|stack| async move {
        let fails = |how: String| async move { Err::<(), Error>(again(&how)) };
        let late = |how: String, ack: switchboard::Ack<()>| async move { drop(ack.fail(again(&how))) };
        let closes = |client: Client| async move {
            client.close(Close::new(CloseCode::TRY_AGAIN_LATER, "later").retry_after(Duration::from_millis(5000)));
        };
        let full = Gateway::functions().on_connect_fn(|| async {
            Err::<(), Error>(Error::overloaded("Full").retry_after(Duration::from_millis(30_000)))
        });
        let app = App::new()
            .gateway("/ws", Gateway::functions().on_fn("fails", fails).on_fn("late", late).on_fn("closes", closes))
            .gateway("/full", full);
        let rig = Rig::start(stack, app).await;
        for (to, event, how, code, after) in [
            ("/full", "", "", 4008, Some(30_000)),
            ("/ws", "closes", "", 4008, Some(5000)),
            ("/ws", "fails", "as it says", 4006, Some(9000)),
            ("/ws", "fails", "first", 4006, Some(9000)),
            ("/ws", "fails", "own", 4006, Some(7000)),
            ("/ws", "fails", "never", 4503, None),
            ("/ws", "late", "as it says", 4006, Some(9000)),
            ("/ws", "late", "own", 4006, Some(7000)),
            ("/ws", "fails", "any", 4006, Some(0)),
        ] {
            let mut peer = rig.connect_to(to).await;
            if !event.is_empty() {
                peer.send(&format!(r#"{{"event":"{event}","data":"{how}","id":1}}"#)).await;
            }
            if event != "closes" {
                assert!(peer.recv_text().await.contains("Full"), "{event} {how}");
            }
            let goaway: serde_json::Value = serde_json::from_str(&peer.recv_text().await).unwrap();
            assert_eq!(
                (&goaway["event"], &goaway["data"]["code"]),
                (&"sys.goaway".into(), &code.into()),
                "{event} {how}"
            );
            let said = goaway["data"]["retry_after_ms"].as_u64();
            match after {
                // Nobody has said it: a time of its own for each.
                Some(0) => assert!(said.is_some_and(|said| (500..2000).contains(&said)), "{goaway}"),
                after => assert_eq!(said, after, "{event} {how}"),
            }
            assert_eq!(peer.recv_close().await.0, code);
            peer.close(code).await;
        }
        rig.expect_empty().await;
    });
}
