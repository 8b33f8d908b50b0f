//! The end of an application: what it waits for, and what it does not.
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use switchboard::axum::{Router, routing::get};
use switchboard::di::{ModuleDef, Provider};
use switchboard::{App, Error, Gateway, Limits};
use switchboard_rig::Rig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    fn note(&self, what: &str) {
        self.0.lock().push(what.to_owned());
    }
    fn read(&self) -> Vec<String> {
        self.0.lock().clone()
    }
}

struct Pool(Diary);

impl Pool {
    fn provider(diary: &Diary) -> Provider<Pool> {
        let provider = Provider::value(Pool(diary.clone()));
        provider.on_shutdown(|pool| async move { pool.0.note("the pool closes") })
    }
}

fn module(diary: &Diary) -> ModuleDef {
    ModuleDef::new("Root").provider(Pool::provider(diary))
}

struct Slow;

impl Slow {
    async fn wait(&self, seconds: u64) -> u64 {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        seconds
    }
}

fn slow() -> Gateway<Slow> {
    Gateway::new(Slow).on("wait", Slow::wait)
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_that_nobody_waits_for_any_more_runs_to_its_end() {
    let diary = Diary::default();
    let app = App::boot_def(module(&diary)).create().await.unwrap().gateway("/ws", slow());
    let handle = app.handle();
    let app = switchboard::testing::TestApp::new(app);
    let mut ada = app.connect("/ws").await;
    ada.send("wait", 15).await;
    while handle.stats().in_flight == 0 {
        tokio::task::yield_now().await;
    }
    assert!(tokio::time::timeout(Duration::from_secs(1), handle.shutdown()).await.is_err(), "given up");
    tokio::time::timeout(Duration::from_secs(60), handle.drained()).await.expect("it ends all the same");
    assert_eq!(diary.read(), ["the pool closes"]);
}

/// A request that is in flight uses what the hooks close.
#[tokio::test]
async fn http_requests_end_before_the_hooks_run_and_nobody_is_accepted_meanwhile() {
    let diary = Diary::default();
    let route = {
        let diary = diary.clone();
        get(move || async move {
            diary.note("a request begins");
            tokio::time::sleep(Duration::from_millis(300)).await;
            diary.note("a request ends");
            "done"
        })
    };
    let app = App::boot_def(module(&diary)).create().await.unwrap().mount(Router::new().route("/slow", route));
    let bound = app.signals(false).bind("127.0.0.1:0").await.unwrap();
    let (address, handle) = (bound.local_addr(), bound.handle());
    let serving = tokio::spawn(bound.serve());
    let mut request = TcpStream::connect(address).await.unwrap();
    request.write_all(b"GET /slow HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
    while diary.read().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let shutdown = tokio::spawn(async move { handle.shutdown().await });
    // The listener goes at once, though a request is still served.
    let closed = Instant::now() + Duration::from_secs(5);
    while TcpStream::connect(address).await.is_ok() {
        assert!(Instant::now() < closed, "the listener stays open");
    }
    assert!(!shutdown.is_finished());
    let mut answer = String::new();
    request.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("done"), "{answer}");
    assert_eq!(shutdown.await.unwrap().aborted, 0);
    serving.await.unwrap();
    assert_eq!(diary.read(), ["a request begins", "a request ends", "the pool closes"]);
}

#[tokio::test]
async fn an_address_that_cannot_be_had_closes_what_was_opened() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let diary = Diary::default();
    let app = App::boot_def(module(&diary)).create().await.unwrap();
    let told = app.listen(taken.local_addr().unwrap()).await.err().unwrap().to_string();
    assert!(told.contains("another program has it"), "{told}");
    assert_eq!(diary.read(), ["the pool closes"]);
}

struct Never;

