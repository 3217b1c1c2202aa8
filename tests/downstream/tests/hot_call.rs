//! No call can panic, once it is known which plans this machine uses: read from the machine code of this very program, optimised as
//! in any release build. `objdump` comes with the linker (binutils); what it prints is read here for Linux on x86-64.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use softmax_kernels::{Softmax, softmax, softmax_in_place, softmax_rows, softmax_rows_in_place};
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Functions that choose what to use. Once per process, and never again.
const CHOICE: &str = "softmax_kernels::dispatch::";

/// Where every panic begins.
const PANIC: &str = "core::panicking::";

#[test]
#[cfg_attr(debug_assertions, ignore = "assertions panic, in builds that have them")]
#[cfg_attr(feature = "threads", ignore = "with threads calls go through rayon, which may panic")]
fn no_call_can_panic() {
    // So that they are in this program.
    let mut y = [1.0; 2];
    softmax(&[1.0; 2], &mut y).unwrap();
    softmax_rows(&[1.0; 2], &mut y, 1).unwrap();
    softmax_in_place(&mut y);
    softmax_rows_in_place(&mut y, 1).unwrap();
    Softmax::new().run(&[1.0; 2], &mut y).unwrap();

    let program = Program::this();
    let public = |name: &str| name.starts_with("softmax_kernels::softmax::");
    // Kernels are called through pointers, which lead nowhere else.
    let kernel = |name: &str| name.starts_with("softmax_kernels::grid::") && !name.ends_with("_is_supported");
    let of = |wanted: &dyn Fn(&str) -> bool| program.names().filter(|name| wanted(name)).collect::<Vec<_>>();
    let (functions, kernels) = (of(&public), of(&kernel));
    assert!(functions.contains(&"softmax_kernels::softmax::softmax"), "{functions:?}");
    assert!(kernels.len() > 50, "{kernels:?}");
    for root in functions.into_iter().chain(kernels) {
        let path = program.path(root, |name| name.starts_with(PANIC), |name| name.starts_with(CHOICE));
        assert_eq!(path, None, "{root} can panic");
    }

    // What may panic, this test sees.
    let choice = program.names().find(|name| name.starts_with(CHOICE)).expect("a function that chooses");
    let path = program.path(choice, |name| name.starts_with(PANIC), |_| false);
    assert!(path.is_some(), "{choice} expects that there is a table, but nothing is seen of it");
}

/// A program's functions, and which others each one refers to.
struct Program {
    references: BTreeMap<String, BTreeSet<String>>,
}

impl Program {
    fn this() -> Program {
        let program = std::env::current_exe().unwrap();
        let objdump = |flags: &[&str]| {
            let output = Command::new("objdump").args(flags).arg(&program).output();
            let output = output.unwrap_or_else(|error| panic!("objdump, of binutils, is needed: {error}"));
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap()
        };
        Program::of(&objdump(&["-dC", "--no-show-raw-insn"]), &objdump(&["-R"]))
    }

    /// From its instructions and its relocations.
    fn of(instructions: &str, relocations: &str) -> Program {
        let names: BTreeMap<u64, &str> = instructions.lines().filter_map(function).collect();
        let slots: BTreeMap<u64, u64> = relocations.lines().filter_map(slot).collect();
        let mut references: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut current = "";
        for line in instructions.lines() {
            if let Some((_, name)) = function(line) {
                current = name;
                references.entry(current.to_owned()).or_default();
            } else if let Some(address) = reference(line) {
                let address = slots.get(&address).copied().unwrap_or(address);
                // Jumps within a function lead to none.
                let name = names.get(&address).map(|&name| name.to_owned());
                references.entry(current.to_owned()).or_default().extend(name);
            }
        }
        Program { references }
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.references.keys().map(String::as_str)
    }

    /// How one gets from `root` to a function that is `wanted`, not through one that is `closed`.
    fn path(
        &self,
        root: &str,
        wanted: impl Fn(&str) -> bool,
        closed: impl Fn(&str) -> bool,
    ) -> Option<Vec<String>> {
        let mut reached = BTreeSet::from([root]);
        let mut paths = vec![vec![root]];
        while let Some(path) = paths.pop() {
            for next in &self.references[*path.last().expect("a path begins at its root")] {
                let longer = [path.as_slice(), &[next]].concat();
                if wanted(next) {
                    return Some(longer.iter().map(|name| (*name).to_owned()).collect());
                }
                if !closed(next) && reached.insert(next) {
                    paths.push(longer);
                }
            }
        }
        None
    }
}

/// Of `000000000008d9c0 <softmax_kernels::steps::Steps::run>:`.
fn function(line: &str) -> Option<(u64, &str)> {
    let (address, name) = line.strip_suffix(">:")?.split_once(" <")?;
    Some((u64::from_str_radix(address, 16).ok()?, name))
}

/// What `call 8d9c0 <...>` jumps to, or the address that stands after `#`, from which an instruction reads or that it loads.
fn reference(line: &str) -> Option<u64> {
    let address = match line.split_once("# ") {
        Some((_, address)) => address,
        None => line.split('\t').nth(1)?.split_once(' ')?.1.trim_start(),
    };
    u64::from_str_radix(address.split_once(" <")?.0, 16).ok()
}

/// Of `000000000014daf0 R_X86_64_RELATIVE  *ABS*+0x1189a0`: a place in memory that holds an address.
fn slot(line: &str) -> Option<(u64, u64)> {
    let mut words = line.split_whitespace();
    let (place, _, value) = (words.next()?, words.next()?, words.next()?);
    let value = value.strip_prefix("*ABS*+0x")?;
    Some((u64::from_str_radix(place, 16).ok()?, u64::from_str_radix(value, 16).ok()?))
}
