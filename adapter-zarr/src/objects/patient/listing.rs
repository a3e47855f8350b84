//! Listings that outlive broken connections.

use std::collections::HashSet;

use futures::StreamExt;
use futures::stream::BoxStream;
use hyperslab_core::Result;
use tokio::time::{Instant, sleep, timeout};

use super::{Call, Hope, Listed, Objects, Patient, hope};

/// A listing may show twice as many objects as there are, and so many more, before it is one that never ends.
const REPEATED_MAX: usize = 10_000;

/// A listing that begins again after a failure and leaves out what it has shown. Its deadline is between two pages.
struct Listing<'a, O> {
    patient: &'a Patient<O>,
    prefix: String,
    stream: BoxStream<'a, Result<Listed>>,
    seen: HashSet<String>,
    /// How many objects this stream has shown.
    shown: usize,
    call: Call<'a, O>,
}

impl<O: Objects> Listing<'_, O> {
    async fn next(&mut self) -> Option<Result<Listed>> {
        loop {
            let error = match timeout(self.call.attempt, self.stream.next()).await {
                Ok(None) => return None,
                Ok(Some(Ok(listed))) => {
                    self.shown += 1;
                    if self.shown > 2 * self.seen.len() + REPEATED_MAX {
                        return Some(Err(self.call.failed("the listing repeats itself for ever")));
                    }
                    if self.seen.insert(listed.key.clone()) {
                        self.call = self.patient.call("list", &self.prefix, 0);
                        return Some(Ok(listed));
                    }
                    continue;
                }
                Ok(Some(Err(error))) => error,
                Err(_) => self.call.no_answer(),
            };
            if hope(&error) == Hope::None {
                return Some(Err(error));
            }
            self.call.attempts += 1;
            let pause = self.call.pause();
            if Instant::now() + pause >= self.call.deadline {
                return Some(Err(self.call.given_up(error)));
            }
            sleep(pause).await;
            self.stream = self.patient.inner.list(&self.prefix);
            self.shown = 0;
        }
    }
}

/// Lists what is below a prefix.
pub(super) fn run<'a, O: Objects>(
    patient: &'a Patient<O>,
    prefix: &str,
) -> BoxStream<'a, Result<Listed>> {
    let listing = Listing {
        patient,
        prefix: prefix.to_owned(),
        stream: patient.inner.list(prefix),
        seen: HashSet::new(),
        shown: 0,
        call: patient.call("list", prefix, 0),
    };
    futures::stream::unfold(Some(listing), |listing| async move {
        let mut listing = listing?;
        match listing.next().await? {
            Ok(listed) => Some((Ok(listed), Some(listing))),
            Err(error) => Some((Err(error), None)),
        }
    })
    .boxed()
}
