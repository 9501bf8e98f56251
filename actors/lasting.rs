//! Work that is finished even if whoever waits for it is dropped meanwhile.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

/// A future that goes on by itself when it is dropped after it was begun.
pub(crate) struct Lasting<F: Future<Output: Send> + Send + 'static> {
    work: Option<Pin<Box<F>>>,
    begun: bool,
}

impl<F: Future<Output: Send> + Send + 'static> Lasting<F> {
    pub(crate) fn new(work: F) -> Self {
        Lasting { work: Some(Box::pin(work)), begun: false }
    }
}

impl<F: Future<Output: Send> + Send + 'static> Future for Lasting<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, ctx: &mut Context<'_>) -> Poll<F::Output> {
        self.begun = true;
        let work = self.work.as_mut().expect("what has answered is not asked again");
        let answer = work.as_mut().poll(ctx);
        if answer.is_ready() {
            self.work = None;
        }
        answer
    }
}

impl<F: Future<Output: Send> + Send + 'static> Drop for Lasting<F> {
    fn drop(&mut self) {
        // Without a runtime the process is at its end.
        if let (Some(work), true, Ok(runtime)) = (self.work.take(), self.begun, Handle::try_current()) {
            runtime.spawn(work);
        }
    }
}