#[tokio::test]
async fn what_a_factory_opened_is_closed_when_another_fails() {
    let diary = Diary::default();
    let failing = Provider::try_factory(|_: Arc<Pool>| Err::<Never, _>(Error::new("no", "It does not work")));
    let told = App::boot_def(module(&diary).provider(failing)).create().await.err().unwrap().to_string();
    assert!(told.contains("Never (factory) cannot be made"), "{told}");
    assert_eq!(diary.read(), ["the pool closes"]);
}

/// The patience of `listen` is the default; who asks for more has it.
#[tokio::test]
async fn the_patience_that_was_asked_for_holds_on_a_socket_too() {
    let limits = Limits::default().shutdown_timeout(Duration::from_millis(50));
    let bound = App::new().gateway("/ws", slow_in_millis()).limits(limits).signals(false).bind("127.0.0.1:0").await;
    let bound = bound.unwrap();
    let (address, handle) = (bound.local_addr(), bound.handle());
    let serving = tokio::spawn(bound.serve());
    let mut client = Rig::elsewhere(address).connect().await;
    client.send(r#"{"event":"wait","data":400,"id":1}"#).await;
    while handle.stats().in_flight == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(handle.shutdown_within(Duration::from_secs(20)).await.aborted, 0);
    serving.await.unwrap();
}

struct Millis;

impl Millis {
    async fn wait(&self, millis: u64) -> u64 {
        tokio::time::sleep(Duration::from_millis(millis)).await;
        millis
    }
}

fn slow_in_millis() -> Gateway<Millis> {
    Gateway::new(Millis).on("wait", Millis::wait)
}

#[tokio::test(start_paused = true)]
async fn hooks_that_hang_do_not_keep_an_end_that_shall_be_now() {
    let hanging = |value: u8| Provider::value(vec![value]).on_shutdown(|_| std::future::pending::<()>());
    let also = Provider::value(String::new()).on_shutdown(|_| std::future::pending::<()>());
    let diary = Diary::default();
    // Closed last, for it was made first.
    let app = App::boot_def(module(&diary).provider(hanging(1)).provider(also)).create().await.unwrap();
    let (handle, begun) = (app.handle(), Instant::now());
    assert_eq!(handle.shutdown_within(Duration::ZERO).await.aborted, 2);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(diary.read(), ["the pool closes"]);
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a hook that is cut off, on purpose");
    }
}

/// An error whose text panics.
#[derive(Debug)]
struct Mute;

impl std::fmt::Display for Mute {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        panic!("a text, on purpose")
    }
}

impl std::error::Error for Mute {}

#[tokio::test(start_paused = true)]
async fn hooks_that_panic_wherever_they_can_keep_nobody_waiting() {
    let cut_off = Provider::value(String::new()).on_shutdown(|_| async {
        let _bomb = Bomb;
        std::future::pending::<()>().await;
    });
    let mute = Provider::value(vec![0u8]).on_shutdown(|_| async { Err::<(), _>(Error::internal(Mute)) });
    let diary = Diary::default();
    let app = App::boot_def(module(&diary).provider(cut_off).provider(mute)).create().await.unwrap();
    let handle = app.handle();
    let ended = tokio::time::timeout(Duration::from_secs(60), handle.shutdown_within(Duration::ZERO));
    assert_eq!(ended.await.expect("it ends").aborted, 2);
    assert_eq!(diary.read(), ["the pool closes"]);
}

#[tokio::test]
async fn a_shutdown_whose_runtime_ends_keeps_nobody_waiting() {
    let app = App::boot_def(
        module(&Diary::default())
            .provider(Provider::value(String::new()).on_shutdown(|_| std::future::pending::<()>())),
    );
    let handle = app.create().await.unwrap().handle();
    let other = handle.clone();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let _ = tokio::time::timeout(Duration::from_millis(20), other.shutdown()).await;
        });
    })
    .join()
    .unwrap();
    tokio::time::timeout(Duration::from_secs(5), handle.drained()).await.expect("the end is told");
}
