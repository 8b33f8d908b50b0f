//! [`Beside`]: a server under attack, and the healthy clients beside the attackers.
use crate::app::{self, Seen};
use crate::client::{EngineIo, Via};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use switchboard::{App, Limits, SocketIo, Stats};
use switchboard_rig::{Got, RawClient, Rig, Stack};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// A server under attack, and those beside the attackers: a native client, and one of Socket.IO over each transport.
pub(crate) struct Beside {
    pub(crate) rig: Arc<Rig>,
    pub(crate) seen: Arc<Seen>,
    healthy: Healthy,
    polling: tokio::sync::Mutex<Option<EngineIo>>,
    asked: AtomicUsize,
}

impl Beside {
    pub(crate) async fn start(stack: Stack) -> Beside {
        Beside::with(stack, SocketIo::default(), Limits::default()).await
    }

    pub(crate) async fn with(stack: Stack, options: SocketIo, limits: Limits) -> Beside {
        // The healthy native client answers no pings.
        let limits = limits.ping_interval(Duration::from_secs(3600));
        Beside::of(stack, options, |app| app.limits(limits)).await
    }

    pub(crate) async fn of(stack: Stack, options: SocketIo, more: impl FnOnce(App) -> App) -> Beside {
        // With short pings a client that is only asked now and then is not healthy.
        let polls = has_usual_pings(&options);
        let options = if polls { options.ping_interval(Duration::from_secs(3600)) } else { options };
        let seen = Arc::new(Seen::default());
        let rig = Arc::new(Rig::watched(stack, more(app::app(&seen, options))).await);
        let healthy = Healthy::start(&rig).await;
        let polling = match polls {
            true => Some(EngineIo::join(&rig, Via::Polling, &["/"]).await),
            false => None,
        };
        Beside { rig, seen, healthy, polling: polling.into(), asked: AtomicUsize::new(0) }
    }

    pub(crate) async fn open(&self, via: Via) -> EngineIo {
        EngineIo::open(&self.rig, via).await
    }

    pub(crate) async fn join(&self, via: Via, names: &[&str]) -> EngineIo {
        EngineIo::join(&self.rig, via, names).await
    }

    pub(crate) fn stats(&self) -> Stats {
        self.rig.handle.stats()
    }

    /// The healthy clients are served, and got nothing but their answers.
    pub(crate) async fn unnoticed(&self) {
        self.rig.unnoticed().await;
        self.healthy.ask().await;
        if let Some(polling) = &mut *self.polling.lock().await {
            let number = self.asked.fetch_add(1, Ordering::SeqCst);
            let (ask, answer) = (format!(r#"42{number}["echo","well"]"#), format!(r#"43{number}["well"]"#));
            polling.expect_request(&ask, &answer).await;
        }
    }

    /// How many sessions there are that belong to attackers.
    pub(crate) async fn expect_sessions(&self, most: usize) {
        let healthy = self.healthy_connections().await;
        self.rig.until(|stats| stats.connections <= healthy + most).await;
    }

    async fn healthy_connections(&self) -> usize {
        2 + usize::from(self.polling.lock().await.is_some())
    }

    /// The healthy clients leave: nothing may be left.
    pub(crate) async fn over(self) {
        self.unnoticed().await;
        self.end().await;
    }

    /// As [`Beside::over`], after a shutdown, which the healthy clients have noticed.
    pub(crate) async fn end(self) {
        self.healthy.end().await;
        if let Some(polling) = self.polling.lock().await.take() {
            polling.leave().await;
        }
        self.rig.expect_empty().await;
        let (entered, left) = (&self.seen.entered, &self.seen.left);
        for _ in 0..200 {
            if entered.load(Ordering::SeqCst) == left.load(Ordering::SeqCst) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(entered.load(Ordering::SeqCst), left.load(Ordering::SeqCst), "who enters leaves");
    }
}

/// The settings can be set, and shown, and not read.
fn has_usual_pings(options: &SocketIo) -> bool {
    format!("{options:?}").contains("ping_interval: 25s")
}

/// A Socket.IO client over a WebSocket, which answers pings whenever they come.
struct Healthy {
    asks: mpsc::Sender<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Healthy {
    async fn start(rig: &Arc<Rig>) -> Healthy {
        let client = EngineIo::join(rig, Via::WebSocket, &["/"]).await;
        let crate::client::Wire::WebSocket(socket) = client.wire else { unreachable!() };
        let (asks, asked) = mpsc::channel(1);
        Healthy { asks, task: tokio::spawn(serve(socket, asked)) }
    }

    async fn ask(&self) {
        let (done, answered) = oneshot::channel();
        self.asks.send(done).await.expect("the healthy client lives");
        let answered = tokio::time::timeout(Duration::from_secs(30), answered).await;
        answered.expect("the healthy client gets its answer in time").expect("the healthy client gets its answer");
    }

    async fn end(self) {
        drop(self.asks);
        self.task.await.expect("the healthy client has noticed nothing");
    }
}

async fn serve(mut socket: RawClient, mut asked: mpsc::Receiver<oneshot::Sender<()>>) {
    let (mut number, mut waiting) = (0, None);
    loop {
        tokio::select! {
            ask = asked.recv(), if waiting.is_none() => match ask {
                Some(done) => {
                    number += 1;
                    waiting = Some(done);
                    socket.send(format!(r#"42{number}["echo","well"]"#)).await;
                }
                None => return socket.leave().await,
            },
            got = socket.recv_within(Duration::from_secs(60)) => match got {
                Some(Got::Text(text)) if text == "2" => socket.send("3").await,
                Some(Got::Text(text)) => {
                    assert_eq!(text, format!(r#"43{number}["well"]"#));
                    let _ = waiting.take().expect("an answer that was asked for").send(());
                }
                None => {}
                // A shutdown.
                Some(_) => {
                    while asked.recv().await.is_some() {}
                    return;
                }
            },
        }
    }
}
