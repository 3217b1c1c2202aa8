//! What plots are made of: text, points, lines, legends, and labels that keep apart.

use super::figure::{Area, WIDTH};
use super::palette::{Ink, Look, Marker};
use anyhow::Result;
use plotters::element::{Circle, DashedPathElement, PathElement, Polygon, Rectangle};
use plotters::prelude::{Color, IntoFont, ShapeStyle};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, TextStyle};

/// A place in pixels.
pub type Spot = (i32, i32);

/// Sizes of text in pixels.
pub const TITLE: f64 = 14.0;
/// Of labels.
pub const LABEL: f64 = 11.5;
/// Of what stands in cells.
pub const SMALL: f64 = 10.0;
/// From the top of a panel to its plot: the title, and what the y axis shows.
pub const HEADER: i32 = 46;
/// The drawing library makes text smaller than it is told, by this.
const SHRINKING: f64 = 1.24;

/// Where text stands relative to its spot.
pub const LEFT: Pos = Pos { h_pos: HPos::Left, v_pos: VPos::Center };
/// Centred.
pub const CENTER: Pos = Pos { h_pos: HPos::Center, v_pos: VPos::Center };
/// Ends there.
pub const RIGHT: Pos = Pos { h_pos: HPos::Right, v_pos: VPos::Center };

/// A style of text.
pub fn style(size: f64, ink: Ink) -> TextStyle<'static> {
    ("sans-serif", size * SHRINKING).into_font().color(&ink.color())
}

/// Writes.
pub fn text(area: &Area, spot: Spot, words: &str, size: f64, ink: Ink, pos: Pos) -> Result<()> {
    Ok(area.draw_text(words, &style(size, ink).pos(pos), spot)?)
}

/// The title of a panel, and below it what its y axis shows.
pub fn header(area: &Area, title: &str, axis: &str) -> Result<()> {
    let font = ("sans-serif", TITLE * SHRINKING, FontStyle::Bold).into_font().color(&Ink::Text.color());
    area.draw_text(title, &font.pos(LEFT), (8, 15))?;
    text(area, (8, 34), axis, LABEL, Ink::Soft, LEFT)
}

/// About how wide text is, in pixels.
pub fn width(words: &str, size: f64) -> i32 {
    /// Of its size, in common fonts without serifs.
    const OF_SIZE: f64 = 0.6;
    (words.chars().count() as f64 * size * OF_SIZE).ceil() as i32
}

/// A point.
pub fn mark(area: &Area, spot: Spot, look: Look, size: i32) -> Result<()> {
    let big = size + 1;
    match look.marker {
        Marker::Nothing => Ok(()),
        Marker::Ring => Ok(area.draw(&Circle::new(spot, size, stroke(look.ink, 1)))?),
        Marker::Circle => disc(area, spot, look, size),
        Marker::Cross => strokes(area, spot, look, [(size, size), (size, -size)]),
        Marker::Plus => strokes(area, spot, look, [(big, 0), (0, big)]),
        Marker::Square => {
            polygon(area, spot, look, &[(-size, -size), (size, -size), (size, size), (-size, size)])
        }
        Marker::Diamond => polygon(area, spot, look, &[(0, -big), (big, 0), (0, big), (-big, 0)]),
        Marker::Triangle => polygon(area, spot, look, &[(0, -big), (big, size), (-big, size)]),
        Marker::Wedge => polygon(area, spot, look, &[(0, big), (big, -size), (-big, -size)]),
    }
}

fn disc(area: &Area, spot: Spot, look: Look, size: i32) -> Result<()> {
    let inside = if look.is_open { Ink::Paper } else { look.ink };
    area.draw(&Circle::new(spot, size, inside.color().filled()))?;
    match look.is_open {
        true => Ok(area.draw(&Circle::new(spot, size, stroke(look.ink, 2)))?),
        false => Ok(()),
    }
}

/// Lines through the spot, to these ends and as far to the other side.
fn strokes(area: &Area, (x, y): Spot, look: Look, ends: [Spot; 2]) -> Result<()> {
    let line =
        |(dx, dy): Spot| PathElement::new(vec![(x - dx, y - dy), (x + dx, y + dy)], stroke(look.ink, 2));
    ends.into_iter().try_for_each(|end| Ok(area.draw(&line(end))?))
}

/// A polygon with these corners, seen from the spot.
fn polygon(area: &Area, (x, y): Spot, look: Look, corners: &[Spot]) -> Result<()> {
    let corners: Vec<Spot> = corners.iter().map(|(dx, dy)| (x + dx, y + dy)).collect();
    let inside = if look.is_open { Ink::Paper } else { look.ink };
    area.draw(&Polygon::new(corners.clone(), inside.color().filled()))?;
    let closed: Vec<Spot> = corners.iter().chain(corners.first()).copied().collect();
    match look.is_open {
        true => Ok(area.draw(&PathElement::new(closed, stroke(look.ink, 2)))?),
        false => Ok(()),
    }
}

fn stroke(ink: Ink, stroke_width: u32) -> ShapeStyle {
    ShapeStyle { color: ink.color().to_rgba(), filled: false, stroke_width }
}

