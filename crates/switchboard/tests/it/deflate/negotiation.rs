//! Which connections are compressed: the offer, the attribute, and the application.
use super::{ANSWER, OFFER, TEXT, asked, echo, on_by_default, sent, unpacked};
use crate::plain::{HEALTHY, Plain, plain};
use switchboard::{App, Compression, Gateway, Limits, gateway, messages, module};
use switchboard_rig::{Offer, Rig, Stack, each_stack, on};

#[test]
fn a19_what_is_offered_and_answered() {
    each_stack(|stack| async move {
        let app = plain(Limits::default())
            .gateway("/off", Gateway::new(Plain).on("echo", Plain::echo).compression(None))
            .gateway("/own", Gateway::new(Plain).on("echo", Plain::echo).compression(Compression::default().level(9)))
            .compression(on_by_default());
        let rig = Rig::watched(stack, app).await;
        let yes = (101, Some(ANSWER.to_owned()));
        let no = (101, None);
        let window = |bits: u8| (101, Some(format!("{ANSWER}; server_max_window_bits={bits}")));
        let eight = ["permessage-deflate; x"; 7].join(", ") + ", permessage-deflate";
        for (offers, expected) in [
            (&["permessage-deflate"][..], &yes),
            (&[OFFER], &yes),
            (&["foo", "permessage-deflate; client_max_window_bits=9"], &yes),
            (&["permessage-deflate; server_max_window_bits=15"], &window(15)),
            (&["permessage-deflate; server_max_window_bits=\"10\""], &window(10)),
            (
                &["permessage-deflate; server_max_window_bits=7, permessage-deflate; server_max_window_bits=9"],
                &window(9),
            ),
            (&[&eight], &yes),
            (&[], &no),
            (&["permessage-deflate; server_max_window_bits=7"], &no),
            (&["permessage-deflate; server_max_window_bits=16"], &no),
            (&["permessage-deflate; server_max_window_bits=\"x\""], &no),
            (&["permessage-deflate; client_max_window_bits=7"], &no),
            (&["permessage-deflate; unknown"], &no),
            (&["permessage-deflate; client_no_context_takeover; client_no_context_takeover"], &no),
            (&["x-webkit-deflate-frame", "??"], &no),
        ] {
            assert_eq!(asked(&rig, "/ws", offers).await, *expected, "{offers:?} {stack:?}");
            assert_eq!(asked(&rig, "/own", offers).await, *expected, "{offers:?} {stack:?}");
            assert_eq!(asked(&rig, "/off", offers).await, no, "{offers:?} {stack:?}");
        }
        for gateway in ["/ws", "/off"] {
            let nine = format!("{eight}, permessage-deflate");
            assert_eq!(asked(&rig, gateway, &[&nine]).await, (400, None));
            assert_eq!(asked(&rig, gateway, &["permessage-deflate"; 9]).await, (400, None));
            assert_eq!(asked(&rig, gateway, &[&["permessage-deflate"; 50].join(",")]).await, (400, None));
            let long = format!("permessage-deflate; server_max_window_bits={}", "1".repeat(12 << 10));
            assert_eq!(asked(&rig, gateway, &[&long]).await.0, 431);
        }
        // Where it is declined a compressed message is what it always was.
        for (gateway, offer) in [("/off", OFFER), ("/ws", "permessage-deflate; server_max_window_bits=7")] {
            let mut peer = rig.connect_with(Offer::to(gateway).extensions(offer)).await;
            peer.send_bytes(&sent(HEALTHY)).await;
            assert_eq!(peer.recv_close().await, (1002, "reserved_bits".to_owned()), "{gateway}");
            rig.unnoticed().await;
        }
        rig.expect_empty().await;
    });
}

#[gateway(path = "/own", compression = Compression::default().threshold(10))]
struct Attributed;

#[messages]
impl Attributed {
    #[subscribe_message("echo")]
    async fn echo(&self, text: String) -> String {
        text
    }
}

#[gateway(path = "/theirs")]
struct Silent;

#[messages]
impl Silent {
    #[subscribe_message("echo")]
    async fn echo(&self, text: String) -> String {
        text
    }
}

#[module(gateways(Attributed, Silent))]
struct Both;

#[test]
fn the_attribute_and_the_application_choose() {
    on(Stack::Memory, |stack| async move {
        for (app, theirs) in [(None, false), (Some(Compression::default()), true)] {
            let rig = Rig::start(stack, App::create::<Both>().await.unwrap().compression(app)).await;
            assert_eq!(asked(&rig, "/theirs", &[OFFER]).await.1.is_some(), theirs);
            let mut peer = rig.connect_with(Offer::to("/own").extensions(OFFER)).await;
            peer.send(&echo(80)).await;
            let (first, bytes) = peer.recv_frame().await;
            assert_eq!((first, unpacked(&bytes, 15)), (TEXT, echo(80)));
        }
    });
}
