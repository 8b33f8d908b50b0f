//! Makers that fail, race, panic, or ask for themselves.
use super::{Endless, Flaky, Slow, starting};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;
use switchboard::di::{Container, ModuleDef, Provider, Scope};
use switchboard::{Error, Inject, gateway, messages};

#[gateway]
struct Tries;

#[messages]
impl Tries {
    #[subscribe_message("try")]
    async fn attempt(&self, _flaky: Inject<Flaky>) -> &'static str {
        "made"
    }
}

#[tokio::test(start_paused = true)]
async fn a_maker_that_fails_is_asked_again() {
    for scope in [Scope::Connection, Scope::Message] {
        let calls = AtomicUsize::new(0);
        let flaky = Provider::try_scoped(scope, move || match calls.fetch_add(1, Ordering::Relaxed) {
            0 => Err("the disk is full"),
            1 => panic!("no more"),
            _ => Ok(Flaky),
        });
        let app = starting(ModuleDef::new("Tries").provider(flaky).gateway::<Tries>()).start().await;
        let mut ada = app.connect("/ws").await;
        for told in ["Flaky cannot be made: the disk is full", "no more"] {
            let error = ada.request_error("try", ()).await;
            assert_eq!(error.code, "internal");
            assert!(!error.message.contains("disk"), "{}", error.message);
            assert!(app.logs().contains(told), "{:?}", app.logs().lines());
        }
        assert_eq!(ada.request::<String>("try", ()).await, "made");
    }
}

/// Counts what lives; its drop panics.
struct Bomb(Arc<AtomicUsize>);

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
        panic!("dropped");
    }
}

struct Second(Bomb);

#[gateway]
struct Bombs;

#[messages]
impl Bombs {
    #[subscribe_message("use")]
    async fn touch(&self, first: Inject<Bomb>, second: Inject<Second>) {
        let _ = (&first.0, &second.0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_drop_that_panics() {
    for (scope, both) in [(Scope::Connection, 2), (Scope::Message, 4)] {
        let dropped = Arc::<AtomicUsize>::default();
        let (one, two) = (dropped.clone(), dropped.clone());
        let module = ModuleDef::new("Bombs")
            .provider(Provider::scoped(scope, move || Bomb(one.clone())))
            .provider(Provider::scoped(scope, move || Second(Bomb(two.clone()))));
        let app = starting(module.gateway::<Bombs>()).start().await;
        let mut ada = app.connect("/ws").await;
        ada.send("use", ()).await;
        ada.send("use", ()).await;
        // A panic in the drop of a parameter is the handler's.
        tokio::time::sleep(Duration::from_millis(10)).await;
        ada.close().await;
        app.expect_empty().await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(dropped.load(Ordering::Relaxed), both, "{scope}");
    }
}

#[gateway]
struct Races;

#[messages]
impl Races {
    /// Two threads ask at once.
    #[subscribe_message("race")]
    async fn race(&self, container: Container) -> Result<Vec<usize>, Error> {
        let ask = || {
            let container = container.clone();
            std::thread::spawn(move || container.resolve::<Slow>())
        };
        let threads = [ask(), ask()];
        let mut seen = Vec::new();
        for thread in threads {
            seen.push(thread.join().unwrap()?.0);
        }
        seen.push(container.resolve::<Slow>()?.0);
        Ok(seen)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_of_two_that_are_made_at_once_is_everybodys() {
    for scope in [Scope::Connection, Scope::Message] {
        let (barrier, made) = (Barrier::new(2), AtomicUsize::new(0));
        let slow = Provider::scoped(scope, move || {
            barrier.wait();
            Slow(made.fetch_add(1, Ordering::Relaxed))
        });
        let app = starting(ModuleDef::new("Races").provider(slow).gateway::<Races>()).start().await;
        let seen = app.connect("/ws").await.request::<Vec<usize>>("race", ()).await;
        assert!(seen.iter().all(|nth| *nth == seen[0]), "{seen:?}");
    }
}

static KEPT: Mutex<Option<Container>> = Mutex::new(None);

#[gateway]
struct Keeps;

#[messages]
impl Keeps {
    #[subscribe_message("keep")]
    async fn keep(&self, container: Container) {
        *KEPT.lock() = Some(container);
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_made_for_a_connection_that_has_ended() {
    let module = ModuleDef::new("Keeps").provider(Provider::scoped(Scope::Connection, || Slow(0))).gateway::<Keeps>();
    let app = starting(module).start().await;
    let mut ada = app.connect("/ws").await;
    ada.request::<()>("keep", ()).await;
    let container = KEPT.lock().take().unwrap();
    let held = container.resolve::<Slow>().unwrap();
    ada.close().await;
    app.expect_empty().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(Arc::strong_count(&held), 1, "the connection holds it no more");
    let told = container.resolve::<Slow>().err().unwrap().to_string();
    assert!(told.ends_with("Slow per connection, and this connection has ended"), "{told}");
}

#[gateway]
struct Asks;

#[messages]
impl Asks {
    #[subscribe_message("ask")]
    async fn ask(&self, _endless: Inject<Endless>) {}
}

/// By hand one can ask for what was not declared.
#[tokio::test(start_paused = true)]
async fn a_maker_that_asks_for_itself_ends() {
    let endless = Provider::fields(|_| |container| container.resolve::<Endless>().map(|_| Endless)).message_scoped();
    let app = starting(ModuleDef::new("Asks").provider(endless).gateway::<Asks>()).start().await;
    assert_eq!(app.connect("/ws").await.request_error("ask", ()).await.code, "internal");
    assert!(app.logs().contains("asks for itself while it is made"));
}

/// What was not declared is not given either, though a message is there.
#[tokio::test(start_paused = true)]
async fn a_maker_that_asks_for_what_lives_shorter() {
    let endless = Provider::fields(|_| |container| container.resolve::<Flaky>().map(|_| Endless)).connection_scoped();
    let flaky = Provider::scoped(Scope::Message, || Flaky);
    let app = starting(ModuleDef::new("Asks").provider(endless).provider(flaky).gateway::<Asks>()).start().await;
    assert_eq!(app.connect("/ws").await.request_error("ask", ()).await.code, "internal");
    assert!(app.logs().contains("Flaky per message, and none outside of one"));
}

/// A service that keeps what its maker was lent would keep itself.
#[tokio::test(start_paused = true)]
async fn a_maker_may_keep_its_container() {
    struct Kept(Container, #[expect(dead_code, reason = "counts")] Arc<()>);
    #[gateway]
    struct Holds;
    #[messages]
    impl Holds {
        #[subscribe_message("hold")]
        async fn hold(&self, kept: Inject<Kept>) -> bool {
            kept.0.resolve::<Kept>().is_err()
        }
    }
    let living = Arc::new(());
    let counted = living.clone();
    let kept =
        Provider::fields(move |_| move |container| Ok(Kept(container.clone(), counted.clone()))).message_scoped();
    let app = starting(ModuleDef::new("Holds").provider(kept).gateway::<Holds>()).start().await;
    let mut ada = app.connect("/ws").await;
    assert!(ada.request::<bool>("hold", ()).await);
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(Arc::strong_count(&living), 2, "the maker's");
}
