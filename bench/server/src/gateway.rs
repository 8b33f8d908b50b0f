//! The events that the load generator sends.

use serde::{Deserialize, Serialize};
use switchboard::{Client, Error, Server, gateway, messages};

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

#[gateway(path = "/ws")]
pub(crate) struct Bench {
    #[inject]
    server: Server,
}

impl Bench {
    pub(crate) fn new(server: Server) -> Bench {
        Bench { server }
    }
}

#[messages]
impl Bench {
    #[subscribe_message("echo")]
    async fn echo(&self, note: Note) -> Note {
        note
    }

    #[subscribe_message("join")]
    async fn join(&self, room: String, client: &Client) -> Result<(), Error> {
        client.join(&room).await?;
        client.emit("joined", &room);
        Ok(())
    }

    /// To every member, the sender too.
    #[subscribe_message("publish")]
    async fn publish(&self, publication: Publication) {
        self.server.broadcast_to(&publication.room, "message", &publication);
    }

    #[cfg(feature = "count-allocations")]
    #[subscribe_message("allocations")]
    async fn allocations(&self) -> usize {
        crate::allocations::so_far()
    }
}
