//! `show`: the generated Rust of one variant.

use crate::error::bad_input;
use crate::{flags, project, stdout};
use anyhow::{Context, Result};
use softmax_spec::{InvalidVariant, PassVariant, nearest};

/// Runs the command.
pub fn run(flags: &flags::Show) -> Result<()> {
    let variants = project::grid()?.variants;
    let variant = find(&flags.id, &variants)?;
    if !variants.contains(&variant) {
        eprintln!("{variant} is not in the project's grid; this is what it would be");
    }
    let function = syn::parse2(softmax_codegen::emit_variant(&variant))
        .with_context(|| format!("the code generated for {variant} is not Rust"))?;
    stdout::print(&prettyplease::unparse(&function))
}

/// The variant of that id, in the grid or not.
fn find(id: &str, variants: &[PassVariant]) -> Result<PassVariant> {
    let ids: Vec<String> = variants.iter().map(PassVariant::id).collect();
    let nearest = nearest(id, ids.iter().map(String::as_str)).unwrap_or_default();
    id.parse().map_err(|error| match error {
        InvalidVariant::Pruned(..) => bad_input(format!("{error}; nearest in the grid: {nearest}")),
        _ => bad_input(format!("no variant `{id}`, did you mean `{nearest}`? (all: cargo xtask list)")),
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
        assert_eq!(find("f32_max__avx2_u64", &variants).unwrap().tile.unroll, 8);
    }
}
