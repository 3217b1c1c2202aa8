//! What one race says: our time at a shape, and how it compares.

use super::Shape;
use crate::measuring::BYTES_PER_ELEMENT;
use crate::measuring::bootstrap::bootstrap_interval;
use crate::measuring::statistics::{median, ratios};

/// The result at one shape. Times are medians in nanoseconds per element; ratios are medians of ratios round by round,
/// which do not notice a machine that slows down for all.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// The shape.
    pub shape: Shape,
    /// Our time.
    pub time: f64,
    /// Its 95 % interval.
    pub interval: (f64, f64),
    /// The time of copying as much.
    pub memcpy: f64,
    /// Our time over that of copying.
    pub to_memcpy: f64,
    /// The least that memory allows, over our time.
    pub roofline: f64,
    /// The peers, in the order of the field.
    pub peers: Vec<Rival>,
}

/// A peer at one shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Rival {
    /// Its id.
    pub id: String,
    /// Its time.
    pub time: f64,
    /// Its time over ours: above 1, ours is faster.
    pub to_ours: f64,
}

/// Samples of one race, all from the same rounds.
pub struct Samples<'a> {
    /// Ours.
    pub ours: &'a [f64],
    /// Of copying.
    pub memcpy: &'a [f64],
    /// Of reading.
    pub read_sum: &'a [f64],
    /// Of the peers, by id.
    pub peers: Vec<(&'a str, &'a [f64])>,
}

impl Standing {
    /// Concludes. `l2_bytes` decides whether a row of a batch is still in the cache when it is read again.
    pub fn new(shape: Shape, samples: &Samples, l2_bytes: usize) -> Standing {
        let rival = |&(id, time): &(&str, &[f64])| Rival {
            id: id.to_owned(),
            time: median(time),
            to_ours: median(&ratios(time, samples.ours)),
        };
        let is_read_twice = shape.rows == 1 || shape.len * size_of::<f32>() > l2_bytes;
        let reading = if is_read_twice { median(samples.read_sum) } else { 0.0 };
        let time = median(samples.ours);
        Standing {
            shape,
            time,
            interval: bootstrap_interval(samples.ours),
            memcpy: median(samples.memcpy),
            to_memcpy: median(&ratios(samples.ours, samples.memcpy)),
            roofline: (reading + median(samples.memcpy)) / time,
            peers: samples.peers.iter().map(rival).collect(),
        }
    }

    /// Our time for all rows, in nanoseconds.
    pub fn total_ns(&self) -> f64 {
        self.time * self.shape.elements() as f64
    }

    /// Our bandwidth, counting one read and one write.
    pub fn gb_per_s(&self) -> f64 {
        BYTES_PER_ELEMENT / self.time
    }

    /// The fastest peer.
    pub fn best(&self) -> Option<&Rival> {
        self.peers.iter().min_by(|a, b| a.to_ours.total_cmp(&b.to_ours))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const L2: usize = 1 << 20;

    fn standing(rows: usize, len: usize) -> Standing {
        // The machine is half as fast in the last two rounds; ratios do not notice.
        let ours = [0.4, 0.4, 0.4, 0.8, 0.8];
        let (slow, fast) = (ours.map(|time| time * 1.5), ours.map(|time| time * 0.9));
        let samples = Samples {
            ours: &ours,
            memcpy: &ours.map(|time| time / 4.0),
            read_sum: &[0.06; 5],
            peers: vec![("slow", &slow), ("fast", &fast)],
        };
        Standing::new(Shape { rows, len }, &samples, L2)
    }

    #[test]
    fn ratios_are_paired_and_above_one_where_ours_is_faster() {
        let standing = standing(1, 64);
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
        close(standing.time, 0.4);
        close(standing.total_ns(), 25.6);
        close(standing.gb_per_s(), 20.0);
        close(standing.to_memcpy, 4.0);
        close(standing.peers[0].to_ours, 1.5);
        let best = standing.best().unwrap();
        assert_eq!(best.id, "fast");
        close(best.to_ours, 0.9);
        close(best.time, 0.36);
        assert!(standing.interval.0 >= 0.4 && standing.interval.1 <= 0.8);
    }

    #[test]
    fn a_row_of_a_batch_is_read_from_memory_once_if_the_cache_holds_it() {
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
        close(standing(1, 64).roofline, 0.4);
        close(standing(100, L2 / 4).roofline, 0.25);
        close(standing(100, L2 / 4 + 1).roofline, 0.4);
    }

    #[test]
    fn without_peers_nobody_is_best() {
        let samples = Samples { ours: &[1.0], memcpy: &[1.0], read_sum: &[1.0], peers: vec![] };
        assert_eq!(Standing::new(Shape { rows: 1, len: 1 }, &samples, L2).best(), None);
    }
}
