//! What is said and done in one namespace stays in it.
use super::{Admin, Nobody, ask, ids, join, set, talk, two};
use std::collections::BTreeSet;
use std::rc::Rc;
use switchboard::axum::{Router, extract::State, routing::get};
use switchboard::{App, Client, Gateway, Root, Server};
use switchboard_rig::{Rig, each_stack, matrix};

fn names<N>(server: &Server<N>) -> BTreeSet<String> {
    server.local().rooms().iter().map(|room| room.to_string()).collect()
}

#[test]
fn a_server_counts_and_lists_its_own_namespace() {
    matrix(|stack| async move {
        let rig = Rig::start(stack, two()).await;
        let (root, admin) = (rig.handle.server(), rig.handle.server_of::<Admin>());
        let (mut one, mut other, mut boss) = (rig.connect().await, rig.connect().await, rig.connect_to("/admin").await);
        let (a, b) = (join(&mut one, "lobby").await, join(&mut other, "lobby").await);
        let c = join(&mut boss, "lobby").await;
        join(&mut boss, "secret").await;
        let own = c.to_string();
        assert_eq!((root.local().client_count(), admin.local().client_count()), (2, 1));
        assert_eq!((ids(root.local().clients()), ids(admin.local().clients())), (set([a, b]), set([c])));
        assert_eq!(
            (ids(root.local().clients_in("lobby")), ids(admin.local().clients_in("lobby"))),
            (set([a, b]), set([c]))
        );
        assert_eq!((root.local().count_in("lobby"), admin.local().count_in("lobby")), (2, 1));
        assert_eq!((root.local().count_in("secret"), admin.local().count_in("secret")), (0, 1));
        assert_eq!(
            (root.local().count_in(&own), admin.local().count_in(&own)),
            (0, 1),
            "a client's id is a room of its namespace"
        );
        assert!(root.local().clients_in(&own).is_empty() && root.local().clients_in("secret").is_empty());
        assert!(root.local().client(c).is_none() && admin.local().client(c).is_some());
        assert!(root.local().client(a).is_some() && admin.local().client(a).is_none());
        assert_eq!(names(&root), BTreeSet::from(["lobby".to_owned()]));
        assert_eq!(names(&admin), BTreeSet::from(["lobby".to_owned(), "secret".to_owned()]));
        assert_eq!(
            (format!("{root:?}"), format!("{admin:?}")),
            ("Server(/, 2 clients)".into(), "Server(/admin, 1 clients)".into())
        );
        // The numbers are the node's, whoever is asked.
        for stats in [rig.handle.stats(), root.stats(), admin.stats()] {
            assert_eq!((stats.connections, stats.rooms, stats.memberships), (3, 3, 4));
        }
        drop((one, other, boss));
        rig.expect_empty().await;
    });
}

