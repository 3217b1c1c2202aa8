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
use quote::{ToTokens, quote};
use softmax_spec::UnknownId;
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
    /// Options that are unknown or given twice.
    pub mistakes: Vec<syn::Error>,
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
    pub numbers: Option<Numbers>,
}

/// A number or a range of them.
pub struct Numbers {
    /// The numbers; at least one.
    pub range: RangeInclusive<usize>,
    first: LitInt,
    /// `None` for one number.
    last: Option<LitInt>,
}

impl Numbers {
    /// A number that is not allowed, and the tokens to blame for it: an end of the range that is not allowed itself, else
    /// the whole range.
    pub fn culprit(&self, is_allowed: impl Fn(usize) -> bool) -> Option<(usize, TokenStream)> {
        let (low, high) = (*self.range.start(), *self.range.end());
        if !is_allowed(low) {
            return Some((low, self.first.to_token_stream()));
        }
        if !is_allowed(high) {
            return Some((high, self.last.to_token_stream()));
        }
        // Short, because both ends are allowed.
        self.range.clone().find(|&n| !is_allowed(n)).map(|n| (n, self.to_token_stream()))
    }
}

impl ToTokens for Numbers {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Numbers { first, last, .. } = self;
        match last {
            None => first.to_tokens(tokens),
            Some(last) => tokens.extend(quote!(#first ..= #last)),
        }
    }
}

impl ToTokens for Entry {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.word.to_tokens(tokens);
        self.numbers.to_tokens(tokens);
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
                spec.parse_option(&name, input)?;
            }
            input.parse::<Option<Token![,]>>()?;
        }
        Ok(spec)
    }
}

impl Spec {
    fn parse_option(&mut self, name: &Ident, input: ParseStream) -> syn::Result<()> {
        const ITEMS: [&str; 4] = ["grid", "crate", "profiles", "shortlist"];
        let text = name.to_string();
        if !ITEMS.contains(&text.as_str()) && text != "select" {
            self.mistakes.push(syn::Error::new(name.span(), UnknownId::new("item", &text, ITEMS.to_vec())));
            return skip_item(input);
        }
        input.parse::<Token![:]>()?;
        let twice = match text.as_str() {
            "crate" => self.krate.replace(parse_path(input)?).is_some(),
            "profiles" => self.profiles.replace(parse_list(input)?).is_some(),
            "shortlist" => self.shortlist.replace(parse_unless(input)?).is_some(),
            _ => self.select.replace(input.parse()?).is_some(),
        };
        if twice {
            self.mistakes.push(syn::Error::new(name.span(), format!("`{text}` is given twice")));
        }
        Ok(())
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

fn parse_numbers(input: ParseStream) -> syn::Result<Numbers> {
    let first: LitInt = input.parse()?;
    let last: Option<LitInt> = match input.parse::<Option<Token![..=]>>()? {
        Some(_) => Some(input.parse()?),
        None => None,
    };
    let low = first.base10_parse()?;
    let high = last.as_ref().map_or(Ok(low), LitInt::base10_parse)?;
    let numbers = Numbers { range: low..=high, first, last };
    match numbers.range.is_empty() {
        true => Err(syn::Error::new_spanned(&numbers, format!("{low}..={high} is empty"))),
        false => Ok(numbers),
    }
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
    if content.is_empty() {
        return Err(content.error("expected a condition, such as `feature = \"...\"`"));
    }
    content.parse()
}

/// To the end of an unknown item, a comma or braces, so that what follows is still checked.
fn skip_item(input: ParseStream) -> syn::Result<()> {
    while !input.is_empty() && !input.peek(Token![,]) {
        let braces = input.peek(syn::token::Brace);
        input.parse::<TokenTree>()?;
        if braces {
            break;
        }
    }
    Ok(())
}

fn parse_path(input: ParseStream) -> syn::Result<TokenStream> {
    let leading = input.parse::<Option<Token![::]>>()?;
    let segments = Punctuated::<Ident, Token![::]>::parse_separated_nonempty_with(input, parse_segment)?;
    Ok(quote!(#leading #segments))
}

/// A name, or one of the keywords that may stand in a path. Any other would be a mistake wherever the path is used.
fn parse_segment(input: ParseStream) -> syn::Result<Ident> {
    let is_word = input.peek(Token![crate]) || input.peek(Token![self]) || input.peek(Token![super]);
    if is_word { Ident::parse_any(input) } else { input.parse() }
}
