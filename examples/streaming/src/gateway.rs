//! The gateway: three ways to answer something that takes a while.
use crate::dto::{Item, Price, Progress, Report, Work};
use crate::jobs::{Jobs, Pace};
use futures_core::Stream;
use futures_util::stream;
use std::sync::Arc;
use switchboard::{Ack, Client, Error, Limits, gateway, messages};
use tokio::time::sleep;

/// Jobs. A client has four of each kind at once; one more is answered `rate_limited`.
#[gateway(path = "/ws", limits = Limits::default().streams(4).late_replies(4))]
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

    /// Answers step by step. When the client cancels the request, or leaves, the stream is dropped, and the job with it.
    #[subscribe_message("run")]
    async fn run(&self, work: Work) -> Result<impl Stream<Item = Progress>, Error> {
        let job = self.jobs.begin(work.steps)?;
        Ok(stream::unfold(job, |mut job| async move { Some((job.step().await?, job)) }))
    }

    /// Answers once, when it is done. Meanwhile the handler has returned, and the client's next messages are handled.
    #[subscribe_message("report")]
    async fn report(&self, work: Work, ack: Ack<Report>) -> Result<(), Error> {
        let mut job = self.jobs.begin(work.steps)?;
        tokio::spawn(async move {
            while job.step().await.is_some() {
                // A task of our own is not dropped by anybody: it asks whether somebody still waits.
                if ack.is_closed() {
                    return;
                }
            }
            drop(job);
            // Who has left in this moment needs no answer.
            let _ = ack.send(Report { steps: work.steps, summary: "Nothing to complain about" });
        });
        Ok(())
    }

    /// Waits for somebody else most of its time: eight of a client's questions wait together. Each is answered when its answer
    /// is there, and has the `id` of its question.
    #[subscribe_message("price")]
    #[concurrency(8)]
    async fn price(&self, Item(item): Item) -> Price {
        sleep(self.pace.0 * 3).await;
        Price { cents: 100 + 25 * item.chars().count(), item }
    }
}
