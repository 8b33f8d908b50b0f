//! Guards at the upgrade and before messages.
use super::NotOnSundays;
use std::sync::Arc;
use switchboard::handler::MessageContext;
use switchboard::pipeline::{ConnectGuard, Guard};
use switchboard::testing::TestApp;
use switchboard::{App, Error, Gateway, Handshake, gateway, injectable, messages, module};

/// Both halves, and the one before the upgrade alone.
#[injectable]
struct Members;

impl ConnectGuard for Members {
    async fn connect(&self, upgrade: &mut Handshake) -> Result<(), Error> {
        match upgrade.headers().get("authorization") {
            Some(_) => Ok(()),
            None => Err(Error::unauthenticated("Log in first")),
        }
    }
}

impl Guard for Members {
    fn message(&self, cx: &MessageContext<'_>) -> Result<(), Error> {
        if matches!(cx.event(), "secret" | "out") { Err(Error::forbidden("Nobody may")) } else { Ok(()) }
    }
}

struct NotFrom(&'static str);

impl ConnectGuard for NotFrom {
    async fn connect(&self, upgrade: &mut Handshake) -> Result<(), Error> {
        match upgrade.headers().get("x-from") {
            Some(from) if from == self.0 => Err(Error::forbidden("Not from there")),
            _ => Ok(()),
        }
    }
}

#[gateway(path = "/club")]
#[use_guards(Members, NotFrom("mars"))]
struct Club;

#[messages]
impl Club {
    #[subscribe_message("secret")]
    async fn secret(&self) -> u8 {
        1
    }

    #[subscribe_message("open")]
    async fn open(&self) -> u8 {
        2
    }

    #[subscribe_message("out")]
    #[skip(Members)]
    async fn out(&self) -> u8 {
        3
    }
}

#[gateway(path = "/street", public)]
#[skip(Members)]
struct Street;

#[messages]
impl Street {
    #[subscribe_message("secret")]
    async fn secret(&self) -> u8 {
        4
    }
}

#[module(gateways(Club))]
struct ClubModule;

/// The guard that nobody provides provides itself.
#[module(gateways(Club, Street), app_guards(Members))]
struct GuardedModule;

#[tokio::test]
async fn a_guard_has_two_halves() {
    let app = TestApp::of::<ClubModule>().listen().await;
    assert_eq!(app.try_connect("/club").await.unwrap_err().status, 401);
    let refused = app.connecting("/club").bearer("ada").header("x-from", "mars").try_connect().await.unwrap_err();
    assert_eq!(refused.status, 403);
    let mut ada = app.connecting("/club").bearer("ada").connect().await;
    assert_eq!(ada.request_error("secret", ()).await.code, "forbidden");
    assert_eq!(ada.request::<u8>("open", ()).await, 2);
    assert_eq!(ada.request::<u8>("out", ()).await, 3);
}

#[tokio::test]
async fn an_app_wide_guard_is_skipped_by_name() {
    let app = TestApp::of::<GuardedModule>().with(|app| app.require_posture(true)).listen().await;
    assert_eq!(app.try_connect("/club").await.unwrap_err().status, 401);
    let mut passer = app.connect("/street").await;
    assert_eq!(passer.request::<u8>("secret", ()).await, 4);
}

/// Of three messages, one is neither guarded nor public.
#[gateway(path = "/posture")]
struct Posture;

#[messages]
impl Posture {
    #[subscribe_message("guarded")]
    #[use_guards(NotOnSundays { sunday: false })]
    async fn guarded(&self) {}

    #[subscribe_message("public")]
    #[public]
    async fn public(&self) {}

    #[subscribe_message("forgotten")]
    async fn forgotten(&self) {}
}

#[module(gateways(Posture))]
struct PostureModule;

#[tokio::test]
async fn a_message_that_nobody_guards_does_not_boot() {
    let strict = TestApp::of::<PostureModule>().with(|app| app.require_posture(true)).try_start().await;
    let problems = strict.err().unwrap().to_string();
    assert!(problems.contains("`forgotten`") && !problems.contains("`guarded`"), "{problems}");
    assert!(!problems.contains("`public` of"), "{problems}");
    TestApp::of::<PostureModule>().listen().await;
}

/// Whoever mounts a gateway by hand does not lose what stands on its struct.
#[tokio::test]
async fn what_stands_on_the_struct_holds_by_hand_too() {
    struct Nobody;
    impl Guard for Nobody {
        fn message(&self, _: &MessageContext<'_>) -> Result<(), Error> {
            Err(Error::forbidden("Nobody"))
        }
    }
    #[gateway]
    #[use_guards(Nobody {})]
    struct Club;
    #[messages]
    impl Club {
        #[subscribe_message("enter")]
        async fn enter(&self) -> &'static str {
            "in"
        }
    }
    let app = TestApp::new(App::new().gateway("/club", Gateway::of(Club)));
    let mut client = app.connect("/club").await;
    assert_eq!(client.request_error("enter", ()).await.code, "forbidden");
    // Nor does one that includes it: its guards cannot be taken over, and are not dropped.
    let whole = Gateway::functions().include_shared(Arc::new(Club));
    let error = App::new().gateway("/ws", whole).into_router().unwrap_err();
    let told = error.problems()[0].message();
    assert!(told.contains("includes Club, which has guards or settings of its own"), "{told}");
}
