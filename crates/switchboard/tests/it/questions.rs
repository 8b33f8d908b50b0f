//! Who is there: questions to all nodes, and to this one.
use std::collections::HashSet;
use switchboard::{App, Client, ClientId, Gateway, Server};
use switchboard_rig::{Rig, matrix};

struct Lobby;

impl Lobby {
    async fn came(&self, client: &Client) -> Result<(), switchboard::Error> {
        client.join("lobby").await
    }

    async fn leave(&self, client: &Client) -> bool {
        client.leave("lobby")
    }
}

#[test]
fn all_nodes_answer_what_the_only_one_knows() {
    matrix(|path| async move {
        let gateway = Gateway::new(Lobby).on_connect(Lobby::came).on("leave", Lobby::leave);
        let rig = Rig::start(path, App::new().gateway("/ws", gateway)).await;
        let server: Server = rig.handle.server();
        let nobody = (server.client_count().await, server.count_in("lobby").await, server.rooms().await);
        assert_eq!((nobody.0.value, nobody.1.value, nobody.2.value.len()), (0, 0, 0));

        let (mut ada, _bob) = (rig.connect().await, rig.connect().await);
        while server.local().count_in("lobby") < 2 {
            tokio::task::yield_now().await;
        }
        ada.expect_request(r#"{"event":"leave","id":1,"data":null}"#, r#"{"event":"leave","data":true,"id":1}"#).await;

        let count = server.count_in("lobby").await;
        assert!(count.is_complete() && count.unanswered.is_empty());
        assert_eq!((count.value, server.local().count_in("lobby")), (1, 1));
        assert_eq!((server.client_count().await.value, server.local().client_count()), (2, 2));
        assert_eq!(server.rooms().await.value, server.local().rooms());
        let ids = |clients: Vec<Client>| clients.iter().map(Client::id).collect::<HashSet<ClientId>>();
        let set = |asked: Vec<ClientId>| asked.into_iter().collect::<HashSet<_>>();
        assert_eq!(set(server.clients().await.value), ids(server.local().clients()));
        assert_eq!(set(server.clients_in("lobby").await.value), ids(server.local().clients_in("lobby")));
        // The question can be asked in a task, which needs it to be `Send`.
        let asked = tokio::spawn(async move { server.count_in("lobby").await.value });
        assert_eq!(asked.await.unwrap(), 1);
    });
}
