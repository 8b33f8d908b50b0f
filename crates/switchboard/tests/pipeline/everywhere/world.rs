//! What the code of the application can call, and all of those calls.
use super::Itself;
use futures_util::FutureExt;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::panic::panic_any;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use switchboard::{Client, Handle, Namespaces, Server};

/// What code of the application may have, wherever it runs.
pub(super) struct World {
    pub(super) server: Server,
    pub(super) namespaces: Namespaces,
    pub(super) handle: Handle,
    pub(super) clients: Mutex<Vec<Client>>,
    pub(super) seen: Mutex<BTreeSet<&'static str>>,
    /// In place of the calls: a panic, whose payload panics as it is dropped.
    pub(super) panics_at: Mutex<Option<&'static str>>,
}

impl World {
    pub(super) fn know(&self, client: &Client) {
        let mut clients = self.clients.lock().unwrap();
        clients.retain(|known| known.is_connected() && known.id() != client.id());
        clients.push(client.clone());
    }
}

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

pub(super) static WORLD: Mutex<Option<Arc<World>>> = Mutex::new(None);

/// Panics as often as it is dropped.
pub(super) struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic_any(Bomb)
    }
}

/// Makes every call that does not wait, and begins those that do.
pub(super) fn touch(place: &'static str) {
    let Some(world) = WORLD.lock().unwrap().clone() else { return };
    // The calls come here again: codecs, `Drop`s.
    if INSIDE.replace(true) {
        return;
    }
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            INSIDE.set(false);
        }
    }
    let _leave = Leave;
    world.seen.lock().unwrap().insert(place);
    if *world.panics_at.lock().unwrap() == Some(place) && !std::thread::panicking() {
        panic_any(Bomb);
    }
    let clients = world.clients.lock().unwrap().clone();
    let (server, soon) = (&world.server, Duration::from_millis(1));
    for client in &clients {
        let _ = client.join("a").into_future().now_or_never();
        let _ = client.join("no*room").into_future().now_or_never();
        client.join("b");
        client.leave("b");
        client.emit("e", Itself(1));
        client.emit("sys.refused", 1);
        client.emit_volatile("e", Itself(1));
        drop(client.emit_with_ack::<u8>("q", Itself(1), soon));
        // Its timer wants a runtime, which who drops the last of something may be without.
        if tokio::runtime::Handle::try_current().is_ok() {
            let _ = client.emit_with_ack::<u8>("q", 1, soon).now_or_never();
            let _ = server.to("a").emit_with_ack::<u8>("q", 1, soon).now_or_never();
        }
        client.broadcast("e", Itself(1));
        client.broadcast_to("a", "e", 1);
        client.to("a").to("b").except("c").volatile().emit("e", 1);
        client.to("a").latest("key").emit("e", 1);
        server.to(client.id()).emit("e", 1);
        let _ =
            (server.local().client(client.id()), client.rooms(), client.is_in("a"), client.peer_addr(), client.user());
        let _ = (client.user_with::<u8>().is_err(), client.namespace().len(), format!("{client:?}"));
        client.state::<u64>().with(|n| {
            *n += 1;
            client.state::<u32>().with(|n| *n += 1);
            client.emit("e", *n);
        });
        client.state::<u32>().set(client.state::<u32>().get());
    }
    server.broadcast("e", Itself(1));
    server.emit("e", 1);
    server.broadcast_to("a", "e", 1);
    server.except("a").emit("e", 1);
    server.all().volatile().emit("e", 1);
    let _ = (
        server.local().clients(),
        server.local().clients_in("a"),
        server.local().count_in("a"),
        server.local().client_count(),
        server.local().rooms(),
    );
    let _ = (server.stats(), server.disconnect("nobody"), server.namespace().len(), format!("{server:?}"));
    let _ = (world.namespaces.names(), world.namespaces.count(), world.namespaces.get("/x").is_some());
    let _ = (world.handle.stats(), world.handle.server_of::<switchboard::Root>(), world.handle.namespaces());
}
