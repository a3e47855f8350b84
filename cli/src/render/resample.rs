//! From cells to pixels: the mean of the cells under a pixel when shrinking, the nearest cell when growing.

use std::ops::Range;

/// For each of `pixel_count` pixels over `cell_count` cells of equal width, the cells it shows.
pub(crate) fn even_spans(cell_count: usize, pixel_count: usize) -> Vec<Range<usize>> {
    (0..pixel_count)
        .map(|pixel| {
            if pixel_count >= cell_count {
                let cell = (2 * pixel + 1) * cell_count / (2 * pixel_count);
                cell..cell + 1
            } else {
                pixel * cell_count / pixel_count..(pixel + 1) * cell_count / pixel_count
            }
        })
        .collect()
}

/// One number per pixel, row by row: the mean over the cells of `rows` x `columns`, NaN where all are missing.
pub(crate) fn resample(
    numbers: &[f64],
    column_count: usize,
    rows: &[Range<usize>],
    columns: &[Range<usize>],
) -> Vec<f64> {
    let mut pixels = Vec::with_capacity(rows.len() * columns.len());
    for row in rows {
        for column in columns {
            pixels.push(mean(numbers, column_count, row, column));
        }
    }
    pixels
}

#[expect(clippy::cast_precision_loss, reason = "fewer cells than 2^53")]
fn mean(numbers: &[f64], column_count: usize, rows: &Range<usize>, columns: &Range<usize>) -> f64 {
    let (mut sum, mut count) = (0.0, 0_usize);
    for row in rows.clone() {
        let cells = &numbers[row * column_count..][columns.clone()];
        for &number in cells.iter().filter(|number| !number.is_nan()) {
            sum += number;
            count += 1;
        }
    }
    // 0 / 0 is the NaN that stands for a missing pixel.
    sum / count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shrinking_takes_the_mean_and_every_cell_once() {
        let numbers = [1.0, 3.0, f64::NAN, f64::NAN, 5.0, 7.0, 9.0, f64::NAN];
        let pixels = resample(&numbers, 4, &even_spans(2, 1), &even_spans(4, 2));
        assert_eq!(pixels, [4.0, 9.0]);
        for (cells, pixels) in [(10, 3), (7, 7), (1000, 999), (5, 1)] {
            let spans = even_spans(cells, pixels);
            assert_eq!(spans[0].start, 0);
            assert_eq!(spans[pixels - 1].end, cells);
            assert!(spans.windows(2).all(|pair| pair[0].end == pair[1].start));
        }
    }

    #[test]
    fn growing_repeats_each_cell_evenly() {
        let firsts: Vec<_> = even_spans(3, 6).iter().map(|span| span.start).collect();
        assert_eq!(firsts, [0, 0, 1, 1, 2, 2]);
        let firsts: Vec<_> = even_spans(2, 5).iter().map(|span| span.start).collect();
        assert_eq!(firsts, [0, 0, 1, 1, 1]);
    }

    #[test]
    fn a_pixel_without_cells_is_missing() {
        assert!(resample(&[f64::NAN; 4], 2, &even_spans(2, 1), &even_spans(2, 1))[0].is_nan());
    }
}
