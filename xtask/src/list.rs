//! `list`: the grid's variants, or what was pruned from it.

use crate::{flags, project, stderr, stdout};
use anyhow::Result;
use serde_json::{Value, json};
use softmax_spec::{PassVariant, Pruned};

/// Runs the command.
pub fn run(flags: &flags::List) -> Result<()> {
    let grid = project::grid()?;
    if flags.pruned {
        let pruned: Vec<&Pruned> =
            grid.pruned.iter().filter(|pruned| flags.variants.hold(&pruned.variant)).collect();
        return print_pruned(flags, &pruned, grid.pruned.len());
    }
    let variants: Vec<&PassVariant> =
        grid.variants.iter().filter(|variant| flags.variants.hold(variant)).collect();
    if flags.json {
        return stdout::print_json(&variants.into_iter().map(object).collect());
    }
    stdout::print(&variants.iter().map(|variant| format!("{variant}\n")).collect::<String>())?;
    stderr::say(format_args!("{} of {} variants", variants.len(), grid.variants.len()));
    Ok(())
}

fn print_pruned(flags: &flags::List, pruned: &[&Pruned], total: usize) -> Result<()> {
    if flags.json {
        return stdout::print_json(&pruned.iter().map(|pruned| pruned_object(pruned)).collect());
    }
    let line = |pruned: &&Pruned| format!("{}: {}\n", pruned.variant, pruned.reason);
    stdout::print(&pruned.iter().map(line).collect::<String>())?;
    stderr::say(format_args!("{} of {total} pruned combinations", pruned.len()));
    Ok(())
}

fn object(variant: &PassVariant) -> Value {
    json!({
        "id": variant.id(),
        "pass": variant.pass.id(),
        "element": variant.element.id(),
        "isa": variant.isa.id(),
        "exp": variant.exp.map(|exp| exp.to_string()),
        "unroll": variant.tile.unroll,
        "accumulators": variant.tile.accumulators,
        "store": variant.memory.store.id(),
        "prefetch": variant.memory.prefetch.distance(),
        "streams": variant.memory.streams.count(),
        "direction": variant.memory.direction.id(),
        "lanes": variant.lanes(),
    })
}

fn pruned_object(pruned: &Pruned) -> Value {
    let mut object = object(&pruned.variant);
    object["reason"] = Value::String(pruned.reason.to_string());
    object
}
