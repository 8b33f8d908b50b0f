//! A room hook that joins rooms.
use super::{DEEPEST, INSIDE};
use futures_util::FutureExt;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use switchboard::testing::TestApp;
use switchboard::{App, Client, Error, Gateway};

struct Lobby {
    asked: AtomicUsize,
    /// Who joins in place of the client that does.
    other: Mutex<Option<Client>>,
}

impl Lobby {
    fn gateway() -> (Arc<Lobby>, Gateway<Lobby>) {
        let lobby = Arc::new(Lobby { asked: AtomicUsize::new(0), other: Mutex::default() });
        let gateway = Gateway::shared(lobby.clone())
            .on("join", Lobby::join)
            .on("forget", Lobby::forget)
            .on("lend", Lobby::lend)
            .on_join(Lobby::may_join);
        (lobby, gateway)
    }
    async fn join(&self, room: String, client: &Client) -> Result<(), Error> {
        client.join(room).await
    }
    async fn forget(&self, room: String, client: &Client) -> usize {
        client.join(room);
        client.rooms().len()
    }
    async fn lend(&self, client: &Client) {
        *self.other.lock() = Some(client.clone());
    }
    fn may_join(&self, client: &Client, room: &str) -> Result<(), Error> {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        let joined = |client: &Client, room: &str| client.join(room).into_future().now_or_never().unwrap();
        match room.split_once(' ') {
            Some(("same", _)) => joined(client, room),
            Some(("deeper", _)) => joined(client, &format!("deeper {asked}")),
            Some(("other", _)) => {
                let other = self.other.lock().replace(client.clone()).unwrap();
                joined(&other, room)
            }
            Some(("wide", rest)) => (0..16).try_for_each(|n| {
                let _ = joined(client, &format!("wide {rest}-{n}"));
                Ok(())
            }),
            Some(("leaves", _)) => {
                client.leave(room);
                let _ = (client.is_in(room), client.rooms());
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

#[tokio::test]
async fn a_hook_that_joins_is_stopped_and_the_log_says_why() {
    let (lobby, gateway) = Lobby::gateway();
    let app = TestApp::new(App::new().gateway("/ws", gateway));
    let (mut ada, mut bob) = (app.connect("/ws").await, app.connect("/ws").await);
    bob.request::<()>("lend", ()).await;
    for room in ["same room", "deeper room", "other room"] {
        lobby.asked.store(0, Ordering::Relaxed);
        let error = ada.request_error("join", room).await;
        assert_eq!(error.code, "internal", "{room}");
        assert_eq!(lobby.asked.load(Ordering::Relaxed), DEEPEST, "{room}");
        let trace = error.trace_id.unwrap();
        let line = app.logs().errors().into_iter().find(|line| line.field("trace_id") == Some(&trace)).unwrap();
        let cause = line.field("cause").unwrap().to_owned();
        assert!(cause.contains("`on_join`") && cause.contains("8 deep"), "{cause}");
    }
    for client in [&mut ada, &mut bob] {
        assert_eq!(client.request::<usize>("forget", "lobby").await, 1, "none but this one");
    }
    ada.request::<()>("join", "leaves it").await;
}

/// Not deep, but 16 in each, and as many in each of those.
#[tokio::test]
async fn a_hook_that_joins_many_ends_soon() {
    let (lobby, gateway) = Lobby::gateway();
    let app = TestApp::new(App::new().gateway("/ws", gateway));
    let mut ada = app.connect("/ws").await;
    ada.request::<usize>("forget", "wide room").await;
    let asked = lobby.asked.load(Ordering::Relaxed);
    assert!((20..=1 + INSIDE).contains(&asked), "{asked}");
}
