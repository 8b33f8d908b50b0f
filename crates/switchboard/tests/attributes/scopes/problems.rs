//! Scopes that are refused at boot.
use super::{Cart, Draft, Endless, Fixed, Flaky, Reads, Slow, shop};
use std::sync::Arc;
use switchboard::di::{Injectable, ModuleDef, Provider, Scope};
use switchboard::{App, Client, gateway, messages};

async fn problems(module: ModuleDef) -> Vec<String> {
    let error = App::boot_def(module).create().await.err();
    error.iter().flat_map(|error| error.problems()).map(|problem| problem.message().to_owned()).collect()
}

#[tokio::test]
async fn mismatches() {
    struct Single;
    struct Pair;
    let asks = |provider: Provider<Single>| problems(shop().provider(provider));
    assert_eq!(
        asks(Provider::factory(|_: Arc<Cart>, _: Option<Arc<Draft>>, _: Client| Single)).await,
        [
            "Single asks for Cart, of which there is one per connection, while there is one Single for all; take `Inject<Cart>` as a \
             parameter of the handler (a guard or an interceptor resolves it of its call), or give Single the scope `connection` too",
            "Single asks for Draft, of which there is one per message, while there is one Single for all; take `Inject<Draft>` as a \
             parameter of the handler (a guard or an interceptor resolves it of its call), or give Single the scope `message` too",
            "Single asks for Client, of which there is one per connection, while there is one Single for all; take `&Client` as a \
             parameter of the handler (a guard or an interceptor resolves it of its call), or give Single the scope `connection` too",
        ]
    );
    let fields = Provider::fields(|fields| {
        let draft = fields.inject::<Arc<Draft>>("draft");
        move |container| draft.get(container).map(|_| Single)
    });
    assert_eq!(
        asks(fields.connection_scoped()).await,
        [
            "Single (`draft`) asks for Draft, of which there is one per message, while there is one Single per connection; take \
              `Inject<Draft>` as a parameter of the handler (a guard or an interceptor resolves it of its call), or give Single the scope `message` too"
        ]
    );
    let two = shop()
        .provider(Provider::scoped(Scope::Message, |_: Arc<Pair>| Single))
        .provider(Provider::scoped(Scope::Message, |_: Arc<Single>| Pair));
    assert_eq!(
        problems(two).await,
        [
            "these ask for each other: Single → Pair → Single; move what both need into a third, or let one inject the `Container` \
             and resolve the other when it is needed"
        ]
    );
}

/// What a field of a gateway, and an after-init hook, ask for.
#[tokio::test]
async fn a_gateway_that_asks() {
    #[gateway]
    struct Till {
        #[inject]
        _cart: Arc<Cart>,
    }
    #[messages]
    impl Till {
        #[after_init]
        async fn ready(&self, _draft: Arc<Draft>) {}
    }
    assert_eq!(
        problems(ModuleDef::new("Till").import_def(shop().export::<Cart>().export::<Draft>()).gateway::<Till>()).await
            [..2],
        [
            "Till (`_cart`) asks for Cart, of which there is one per connection, while there is one Till for all; take `Inject<Cart>` \
             as a parameter of the handler",
            "Till (the after-init hook) asks for Draft, of which there is one per message, and no message yet; take `Inject<Draft>` as \
             a parameter of the handler that needs it",
        ]
    );
}

/// Scopes that cannot be.
#[tokio::test]
async fn scopes_that_cannot_be() {
    let told = problems(
        ModuleDef::new("Wrong")
            .provider(Provider::value(Slow(1)).connection_scoped())
            .provider(Provider::factory(|| Flaky).connection_scoped())
            .provider(Provider::async_factory(|| async { Endless }).message_scoped())
            .provider(Reads::provider().message_scoped())
            .provider(
                Provider::fields(|_| |_| Ok(Fixed("")))
                    .on_init(|_| async {})
                    .on_shutdown(|_| async {})
                    .message_scoped(),
            ),
    )
    .await;
    let hook = |hook: &str| {
        format!(
            "Fixed has the scope `message` and {hook} hook, which runs once for the application; leave out the hook or the scope"
        )
    };
    assert_eq!(
        told,
        [
            "Reads is a gateway that Wrong provides and nobody mounts; move it from its providers to its gateways",
            "Slow has the scope `connection`, but is a value, of which there is one; write `Provider::scoped(..)`, or leave out the \
             scope",
            "Flaky has the scope `connection`, but its function is called once; write `Provider::scoped(..)`",
            "Endless has the scope `message`, but is made by an async function, and a message does not wait for a service; let an \
             async `on_connect` or handler fetch what is awaited, or leave out the scope",
            "Reads has the scope `message`, but a gateway serves all its clients; leave out the scope",
            &hook("an init"),
            &hook("a shutdown"),
        ]
    );
}

/// What is hidden is hidden, and each problem has its places.
#[tokio::test]
async fn what_is_not_exported() {
    let root =
        ModuleDef::new("Root").import_def(shop()).provider(Provider::scoped(Scope::Message, |_: Arc<Cart>| Flaky));
    let error = App::boot_def(root).create().await.err().unwrap();
    assert_eq!(
        error.problems()[0].message(),
        "Flaky asks for Cart, which Shop provides but does not export; add Cart to its exports"
    );
    let root = shop().provider(Provider::factory(|_: Arc<Cart>| Flaky));
    let text = App::boot_def(root).create().await.err().unwrap().to_string();
    assert_eq!(
        text.matches("tests/attributes/scopes/").count(),
        2,
        "where it is asked for, and who provides it: {text}"
    );
}
