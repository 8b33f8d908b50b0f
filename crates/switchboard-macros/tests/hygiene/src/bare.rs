//! Attributes where there is no prelude.
#![no_implicit_prelude]
use ::sb::{Client, WireError, gateway, injectable, messages, module};

/// A service.
#[injectable(crate = ::sb)]
#[derive(::core::fmt::Debug)]
pub struct Greeter {
    greetings: ::std::sync::atomic::AtomicUsize,
}

impl Greeter {
    fn greet(&self) -> usize {
        self.greetings.fetch_add(1, ::std::sync::atomic::Ordering::Relaxed)
    }
}

/// A gateway.
#[gateway(path = "/bare", crate = ::sb)]
#[derive(::core::fmt::Debug)]
pub struct Door {
    #[inject]
    greeter: ::std::sync::Arc<Greeter>,
}

#[messages(crate = ::sb)]
impl Door {
    #[on_connect]
    async fn came(&self, client: &Client) -> ::core::result::Result<(), ::sb::Error> {
        client.join("door").await
    }

    #[subscribe_message("greet")]
    async fn greet(&self, text: crate::payload::Text) -> (::std::string::String, usize) {
        (text.text, self.greeter.greet())
    }

    #[subscribe_message("both")]
    async fn both(
        &self,
        both: ::sb::Args<(crate::payload::Text, crate::payload::Text)>,
    ) -> ::sb::Args<(::std::string::String, usize)> {
        let ::sb::Args((one, _)) = both;
        ::sb::Args((one.text, self.greeter.greet()))
    }
}

/// What goes wrong.
#[derive(::core::fmt::Debug, WireError)]
#[wire(message = "Closed at {hour}", crate = ::sb)]
pub struct Closed {
    /// When.
    pub hour: u8,
}

/// All of it.
#[module(providers(Greeter), gateways(Door), crate = ::sb)]
#[derive(::core::fmt::Debug)]
pub struct Bare;
