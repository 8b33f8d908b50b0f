//! The log of an application under test.
use crate::memory;
use switchboard::App;
use switchboard::testing::TestApp;

#[tokio::test]
async fn the_log_keeps_its_last_lines() {
    let app = memory();
    for n in 0..12_000 {
        tracing::trace!(n);
    }
    let logs = app.logs();
    assert_eq!(logs.lines().len(), 10_000);
    assert_eq!(logs.lines().last().and_then(|line| line.field("n").map(str::to_owned)).as_deref(), Some("11999"));
    assert!(logs.dropped() >= 2000);
    tracing::info!(long = "é".repeat(10_000), "cut");
    assert_eq!(logs.lines().last().unwrap().field("long").unwrap().len(), 4096);
}

#[test]
fn a_line_that_another_thread_reached_first_is_there() {
    fn line() {
        tracing::warn!("reached");
    }
    let app = memory();
    std::thread::spawn(line).join().unwrap();
    assert!(!app.logs().contains("reached"));
    line();
    assert!(app.logs().contains("reached"));
}

#[test]
fn another_subscriber_gets_what_it_would_get() {
    use std::io::Write;
    use std::sync::{Arc, Mutex};
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);
    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_env_filter("warn,mine=info")
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, || {
        let app = memory();
        let span = tracing::info_span!(target: "mine", "span", inside = true);
        span.in_scope(|| tracing::warn!("one"));
        assert_eq!(span.in_scope(tracing::Span::current).id(), span.id());
        tracing::info!("two");
        assert!(app.logs().contains("one") && app.logs().contains("two"));
        drop(app);
        tracing::warn!("three");
    });
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let said: Vec<&str> = text.lines().filter_map(|line| line.split_once("WARN ")).map(|(_, said)| said).collect();
    assert_eq!(said, ["span{inside=true}: testing::logs: one", "testing::logs: three"], "{text}");
}

/// Two applications of one thread, in whatever order they go: each has the log while it is there.
#[tokio::test(start_paused = true)]
async fn the_log_of_the_second_outlives_the_first() {
    let first = TestApp::new(App::new());
    let logs = first.logs();
    let second = TestApp::new(App::new());
    tracing::warn!("both");
    drop(first);
    tracing::warn!("one");
    assert!(second.logs().contains("both") && second.logs().contains("one"));
    assert!(logs.contains("both") && !logs.contains("one"));
    drop(second);
    let third = TestApp::new(App::new());
    tracing::warn!("another");
    assert!(third.logs().contains("another"));
}
