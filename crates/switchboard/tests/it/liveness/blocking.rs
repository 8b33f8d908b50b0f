//! A handler that blocks its thread.
use std::time::{Duration, Instant};
use switchboard::{App, Client, Gateway, Server};
use switchboard_rig::Stopwatch;
use switchboard_rig::{Rig, Stack};

/// A worker of the runtime that blocks must not be the one that waits for everybody's sockets: another one takes over.
#[test]
fn a_handler_that_blocks_its_thread_stops_nobody_else() {
    const BLOCK: Duration = Duration::from_millis(300);
    struct Blocks(Server);
    impl Blocks {
        async fn joined(&self, client: &Client) {
            client.join("all");
        }
        /// What was pushed before is not held up either.
        async fn block(&self, id: u64) {
            self.0.broadcast_to("all", "blocking", id);
            std::thread::sleep(BLOCK);
        }
        async fn echo(&self, text: String) -> String {
            text
        }
    }
    for stack in [Stack::Listen, Stack::Axum] {
        // The clients have a runtime of their own.
        let (address, shared) = std::sync::mpsc::channel();
        let serving = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async {
                let app = App::new();
                let gateway = Gateway::new(Blocks(app.server())).on_connect(Blocks::joined);
                let app = app.gateway("/ws", gateway.on("block", Blocks::block).on("echo", Blocks::echo));
                let rig = Rig::start(stack, app).await;
                address.send((rig.address(), rig.handle.clone())).unwrap();
                rig.handle.drained().await;
            });
            runtime.shutdown_timeout(Duration::from_secs(1));
        });
        let (address, handle) = shared.recv().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (stuck, late) = runtime.block_on(async {
            let rig = Rig::elsewhere(address);
            let [mut blocking, mut other, mut member] = [rig.connect().await, rig.connect().await, rig.connect().await];
            // Whoever is answered has joined.
            for peer in [&mut blocking, &mut other, &mut member] {
                let ready = r#"{"event":"echo","data":"ready"}"#;
                assert_eq!(peer.request(ready).await, ready);
            }
            let (mut stuck, mut late) = (0, 0);
            for id in 0..10 {
                blocking.send(&format!(r#"{{"event":"block","data":{id},"id":{id}}}"#)).await;
                let began = Instant::now();
                let push = format!(r#"{{"event":"blocking","data":{id}}}"#);
                let asking = async {
                    let mut worst = Duration::ZERO;
                    while began.elapsed() < BLOCK {
                        let asked = Stopwatch::start();
                        other.send(&format!(r#"{{"event":"echo","data":"well {id}"}}"#)).await;
                        let mut text = other.recv_text().await;
                        if text == push {
                            text = other.recv_text().await;
                        }
                        assert_eq!(text, format!(r#"{{"event":"echo","data":"well {id}"}}"#));
                        // A busy machine, and not the worker, may be what was waited for.
                        worst = worst.max(asked.served());
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                    worst
                };
                let hearing = async {
                    let watch = Stopwatch::start();
                    member.expect(&push).await;
                    watch.served()
                };
                let (worst, heard) = tokio::join!(asking, hearing);
                blocking.expect(&push).await;
                blocking.expect(&format!(r#"{{"event":"block","data":null,"id":{id}}}"#)).await;
                stuck += usize::from(worst > BLOCK / 2);
                late += usize::from(heard > BLOCK / 2);
            }
            (stuck, late)
        });
        assert!(stuck <= 2 && late <= 2, "{stack:?}: answers were stuck in {stuck} of 10, pushes in {late}");
        runtime.block_on(handle.shutdown());
        serving.join().unwrap();
    }
}
