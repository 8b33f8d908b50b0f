//! Socket.IO for Rust.

use axum::Router;
use axum::serve::ListenerExt as _;
use common::{Echo, Publish};
use socketioxide::SocketIo;
use socketioxide::extract::{Data, SocketRef};

async fn connected(socket: SocketRef) {
    socket.on("echo", async |socket: SocketRef, Data(data): Data<Echo>| {
        socket.emit("echo", &data).unwrap_or_default();
    });
    socket.on("join", async |socket: SocketRef, Data(room): Data<String>| {
        socket.join(room.clone());
        socket.emit("joined", &room).unwrap_or_default();
    });
    socket.on("publish", async |io: SocketIo, Data(data): Data<Publish>| {
        io.to(data.room.clone()).emit("message", &data).await.unwrap_or_default();
    });
}

fn main() {
    common::run(async {
        // More than the load generator has in flight: with the default messages are dropped.
        let (layer, io) = SocketIo::builder().max_buffer_size(256).build_layer();
        io.ns("/", connected);
        let listener = common::listen().await.tap_io(|socket| socket.set_nodelay(true).unwrap_or_default());
        axum::serve(listener, Router::new().layer(layer)).await.expect("it serves for ever");
    });
}
