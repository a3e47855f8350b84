//! From a number to a colour.

/// Red, green and blue.
pub(crate) type Rgb = [u8; 3];

/// A perceptually uniform colour map over a range of numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ColorScale {
    /// The number of the first colour.
    pub(crate) low: f64,
    /// The number of the last colour, above `low`.
    pub(crate) high: f64,
    /// The one number that all of them are, which then lies in the middle.
    pub(crate) single: Option<f64>,
    gradient: colorous::Gradient,
}

impl ColorScale {
    /// Colours for all the numbers that are finite.
    pub(crate) fn over(numbers: &[f64]) -> Self {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for &number in numbers.iter().filter(|number| number.is_finite()) {
            low = low.min(number);
            high = high.max(number);
        }
        let single = (low == high).then_some(low);
        if low > high {
            (low, high) = (0.0, 1.0);
        } else if low == high {
            let margin = if low == 0.0 { 0.5 } else { low.abs() * 0.01 };
            (low, high) = (low - margin, high + margin);
        }
        Self {
            low,
            high,
            single,
            gradient: colorous::VIRIDIS,
        }
    }

    /// Where a number lies between the ends, from 0 to 1.
    pub(crate) fn fraction(&self, number: f64) -> f64 {
        // Halved first, so that the difference of two huge numbers stays finite.
        let span = self.high / 2.0 - self.low / 2.0;
        ((number / 2.0 - self.low / 2.0) / span).clamp(0.0, 1.0)
    }

    /// The colour of a number, `None` for NaN.
    pub(crate) fn color(&self, number: f64) -> Option<Rgb> {
        (!number.is_nan()).then(|| self.at(self.fraction(number)))
    }

    /// The colour at a fraction of the range.
    pub(crate) fn at(&self, fraction: f64) -> Rgb {
        self.gradient.eval_continuous(fraction).as_array()
    }
}

/// The nearest of the 6 x 6 x 6 colours that a terminal of 256 colours has.
pub(crate) fn nearest_of_256(color: Rgb) -> u8 {
    let [red, green, blue] = color.map(|part| match part {
        0..=47 => 0,
        48..=114 => 1,
        part => (part - 35) / 40,
    });
    16 + 36 * red + 6 * green + blue
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_the_range_get_the_ends_of_the_map() {
        let colors = ColorScale::over(&[3.0, f64::NAN, -1.0]);
        assert_eq!(colors.color(-1.0), Some([0x44, 0x01, 0x54]));
        assert_eq!(colors.color(3.0), Some([0xfd, 0xe7, 0x25]));
        assert_eq!(colors.color(f64::NAN), None);
    }

    #[test]
    fn extreme_ranges_have_colours() {
        for numbers in [
            [f64::MIN, f64::MAX],
            [5.0, 5.0],
            [f64::NAN, f64::NAN],
            [f64::NEG_INFINITY, f64::INFINITY],
            [0.0, 0.0],
        ] {
            let colors = ColorScale::over(&numbers);
            assert!(colors.low < colors.high);
            assert!((0.0..=1.0).contains(&colors.fraction(numbers[0])) || numbers[0].is_nan());
        }
    }

    #[test]
    fn the_256_colours_keep_black_and_white() {
        assert_eq!(nearest_of_256([0, 0, 0]), 16);
        assert_eq!(nearest_of_256([255, 255, 255]), 231);
    }
}
