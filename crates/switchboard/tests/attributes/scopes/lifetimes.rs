//! One per client, one per message, shared by handlers and their stages.
use super::{Cart, Diary, Draft, ShopModule};
use std::sync::Arc;
use std::time::Duration;
use switchboard::di::Container;
use switchboard::handler::MessageContext;
use switchboard::pipeline::{AsyncGuard, Call, Guard, GuardDef, Interceptor, InterceptorDef, Next};
use switchboard::testing::TestApp;
use switchboard::{App, Error, Gateway, Inject, Reply};

async fn once_each(app: TestApp) {
    let diary = app.resolve::<Diary>();
    let (mut ada, mut bob) = (app.connect("/ws").await, app.connect("/ws").await);
    ada.request::<()>("plain", ()).await;
    assert!(diary.take().is_empty(), "made at the first use");

    assert_eq!(ada.request::<usize>("add", "apple").await, 1);
    assert_eq!(ada.request::<usize>("add", "pear").await, 2);
    assert_eq!(bob.request::<usize>("add", "plum").await, 1);
    ada.send("tell", ()).await;
    assert_eq!(ada.expect::<String>("items").await, "apple, pear");
    bob.send("tell", ()).await;
    assert_eq!(bob.expect::<String>("items").await, "plum");
    assert_eq!(diary.take(), ["a cart", "a cart"]);

    let (first, same_in_a_message, same_cart) = ada.request::<(usize, bool, bool)>("draft", ()).await;
    assert!(same_in_a_message && same_cart);
    let (second, ..) = ada.request::<(usize, bool, bool)>("draft", ()).await;
    assert_ne!(first, second, "one per message");
    assert_eq!(diary.take(), ["a draft is dropped", "a draft is dropped"]);

    ada.close().await;
    while app.server().local().client_count() > 1 || diary.0.lock().len() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(diary.take(), ["left with 2", "a cart of 2 is dropped"], "behind the hook");
    bob.close().await;
    app.expect_empty().await;
    while diary.0.lock().len() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(diary.take(), ["left with 1", "a cart of 1 is dropped"]);
}

#[tokio::test(start_paused = true)]
async fn one_per_client_and_one_per_message() {
    once_each(TestApp::of::<ShopModule>().start().await).await;
}

#[tokio::test]
async fn over_a_socket() {
    tokio::time::timeout(Duration::from_secs(20), async {
        once_each(TestApp::of::<ShopModule>().listen().await).await
    })
    .await
    .unwrap();
}

/// Guards and interceptors see the services of the message and the connection that its handler gets.
#[tokio::test(start_paused = true)]
async fn stages_and_handlers_share_them() {
    struct Sees;
    impl Sees {
        fn note(draft: &Draft, who: &str) {
            draft.cart.items.lock().push(format!("{who} {}", draft.nth));
        }
    }
    impl Guard for Sees {
        fn message(&self, cx: &MessageContext<'_>) -> Result<(), Error> {
            Sees::note(&*cx.resolve::<Draft>()?, "guard");
            Ok(())
        }
    }
    impl AsyncGuard for Sees {
        async fn message(&self, call: &Call) -> Result<(), Error> {
            tokio::task::yield_now().await;
            Sees::note(&*call.resolve::<Draft>()?, "waiting guard");
            Ok(())
        }
    }
    impl Interceptor for Sees {
        async fn intercept(&self, call: &Call, next: Next<'_>) -> Result<Reply, Error> {
            Sees::note(&*call.resolve::<Draft>()?, "interceptor");
            next.run().await
        }
    }
    struct Hand;
    async fn list(_: &Hand, draft: Inject<Draft>, cart: Inject<Cart>, container: Container) -> Vec<String> {
        let seen = std::mem::take(&mut *cart.items.lock());
        let nth = |note: &String| note.rsplit(' ').next() == Some(&draft.nth.to_string());
        assert!(Arc::ptr_eq(&container.resolve::<Draft>().unwrap(), Inject::arc(&draft)));
        seen.into_iter().map(|note| if nth(&note) { note.rsplit_once(' ').unwrap().0.into() } else { note }).collect()
    }
    // Each an instance of its own, or they would be one.
    let gateway = Gateway::new(Hand).on("list", list).guard(GuardDef::of(Sees).message());
    let gateway = gateway.guard(GuardDef::of(Sees).message_async()).interceptor(InterceptorDef::of(Sees));
    let app = TestApp::new(App::create::<ShopModule>().await.unwrap().gateway("/hand", gateway));
    let mut ada = app.connect("/hand").await;
    for nth in 0..2 {
        let mut seen: Vec<String> = ada.request("list", ()).await;
        if nth == 0 {
            // It stood around the connecting, too, which counts as a message of its own.
            let connecting = seen.remove(0);
            assert!(connecting.starts_with("interceptor "), "{connecting}");
        }
        assert_eq!(seen, ["guard", "waiting guard", "interceptor"]);
    }
    assert_eq!(
        app.resolve::<Diary>().take(),
        ["a cart", "a draft is dropped", "a draft is dropped", "a draft is dropped"]
    );
}

#[tokio::test(start_paused = true)]
async fn outside_of_a_message_it_says_why() {
    let app = App::create::<ShopModule>().await.unwrap();
    let cart = app.resolve::<Cart>().err().unwrap().to_string();
    assert!(cart.starts_with("there is one "), "{cart}");
    assert!(cart.ends_with(
        "Cart per connection, and none outside of one: take it as a parameter of a handler or a hook, `Inject<_>`"
    ));
    let draft = app.resolve::<Draft>().err().unwrap().to_string();
    assert!(draft.contains("Draft per message, and none outside of one"), "{draft}");
}
