//! The grammar of `kernels!`, parsed to a syntax tree in which every word keeps its span. What the words mean is
//! `check`'s business.
//!
//! ```text
//! spec      = { option | grid } ;
//! option    = "crate" ":" path "," | "profiles" ":" "[" { string "," } "]" ","
//!           | "shortlist" ":" "unless" "(" cfg ")" "," | "select" ":" ( "all" | "profiled" ) "," ;
//! grid      = "grid" "{" { axis ":" "[" { entry "," } "]" "," } "}" ;
//! entry     = word | numbers | word numbers ;
//! numbers   = integer | integer "..=" integer ;
//! ```

use proc_macro2::{Span, TokenStream, TokenTree};
use std::ops::RangeInclusive;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Ident, LitInt, LitStr, Token, braced, bracketed, parenthesized};

/// A whole spec.
#[derive(Default)]
pub struct Spec {
    /// Path of the crate with the run-time types, where it is not `::softmax_kernels`.
    pub krate: Option<TokenStream>,
    /// Profile files, relative to the package that is compiled.
    pub profiles: Option<Vec<LitStr>>,
    /// Compile everything only under this cfg, else what profiles name.
    pub shortlist: Option<TokenStream>,
    /// What `shortlist` became.
    pub select: Option<Ident>,
    /// The grids, in order.
    pub grids: Vec<Grid>,
}

/// One product of axes.
pub struct Grid {
    /// Of the word `grid`.
    pub span: Span,
    /// The axes, in order.
    pub axes: Vec<Axis>,
}

/// One axis and its values.
pub struct Axis {
    /// The axis' name.
    pub name: Ident,
    /// Its values.
    pub entries: Vec<Entry>,
}

/// One value of an axis: a word, numbers, or both.
pub struct Entry {
    /// Such as `avx2`.
    pub word: Option<Ident>,
    /// Such as `4` or `4..=6`.
    pub numbers: Option<(RangeInclusive<usize>, Span)>,
}

impl Entry {
    /// Where it stands.
    pub fn span(&self) -> Span {
        let numbers = self.numbers.as_ref().map(|(_, span)| *span);
        self.word.as_ref().map(Ident::span).or(numbers).unwrap_or_else(Span::call_site)
    }
}

impl Parse for Spec {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let mut spec = Spec::default();
        while !input.is_empty() {
            let name = Ident::parse_any(input)?;
            if name == "grid" {
                spec.grids.push(Grid::parse_after(&name, input)?);
            } else {
                input.parse::<Token![:]>()?;
                spec.parse_option(&name, input)?;
            }
            input.parse::<Option<Token![,]>>()?;
        }
        Ok(spec)
    }
}

impl Spec {
    fn parse_option(&mut self, name: &Ident, input: ParseStream) -> syn::Result<()> {
        let text = name.to_string();
        let twice = match text.as_str() {
            "crate" => self.krate.replace(parse_until_comma(input)?).is_some(),
            "profiles" => self.profiles.replace(parse_list(input)?).is_some(),
            "shortlist" => self.shortlist.replace(parse_unless(input)?).is_some(),
            "select" => self.select.replace(input.parse()?).is_some(),
            _ => {
                let options = ["grid", "crate", "profiles", "shortlist"];
                let message = softmax_spec::UnknownId::new("item", &text, options.to_vec());
                return Err(syn::Error::new(name.span(), message));
            }
        };
        match twice {
            true => Err(syn::Error::new(name.span(), format!("`{text}` is given twice"))),
            false => Ok(()),
        }
    }
}

impl Grid {
    fn parse_after(name: &Ident, input: ParseStream) -> syn::Result<Grid> {
        let content;
        braced!(content in input);
        let axes = Punctuated::<Axis, Token![,]>::parse_terminated(&content)?;
        Ok(Grid { span: name.span(), axes: axes.into_iter().collect() })
    }
}

impl Parse for Axis {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let name = input.parse()?;
        input.parse::<Token![:]>()?;
        Ok(Axis { name, entries: parse_list(input)? })
    }
}

impl Parse for Entry {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let word = if input.peek(Ident) { Some(input.parse()?) } else { None };
        let numbers = match input.peek(LitInt) {
            true => Some(parse_numbers(input)?),
            false if word.is_none() => return Err(input.error("expected a name or a number")),
            false => None,
        };
        Ok(Entry { word, numbers })
    }
}

fn parse_numbers(input: ParseStream) -> syn::Result<(RangeInclusive<usize>, Span)> {
    let first: LitInt = input.parse()?;
    let low = first.base10_parse()?;
    let high = match input.parse::<Option<Token![..=]>>()? {
        Some(_) => input.parse::<LitInt>()?.base10_parse()?,
        None => low,
    };
    if low > high {
        return Err(syn::Error::new(first.span(), format!("{low}..={high} is empty")));
    }
    Ok((low..=high, first.span()))
}

fn parse_list<T: Parse>(input: ParseStream) -> syn::Result<Vec<T>> {
    let content;
    bracketed!(content in input);
    Ok(Punctuated::<T, Token![,]>::parse_terminated(&content)?.into_iter().collect())
}

fn parse_unless(input: ParseStream) -> syn::Result<TokenStream> {
    let word: Ident = input.parse()?;
    if word != "unless" {
        return Err(syn::Error::new(word.span(), "expected `unless(feature = \"...\")`"));
    }
    let content;
    parenthesized!(content in input);
    content.parse()
}

fn parse_until_comma(input: ParseStream) -> syn::Result<TokenStream> {
    let mut tokens = TokenStream::new();
    while !input.is_empty() && !input.peek(Token![,]) {
        tokens.extend([input.parse::<TokenTree>()?]);
    }
    Ok(tokens)
}