#[test]
fn what_is_sent_stays_in_its_namespace() {
    matrix(|stack| async move {
        let rig = Rig::start(stack, two()).await;
        let (root, admin) = (rig.handle.server(), rig.handle.server_of::<Admin>());
        let (mut one, mut other, mut boss) = (rig.connect().await, rig.connect().await, rig.connect_to("/admin").await);
        join(&mut one, "lobby").await;
        join(&mut other, "lobby").await;
        let own = join(&mut boss, "lobby").await.to_string();
        join(&mut boss, "secret").await;
        // From the server: what reaches the two, then what reaches the one, then what reaches nobody.
        for (queued, reaches) in [
            (root.broadcast("to", "all").queued, 2),
            (root.emit("to", "all").queued, 2),
            (root.broadcast_to("lobby", "to", "lobby").queued, 2),
            (root.to("lobby").to("secret").to(&own).emit("to", "union").queued, 2),
            (root.except("secret").except(&own).emit("to", "rest").queued, 2),
            (admin.broadcast("at", "all").queued, 1),
            (admin.broadcast_to("lobby", "at", "lobby").queued, 1),
            (admin.to(&own).emit("at", "own").queued, 1),
            (root.broadcast_to("secret", "lost", 1).queued, 0),
            (root.to(&own).emit("lost", 1).queued, 0),
            (root.all().except("lobby").emit("lost", 1).queued, 0),
            (admin.except("lobby").emit("lost", 1).queued, 0),
        ] {
            assert_eq!(queued, reaches);
        }
        for peer in [&mut one, &mut other] {
            for data in ["all", "all", "lobby", "union", "rest"] {
                peer.expect(&format!(r#"{{"event":"to","data":"{data}"}}"#)).await;
            }
        }
        for data in ["all", "lobby", "own"] {
            boss.expect(&format!(r#"{{"event":"at","data":"{data}"}}"#)).await;
        }
        // From a client.
        assert_eq!(ask(&mut one, "say", "lobby").await, "1");
        assert_eq!(ask(&mut one, "shout", "").await, "1");
        other.expect(r#"{"event":"said","data":"by a client"}"#).await;
        other.expect(r#"{"event":"shouted","data":"by a client"}"#).await;
        assert_eq!(ask(&mut one, "say", "secret").await, "0");
        assert_eq!(ask(&mut one, "say", &own).await, "0");
        assert_eq!(ask(&mut boss, "say", "lobby").await, "0");
        assert_eq!(ask(&mut boss, "shout", "").await, "0");
        let refused = one.request(&format!(r#"{{"event":"join","data":"{own}"}}"#)).await;
        assert!(refused.contains(r#""code":"forbidden""#), "{refused}");
        for peer in [&mut one, &mut other, &mut boss] {
            // Nothing else came before this.
            ask(peer, "id", "").await;
        }
        drop((one, other, boss));
        rig.expect_empty().await;
    });
}

#[test]
fn a_kick_and_a_departure_stay_in_their_namespace() {
    matrix(|stack| async move {
        let rig = Rig::start(stack, two()).await;
        let (root, admin) = (rig.handle.server(), rig.handle.server_of::<Admin>());
        let (mut one, mut boss, mut deputy) =
            (rig.connect().await, rig.connect_to("/admin").await, rig.connect_to("/admin").await);
        join(&mut one, "lobby").await;
        let own = join(&mut boss, "lobby").await.to_string();
        join(&mut boss, "secret").await;
        join(&mut deputy, "lobby").await;
        assert_eq!((root.disconnect("secret"), root.disconnect(&own), root.disconnect("lobby")), (0, 0, 1));
        assert_eq!(one.skip_until_close().await, 4503);
        drop(one);
        rig.until(|stats| stats.connections == 2).await;
        assert_eq!(
            (root.local().rooms().len(), admin.local().count_in("lobby")),
            (0, 2),
            "the room of the same name has its members"
        );
        assert_eq!(ask(&mut boss, "say", "lobby").await, "1");
        deputy.expect(r#"{"event":"said","data":"by a client"}"#).await;
        assert_eq!(admin.disconnect("secret"), 1);
        assert_eq!(boss.skip_until_close().await, 4503);
        ask(&mut deputy, "id", "").await;
        drop((boss, deputy));
        rig.expect_empty().await;
    });
}

#[test]
fn gateways_of_one_namespace_share_it() {
    struct Another;
    impl Another {
        async fn joined(&self, client: &Client) {
            client.join("lobby");
        }
    }
    matrix(|stack| async move {
        let app = App::new();
        let (before, root) = (app.server_of::<Admin>(), app.server());
        let app = app
            .gateway("/one", talk().namespace::<Admin>())
            // The last one wins.
            .gateway(
                "/two",
                Gateway::new(Another).on_connect(Another::joined).namespace::<Nobody>().namespace::<Admin>(),
            )
            .gateway("/three", talk().namespace::<Admin>().namespace::<Root>());
        let rig = Rig::start(stack, app).await;
        let (mut one, mut two, mut three) =
            (rig.connect_to("/one").await, rig.connect_to("/two").await, rig.connect_to("/three").await);
        join(&mut three, "lobby").await;
        rig.until(|stats| (stats.connections, stats.memberships) == (3, 2)).await;
        let admin = rig.handle.server_of::<Admin>();
        for server in [&before, &before.clone(), &admin] {
            assert_eq!((server.local().client_count(), server.local().count_in("lobby")), (2, 1));
        }
        assert_eq!((root.local().client_count(), root.local().count_in("lobby")), (1, 1));
        assert_eq!(rig.handle.server_of::<Root>().local().client_count(), 1, "`server()` is that of the default");
        assert_eq!(ask(&mut one, "say", "lobby").await, "1");
        two.expect(r#"{"event":"said","data":"by a client"}"#).await;
        assert_eq!(ask(&mut three, "say", "lobby").await, "0");
        drop((one, two, three));
        rig.expect_empty().await;
    });
}

#[test]
fn a_server_of_a_namespace_in_routes_and_tasks() {
    fn is_shared<T: Clone + std::fmt::Debug + Send + Sync + 'static>() {}
    is_shared::<Server<Rc<()>>>();

    #[derive(Clone)]
    struct Services {
        admin: Server<Admin>,
        nobody: Server<Nobody>,
    }
    async fn announce(State(services): State<Services>) -> String {
        let admin = services.admin.broadcast("news", "from a route").queued;
        format!("{admin} {}", services.nobody.broadcast("news", "lost").queued)
    }
    each_stack(|stack| async move {
        let app = two();
        // Before the application is mounted, and without any gateway.
        let services = Services { admin: app.server_of(), nobody: app.server_of() };
        let task = {
            let (admin, nobody) = (services.admin.clone(), services.nobody.clone());
            async move { (admin.to("lobby").emit("news", "from a task").queued, nobody.all().emit("news", 1).queued) }
        };
        let nobody = services.nobody.clone();
        let routes = Router::new().route("/announce", get(announce)).with_state(services);
        let rig = Rig::start(stack, app.mount(routes)).await;
        let (mut user, mut boss) = (rig.connect().await, rig.connect_to("/admin").await);
        for peer in [&mut user, &mut boss] {
            join(peer, "lobby").await;
        }
        let answer = rig.http(b"GET /announce HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (200, "1 0"));
        assert_eq!(tokio::spawn(task).await.unwrap(), (1, 0));
        boss.expect(r#"{"event":"news","data":"from a route"}"#).await;
        boss.expect(r#"{"event":"news","data":"from a task"}"#).await;
        ask(&mut user, "id", "").await;
        assert_eq!(
            (nobody.local().client_count(), nobody.local().count_in("lobby"), nobody.local().rooms().len()),
            (0, 0, 0)
        );
        assert_eq!((nobody.disconnect("lobby"), nobody.local().clients().len()), (0, 0));
        drop((user, boss));
        rig.expect_empty().await;
    });
}
