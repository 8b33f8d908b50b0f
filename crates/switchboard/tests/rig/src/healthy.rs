//! A healthy connection beside a test, which must not notice what other connections do.
use crate::client::RawClient;
use crate::http::Stream;

/// It always has one request that is not answered yet.
#[derive(Debug)]
pub(crate) struct Healthy {
    client: RawClient,
    asked: u32,
}

impl Healthy {
    /// An address of its own: connections from other addresses do not count against its limit.
    pub(crate) const ADDRESS: &str = "127.0.0.99";

    pub(crate) async fn connect(stream: Box<dyn Stream>) -> Healthy {
        let mut healthy = Healthy { client: RawClient::connect(stream, "/ws").await, asked: 0 };
        healthy.send().await;
        healthy
    }

    async fn send(&mut self) {
        self.asked += 1;
        self.client.send(&Healthy::text(self.asked)).await;
    }

    /// Sends the next request, and expects the answer to the one before.
    pub(crate) async fn expect_answer(&mut self) {
        self.send().await;
        self.client.expect(&Healthy::text(self.asked - 1)).await;
    }

    /// All requests were answered, in order, and nothing else came.
    pub(crate) async fn close(mut self) {
        self.expect_answer().await;
        self.client.expect(&Healthy::text(self.asked)).await;
        self.client.close(1000).await;
        assert_eq!(self.client.recv_close().await.0, 1000, "the healthy connection");
    }

    fn text(asked: u32) -> String {
        format!(r#"{{"event":"echo","data":"well","id":{asked}}}"#)
    }
}
