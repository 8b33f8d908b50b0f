//! Several clients at once.
use super::app::TestApp;
use super::client::TestClient;
use super::inbox::Missing;
use serde::de::DeserializeOwned;
use std::panic::Location;
use std::time::Duration;
use tokio::time::Instant;

impl TestApp {
    /// Connects `N` clients.
    ///
    /// ```no_run
    /// # async fn test(app: switchboard::testing::TestApp) {
    /// let [mut ada, mut bob, mut eve] = app.clients("/ws").await;
    /// let mut crowd: [_; 100] = app.clients("/ws").await;
    /// # }
    /// ```
    ///
    /// # Panics
    /// As [`Connecting::connect`](super::Connecting::connect).
    #[track_caller]
    pub fn clients<const N: usize>(&self, path: &str) -> impl Future<Output = [TestClient; N]> {
        let connecting: [_; N] = std::array::from_fn(|_| self.connect(path));
        async move {
            let mut clients = Vec::with_capacity(N);
            for connecting in connecting {
                clients.push(connecting.await);
            }
            match clients.try_into() {
                Ok(clients) => clients,
                Err(_) => unreachable!("there are as many clients as futures"),
            }
        }
    }
}

/// Returns the data of each client's next message, in the order of the clients; each must be a push of this event. The
/// patience is for all of them together.
///
/// ```no_run
/// # use switchboard::testing::{TestApp, expect_all};
/// # async fn test(app: TestApp) {
/// let [mut ada, mut bob] = app.clients("/ws").await;
/// app.server().broadcast("news", 7);
/// assert_eq!(expect_all::<u8>([&mut ada, &mut bob], "news").await, [7, 7]);
/// # }
/// ```
///
/// # Panics
/// As [`TestClient::expect`]; the message has the number of the client.
#[track_caller]
pub fn expect_all<'c, T: DeserializeOwned>(
    clients: impl IntoIterator<Item = &'c mut TestClient>,
    event: &str,
) -> impl Future<Output = Vec<T>> {
    let place = Location::caller();
    let clients: Vec<_> = clients.into_iter().collect();
    async move {
        let deadline = clients.first().map_or_else(Instant::now, |client| client.deadline());
        let (mut all, of) = (Vec::with_capacity(clients.len()), clients.len());
        for (at, client) in clients.into_iter().enumerate() {
            let expected = format!("the push {event:?} for client {} of {of}", at + 1);
            all.push(client.push(place, &expected, event, deadline).await);
        }
        all
    }
}

/// Expects that nothing but pings arrives for `duration` at any of these clients.
///
/// ```no_run
/// # use std::time::Duration;
/// # use switchboard::testing::{TestApp, expect_nobody};
/// # async fn test(app: TestApp) {
/// let mut outside: [_; 3] = app.clients("/ws").await;
/// app.server().broadcast_to("lobby", "news", 7);
/// expect_nobody(&mut outside, Duration::from_millis(50)).await;
/// # }
/// ```
///
/// # Panics
/// If a message arrives, if an earlier message has not been taken, or if a connection ends. The message has the number
/// of the client.
#[track_caller]
pub fn expect_nobody<'c>(
    clients: impl IntoIterator<Item = &'c mut TestClient>,
    duration: Duration,
) -> impl Future<Output = ()> {
    let place = Location::caller();
    let clients: Vec<_> = clients.into_iter().collect();
    async move {
        let (deadline, of) = (Instant::now() + duration, clients.len());
        for (at, client) in clients.into_iter().enumerate() {
            let expected = format!("silence for {duration:?} for client {} of {of}", at + 1);
            match client.inbox.next(deadline).await {
                Err(Missing::TimedOut { .. }) => {}
                Err(missing) => client.failure(place).expected(expected, missing),
                Ok(received) => client.failure(place).expected(expected, format_args!("there came {received}")),
            }
        }
    }
}
