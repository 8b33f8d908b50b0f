//! [`Polling`]: HTTP requests that carry a Socket.IO connection.
use super::engine::{Engine, Order, What};
use super::requests::Requests;
use super::socket::{DROPPED, Socket};
use crate::testing::reach::Stream;
use bytes::Bytes;
use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// One request that is under way: the body of its answer, or why the connection ends with it.
type Exchange = Pin<Box<dyn Future<Output = Result<Bytes, String>> + Send>>;

pub(super) struct Polling {
    pub(super) requests: Arc<Requests>,
    /// The id of the session.
    pub(super) sid: String,
}

impl Polling {
    /// Runs until the session moves to a WebSocket. Errors: how the connection ended.
    pub(super) async fn run(self, engine: &mut Engine, orders: &mut mpsc::Receiver<Order>) -> Result<Socket, String> {
        let (mut poll, mut post): (Option<Exchange>, Option<Exchange>) = (None, None);
        let mut done = None;
        let mut closing = false;
        loop {
            if let Some(how) = engine.ended.take() {
                return Err(how);
            }
            if post.is_none() && engine.take_ping() {
                post = Some(self.post(b"3".to_vec()));
            }
            if poll.is_none() && engine.seats.wants_more() {
                poll = Some(self.poll());
            }
            tokio::select! {
                order = orders.recv(), if post.is_none() => {
                    let Some(order) = order else { return Err(self.say_goodbye().await) };
                    match order.what {
                        What::Send(outgoing) => post = Some(self.post(outgoing.into_payload())),
                        What::Close => {
                            closing = true;
                            post = Some(self.post(b"1".to_vec()));
                        }
                        What::Upgrade(stream) => {
                            let socket = upgrade(stream, poll, engine).await;
                            if socket.is_ok() {
                                // The test may have given up.
                                let _ = order.done.send(());
                            }
                            return socket;
                        }
                    }
                    done = Some(order.done);
                },
                answer = answer_to(&mut poll) => {
                    poll = None;
                    match answer {
                        Ok(payload) => engine.payload(&payload),
                        Err(_) if closing => return Err("its end by the client".to_owned()),
                        Err(why) => return Err(why),
                    }
                },
                answer = answer_to(&mut post) => {
                    post = None;
                    answer?;
                    done.take().map(|done: oneshot::Sender<()>| done.send(()));
                },
                () = engine.seats.changed() => {}
                () = engine.seats.dropped() => {
                    // A POST that is under way is not repeated: the session ends with it.
                    if post.is_none() {
                        self.say_goodbye().await;
                    }
                    return Err(DROPPED.to_owned());
                }
            }
        }
    }

    /// Ends the session of clients that were dropped. Returns how.
    async fn say_goodbye(&self) -> String {
        // If the server is gone, it is not needed.
        let _ = tokio::time::timeout(self.requests.patience, self.post(b"1".to_vec())).await;
        DROPPED.to_owned()
    }

    fn poll(&self) -> Exchange {
        let (requests, sid) = (self.requests.clone(), self.sid.clone());
        Box::pin(async move { requests.poll(&sid).await })
    }

    fn post(&self, payload: Vec<u8>) -> Exchange {
        let (requests, sid) = (self.requests.clone(), self.sid.clone());
        Box::pin(async move { requests.post(&sid, payload).await })
    }
}

/// Moves the session to this WebSocket, as soon as its poll has ended. Errors: how the connection ended.
async fn upgrade(stream: Box<dyn Stream>, poll: Option<Exchange>, engine: &mut Engine) -> Result<Socket, String> {
    let mut socket = Socket::new(stream);
    let failed = |why: String| format!("an upgrade that failed: {why}");
    socket.probe().await.map_err(failed)?;
    if let Some(poll) = poll {
        engine.payload(&poll.await.map_err(failed)?);
    }
    socket.move_here().await.map_err(failed)?;
    Ok(socket)
}

/// Waits for the answer to a request, or forever if there is none.
async fn answer_to(exchange: &mut Option<Exchange>) -> Result<Bytes, String> {
    match exchange {
        Some(exchange) => exchange.as_mut().await,
        None => pending().await,
    }
}