/// A line through these spots, dashed where the look is open.
pub fn line(area: &Area, spots: &[Spot], look: Look, wide: u32) -> Result<()> {
    let (spots, style) = (spots.to_vec(), stroke(look.ink, wide));
    match look.is_open {
        true => Ok(area.draw(&DashedPathElement::new(spots, 5, 4, style))?),
        false => Ok(area.draw(&PathElement::new(spots, style))?),
    }
}

/// A filled rectangle.
pub fn fill(area: &Area, from: Spot, to: Spot, ink: Ink, opacity: f64) -> Result<()> {
    Ok(area.draw(&Rectangle::new([from, to], ink.color().mix(opacity).filled()))?)
}

/// The outline of a rectangle.
pub fn frame(area: &Area, from: Spot, to: Spot, ink: Ink) -> Result<()> {
    let corners = vec![from, (to.0, from.1), to, (from.0, to.1), from];
    Ok(area.draw(&PathElement::new(corners, stroke(ink, 2)))?)
}

/// From one line of text to the next, in pixels.
pub const LINE: i32 = 17;
/// From its edges to a legend.
const EDGE: i32 = 10;

/// Keys with their looks, in rows as wide as a panel.
pub fn legend(area: &Area, keys: &[(String, Look)], top: i32) -> Result<()> {
    let names: Vec<&str> = keys.iter().map(|(name, _)| name.as_str()).collect();
    for ((name, look), (x, row)) in keys.iter().zip(legend_places(&names, WIDTH as i32)) {
        let y = top + row * LINE;
        mark(area, (x + 6, y), *look, 4)?;
        text(area, (x + 16, y), name, LABEL, Ink::Text, LEFT)?;
    }
    Ok(())
}

/// Pixels from top to bottom of a legend.
pub fn legend_height(keys: &[(String, Look)]) -> i32 {
    let names: Vec<&str> = keys.iter().map(|(name, _)| name.as_str()).collect();
    legend_places(&names, WIDTH as i32).last().map_or(0, |(_, row)| (row + 1) * LINE)
}

/// Where each key begins, and in which row.
fn legend_places(names: &[&str], wide: i32) -> Vec<(i32, i32)> {
    let (mut x, mut row) = (EDGE, 0);
    let place = |name: &&str| {
        let needed = width(name, LABEL) + 30;
        if x + needed > wide - EDGE && x > EDGE {
            (x, row) = (EDGE, row + 1);
        }
        let place = (x, row);
        x += needed;
        place
    };
    names.iter().map(place).collect()
}

/// Places for labels at least `gap` apart and between `low` and `high` if there is room, each as close to its own as its
/// neighbours let it. In and out in the same order.
pub fn apart(wanted: &[i32], gap: i32, low: i32, high: i32) -> Vec<i32> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by_key(|&i| wanted[i]);
    // Groups of labels that touch, each with its first place and its members.
    let mut groups: Vec<(f64, Vec<usize>)> = Vec::new();
    for i in order {
        let mut group = (f64::from(wanted[i]), vec![i]);
        while let Some((start, members)) = groups.last() {
            if start + f64::from(gap) * members.len() as f64 <= group.0 {
                break;
            }
            let (_, before) = groups.pop().expect("there is a last one");
            let members: Vec<usize> = before.into_iter().chain(group.1).collect();
            // The start that is closest to what all members want.
            let offsets =
                members.iter().enumerate().map(|(k, &i)| f64::from(wanted[i]) - f64::from(gap) * k as f64);
            group = (offsets.sum::<f64>() / members.len() as f64, members);
        }
        groups.push(group);
    }
    let mut places = vec![0; wanted.len()];
    for (start, members) in groups {
        for (k, i) in members.into_iter().enumerate() {
            places[i] = start.round() as i32 + gap * k as i32;
        }
    }
    push_in(&mut places, gap, low, high);
    places
}

/// Moves what is outside inside, and what that touches.
fn push_in(places: &mut [i32], gap: i32, low: i32, high: i32) {
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by_key(|&i| places[i]);
    let mut most = high;
    for &i in order.iter().rev() {
        places[i] = places[i].min(most);
        most = places[i] - gap;
    }
    let mut least = low;
    for &i in &order {
        places[i] = places[i].max(least);
        least = places[i] + gap;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_keep_apart_and_inside() {
        assert_eq!(apart(&[100, 50, 200], 12, 0, 300), [100, 50, 200]);
        assert_eq!(apart(&[100, 102], 12, 0, 300), [95, 107]);
        let crowded = apart(&[295, 298, 299, 299], 12, 0, 300);
        assert_eq!(crowded, [264, 276, 288, 300]);
        for wanted in [vec![5; 8], vec![150, 151, 10, 12, 151, 290, 299]] {
            let mut places = apart(&wanted, 12, 0, 300);
            places.sort();
            assert!(places.windows(2).all(|pair| pair[1] - pair[0] >= 12), "{places:?}");
            assert!(places[0] >= 0 && places[places.len() - 1] <= 300, "{places:?}");
        }
    }

    #[test]
    fn a_legend_goes_on_in_the_next_row() {
        let names = ["one", "another", "sampled recompute"];
        let rows =
            |wide: i32| legend_places(&names, wide).into_iter().map(|(_, row)| row).collect::<Vec<_>>();
        assert_eq!((rows(1000), rows(170), rows(20)), (vec![0, 0, 0], vec![0, 0, 1], vec![0, 1, 2]));
    }
}
