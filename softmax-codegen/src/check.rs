//! From the syntax tree to a grid: every word looked up, every number checked, all mistakes reported at once,
//! each at its own token.

use crate::{ast, blame};
use proc_macro2::Span;
use quote::ToTokens;
use softmax_spec::{
    Axis, Block, Direction, Element, Exp, Grid, Pass, Prefetch, Reduction, Store, Streams, Tile, UnknownId,
};
use std::str::FromStr;
use syn::Ident;

/// The names of the axes.
const AXES: [&str; 10] = [
    "passes",
    "isas",
    "unroll",
    "accumulators",
    "exp",
    "store",
    "prefetch",
    "streams",
    "direction",
    "elements",
];

/// Mistakes, collected.
#[derive(Default)]
pub struct Mistakes(Vec<syn::Error>);

impl Mistakes {
    /// One more mistake at `span`.
    pub fn add(&mut self, span: Span, message: impl std::fmt::Display) {
        self.0.push(syn::Error::new(span, message));
    }

    /// One more mistake at these tokens, all of them.
    fn add_on(&mut self, tokens: impl ToTokens, message: impl std::fmt::Display) {
        self.0.push(syn::Error::new_spanned(tokens, message));
    }

    /// All of them as one error.
    pub fn into_result<T>(self, value: T) -> syn::Result<T> {
        let combined = self.0.into_iter().reduce(|mut all, one| {
            all.combine(one);
            all
        });
        combined.map_or(Ok(value), Err)
    }
}

/// The grid that the spec describes.
pub fn grid(spec: &ast::Spec) -> syn::Result<Grid> {
    let mut mistakes = Mistakes(spec.mistakes.clone());
    if spec.grids.is_empty() {
        mistakes.add(
            Span::call_site(),
            "a spec needs at least one `grid { passes: [...], isas: [...], unroll: [...] }`",
        );
    }
    let mut room = Grid::MOST_COMBINATIONS;
    let blocks = spec.grids.iter().map(|grid| block(grid, &mut room, &mut mistakes)).collect();
    mistakes.into_result(Grid { blocks })
}

/// What is left of `room`, in combinations, is for the grids behind it.
fn block(grid: &ast::Grid, room: &mut usize, mistakes: &mut Mistakes) -> Block {
    let found_before = mistakes.0.len();
    let axes = Axes::new(grid, mistakes);
    let found_before_passes = mistakes.0.len();
    let passes: Vec<Pass> = axes.words("passes", Need::Always, mistakes);
    if mistakes.0.len() == found_before_passes {
        axes.check_passes_have(&passes, mistakes);
    }
    let some_have = |axis: Axis| passes.iter().any(|&pass| axis.is_of(pass));
    let mut block = Block {
        isas: axes.words("isas", Need::Always, mistakes),
        elements: axes.words("elements", Need::Default, mistakes),
        unrolls: axes.numbers("unroll", Need::Always, mistakes),
        accumulators: axes.numbers("accumulators", Need::Default, mistakes),
        stores: axes.words("store", Need::Default, mistakes),
        prefetches: axes.numbers("prefetch", Need::Default, mistakes),
        streams: axes.numbers("streams", Need::Default, mistakes),
        directions: axes.words("direction", Need::Default, mistakes),
        exps: axes.exps(if some_have(Axis::Exp) { Need::Always } else { Need::Default }, mistakes),
        passes,
    };
    or_default(&mut block.elements, Element::F32);
    or_default(&mut block.accumulators, 1);
    or_default(&mut block.stores, Store::default());
    or_default(&mut block.prefetches, Prefetch::default());
    or_default(&mut block.streams, Streams::default());
    or_default(&mut block.directions, Direction::default());
    if mistakes.0.len() == found_before {
        axes.check_divisors::<usize>("accumulators", &block.unrolls, mistakes);
        axes.check_divisors::<Streams>("streams", &block.unrolls, mistakes);
    }
    if mistakes.0.len() == found_before {
        mistakes.0.extend(too_many(grid, &block, room).or_else(|| blame::mistake(grid, &block)));
    }
    block
}

/// A grid with more combinations than there is room for, at its word `grid`.
fn too_many(grid: &ast::Grid, block: &Block, room: &mut usize) -> Option<syn::Error> {
    const MOST: usize = Grid::MOST_COMBINATIONS;
    let count = block.count();
    if let Some(left) = room.checked_sub(count) {
        *room = left;
        return None;
    }
    let so_far = (MOST - *room).saturating_add(count);
    Some(syn::Error::new(
        grid.span,
        format!(
            "up to this grid the spec has {so_far} combinations, and may have {MOST}: list fewer values, or divide it among \
             several `kernels!` in modules of their own"
        ),
    ))
}

