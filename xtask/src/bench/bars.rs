//! The bars: how far ahead we have to be.

use super::limits::Limit;
use super::peers::Peer;
use super::units::size;

/// What decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clock {
    /// Wall time; processor time where that is what was met, since wall time is noisy on a shared machine.
    Either,
    /// Processor time only.
    Cpu,
    /// Bytes: what the row says of memory or of files.
    Bytes,
}

/// Whom we are compared with: the fastest of them counts.
#[derive(Debug, Clone, Copy)]
pub(super) enum Against {
    /// These.
    These(&'static [Peer]),
    /// Every peer but these.
    AllBut(&'static [Peer]),
    /// What nobody can beat.
    Limit(Limit),
    /// So many bytes, which ours stay under.
    Size(u64),
}

/// One bar of one row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bar {
    pub(super) against: Against,
    /// For peers: their time divided by ours is at least this. For a limit: ours divided by it is at most this.
    pub(super) factor: f64,
    pub(super) clock: Clock,
    /// Which of ours it is about; else the first.
    pub(super) of: Option<Peer>,
}

/// Whether a bar was met.
#[derive(Debug, Clone)]
pub(super) struct Verdict {
    /// The bar in words.
    pub(super) bar: String,
    /// What decides.
    pub(super) clock: Clock,
    /// What was reached: by wall time and by processor time, or twice by bytes. None when one of the two was not measured.
    pub(super) reached: Option<(f64, f64)>,
    /// Whether we have nothing to show.
    pub(super) failed: bool,
    /// Who was the fastest of those we are compared with, by wall time.
    pub(super) rival: &'static str,
    /// In a word: `met`, `met by CPU`, `missed` or `not measured`.
    pub(super) word: &'static str,
}

/// Medians of one row of the table: who, wall and processor time; or twice the bytes.
pub(super) type Medians = [(Peer, f64, f64)];

impl Bar {
    /// At least so many times faster than the fastest of `against`.
    pub(super) const fn ahead(against: Against, factor: f64) -> Self {
        Self {
            against,
            factor,
            clock: Clock::Either,
            of: None,
        }
    }

    /// So many times fewer bytes than the least of `against`.
    pub(super) const fn lighter(against: Against, factor: f64) -> Self {
        Self {
            clock: Clock::Bytes,
            ..Self::ahead(against, factor)
        }
    }

    /// Fewer bytes than that.
    pub(super) const fn under(bytes: u64) -> Self {
        Self::lighter(Against::Size(bytes), 1.0)
    }

    /// At most so many times what nobody can beat.
    pub(super) const fn limit(limit: Limit, factor: f64) -> Self {
        Self::ahead(Against::Limit(limit), factor)
    }

    /// The same by processor time only.
    pub(super) const fn by_cpu(self) -> Self {
        Self {
            clock: Clock::Cpu,
            ..self
        }
    }

    /// The same about one of ours that is not the first.
    pub(super) const fn of(self, peer: Peer) -> Self {
        Self {
            of: Some(peer),
            ..self
        }
    }

    /// Whether ours are to be less than it, not it more than ours.
    fn is_limit(&self) -> bool {
        matches!(self.against, Against::Limit(_) | Against::Size(_))
    }

    /// Compares. `ours` is the row of ours that the bar is about, `limit` what a limit took.
    pub(super) fn judge(
        &self,
        ours: Option<(f64, f64)>,
        row: &Medians,
        limit: impl Fn(Limit) -> Option<(f64, f64)>,
    ) -> Verdict {
        let counts = |peer: Peer| match self.against {
            Against::These(those) => those.contains(&peer),
            Against::AllBut(those) => !peer.is_ours() && !those.contains(&peer),
            Against::Limit(_) | Against::Size(_) => false,
        };
        let rivals = || row.iter().filter(|(peer, ..)| counts(*peer));
        let theirs = match self.against {
            Against::Limit(which) => limit(which),
            Against::Size(bytes) => Some((bytes as f64, bytes as f64)),
            _ => {
                let walls = rivals().map(|(_, wall, _)| *wall).reduce(f64::min);
                walls.zip(rivals().map(|(.., cpu)| *cpu).reduce(f64::min))
            }
        };
        let rival = rivals().min_by(|a, b| a.1.total_cmp(&b.1));
        let reached = ours.zip(theirs).map(|(ours, theirs)| {
            if self.is_limit() {
                (ours.0 / theirs.0, ours.1 / theirs.1)
            } else {
                (theirs.0 / ours.0, theirs.1 / ours.1)
            }
        });
        Verdict {
            bar: self.words(),
            clock: self.clock,
            reached,
            failed: ours.is_none(),
            rival: rival.map_or("", |(peer, ..)| peer.title()),
            word: reached.map_or("not measured", |reached| self.word(reached)),
        }
    }

