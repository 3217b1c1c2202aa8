//! Axes: from values to pixels, and ticks at round values.

use super::canvas::{self, CENTER, LABEL, RIGHT, Spot};
use super::figure::{Area, WIDTH};
use super::palette::{Ink, Look, Marker};
use anyhow::Result;

/// An axis: from values to pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Axis {
    values: (f64, f64),
    pixels: (i32, i32),
    is_logarithmic: bool,
}

impl Axis {
    /// Equal steps for equal factors.
    pub fn logarithmic(values: (f64, f64), pixels: (i32, i32)) -> Axis {
        Axis { values, pixels, is_logarithmic: true }
    }

    /// Equal steps for equal differences.
    pub fn linear(values: (f64, f64), pixels: (i32, i32)) -> Axis {
        Axis { values, pixels, is_logarithmic: false }
    }

    /// The pixel of a value, at most that of an end.
    pub fn at(&self, value: f64) -> i32 {
        let scale = |value: f64| if self.is_logarithmic { value.ln() } else { value };
        let (low, high) = (scale(self.values.0), scale(self.values.1));
        let part = if high > low { (scale(value) - low) / (high - low) } else { 0.5 };
        let (from, to) = (f64::from(self.pixels.0), f64::from(self.pixels.1));
        (from + (to - from) * part.clamp(0.0, 1.0)).round() as i32
    }

    /// The pixels of its ends.
    pub fn ends(&self) -> (i32, i32) {
        self.pixels
    }

    /// Whether it reaches so far.
    pub fn holds(&self, value: f64) -> bool {
        (self.values.0..=self.values.1).contains(&value)
    }
}

/// Two axes with what is between them.
#[derive(Debug, Clone, Copy)]
pub struct Axes {
    /// From left to right.
    pub x: Axis,
    /// From bottom to top.
    pub y: Axis,
}

/// A thin line.
const GUIDE: Look = Look { ink: Ink::Grid, marker: Marker::Nothing, is_open: false };
/// The axis itself.
const AXIS: Look = Look { ink: Ink::Soft, marker: Marker::Nothing, is_open: false };

impl Axes {
    /// The pixels of a point.
    pub fn at(&self, x: f64, y: f64) -> Spot {
        (self.x.at(x), self.y.at(y))
    }

    /// A line across at a value of x, and its label.
    pub fn x_tick(&self, area: &Area, value: f64, label: &str) -> Result<()> {
        let (x, (bottom, top)) = (self.x.at(value), self.y.ends());
        canvas::line(area, &[(x, bottom), (x, top)], GUIDE, 1)?;
        canvas::text(area, (centre(x, label), bottom + 12), label, LABEL, Ink::Soft, CENTER)
    }

    /// A line across at a value of y, and its label.
    pub fn y_tick(&self, area: &Area, value: f64, label: &str) -> Result<()> {
        let (y, (left, right)) = (self.y.at(value), self.x.ends());
        canvas::line(area, &[(left, y), (right, y)], GUIDE, 1)?;
        canvas::text(area, (left - 6, y), label, LABEL, Ink::Soft, RIGHT)
    }

    /// The line below.
    pub fn floor(&self, area: &Area) -> Result<()> {
        let ((left, right), (bottom, _)) = (self.x.ends(), self.y.ends());
        canvas::line(area, &[(left, bottom), (right, bottom)], AXIS, 1)
    }

    /// Ticks of y at round numbers.
    pub fn decimal_ticks(&self, area: &Area) -> Result<()> {
        let (low, high) = self.y.values;
        decimal_ticks(low, high).into_iter().try_for_each(|tick| self.y_tick(area, tick, &tick.to_string()))
    }

    /// Ticks of row lengths.
    pub fn length_ticks(&self, area: &Area, most: usize) -> Result<()> {
        let (low, high) = self.x.values;
        length_ticks(low, high, most)
            .into_iter()
            .try_for_each(|tick| self.x_tick(area, tick, &short_length(tick)))
    }
}

/// The middle of a tick's label: below the tick, unless the edge of the panel would cut the label off.
fn centre(x: i32, label: &str) -> i32 {
    const MARGIN: i32 = 4;
    let half = canvas::width(label, LABEL) / 2 + MARGIN;
    x.clamp(half, WIDTH as i32 - half)
}

