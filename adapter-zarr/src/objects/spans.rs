//! Which byte ranges are read together.

use std::ops::Range;

use bytes::Bytes;

/// Bytes read in one request for the sake of one or more ranges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) range: Range<u64>,
    /// Which of the ranges asked for lie in it.
    members: Vec<usize>,
}

/// Merges ranges whose gap is at most `gap_max` bytes into spans of at most `span_max` bytes, or of one range that is
/// longer. Empty ranges are in no span.
pub(super) fn merge(ranges: &[Range<u64>], gap_max: u64, span_max: u64) -> Vec<Span> {
    let mut order: Vec<usize> = (0..ranges.len())
        .filter(|&index| !ranges[index].is_empty())
        .collect();
    order.sort_by_key(|&index| (ranges[index].start, ranges[index].end));
    let mut spans: Vec<Span> = Vec::new();
    for index in order {
        let range = &ranges[index];
        if let Some(last) = spans.last_mut() {
            let end = last.range.end.max(range.end);
            let near = range.start <= last.range.end.saturating_add(gap_max);
            let inside = end == last.range.end;
            if inside || (near && end - last.range.start <= span_max) {
                last.range.end = end;
                last.members.push(index);
                continue;
            }
        }
        spans.push(Span {
            range: range.clone(),
            members: vec![index],
        });
    }
    spans
}

/// The bytes of each range, cut from the bytes of the spans; `None` when a span is too short.
pub(super) fn cut(ranges: &[Range<u64>], spans: &[(Span, Bytes)]) -> Option<Vec<Bytes>> {
    let mut parts = vec![Bytes::new(); ranges.len()];
    for (span, bytes) in spans {
        for &index in &span.members {
            let start = usize::try_from(ranges[index].start - span.range.start).ok()?;
            let length = usize::try_from(ranges[index].end - ranges[index].start).ok()?;
            let end = start.checked_add(length)?;
            if end > bytes.len() {
                return None;
            }
            parts[index] = bytes.slice(start..end);
        }
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_cut_is_what_was_asked_for(
            pairs in proptest::collection::vec((0_u64..900, 0_u64..100), 0..20),
            gap_max in 0_u64..50,
            span_max in 1_u64..300,
        ) {
            let content: Bytes = (0..1000_u32).map(|at| u8::try_from(at % 251).unwrap()).collect();
            let ranges: Vec<_> = pairs.iter().map(|&(start, length)| start..start + length).collect();
            let at = |range: &Range<u64>| {
                content.slice(usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap())
            };
            let spans = merge(&ranges, gap_max, span_max);
            for pair in spans.windows(2) {
                prop_assert!(pair[0].range.start <= pair[1].range.start);
            }
            for span in &spans {
                let longest = span.members.iter().map(|&index| ranges[index].end - ranges[index].start).max();
                prop_assert!(span.range.end - span.range.start <= span_max.max(longest.unwrap()));
            }
            let read: Vec<_> = spans.into_iter().map(|span| { let bytes = at(&span.range); (span, bytes) }).collect();
            let parts = cut(&ranges, &read).unwrap();
            for (range, part) in ranges.iter().zip(parts) {
                prop_assert_eq!(at(range), part);
            }
        }
    }

    #[test]
    fn neighbours_are_one_span() {
        let ranges = [20..30, 0..10, 500..600, 15..15];
        let spans: Vec<_> = merge(&ranges, 10, 1000)
            .into_iter()
            .map(|span| span.range)
            .collect();
        assert_eq!(spans, [0..30, 500..600]);
    }
}