/// The values of an axis that is not there.
fn or_default<T>(values: &mut Vec<T>, default: T) {
    if values.is_empty() {
        values.push(default);
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Need {
    /// The axis must be there.
    Always,
    /// The axis has a default.
    Default,
}

/// The axes of one grid, each known and there once.
struct Axes<'a> {
    grid: &'a ast::Grid,
}

impl<'a> Axes<'a> {
    fn new(grid: &'a ast::Grid, mistakes: &mut Mistakes) -> Self {
        for (i, axis) in grid.axes.iter().enumerate() {
            if !AXES.iter().any(|known| axis.name == known) {
                mistakes.add(axis.name.span(), UnknownId::new("axis", &axis.name.to_string(), AXES.to_vec()));
            } else if grid.axes[..i].iter().any(|earlier| earlier.name == axis.name) {
                mistakes.add(axis.name.span(), format!("axis `{}` is given twice in one grid", axis.name));
            }
        }
        Axes { grid }
    }

    /// The axis' entries. One that is missing but needed, or empty, is a mistake.
    fn entries(&self, name: &str, need: Need, allowed: &str, mistakes: &mut Mistakes) -> &'a [ast::Entry] {
        let Some(axis) = self.grid.axes.iter().find(|axis| axis.name == name) else {
            if need == Need::Always {
                mistakes.add(
                    self.grid.span,
                    format!("this grid lacks the axis `{name}: [...]` (allowed: {allowed})"),
                );
            }
            return &[];
        };
        if axis.entries.is_empty() {
            mistakes.add(
                axis.name.span(),
                format!("`{name}` is empty: list at least one value (allowed: {allowed})"),
            );
        }
        &axis.entries
    }

    fn words<T>(&self, name: &str, need: Need, mistakes: &mut Mistakes) -> Vec<T>
    where
        T: FromStr<Err = UnknownId> + PartialEq + Vocabulary,
    {
        let mut values = Vec::new();
        for entry in self.entries(name, need, &T::allowed(), mistakes) {
            match (&entry.word, &entry.numbers) {
                (Some(word), None) => match word.to_string().parse::<T>() {
                    Ok(value) => push_once(&mut values, value, word, mistakes),
                    Err(unknown) => mistakes.add(word.span(), unknown),
                },
                _ => mistakes.add_on(entry, format!("`{name}` takes names (allowed: {})", T::allowed())),
            }
        }
        values
    }

    fn numbers<T: PartialEq + Numeral>(&self, name: &str, need: Need, mistakes: &mut Mistakes) -> Vec<T> {
        let allowed = T::allowed();
        let mut values = Vec::new();
        for entry in self.entries(name, need, &allowed, mistakes) {
            let (None, Some(numbers)) = (&entry.word, &entry.numbers) else {
                mistakes.add_on(entry, format!("`{name}` takes numbers (allowed: {allowed})"));
                continue;
            };
            if let Some((n, culprit)) = numbers.culprit(|n| T::of(n).is_some()) {
                mistakes.add_on(culprit, format!("`{name}` cannot be {n} (allowed: {allowed})"));
                continue;
            }
            for value in numbers.range.clone().filter_map(T::of) {
                push_once(&mut values, value, numbers, mistakes);
            }
        }
        values
    }

    fn exps(&self, need: Need, mistakes: &mut Mistakes) -> Vec<Exp> {
        let allowed = format!(
            "a reduction and a degree, such as `{} 5`: {}",
            Reduction::CodyWaite,
            Reduction::ALL.map(degrees).join(", "),
        );
        let mut values = Vec::new();
        for entry in self.entries("exp", need, &allowed, mistakes) {
            let (Some(word), Some(degrees)) = (&entry.word, &entry.numbers) else {
                mistakes.add_on(entry, format!("`exp` takes a reduction and a degree (allowed: {allowed})"));
                continue;
            };
            let reduction = match word.to_string().parse::<Reduction>() {
                Ok(reduction) => reduction,
                Err(unknown) => {
                    mistakes.add(word.span(), unknown);
                    continue;
                }
            };
            let exp = |degree| u8::try_from(degree).ok().and_then(|degree| Exp::new(reduction, degree));
            if let Some((degree, culprit)) = degrees.culprit(|degree| exp(degree).is_some()) {
                mistakes.add_on(culprit, format!("no polynomial of degree {degree} (allowed: {allowed})"));
                continue;
            }
            for exp in degrees.range.clone().filter_map(exp) {
                push_once(&mut values, exp, entry, mistakes);
            }
        }
        values
    }

    /// An axis that none of the passes has would change nothing: a mistake, not something to ignore.
    fn check_passes_have(&self, passes: &[Pass], mistakes: &mut Mistakes) {
        for ast::Axis { name, .. } in &self.grid.axes {
            let known = Axis::ALL.into_iter().find(|axis| name == axis.id());
            let Some(axis) = known.filter(|axis| !passes.iter().any(|&pass| axis.is_of(pass))) else {
                continue;
            };
            let others = Pass::ALL.into_iter().filter(|&pass| axis.is_of(pass));
            let others: Vec<&str> = others.map(Pass::id).collect();
            mistakes.add(
                name.span(),
                format!("no pass of this grid has the axis `{name}`, which is for {}", others.join(", ")),
            );
        }
    }

    /// Accumulators or streams that divide no unroll of the grid are a mistake, not something to prune.
    fn check_divisors<T: Numeral>(&self, name: &str, unrolls: &[usize], mistakes: &mut Mistakes) {
        let divides = |n: usize| unrolls.iter().any(|unroll| unroll.is_multiple_of(n));
        let allowed: Vec<String> = (1..=Tile::MAX_UNROLL)
            .filter(|&n| divides(n) && T::of(n).is_some())
            .map(|n| n.to_string())
            .collect();
        let allowed = allowed.join(", ");
        let entries = self.grid.axes.iter().filter(|axis| axis.name == name).flat_map(|axis| &axis.entries);
        let culprits = entries.filter_map(|entry| entry.numbers.as_ref()?.culprit(divides));
        for (number, culprit) in culprits {
            let problem = match unrolls.iter().max() {
                Some(largest) if number > *largest => format!("are more than the largest unroll, {largest}"),
                _ => "divide no unroll of this grid".to_owned(),
            };
            mistakes.add_on(culprit, format!("{number} {name} {problem} (allowed: {allowed})"));
        }
    }
}

