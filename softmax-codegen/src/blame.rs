//! Grids of which every combination is pruned: the axis to blame, and what it could say instead.

use crate::ast;
use crate::check::degrees;
use quote::ToTokens;
use softmax_spec::{
    Block, Direction, Enumeration, Exp, Grid, Isa, Prefetch, Pruned, Reason, Reduction, Store, Streams, Tile,
};

/// Why nothing of the block can be generated, at the axis of which another value would do; at the word `grid` where no
/// single axis is to blame. `None` if there are variants.
pub fn mistake(grid: &ast::Grid, block: &Block) -> Option<syn::Error> {
    let Enumeration { variants, pruned } = enumerate(block);
    if !variants.is_empty() {
        return None;
    }
    let Pruned { variant, reason } = pruned.first()?;
    let why = format!("no variant of this grid can be generated: {variant}, for example, because {reason}");
    let mut remedies = suspects(*reason).filter_map(|name| {
        let axis = grid.axes.iter().find(|axis| axis.name == name)?;
        let others = alternatives(name, block);
        (!others.is_empty()).then(|| (axis, others.join(", ")))
    });
    Some(match remedies.next() {
        Some((axis, others)) => {
            syn::Error::new_spanned(place(axis), format!("{why} (allowed here: {others})"))
        }
        None => syn::Error::new(grid.span, why),
    })
}

fn enumerate(block: &Block) -> Enumeration {
    Grid { blocks: vec![block.clone()] }.enumerate()
}

/// The only value of an axis, or its name if it has several.
fn place(axis: &ast::Axis) -> &dyn ToTokens {
    match axis.entries.as_slice() {
        [entry] => entry,
        _ => &axis.name,
    }
}

/// Names of axes, the one that the reason is about first.
fn suspects(reason: Reason) -> impl Iterator<Item = &'static str> {
    let first = match reason {
        Reason::Unroll(_) | Reason::StreamElements(_) => "unroll",
        Reason::Accumulators(_) | Reason::Registers { .. } => "accumulators",
        Reason::NonTemporal => "store",
        Reason::Prefetch => "prefetch",
        Reason::WholeRows | Reason::Streams { .. } => "streams",
        Reason::Backward => "direction",
        Reason::NeedsMaximum | Reason::RoundsDifference | Reason::Lookup { .. } => "exp",
    };
    let others = ["unroll", "accumulators", "exp", "store", "prefetch", "streams", "direction", "isas"];
    std::iter::once(first).chain(others)
}

/// The values with which an axis would leave something of the block.
fn alternatives(axis: &str, block: &Block) -> Vec<String> {
    let numbers = 1..=Tile::MAX_UNROLL;
    let prefetches = [Prefetch::NONE].into_iter().chain(Prefetch::new(Prefetch::STEP));
    match axis {
        "unroll" => left(block, numbers, |n| n.to_string(), |block, n| block.unrolls = vec![n]),
        "accumulators" => left(block, numbers, |n| n.to_string(), |block, n| block.accumulators = vec![n]),
        "exp" => left(block, Reduction::ALL, degrees, |block, reduction| {
            block.exps = Exp::all().filter(|exp| exp.reduction == reduction).collect();
        }),
        "store" => {
            left(block, Store::ALL, |store| store.to_string(), |block, store| block.stores = vec![store])
        }
        "prefetch" => left(
            block,
            prefetches,
            |prefetch| prefetch.distance().to_string(),
            |block, prefetch| block.prefetches = vec![prefetch],
        ),
        "streams" => left(
            block,
            Streams::ALL,
            |streams| streams.count().to_string(),
            |block, streams| block.streams = vec![streams],
        ),
        "direction" => left(
            block,
            Direction::ALL,
            |direction| direction.to_string(),
            |block, direction| block.directions = vec![direction],
        ),
        _ => left(block, Isa::ALL, |isa| isa.to_string(), |block, isa| block.isas = vec![isa]),
    }
}

/// Those of `values`, as texts, that leave something of the block if they are `set`.
fn left<T: Copy>(
    block: &Block,
    values: impl IntoIterator<Item = T>,
    text: impl Fn(T) -> String,
    set: impl Fn(&mut Block, T),
) -> Vec<String> {
    let leaves_something = |value: &T| {
        let mut changed = block.clone();
        set(&mut changed, *value);
        !enumerate(&changed).variants.is_empty()
    };
    values.into_iter().filter(leaves_something).map(text).collect()
}