    fn word(&self, (wall, cpu): (f64, f64)) -> &'static str {
        let meets = |reached: f64| match self.against {
            Against::Limit(_) => reached <= self.factor,
            Against::Size(_) => reached < self.factor,
            _ => reached >= self.factor,
        };
        match self.clock {
            Clock::Cpu if meets(cpu) => "met",
            Clock::Either | Clock::Bytes if meets(wall) => "met",
            Clock::Either if meets(cpu) => "met by CPU",
            _ => "missed",
        }
    }

    fn words(&self) -> String {
        // Hundredths, without zeros at the end.
        let factor = (self.factor * 100.0).round() / 100.0;
        let clock = match self.clock {
            Clock::Either => "",
            Clock::Cpu => " CPU",
            Clock::Bytes => " bytes",
        };
        let names = |peers: &[Peer]| {
            let names: Vec<_> = peers.iter().map(|peer| peer.title()).collect();
            names.join(" and ")
        };
        let words = match self.against {
            Against::These(peers) => format!(">= {factor}x{clock} of {}", names(peers)),
            Against::AllBut([]) => format!(">= {factor}x{clock} of every peer"),
            Against::AllBut(peers) => {
                format!(">= {factor}x{clock} of every peer but {}", names(peers))
            }
            Against::Limit(limit) => format!("<= {factor}x{clock} of {}", limit.title()),
            Against::Size(bytes) => format!("< {}", size(bytes as f64)),
        };
        let of = self
            .of
            .map_or_else(String::new, |peer| format!(" by {}", peer.title()));
        words + &of
    }
}

#[cfg(test)]
mod tests {
    use super::{Against, Bar, Peer};
    use crate::bench::limits::Limit;

    const ROW: [(Peer, f64, f64); 3] = [
        (Peer::Hyperslab, 1.0, 2.0),
        (Peer::H5py, 4.0, 4.0),
        (Peer::TileDb, 3.0, 9.0),
    ];

    fn word(bar: Bar) -> &'static str {
        bar.judge(Some((1.0, 2.0)), &ROW, |_| Some((0.8, 1.9))).word
    }

    #[test]
    fn the_fastest_rival_counts() {
        assert_eq!(word(Bar::ahead(Against::AllBut(&[]), 3.0)), "met");
        assert_eq!(word(Bar::ahead(Against::AllBut(&[]), 3.1)), "missed");
        assert_eq!(word(Bar::ahead(Against::These(&[Peer::H5py]), 4.0)), "met");
        let others = Against::AllBut(&[Peer::TileDb]);
        assert_eq!(word(Bar::ahead(others, 4.0)), "met");
    }

    #[test]
    fn processor_time_decides_where_it_is_asked_or_wall_time_fails() {
        let bar = Bar::ahead(Against::These(&[Peer::H5py]), 3.0);
        assert_eq!((word(bar), word(bar.by_cpu())), ("met", "missed"));
        assert_eq!(word(Bar::limit(Limit::Pread, 1.1)), "met by CPU");
    }

    #[test]
    fn what_was_not_measured_is_said() {
        let bar = Bar::ahead(Against::These(&[Peer::Deker]), 1.0);
        assert_eq!(word(bar), "not measured");
        assert!(bar.judge(None, &ROW, |_| None).failed);
    }

    #[test]
    fn bytes_are_compared_with_peers_or_a_size() {
        let bytes = [
            (Peer::HyperslabDeker, 1000.0, 1000.0),
            (Peer::H5py, 4000.0, 4000.0),
        ];
        let word = |bar: Bar| bar.judge(Some((1000.0, 1000.0)), &bytes, |_| None).word;
        let h5py = Against::These(&[Peer::H5py]);
        assert_eq!(word(Bar::lighter(h5py, 4.0)), "met");
        assert_eq!(word(Bar::lighter(h5py, 4.1)), "missed");
        assert_eq!(word(Bar::under(1001)), "met");
        assert_eq!(word(Bar::under(1000)), "missed");
        let bar = Bar::under(16 << 10).of(Peer::HyperslabDeker);
        assert_eq!(bar.words(), "< 16 KiB by hyperslab, Deker's storage");
    }
}
