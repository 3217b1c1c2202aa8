//! Shares of the whole, for several machines or workflows that have no matrix between them.

use super::Series;
use std::fmt;
use std::str::FromStr;

/// The `index`-th of `count` shares, from 1; written `2/4`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    index: u32,
    count: u32,
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Shard, String> {
        let parts = text.split_once('/');
        let numbers = parts.and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
        match numbers {
            Some((index, count)) if (1..=count).contains(&index) => Ok(Shard { index, count }),
            _ => Err(format!("`{text}` is no share: the first of four is 1/4, the last 4/4")),
        }
    }
}

/// One share of the series, one after the other: each item goes to the share in which its middle lies, so that a share has its
/// part of the weight but for half an item at either end.
pub fn share(all: Vec<Series>, shard: Shard) -> Vec<Series> {
    let total: f64 = all.iter().flat_map(|series| &series.items).map(|item| item.weight).sum();
    let mut before = 0.0;
    let mut is_ours = |weight: f64| {
        let middle = (before + weight / 2.0) / total;
        before += weight;
        let index = (middle * f64::from(shard.count)) as u32;
        index.min(shard.count - 1) + 1 == shard.index
    };
    let mut shares = all;
    for series in &mut shares {
        series.items.retain(|item| is_ours(item.weight));
    }
    shares.retain(|series| !series.items.is_empty());
    shares
}
