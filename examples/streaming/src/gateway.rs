//! The gateway: three ways to reply to requests that take time.
use crate::dto::{Item, Price, Progress, Report, Work};
use crate::jobs::{Jobs, Pace};
use futures_core::Stream;
use futures_util::stream;
use std::sync::Arc;
use switchboard::{Ack, Client, Error, GatewayLimits, gateway, messages};
use tokio::time::sleep;

/// Jobs. A client may have four of each kind at a time; a further one is answered `rate_limited`.
#[gateway(path = "/ws", limits = GatewayLimits::default().streams(4).deferred_replies(4))]
pub struct JobGateway {
    #[inject]
    jobs: Arc<Jobs>,
    #[inject]
    pace: Arc<Pace>,
}

#[messages]
impl JobGateway {
    #[on_connect]
    async fn arrived(&self, client: &Client) {
        self.jobs.tell(client);
    }

    /// Replies step by step. If the client cancels the request or disconnects, the stream is dropped, and the job with
    /// it.
    #[subscribe_message("run")]
    async fn run(&self, work: Work) -> Result<impl Stream<Item = Progress>, Error> {
        let job = self.jobs.begin(work.steps)?;
        Ok(stream::unfold(job, |mut job| async move { Some((job.step().await?, job)) }))
    }

    /// Replies once, at the end. The handler has returned before that, so the client's next messages are handled.
    #[subscribe_message("report")]
    async fn report(&self, work: Work, ack: Ack<Report>) -> Result<(), Error> {
        let mut job = self.jobs.begin(work.steps)?;
        tokio::spawn(async move {
            while job.step().await.is_some() {
                // A spawned task is not dropped with the request, so it checks whether the client still waits.
                if ack.is_closed() {
                    return;
                }
            }
            drop(job);
            // If the client has just left, it needs no reply.
            let _ = ack.send(Report { steps: work.steps, summary: "Nothing to complain about" });
        });
        Ok(())
    }

    /// Mostly waits for another service, so up to eight requests of a client run at the same time. Each reply is sent
    /// when it
    /// is ready, with the `id` of its request.
    #[subscribe_message("price")]
    #[concurrency(8)]
    async fn price(&self, Item(item): Item) -> Price {
        sleep(self.pace.0 * 3).await;
        Price { cents: 100 + 25 * item.chars().count(), item }
    }
}
