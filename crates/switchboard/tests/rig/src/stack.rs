//! What is below the application, and the runtimes that tests run on.
use std::future::Future;
use std::time::Duration;

/// How a client reaches the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stack {
    /// `App::listen`: a bare socket.
    Listen,
    /// `axum::serve`: a bare socket below hyper-util.
    Axum,
    /// `axum::serve` with `into_make_service_with_connect_info`, so that the address of the client is known.
    AxumWithPeer,
    /// An in-memory stream: the generic path of the engine.
    Memory,
}

const STACKS: [Stack; 3] = [Stack::Listen, Stack::Axum, Stack::Memory];

/// A test that takes longer has hung: this is several times what the longest takes on a busy machine.
const HANG: Duration = Duration::from_secs(180);

/// Runs a test on each stack, on one worker and on two.
pub fn matrix<F, Fut>(test: F)
where
    F: Fn(Stack) -> Fut,
    Fut: Future<Output = ()>,
{
    for stack in STACKS {
        let mut one = tokio::runtime::Builder::new_current_thread();
        let mut two = tokio::runtime::Builder::new_multi_thread();
        for builder in [&mut one, two.worker_threads(2)] {
            run(builder, stack, &test);
        }
    }
}

/// Runs a test on each stack, on one worker.
pub fn each_stack<F, Fut>(test: F)
where
    F: Fn(Stack) -> Fut,
    Fut: Future<Output = ()>,
{
    STACKS.into_iter().for_each(|stack| on(stack, &test));
}

/// Runs a test on one stack, on one worker.
pub fn on<F, Fut>(stack: Stack, test: F)
where
    F: Fn(Stack) -> Fut,
    Fut: Future<Output = ()>,
{
    run(&mut tokio::runtime::Builder::new_current_thread(), stack, &test);
}

fn run<F, Fut>(builder: &mut tokio::runtime::Builder, stack: Stack, test: &F)
where
    F: Fn(Stack) -> Fut,
    Fut: Future<Output = ()>,
{
    let runtime = builder.enable_all().build().unwrap();
    let bounded = async { tokio::time::timeout(HANG, test(stack)).await };
    let workers = runtime.metrics().num_workers();
    assert!(runtime.block_on(bounded).is_ok(), "{stack:?} on {workers} worker(s): the test did not end in {HANG:?}");
    runtime.shutdown_timeout(Duration::from_secs(1));
}

/// Runs a test with paused time, which jumps to the next timer when no task can run.
pub fn paused<Fut: Future<Output = ()>>(test: Fut) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(test);
}

/// Lets all other tasks run until they wait, and a segment reach its socket.
pub async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}
