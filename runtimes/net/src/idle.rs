use std::future::{Future, poll_fn};
use std::pin::pin;

/// Runs `future`, and calls `on_idle` whenever it has to wait, and when it has ended.
///
/// For [`Service::on_idle`](logboom_sans_io::Service::on_idle): around all tasks of a thread if its
/// executor can be asked for that, else around each connection.
pub async fn tell_idle<F: Future>(future: F, on_idle: impl Fn()) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|context| {
        let polled = future.as_mut().poll(context);
        on_idle();
        polled
    })
    .await
}
