//! Tests of the index and the count of users while connections open, change their user and close.
use crate::namespace::{Marker, Root};
use crate::testing::TestApp;
use crate::{App, Client, Gateway, Handle, Limits, User};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

struct Empty;

fn app(most: Option<usize>) -> TestApp {
    TestApp::new(App::new().gateway("/ws", Gateway::new(Empty)).limits(Limits::default().user_connections(most)))
}

/// Returns the number of users in the index, of their connections there, and of users whose connections are counted.
fn known(handle: &Handle) -> (usize, usize, usize) {
    let hub = &handle.control.hub;
    let (users, connections) = hub.space(Marker::of::<Root>()).local.users().count();
    (users, connections, hub.node.admission.counted_users())
}

/// Waits until there are this many connections.
async fn until(handle: &Handle, connections: usize) {
    for _ in 0..2000 {
        if handle.stats().connections == connections {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{:?}", handle.stats());
}

fn name(n: usize) -> String {
    format!("user {}", n % 5)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_are_replaced_under_load_and_nothing_is_left() {
    const MOST: usize = 6;
    let app = app(Some(MOST));
    let handle = app.handle();
    let mut peers = Vec::new();
    for _ in 0..24 {
        peers.push(app.connect("/ws").await);
    }
    until(&handle, peers.len()).await;
    let server = handle.server();
    let clients = server.local().clients();
    assert_eq!(known(&handle), (0, 0, 0), "all are guests");
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let replacing: Vec<_> = (0..3)
            .map(|thread| {
                let clients = &clients;
                scope.spawn(move || {
                    let mut refused = 0;
                    for round in 0..2000 {
                        let client = &clients[(round * 7 + thread) % clients.len()];
                        match client.set_user(User::new(name(round / 3 + thread))) {
                            Ok(()) => {}
                            Err(error) => {
                                assert_eq!(error.code().as_str(), "user_connections");
                                refused += 1;
                            }
                        }
                    }
                    refused
                })
            })
            .collect();
        let (server, over) = (&server, &over);
        scope.spawn(move || {
            while !over.load(Ordering::Relaxed) {
                for n in 0..5 {
                    assert!(server.local().clients_of(name(n)).len() <= MOST, "never more than are counted");
                    server.user(name(n)).volatile().emit("hello", ());
                }
            }
        });
        let refused: usize = replacing.into_iter().map(|thread| thread.join().unwrap()).sum();
        over.store(true, Ordering::Relaxed);
        assert!(refused > 0, "some are one too many");
    });
    let is_of = |client: &&Client, user: &str| client.user().is_some_and(|known| known.id() == user);
    for n in 0..5 {
        let mut found: Vec<_> = server.local().clients_of(name(n)).iter().map(Client::id).collect();
        let mut expected: Vec<_> = clients.iter().filter(|client| is_of(client, &name(n))).map(Client::id).collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
    }
    assert!(clients.iter().all(|client| client.user().is_some()));
    drop(peers);
    until(&handle, 0).await;
    assert_eq!(known(&handle), (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_that_comes_as_its_connection_ends_is_not_left_behind() {
    let app = app(Some(1000));
    let handle = app.handle();
    for round in 0..100 {
        let peer = app.connect("/ws").await;
        until(&handle, 1).await;
        let clients = handle.server().local().clients();
        let [client] = &clients[..] else { panic!("{} clients", clients.len()) };
        client.set_user(User::new("the first")).unwrap();
        assert_eq!(known(&handle), (1, 1, 1));
        thread::scope(|scope| {
            scope.spawn(|| {
                for n in 0.. {
                    if let Err(error) = client.set_user(User::new(name(n))) {
                        assert_eq!(error.code().as_str(), "not_found");
                        return;
                    }
                    assert!(n < 100_000_000, "it has left");
                }
            });
            match round % 2 {
                0 => drop(peer),
                _ => client.disconnect(),
            }
        });
        until(&handle, 0).await;
        assert_eq!(known(&handle), (0, 0, 0), "round {round}");
        assert!(client.user().is_some(), "a handle still tells who it was");
        assert_eq!(handle.server().user(client.user().unwrap().id()).emit("hello", ()).queued, 0);
    }
}
