//! The left and the bottom side of a picture: ticks, their texts and the title.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "pixel positions are small positive numbers"
)]

use super::{
    BLACK, FRAME, GAP, GREY, LABEL_SIZE, Layout, MARGIN, TICK_LENGTH, TICK_SIZE, lettering,
};
use crate::render::canvas::{Anchor, Canvas, Ink, Type};
use crate::render::scale::Scale;
use crate::render::ticks::Tick;

/// An axis as it is drawn: its ticks with their distance from the low end of the drawing direction.
pub(super) struct Side {
    pub(super) ticks: Vec<(f32, Tick)>,
    pub(super) title: String,
}

impl Side {
    pub(super) fn across(scale: &Scale<'_>, length: f32, letters: &Type) -> Self {
        let place = |tick: &Tick| length * fraction(scale, tick.at);
        let ticks = (2..=9)
            .rev()
            .map(|count| scale.ticks(count))
            .find(|ticks| {
                ticks.windows(2).all(|pair| {
                    let half = |tick: &Tick| tick_width(letters, tick) / 2.0;
                    place(&pair[1]) - place(&pair[0]) > half(&pair[0]) + half(&pair[1]) + 18.0
                })
            })
            .unwrap_or_else(|| scale.ticks(1).into_iter().take(1).collect());
        Self {
            ticks: ticks.into_iter().map(|tick| (place(&tick), tick)).collect(),
            title: scale.title(),
        }
    }

    pub(super) fn upright(scale: &Scale<'_>, length: f32) -> Self {
        let count = ((length / 70.0) as usize).clamp(2, 9);
        let ticks = scale.ticks(count).into_iter().map(|mut tick| {
            if let Some(date) = tick.second_line.take() {
                tick.text = format!("{date} {}", tick.text);
            }
            let up = fraction(scale, tick.at);
            let down = if scale.low_at_top() { up } else { 1.0 - up };
            (length * down, tick)
        });
        Self {
            ticks: ticks.collect(),
            title: scale.title(),
        }
    }

    pub(super) fn text_width(&self, letters: &Type) -> f32 {
        let widths = self.ticks.iter().map(|(_, tick)| tick_width(letters, tick));
        widths.fold(0.0, f32::max)
    }

    /// How far the text of the last tick reaches past the plot on the right.
    pub(super) fn overhang(&self, length: f32, letters: &Type) -> f32 {
        self.ticks.last().map_or(0.0, |(across, tick)| {
            (across + tick_width(letters, tick) / 2.0 - length).max(0.0)
        })
    }

    pub(super) fn has_second_line(&self) -> bool {
        self.ticks
            .iter()
            .any(|(_, tick)| tick.second_line.is_some())
    }

    /// How far ticks, their texts and the title reach away from the plot.
    pub(super) fn depth_across(&self) -> f32 {
        let lines = if self.has_second_line() { 2.0 } else { 1.0 };
        TICK_LENGTH + 8.0 + lines * (TICK_SIZE + 4.0) + GAP + LABEL_SIZE + 4.0
    }

    pub(super) fn depth_upright(&self, letters: &Type) -> f32 {
        TICK_LENGTH + GAP + self.text_width(letters) + GAP + LABEL_SIZE + 4.0
    }
}

pub(super) fn fraction(scale: &Scale<'_>, at: f64) -> f32 {
    let span = scale.high() / 2.0 - scale.low() / 2.0;
    ((at / 2.0 - scale.low() / 2.0) / span) as f32
}

pub(super) fn tick_width(letters: &Type, tick: &Tick) -> f32 {
    let second = tick.second_line.as_deref().unwrap_or_default();
    letters
        .width(&tick.text, TICK_SIZE, false)
        .max(letters.width(second, TICK_SIZE, false))
}

/// Frame, graticule, ticks and titles of the left and the bottom side.
pub(super) fn draw_sides(
    canvas: &mut Canvas<'_>,
    layout: &Layout,
    letters: &Type,
    (left, bottom): (&Side, &Side),
    graticule: Ink,
) {
    let [x0, y0, width, height] = layout.plot;
    let text = lettering(TICK_SIZE, BLACK, Anchor::Middle);
    for (across, tick) in &bottom.ticks {
        let x = (x0 + across).round().clamp(x0, x0 + width - 1.0);
        canvas.rectangle(x, y0, 1.0, height, graticule);
        canvas.rectangle(x, y0 + height + FRAME, 2.0, TICK_LENGTH, GREY);
        let base = y0 + height + TICK_LENGTH + 8.0 + TICK_SIZE;
        canvas.text(&tick.text, x, base, text);
        if let Some(second) = &tick.second_line {
            canvas.text(second, x, base + TICK_SIZE + 4.0, text);
        }
    }
    for (down, tick) in &left.ticks {
        let y = (y0 + down).round().clamp(y0, y0 + height - 1.0);
        canvas.rectangle(x0, y, width, 1.0, graticule);
        canvas.rectangle(x0 - FRAME - TICK_LENGTH, y, TICK_LENGTH, 2.0, GREY);
        let style = lettering(TICK_SIZE, BLACK, Anchor::End);
        canvas.text(
            &tick.text,
            x0 - TICK_LENGTH - GAP,
            y + TICK_SIZE * 0.36,
            style,
        );
    }
    canvas.frame(layout.plot, FRAME, GREY);
    let mut style = lettering(LABEL_SIZE, BLACK, Anchor::Middle);
    let title = letters.fitted(&bottom.title, LABEL_SIZE, false, width);
    let base = layout.height - MARGIN - 4.0;
    canvas.text(&title, x0 + width / 2.0, base, style);
    style.upwards = true;
    let title = letters.fitted(&left.title, LABEL_SIZE, false, height);
    canvas.text(&title, MARGIN + LABEL_SIZE * 0.8, y0 + height / 2.0, style);
}
