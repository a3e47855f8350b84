//! What may go wrong, how often, and what has.

use std::fmt;
use std::time::Duration;

use fastrand::Rng;

use super::super::counts::Request;

/// How often each fault happens, as a probability from 0 to 1 for each request that it can strike. The default is none.
///
/// Faults that strike before a request are tried in the order of the fields, and at most one of them happens.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct FaultPlan {
    /// Every request takes this long, on the clock of tokio, which a test can pause.
    pub latency: Duration,
    /// A request takes longer, by up to [`longest_delay`](Self::longest_delay), evenly distributed.
    pub delay: f64,
    /// The longest additional delay.
    pub longest_delay: Duration,
    /// A burst begins: this request and those that follow are refused like "503 Slow Down".
    pub burst: f64,
    /// How many requests a burst refuses, at least one.
    pub burst_length: u32,
    /// The request fails, and nothing has happened.
    pub error_before: f64,
    /// No answer ever comes: a client without a timeout waits for ever. Every second of such changes is carried out.
    pub lost_response: f64,
    /// A change is carried out, and then reported as failed: the client does not know.
    pub error_after: f64,
    /// The content of an object ends early: every second time with an error, else as if that were all. A listing breaks
    /// off with an error.
    pub cut_body: f64,
    /// A listing that was asked for before answers as it did then.
    pub stale_list: f64,
}

impl FaultPlan {
    /// No fault; every request takes this long.
    #[must_use]
    pub fn latency(latency: Duration) -> Self {
        Self {
            latency,
            ..Self::default()
        }
    }
}

/// One kind of fault. It is the source of the error that the client sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// See [`FaultPlan::delay`].
    Delay,
    /// See [`FaultPlan::burst`].
    Burst,
    /// See [`FaultPlan::error_before`].
    ErrorBefore,
    /// See [`FaultPlan::lost_response`].
    LostResponse,
    /// See [`FaultPlan::error_after`].
    ErrorAfter,
    /// See [`FaultPlan::cut_body`].
    CutBody,
    /// See [`FaultPlan::stale_list`].
    StaleList,
}

impl Fault {
    /// The fault that an error was made of, if it was.
    #[must_use]
    pub fn of(error: &object_store::Error) -> Option<Self> {
        match error {
            object_store::Error::Generic { source, .. } => source.downcast_ref().copied(),
            _ => None,
        }
    }

    /// As the clients of `object_store` report a failure that is none of their special kinds.
    pub(super) fn error(self) -> object_store::Error {
        object_store::Error::Generic {
            store: "FaultStore",
            source: Box::new(self),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Delay => "injected: delay",
            Self::Burst => "injected: 503 Slow Down",
            Self::ErrorBefore => "injected: connection refused",
            Self::LostResponse => "injected: no answer",
            Self::ErrorAfter => "injected: connection reset while waiting for the answer",
            Self::CutBody => "injected: connection reset in the middle of the body",
            Self::StaleList => "injected: stale listing",
        })
    }
}

impl std::error::Error for Fault {}

/// How many faults were injected, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FaultCounts {
    /// Faults of [`Fault::Delay`]. The latency of every request is not counted.
    pub delay: u64,
    /// Requests refused by [`Fault::Burst`].
    pub burst: u64,
    /// Faults of [`Fault::ErrorBefore`].
    pub error_before: u64,
    /// Faults of [`Fault::LostResponse`].
    pub lost_response: u64,
    /// Faults of [`Fault::ErrorAfter`].
    pub error_after: u64,
    /// Faults of [`Fault::CutBody`].
    pub cut_body: u64,
    /// Faults of [`Fault::StaleList`].
    pub stale_list: u64,
}

impl FaultCounts {
    pub(super) fn add(&mut self, fault: Fault) {
        *match fault {
            Fault::Delay => &mut self.delay,
            Fault::Burst => &mut self.burst,
            Fault::ErrorBefore => &mut self.error_before,
            Fault::LostResponse => &mut self.lost_response,
            Fault::ErrorAfter => &mut self.error_after,
            Fault::CutBody => &mut self.cut_body,
            Fault::StaleList => &mut self.stale_list,
        } += 1;
    }
}

/// What becomes of one request. The default is that it is carried out.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    pub(super) delay: Duration,
    /// What happens instead of the request.
    pub(super) before: Option<Fault>,
    /// What happens once the request was carried out.
    pub(super) after: Option<Fault>,
    /// Where the body is cut, and how.
    pub(super) cut: Option<Cut>,
    /// Which older listing is given, modulo the number of those remembered.
    pub(super) stale: Option<usize>,
}

/// Where and how a body is cut.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    /// From 0 to 1, of the whole length.
    at: f64,
    /// Whether the client is told.
    pub(super) error: bool,
}

impl Cut {
    /// How much of something passes: less than all of it.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share of a length, cut to less than it"
    )]
    pub(super) fn of(&self, length: u64) -> u64 {
        ((length as f64 * self.at) as u64).min(length.saturating_sub(1))
    }
}

/// Decides on one request, and notes the faults that are certain.
pub(super) fn draw(
    plan: &FaultPlan,
    request: Request,
    mut random: Rng,
    burst_left: &mut u32,
    injected: &mut FaultCounts,
) -> Verdict {
    // In a fixed order and always all of them, for the same reason.
    let [delay, burst, before, lost, after, cut, stale] = std::array::from_fn(|_| random.f64());
    let (delay_share, cut_at) = (random.f64(), random.f64());
    let (carried_out, told, choice) = (random.bool(), random.bool(), random.usize(..));

    let mut verdict = Verdict {
        delay: plan.latency,
        ..Verdict::default()
    };
    if delay < plan.delay {
        verdict.delay += plan.longest_delay.mul_f64(delay_share);
        injected.add(Fault::Delay);
    }
    let is_change = matches!(
        request,
        Request::Put | Request::Delete | Request::Copy | Request::Multipart
    );
    if *burst_left > 0 {
        *burst_left -= 1;
        verdict.before = Some(Fault::Burst);
    } else if burst < plan.burst {
        *burst_left = plan.burst_length.saturating_sub(1);
        verdict.before = Some(Fault::Burst);
    } else if before < plan.error_before {
        verdict.before = Some(Fault::ErrorBefore);
    } else if lost < plan.lost_response {
        injected.add(Fault::LostResponse);
        if is_change && carried_out {
            verdict.after = Some(Fault::LostResponse);
        } else {
            verdict.before = Some(Fault::LostResponse);
            return verdict;
        }
    } else if is_change && after < plan.error_after {
        verdict.after = Some(Fault::ErrorAfter);
    }
    match verdict.before {
        Some(fault) => injected.add(fault),
        None => {
            verdict.cut = (cut < plan.cut_body).then_some(Cut {
                at: cut_at,
                error: told,
            });
            verdict.stale = (stale < plan.stale_list).then_some(choice);
        }
    }
    verdict
}
