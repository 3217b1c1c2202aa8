//! From checked variants and profiles to the items that `kernels!` expands to: one module of functions per ISA,
//! the registry `VARIANTS`, and, where the spec names profiles, the static tables `PROFILES`.
//!
//! Every row is made from the same struct as the function that it points to.

use crate::emit;
use crate::isa::lowering;
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use softmax_spec::profile::{Class, Host, Profile, Situation, Table};
use softmax_spec::{Isa, Pass, PassVariant, Plan, Rows};
use std::collections::BTreeSet;

/// The profiles of a crate.
#[derive(Clone, Copy)]
pub struct Profiles<'a> {
    /// All of them.
    pub all: &'a [Profile],
    /// How many of them, from the first on, the build was given.
    pub given: usize,
}

/// Emits paths into the crate with the run-time types.
pub struct Registry {
    krate: TokenStream,
}

impl Registry {
    /// `krate` is the path of `softmax-kernels` in the crate that is compiled.
    pub fn new(krate: TokenStream) -> Registry {
        Registry { krate }
    }

    /// Everything for these variants. `profiles` is `None` where the spec names none.
    pub fn items(&self, variants: &[PassVariant], profiles: Option<Profiles<'_>>) -> TokenStream {
        let detections = Isa::ALL.map(|isa| self.detection(isa, variants));
        let modules = Isa::ALL.map(|isa| {
            let modules = Pass::ALL.map(|pass| module(isa, pass, variants));
            quote!(#(#modules)*)
        });
        let rows = variants.iter().map(|variant| self.variant(variant));
        let krate = &self.krate;
        let profiles = profiles.map(|profiles| self.profiles(profiles));
        quote! {
            #(#detections)*
            #(#modules)*
            /// Every compiled pass variant, ordered by pass, element type, ISA, exp core, tile and memory.
            pub static VARIANTS: &[#krate::Variant] = &[#(#rows),*];
            #profiles
        }
    }

    /// What stands in for the items after a mistake, so that uses of them are no further errors.
    pub fn dummy(&self, has_profiles: bool) -> TokenStream {
        self.items(&[], has_profiles.then_some(Profiles { all: &[], given: 0 }))
    }

    /// Detection of one ISA.
    fn detection(&self, isa: Isa, variants: &[PassVariant]) -> TokenStream {
        if !variants.iter().any(|variant| variant.isa == isa) {
            return quote!();
        }
        let (krate, name, cfg) = (&self.krate, supported(isa), cfg(isa));
        let features = isa.features().iter().map(|feature| format_ident!("{}", pascal(feature)));
        quote! {
            #cfg
            fn #name() -> bool {
                #krate::detection::has(&[#(#krate::detection::Feature::#features),*])
            }
        }
    }

    fn variant(&self, variant: &PassVariant) -> TokenStream {
        let krate = &self.krate;
        let (cfg, supported) = (cfg(variant.isa), supported(variant.isa));
        let (id, pass, isa, element) =
            (variant.id(), variant.pass.id(), variant.isa.id(), variant.element.id());
        let exp = match variant.exp.map(|exp| exp.to_string()) {
            Some(exp) => quote!(Some(#exp)),
            None => quote!(None),
        };
        let (lanes, unroll, accumulators) = (variant.lanes(), variant.tile.unroll, variant.tile.accumulators);
        let (kind, kernel) = (kernel_kind(variant.pass), self.kernel(variant));
        quote! {
            #cfg
            unsafe {
                #krate::Variant::from_parts(
                    #krate::Description {
                        id: #id, pass: #pass, isa: #isa, element: #element, exp: #exp,
                        lanes: #lanes, unroll: #unroll, accumulators: #accumulators,
                    },
                    #krate::Kernel::#kind(#kernel),
                    #supported,
                )
            }
        }
    }

    /// The typed kernel; stands in an unsafe block.
    fn kernel(&self, variant: &PassVariant) -> TokenStream {
        let (krate, wrapper) = (&self.krate, format_ident!("{}Kernel", kernel_kind(variant.pass)));
        let (module, function) = (module_name(variant.isa, variant.pass), format_ident!("{}", variant.id()));
        let block = variant.call_elements();
        quote!(#krate::#wrapper::from_raw(#module::#function, #block))
    }

    fn profiles(&self, profiles: Profiles<'_>) -> TokenStream {
        let krate = &self.krate;
        let rows = profiles.all.iter().enumerate().map(|(i, profile)| {
            let (name, is_given) = (&profile.name, i < profiles.given);
            let host = match &profile.host {
                Some(host) => {
                    let host = self.host(host);
                    quote!(Some(#host))
                }
                None => quote!(None),
            };
            let usable = profile.tables.iter().filter(|table| table.situation.threads == 1);
            let tables = usable.map(|table| self.table(table));
            quote! {
                #krate::profile::Profile {
                    name: #name, is_given: #is_given, host: #host, tables: &[#(#tables),*],
                }
            }
        });
        quote! {
            /// The profiles that this crate was compiled with.
            pub(crate) static PROFILES: &[#krate::profile::Profile] = &[#(#rows),*];
        }
    }

    fn host(&self, host: &Host) -> TokenStream {
        let krate = &self.krate;
        let Host { vendor, family, model, stepping, l2_kib, .. } = host;
        quote! {
            #krate::profile::Host {
                vendor: #vendor, family: #family, model: #model, stepping: #stepping, l2_kib: #l2_kib,
            }
        }
    }

    fn table(&self, table: &Table) -> TokenStream {
        let krate = &self.krate;
        let Situation { isa, element, accuracy, in_place, rows, .. } = table.situation;
        let rank = Isa::ALL.iter().position(|&other| other == isa).expect("every ISA is in ALL");
        let shardable = self.shardable(&Plan::shardable(isa, element));
        let (cfg, supported, isa) = (cfg(isa), supported(isa), isa.id());
        let accuracy = format_ident!("{}", pascal(accuracy.id()));
        let batch = rows == Rows::Batch;
        let (fallback, robust) = backup(table);
        let (fallback, robust) = (self.plan(&fallback), self.plan(&robust));
        let classes = table.classes.iter().map(|Class { upper, plan, .. }| {
            let (upper, plan) = (upper.unwrap_or(usize::MAX), self.plan(plan));
            quote!(#krate::profile::Class { upper: #upper, plan: #plan })
        });
        quote! {
            #cfg
            #krate::profile::Table {
                isa: #isa, isa_rank: #rank, supported: #supported, accuracy: #krate::Accuracy::#accuracy,
                in_place: #in_place, batch: #batch, backup: #krate::Backup { fallback: #fallback, robust: #robust },
                shardable: #shardable,
                classes: #krate::profile::Classes::new(&[#(#classes),*]),
            }
        }
    }

    /// The kernels of [`Plan::shardable`].
    fn shardable(&self, plan: &Plan) -> TokenStream {
        let krate = &self.krate;
        let [sum, scale] = plan.passes() else { unreachable!("Two-Pass has two passes") };
        let (sum, scale) = (self.kernel(sum), self.kernel(scale));
        quote!(unsafe { #krate::profile::Shardable { sum: #sum, scale: #scale } })
    }

    fn plan(&self, plan: &Plan) -> TokenStream {
        let krate = &self.krate;
        let (algorithm, isa) = (plan.algorithm().id(), plan.isa().id());
        let ids = plan.passes().iter().map(PassVariant::id);
        let steps = match plan.passes() {
            [variant] if variant.pass.takes_whole_rows() => format_ident!("WholeRows"),
            _ => format_ident!("{}", pascal(algorithm)),
        };
        let kernels = plan.passes().iter().map(|variant| {
            let (field, kernel) = (format_ident!("{}", kernel_id(variant.pass)), self.kernel(variant));
            quote!(#field: #kernel)
        });
        let largest_max = plan.largest_max();
        quote! {
            unsafe {
                #krate::Plan::from_parts(
                    #algorithm, #isa, &[#(#ids),*], #krate::Steps::#steps { #(#kernels),* }, #largest_max,
                )
            }
        }
    }
}

/// The variants that the profiles' plans need, and those that every ISA needs beside them.
pub fn shortlist(profiles: &[Profile]) -> BTreeSet<PassVariant> {
    let tables = profiles.iter().flat_map(|profile| &profile.tables);
    let plans = tables.flat_map(|table| {
        let (fallback, robust) = backup(table);
        let always = [fallback, robust, Plan::shardable(table.situation.isa, table.situation.element)];
        table.classes.iter().map(|class| class.plan.clone()).chain(always)
    });
    plans.flat_map(|plan| plan.passes().to_vec()).collect()
}

/// The plans for rows that those of `table` give up.
fn backup(table: &Table) -> (Plan, Plan) {
    let Situation { isa, element, accuracy, .. } = table.situation;
    (Plan::fallback(isa, element, accuracy), Plan::robust(isa, element))
}

/// The functions of one pass on one ISA. The compiler makes a unit of parallel code generation of each module.
fn module(isa: Isa, pass: Pass, variants: &[PassVariant]) -> TokenStream {
    let members = variants.iter().filter(|variant| variant.isa == isa && variant.pass == pass);
    let functions: Vec<TokenStream> = members.map(emit::function).collect();
    if functions.is_empty() {
        return quote!();
    }
    let (name, cfg, imports) = (module_name(isa, pass), cfg(isa), lowering(isa).imports());
    quote! {
        #cfg
        #[allow(non_snake_case, unused_variables, clippy::all)]
        mod #name {
            #imports
            #(#functions)*
        }
    }
}

fn module_name(isa: Isa, pass: Pass) -> Ident {
    format_ident!("{}_{}", isa.id(), pass.id())
}

/// Name of the function that tells whether this CPU has the features that an ISA's kernels are compiled with.
fn supported(isa: Isa) -> Ident {
    format_ident!("{}_is_supported", isa.id())
}

fn cfg(isa: Isa) -> TokenStream {
    match isa.arch() {
        Some(arch) => quote!(#[cfg(target_arch = #arch)]),
        None => quote!(),
    }
}

/// `ExtSum` for `ext_sum`: the kernel enum's variant and the wrapper's prefix.
fn kernel_kind(pass: Pass) -> Ident {
    format_ident!("{}", pascal(kernel_id(pass)))
}

/// The passes that take whole rows are kernels of one kind.
fn kernel_id(pass: Pass) -> &'static str {
    match pass.takes_whole_rows() {
        true => Pass::Softmax.id(),
        false => pass.id(),
    }
}

fn pascal(id: &str) -> String {
    let capitalised = id.split('_').map(|word| word[..1].to_uppercase() + &word[1..]);
    capitalised.collect()
}
