//! Connections on threads of their own.
use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;
use switchboard::{App, Client, Gateway};
use switchboard_rig::{Rig, Stack, on};

struct Where;

impl Where {
    async fn joined(&self, client: &Client) {
        client.join("all");
    }
    async fn thread(&self) -> String {
        thread::current().name().unwrap_or_default().to_owned()
    }
    async fn shout(&self, text: String, client: &Client) {
        client.broadcast_to("all", "shout", text);
    }
    async fn slow(&self) -> &'static str {
        tokio::time::sleep(Duration::from_millis(200)).await;
        "done"
    }
}

fn app(threads: usize) -> App {
    let gateway = Gateway::new(Where)
        .on_connect(Where::joined)
        .on("thread", Where::thread)
        .on("shout", Where::shout)
        .on("slow", Where::slow);
    App::new().gateway("/ws", gateway).threads(threads)
}

#[test]
fn connections_take_turns_on_the_threads_and_hear_each_other() {
    on(Stack::Listen, |stack| async move {
        let rig = Rig::start(stack, app(2)).await;
        let mut peers = Vec::new();
        for _ in 0..4 {
            peers.push(rig.connect().await);
        }
        let mut names = BTreeSet::new();
        for peer in &mut peers {
            names.insert(peer.request(r#"{"event":"thread"}"#).await);
        }
        let expected = [0, 1].map(|nth| format!(r#"{{"event":"thread","data":"switchboard-{nth}"}}"#));
        assert_eq!(names, BTreeSet::from(expected));

        for n in 0..200 {
            peers[n % 4].send(&format!(r#"{{"event":"shout","data":"{n}"}}"#)).await;
            for other in (0..4).filter(|other| *other != n % 4) {
                peers[other].expect(&format!(r#"{{"event":"shout","data":"{n}"}}"#)).await;
            }
        }
        drop(peers);
        rig.expect_empty().await;
    });
}

#[test]
fn a_shutdown_waits_for_what_runs_on_the_threads() {
    on(Stack::Listen, |stack| async move {
        let rig = Rig::start(stack, app(2)).await;
        let mut peers = [rig.connect().await, rig.connect().await];
        for peer in &mut peers {
            peer.send(r#"{"event":"slow","id":1}"#).await;
        }
        rig.until(|stats| stats.in_flight == 2).await;
        let report = rig.handle.shutdown().await;
        assert_eq!(report.aborted, 0);
        for peer in &mut peers {
            peer.expect(r#"{"event":"slow","data":"done","id":1}"#).await;
            assert_eq!(peer.skip_until_close().await, 1001);
        }
    });
}
