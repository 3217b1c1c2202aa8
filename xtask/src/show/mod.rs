//! `show`: the generated Rust of one variant, the assembly that the compiler makes of it, and counts of what its hot
//! loop does in both.

mod assembly;
mod compile;
mod counts;
mod instruction;
#[cfg(all(test, target_arch = "x86_64"))]
mod shipped;

use crate::error::bad_input;
use crate::{flags, project, stderr, stdout};
use anyhow::{Context, Result};
use assembly::{Code, Listing};
use counts::Comparison;
use softmax_spec::{InvalidVariant, PassVariant, nearest};

/// Runs the command.
pub fn run(flags: &flags::Show) -> Result<()> {
    let variants = project::grid()?.variants;
    let variant = find(&flags.id, &variants)?;
    if !variants.contains(&variant) {
        stderr::say(format_args!("{variant} is not in the project's grid; this is what it would be"));
    }
    if flags.json {
        let assembly = compile::assembly(&variant)?;
        return stdout::print_json(&Comparison::new(&variant, &listing(&variant, &assembly)?)?.json());
    }
    stdout::print(&sections(flags, &variant)?.join("\n"))
}

/// What the flags ask for; without flags the Rust and the counts.
fn sections(flags: &flags::Show, variant: &PassVariant) -> Result<Vec<String>> {
    let is_default = !(flags.rust || flags.asm || flags.counts);
    let mut sections = Vec::new();
    if flags.rust || is_default {
        sections.push(rust(variant)?);
    }
    if flags.asm || flags.counts || is_default {
        let assembly = compile::assembly(variant)?;
        let listing = listing(variant, &assembly)?;
        sections.extend(flags.asm.then(|| listing.text()));
        if flags.counts || is_default {
            sections.push(Comparison::new(variant, &listing)?.text());
        }
    }
    Ok(sections)
}

/// The generated function, formatted, under what its unsafe blocks rely on.
fn rust(variant: &PassVariant) -> Result<String> {
    let function = syn::parse2(softmax_codegen::emit_variant(variant))
        .with_context(|| format!("the code generated for {variant} is not Rust"))?;
    Ok(softmax_codegen::safety_comment(variant) + &prettyplease::unparse(&function))
}

fn listing<'a>(variant: &PassVariant, assembly: &'a str) -> Result<Listing<'a>> {
    Code::of(assembly)
        .listing(&variant.id())
        .with_context(|| format!("rustc's assembly has no function {variant}"))
}

/// The variant of that id, in the grid or not.
fn find(id: &str, variants: &[PassVariant]) -> Result<PassVariant> {
    let ids: Vec<String> = variants.iter().map(PassVariant::id).collect();
    let nearest = nearest(id, ids.iter().map(String::as_str));
    id.parse().map_err(|error| match (error, nearest) {
        (error @ InvalidVariant::Pruned(..), Some(nearest)) => {
            bad_input(format!("{error}; nearest in the grid: {nearest}"))
        }
        (_, Some(nearest)) => {
            bad_input(format!("no variant `{id}`, did you mean `{nearest}`? (all: cargo xtask list)"))
        }
        (error, None) => bad_input(format!("{error} (all: cargo xtask list)")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_id_names_the_nearest() {
        let variants: Vec<PassVariant> =
            ["f32_max__avx2_u32", "f32_scale__avx2_u32"].map(|id| id.parse().unwrap()).into();
        let error = find("f32_mx__avx2_u32", &variants).unwrap_err().to_string();
        assert!(error.contains("did you mean `f32_max__avx2_u32`?"), "{error}");
        let error = find("f32_max__avx2_u32_acc3", &variants).unwrap_err().to_string();
        assert!(error.contains("do not divide") && error.contains("f32_max__avx2_u32"), "{error}");
        let error = find("softmax", &variants).unwrap_err().to_string();
        assert!(error.contains("expected ELEMENT_PASS__ISA") && error.contains("xtask list"), "{error}");
        assert_eq!(find("f32_max__avx2_u64", &variants).unwrap().tile.unroll, 8);
    }
}