/// Powers of two from `low` to `high` at which an axis has labels, at most `most`.
pub fn length_ticks(low: f64, high: f64, most: usize) -> Vec<f64> {
    let (from, to) = (low.log2().ceil() as i32, high.log2().floor() as i32);
    let octaves = (to - from).max(0) as usize;
    let step = [1, 2, 3, 4, 6, 8].into_iter().find(|step| octaves / step < most).unwrap_or(12);
    let first = (from..).find(|power| power % step as i32 == 0).unwrap_or(from);
    (first..=to).step_by(step).map(|power| f64::from(power).exp2()).collect()
}

/// 1, 2, 5, 10, ... from `low` to `high`.
pub fn decimal_ticks(low: f64, high: f64) -> Vec<f64> {
    // No number has more.
    let decade = |value: f64| value.clamp(f64::from(f64::MIN_10_EXP), f64::from(f64::MAX_10_EXP)) as i32;
    let decades = decade(low.log10().floor())..=decade(high.log10().ceil());
    let all = decades.flat_map(|decade| [1.0, 2.0, 5.0].map(|digit| digit * 10f64.powi(decade)));
    all.filter(|tick| (low..=high).contains(tick)).collect()
}

/// From 0 to `high`: about five round numbers.
pub fn linear_ticks(high: f64) -> Vec<f64> {
    let rough = high / 5.0;
    let digit = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .map(|times| times * digit)
        .into_iter()
        .find(|&step| step >= rough)
        .unwrap_or(rough);
    (0..).map(|i| f64::from(i) * step).take_while(|&tick| tick <= high).collect()
}

/// A length in few letters: `64`, `4k`, `1M`; k is 2^10, M 2^20.
pub fn short_length(len: f64) -> String {
    match len {
        len if len < 1024.0 => format!("{len:.0}"),
        len if len < 1048576.0 => format!("{}k", significant(len / 1024.0)),
        len => format!("{}M", significant(len / 1048576.0)),
    }
}

/// Two digits, or all before the point.
fn significant(number: f64) -> String {
    if number < 9.95 && (number - number.round()).abs() > 0.05 {
        format!("{number:.1}")
    } else {
        format!("{number:.0}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_pixels_between_the_ends() {
        let log = Axis::logarithmic((1.0, 16.0), (100, 200));
        assert_eq!([1.0, 4.0, 16.0, 99.0].map(|value| log.at(value)), [100, 150, 200, 200]);
        let down = Axis::linear((0.0, 10.0), (200, 0));
        assert_eq!([0.0, 2.5, 10.0].map(|value| down.at(value)), [200, 150, 0]);
        assert_eq!(Axis::logarithmic((64.0, 64.0), (0, 10)).at(64.0), 5);
        assert!(log.holds(2.0) && !log.holds(0.5));
    }

    #[test]
    fn the_edge_of_a_panel_cuts_no_label_off() {
        let wide = WIDTH as i32;
        assert_eq!(centre(wide / 2, "128M"), wide / 2);
        assert!(centre(wide, "128M") < wide - 14 && centre(0, "64") > 7);
    }

    #[test]
    fn ticks_are_few_and_round() {
        assert_eq!(length_ticks(32.0, 2f64.powi(23), 7), [6, 9, 12, 15, 18, 21].map(|p| 2f64.powi(p)));
        assert_eq!(length_ticks(60.0, 5000.0, 7), [6, 7, 8, 9, 10, 11, 12].map(|p| 2f64.powi(p)));
        assert_eq!(length_ticks(64.0, 64.0, 7), [64.0]);
        assert_eq!(decimal_ticks(0.03, 1.5), [0.05, 0.1, 0.2, 0.5, 1.0]);
        assert_eq!(linear_ticks(92.0), [0.0, 20.0, 40.0, 60.0, 80.0]);
        assert_eq!(
            [64.0, 4096.0, 1536.0, 1048576.0, 17867.0].map(short_length),
            ["64", "4k", "1.5k", "1M", "17k"]
        );
    }
}
