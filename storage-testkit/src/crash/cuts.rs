//! The moments at which the power is cut.

use std::path::Path;

use fastrand::Rng;

use super::disk::Disk;
use super::image::Luck;
use super::log::Event;
use crate::campaign::MARK;

/// Events that are shown of the log before a cut that was not survived.
const SHOWN: usize = 80;

/// Makes so many images and has each looked at, with all that was told before. Every step between two things that were
/// told is cut as often as the others, however many calls it takes.
pub(super) fn cut_power(
    log: &[Event],
    images: usize,
    random: &mut Rng,
    mut look: impl FnMut(&[&str], &Path),
) {
    let moments = moments(log, images, random);
    let mut disk = Disk::default();
    let mut told = Vec::new();
    for at in 0..=log.len() {
        for _ in 0..moments.iter().filter(|&&moment| moment == at).count() {
            let luck = match random.u8(..4) {
                0 => Luck::None,
                1 => Luck::All,
                _ => Luck::Some(random.u64(..)),
            };
            let folder = tempfile::tempdir().unwrap();
            disk.write_image(luck, folder.path());
            let cut = Cut { log, at, luck };
            look(&told, folder.path());
            drop(cut);
        }
        if let Some(event) = log.get(at) {
            disk.apply(event);
            if let Event::Told(message) = event {
                told.extend(message.lines().filter_map(|line| line.strip_prefix(MARK)));
            }
        }
    }
}

/// So many moments: each is after the event of that number.
fn moments(log: &[Event], count: usize, random: &mut Rng) -> Vec<usize> {
    let told = |(at, event): (usize, &Event)| matches!(event, Event::Told(_)).then_some(at + 1);
    let mut bounds: Vec<usize> = [0]
        .into_iter()
        .chain(log.iter().enumerate().filter_map(told))
        .collect();
    bounds.push(log.len() + 1);
    // Nothing happens where something is told right after something else.
    let steps: Vec<_> = (bounds.windows(2).map(|pair| pair[0]..pair[1]))
        .filter(|step| !step.is_empty())
        .collect();
    (0..count)
        .map(|number| random.usize(steps[number % steps.len()].clone()))
        .collect()
}

/// Shows how it came to this when looking at an image fails.
struct Cut<'a> {
    log: &'a [Event],
    at: usize,
    luck: Luck,
}

impl Drop for Cut<'_> {
    #[expect(clippy::print_stderr, reason = "shown for a failed test")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            let before = &self.log[self.at.saturating_sub(SHOWN)..self.at];
            for event in before {
                eprintln!("  {event}");
            }
            let (at, count, luck) = (self.at, self.log.len(), self.luck);
            eprintln!("the power was cut after event {at} of {count}; luck: {luck:?}");
        }
    }
}
