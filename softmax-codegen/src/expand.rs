//! What `kernels!` does, in order: parse, check, read the profiles, select, emit.

use crate::registry::{Profiles, Registry, shortlist};
use crate::{ast, check, profile};
use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use softmax_spec::profile::Profile;
use softmax_spec::{Enumeration, PassVariant, Selection, nearest};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Environment variable that gives a build one more profile, by absolute path.
pub const PROFILE_VARIABLE: &str = "SOFTMAX_PROFILE";

/// Environment variable that narrows a full grid to the variants that a job of CI is for, as a [`Selection`].
pub const GRID_VARIABLE: &str = "SOFTMAX_GRID";

/// Expands a spec to its items. Mistakes become `compile_error!`s beside empty items.
pub fn kernels(input: TokenStream) -> TokenStream {
    let spec = match syn::parse2::<ast::Spec>(input.clone()) {
        Ok(spec) => spec,
        Err(error) => {
            let dummy = Registry::new(quote!(::softmax_kernels)).dummy(false);
            let error = error.to_compile_error();
            return quote!(#error #dummy);
        }
    };
    let krate = spec.krate.clone().unwrap_or_else(|| quote!(::softmax_kernels));
    if let Some(condition) = spec.shortlist.as_ref().filter(|_| spec.mistakes.is_empty()) {
        return conditional(&krate, condition, input);
    }
    let registry = Registry::new(krate);
    expand(&spec, &registry).unwrap_or_else(|error| {
        let (error, dummy) = (error.to_compile_error(), registry.dummy(spec.profiles.is_some()));
        quote!(#error #dummy)
    })
}

/// The same spec twice, for both values of a condition that only the compiler knows.
fn conditional(krate: &TokenStream, condition: &TokenStream, input: TokenStream) -> TokenStream {
    let spec = without_shortlist(input);
    quote! {
        #[cfg(#condition)]
        #krate::kernels! { select: all, #spec }
        #[cfg(not(#condition))]
        #krate::kernels! { select: profiled, #spec }
    }
}

/// Drops the tokens from `shortlist` to its condition, and the comma if there is one.
fn without_shortlist(input: TokenStream) -> TokenStream {
    let mut kept = TokenStream::new();
    let mut tokens = input.into_iter().peekable();
    while let Some(token) = tokens.next() {
        if token.to_string() == "shortlist" {
            tokens.by_ref().find(|token| matches!(token, TokenTree::Group(_)));
            tokens.next_if(|token| token.to_string() == ",");
        } else {
            token.to_tokens(&mut kept);
        }
    }
    kept
}

fn expand(spec: &ast::Spec, registry: &Registry) -> syn::Result<TokenStream> {
    let grid = check::grid(spec)?;
    let only_profiled = check::only_profiled(spec.select.as_ref())?;
    let Enumeration { variants, .. } = grid.enumerate();
    let Some(paths) = &spec.profiles else {
        return Ok(registry.items(&variants, None));
    };

    let mut mistakes = check::Mistakes::default();
    let mut sources: Vec<(PathBuf, Span)> =
        paths.iter().map(|path| (package_root().join(path.value()), path.span())).collect();
    match user_profile() {
        Ok(path) => sources.splice(0..0, path.map(|path| (path, Span::call_site()))).for_each(drop),
        Err(message) => mistakes.add(Span::call_site(), message),
    }
    let known: BTreeSet<PassVariant> = variants.iter().copied().collect();
    let mut profiles = Vec::new();
    for (path, span) in &sources {
        match read_profile(path, &known) {
            Ok(profile) => profiles.push(profile),
            Err(message) => mistakes.add(*span, format!("{}: {message}", path.display())),
        }
    }
    mistakes.into_result(())?;

    let variants = match only_profiled {
        true => shortlist(&profiles).into_iter().collect(),
        false => full_grid(variants, &profiles).map_err(|error| syn::Error::new(Span::call_site(), error))?,
    };
    // The build's own profile, if it has one, is the first.
    let given = sources.len() - paths.len();
    let items = registry.items(&variants, Some(Profiles { all: &profiles, given }));
    let dependencies = rebuild_when_changed(sources.iter().map(|(path, _)| path));
    let narrowed = (!only_profiled).then(|| {
        quote!(
            const _: Option<&str> = option_env!(#GRID_VARIABLE);
        )
    });
    Ok(quote!(#items #dependencies #narrowed))
}

/// All variants, or where [`GRID_VARIABLE`] narrows them those that it selects beside the shortlist.
fn full_grid(variants: Vec<PassVariant>, profiles: &[Profile]) -> Result<Vec<PassVariant>, String> {
    let Some(selection) = selection()? else {
        return Ok(variants);
    };
    let selected = selection.select(&variants).map_err(|error| format!("{GRID_VARIABLE}: {error}"))?;
    let all: BTreeSet<PassVariant> = selected.into_iter().chain(shortlist(profiles)).collect();
    Ok(all.into_iter().collect())
}

/// What [`GRID_VARIABLE`] selects; `None` where it is not set, or empty.
///
/// # Errors
/// One line, if it is no selection.
pub fn selection() -> Result<Option<Selection>, String> {
    match std::env::var(GRID_VARIABLE) {
        Ok(text) if !text.is_empty() => {
            text.parse().map(Some).map_err(|error| format!("{GRID_VARIABLE}: {error}"))
        }
        _ => Ok(None),
    }
}

/// Of the package whose source invokes the macro.
fn package_root() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(PathBuf::new, PathBuf::from)
}

/// The profile that [`PROFILE_VARIABLE`] gives to builds; `None` where it is not set, or empty.
///
/// # Errors
/// One line, if builds refuse it.
pub fn user_profile() -> Result<Option<PathBuf>, String> {
    let Some(path) = std::env::var_os(PROFILE_VARIABLE).filter(|path| !path.is_empty()) else {
        return Ok(None);
    };
    let path = PathBuf::from(path);
    let refused = |what| Err(format!("{PROFILE_VARIABLE} must be {what}; got `{}`", path.display()));
    if !path.is_absolute() {
        return refused("an absolute path, because builds run in several directories");
    }
    // What is not there is told by who reads it.
    if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
        return refused("a regular file, because builds read it again and again");
    }
    Ok(Some(path))
}

/// A profile all of whose plans the grid can provide, as builds demand it.
///
/// # Errors
/// One line that says what is wrong.
pub fn read_profile(path: &Path, known: &BTreeSet<PassVariant>) -> Result<Profile, String> {
    let text = profile::text(path).map_err(|error| format!("cannot be read: {error}"))?;
    let profile = profile::read(&text)?;
    let missing =
        shortlist(std::slice::from_ref(&profile)).into_iter().find(|variant| !known.contains(variant));
    match missing {
        None => Ok(profile),
        Some(variant) => Err(not_in_grid(variant, known)),
    }
}

fn not_in_grid(variant: PassVariant, known: &BTreeSet<PassVariant>) -> String {
    let ids: Vec<String> = known.iter().map(PassVariant::id).collect();
    match nearest(&variant.id(), ids.iter().map(String::as_str)) {
        Some(nearest) => format!("`{variant}` is not in the grid; the nearest variant is `{nearest}`"),
        None => format!("`{variant}` is not in the grid, nor is anything like it"),
    }
}

/// Makes the compiler list the profiles, and the variable that names one, among what the crate depends on.
fn rebuild_when_changed<'a>(paths: impl Iterator<Item = &'a PathBuf>) -> TokenStream {
    let paths = paths.map(|path| path.display().to_string());
    quote! {
        const _: &[&[u8]] = &[#(include_bytes!(#paths)),*];
        const _: Option<&str> = option_env!(#PROFILE_VARIABLE);
    }
}
