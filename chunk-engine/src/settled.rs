//! Files that other programs may change in place.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Two changes of a file have different times when there is so much between them. The clocks of most file systems tick each few
/// milliseconds, that of the oldest each 2 s; times are cut to their second here.
const APART: Duration = Duration::from_secs(3);

/// Whether a file whose last change of any kind was in this second of the epoch was left alone for so long that its next change will
/// have another time: what is kept of it is told from what it becomes. A change of the future may come again.
#[must_use]
pub fn is_settled(changed: i64, now: SystemTime) -> bool {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let changed = u64::try_from(changed).map(Duration::from_secs);
    changed.is_ok_and(|changed| changed + APART <= now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_settled_some_time_after_its_last_change() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        assert!(!is_settled(100, at(100)));
        assert!(!is_settled(100, at(102)));
        assert!(is_settled(100, at(103)));
        assert!(!is_settled(100, at(50)));
        assert!(!is_settled(-1, at(50)));
    }
}
