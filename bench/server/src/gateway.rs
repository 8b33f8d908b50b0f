//! The events that the load generator sends.

use serde::{Deserialize, Serialize};
use switchboard::{Client, Error, Gateway, Server};

#[derive(Deserialize, Serialize)]
struct Note {
    seq: u64,
    text: String,
}

#[derive(Deserialize, Serialize)]
struct Publication {
    room: String,
    text: String,
}

pub(crate) struct Bench {
    server: Server,
}

impl Bench {
    pub(crate) fn gateway(server: Server) -> Gateway<Bench> {
        let gateway = Gateway::new(Bench { server })
            .on("echo", Bench::echo)
            .on("join", Bench::join)
            .on("publish", Bench::publish);
        #[cfg(feature = "count-allocations")]
        let gateway = gateway.on("allocations", Bench::allocations);
        gateway
    }

    async fn echo(&self, note: Note) -> Note {
        note
    }

    async fn join(&self, room: String, client: &Client) -> Result<(), Error> {
        client.join(&room).await?;
        client.emit("joined", &room);
        Ok(())
    }

    /// To every member, the sender too.
    async fn publish(&self, publication: Publication) {
        self.server.broadcast_to(&publication.room, "message", &publication);
    }

    #[cfg(feature = "count-allocations")]
    async fn allocations(&self) -> usize {
        crate::allocations::so_far()
    }
}
