//! [`Link`]: a connection, which its clients share: one for each namespace that they are in.
use super::engine::{Carrier, Engine, Order, Outgoing, What};
use super::requests::Requests;
use super::seats::Seats;
use crate::testing::wire::Stuck;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

pub(super) struct Link {
    /// Without it, the task ends.
    orders: mpsc::Sender<Order>,
    pub(super) seats: Arc<Seats>,
    pub(super) requests: Arc<Requests>,
    /// The id of the session, if it began with polling.
    pub(super) sid: Option<String>,
}

impl Link {
    pub(super) fn new(carrier: Carrier, requests: Arc<Requests>) -> Link {
        let sid = match &carrier {
            Carrier::Polling(polling) => Some(polling.sid.clone()),
            Carrier::WebSocket(_) => None,
        };
        let seats = Arc::new(Seats::new(sid.is_some()));
        let (orders, receiver) = mpsc::channel(1);
        tokio::spawn(Engine::new(seats.clone()).run(carrier, receiver));
        Link { orders, seats, requests, sid }
    }

    /// Returns once the packet is written, or the server has taken the POST, or the connection has ended and the packet is
    /// discarded.
    pub(super) async fn send(&self, outgoing: Outgoing) -> Result<(), Stuck> {
        self.order(What::Send(outgoing)).await.map(|_| ())
    }

    /// Returns true once it is done; false if the connection has ended.
    pub(super) async fn order(&self, what: What) -> Result<bool, Stuck> {
        let (done, finished) = oneshot::channel();
        let ordered = async { self.orders.send(Order { what, done }).await.is_ok() && finished.await.is_ok() };
        tokio::time::timeout(self.requests.patience, ordered).await.map_err(|_| Stuck)
    }
}