/// `cody_waite 3..=7`.
pub fn degrees(reduction: Reduction) -> String {
    let degrees = reduction.degrees();
    match degrees.start() == degrees.end() {
        true => format!("{reduction} {}", degrees.start()),
        false => format!("{reduction} {}..={}", degrees.start(), degrees.end()),
    }
}

fn push_once<T: PartialEq>(values: &mut Vec<T>, value: T, tokens: impl ToTokens, mistakes: &mut Mistakes) {
    match values.contains(&value) {
        true => mistakes.add_on(tokens, "this value is listed twice"),
        false => values.push(value),
    }
}

/// A term whose ids can be listed.
trait Vocabulary {
    fn allowed() -> String;
}

macro_rules! vocabulary {
    ($($term:ty),*) => {
        $(impl Vocabulary for $term {
            fn allowed() -> String {
                <$term>::ALL.map(<$term>::id).join(", ")
            }
        })*
    };
}
vocabulary!(Pass, softmax_spec::Isa, Element, Store, Direction);

/// A value that is written as a number.
trait Numeral: Sized {
    fn allowed() -> String;

    /// `None` if it is not allowed.
    fn of(n: usize) -> Option<Self>;
}

/// An unroll, or accumulators.
impl Numeral for usize {
    fn allowed() -> String {
        format!("1..={}", Tile::MAX_UNROLL)
    }

    fn of(n: usize) -> Option<usize> {
        (1..=Tile::MAX_UNROLL).contains(&n).then_some(n)
    }
}

impl Numeral for Prefetch {
    fn allowed() -> String {
        format!("multiples of {} in 0..={}", Prefetch::STEP, Prefetch::MAX)
    }

    fn of(n: usize) -> Option<Prefetch> {
        Prefetch::new(n)
    }
}

impl Numeral for Streams {
    fn allowed() -> String {
        Streams::ALL.map(|streams| streams.count().to_string()).join(", ")
    }

    fn of(n: usize) -> Option<Streams> {
        Streams::new(n)
    }
}

/// The word after `select`: whether only what profiles name is compiled.
pub fn only_profiled(select: Option<&Ident>) -> syn::Result<bool> {
    match select {
        None => Ok(false),
        Some(word) if word == "all" => Ok(false),
        Some(word) if word == "profiled" => Ok(true),
        Some(word) => Err(syn::Error::new(word.span(), "expected `all` or `profiled`")),
    }
}
