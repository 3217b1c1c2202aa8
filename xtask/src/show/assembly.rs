//! Reads what the compiler made of one function, and of those inside it: x86 assembly in Intel syntax, its loops, and what the hot one does.
//!
//! Instructions are counted by what they keep busy; an operand in memory counts beside the arithmetic that it is
//! part of.

use super::instruction::{Instruction, Line, Place};
use std::collections::HashSet;
use std::ops::Range;

/// The instructions and labels of one function, then of those that the compiler kept apart inside it.
pub struct Listing<'a> {
    lines: Vec<Line<'a>>,
    /// Registers that addresses on the stack are relative to.
    stack: &'static [&'static str],
}

/// The instructions of one iteration of a loop, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Vector instructions that compute.
    pub arithmetic: usize,
    /// Reads of the row, also as an operand of an instruction that computes.
    pub loads: usize,
    /// Writes to the row.
    pub stores: usize,
    /// Reads of constants, which did not stay in registers.
    pub constants: usize,
    /// Vectors written to the stack and read from there.
    pub spills: usize,
    /// Copies from vector register to vector register.
    pub copies: usize,
    /// Everything else but calls: pointers, counters, branches.
    pub scalar: usize,
    /// Calls of other functions.
    pub calls: usize,
}

/// The loop in which a function spends its time.
#[derive(Debug, PartialEq, Eq)]
pub struct HotLoop<'a> {
    /// Where it starts.
    pub label: &'a str,
    /// Bytes of the row that one iteration reads.
    pub bytes: usize,
    /// What one iteration does.
    pub counts: Counts,
}

/// Lines that the compiler wrote, without comments.
pub struct Code<'a>(Vec<&'a str>);

impl<'a> Code<'a> {
    /// Of some functions.
    pub fn of(assembly: &'a str) -> Code<'a> {
        Code(assembly.lines().map(|line| line.split('#').next().unwrap_or(line).trim_end()).collect())
    }

    /// Finds the function `name`; `None` if it is not there.
    pub fn listing(&self, name: &str) -> Option<Listing<'a>> {
        let Code(code) = self;
        let function = |start: usize| {
            let label = Line::Label(code[start].trim_end_matches(':'));
            let body = code[start + 1..].iter().take_while(|line| !is_end(line)).copied();
            std::iter::once(label).chain(body.filter_map(Line::of))
        };
        let outer = code.iter().position(|line| is_label_of(name, line))?;
        let component = format!("{}{name}", name.len());
        let inner = (0..code.len()).filter(|&line| is_label_within(&component, code[line]));
        let lines: Vec<Line> = std::iter::once(outer).chain(inner).flat_map(function).collect();
        let has_frame = lines.iter().any(|line| line.instruction().is_some_and(Instruction::sets_frame));
        Some(Listing { lines, stack: if has_frame { &["rsp", "rbp"] } else { &["rsp"] } })
    }
}

impl<'a> Listing<'a> {
    /// The function without directives.
    pub fn text(&self) -> String {
        self.lines.iter().map(|line| format!("{}\n", line.text())).collect()
    }

    /// What it calls, anywhere.
    #[cfg(test)]
    pub fn called(&self) -> impl Iterator<Item = &'a str> {
        self.lines.iter().filter_map(Line::instruction).filter_map(Instruction::call_target)
    }

    /// The names of the instructions in a loop.
    #[cfg(test)]
    pub fn mnemonics(&self, hot_loop: &HotLoop) -> Vec<&'a str> {
        let range = self.position(hot_loop.label).and_then(|start| self.loop_at(start)).unwrap_or_default();
        self.lines[range].iter().filter_map(Line::instruction).map(Instruction::mnemonic).collect()
    }

    /// The main loop over tiles of that many bytes; `None` if no loop reads a row. It is an innermost loop that
    /// takes whole tiles, though it may be unrolled; of several the one that takes most, of equals the first,
    /// because the compiler also unrolls the loop over what is left.
    pub fn hot_loop(&self, tile: usize) -> Option<HotLoop<'a>> {
        let loops = self.innermost_loops().into_iter().map(|range| self.counted(range));
        let reading: Vec<HotLoop> = loops.filter(|found| found.bytes > 0).collect();
        // Of equals `max_by_key` takes the last.
        reading.into_iter().rev().max_by_key(|found| (found.bytes.is_multiple_of(tile), found.bytes))
    }

    fn counted(&self, range: Range<usize>) -> HotLoop<'a> {
        let label = self.lines[range.start].label().unwrap_or_default();
        let mut counts = Counts::default();
        let mut bytes = HashSet::new();
        for instruction in self.lines[range].iter().filter_map(Line::instruction) {
            counts.add(instruction, self.stack);
            bytes.extend(instruction.row_bytes_read(self.stack));
        }
        HotLoop { label, bytes: bytes.len(), counts }
    }

    /// Lines of the loops that contain no other.
    fn innermost_loops(&self) -> Vec<Range<usize>> {
        let loops: Vec<Range<usize>> =
            (0..self.lines.len()).filter_map(|start| self.loop_at(start)).collect();
        let contains = |outer: &Range<usize>, inner: &Range<usize>| {
            outer != inner && outer.start <= inner.start && inner.end <= outer.end
        };
        let innermost = |range: &&Range<usize>| !loops.iter().any(|inner| contains(range, inner));
        loops.iter().filter(innermost).cloned().collect()
    }

    /// From the label at `start` to the last jump back to it that can be reached from there. A jump back alone is no
    /// loop: compilers also put rare blocks at the end of a function and jump back from them.
    fn loop_at(&self, start: usize) -> Option<Range<usize>> {
        let label = self.lines[start].label()?;
        let reached = self.reached_from(start);
        let jumps_back = |&line: &usize| {
            let target = self.lines[line].instruction().and_then(Instruction::jump_target);
            target == Some(label) && reached.contains(&line)
        };
        let end = (start..self.lines.len()).rev().find(jumps_back)?;
        Some(start..end + 1)
    }

    /// The lines that can follow line `start` without going before it.
    fn reached_from(&self, start: usize) -> HashSet<usize> {
        let mut reached = HashSet::new();
        let mut next = vec![start];
        while let Some(line) = next.pop() {
            if line < start || line >= self.lines.len() || !reached.insert(line) {
                continue;
            }
            let instruction = self.lines[line].instruction();
            let target = instruction.and_then(Instruction::jump_target);
            next.extend(target.and_then(|target| self.position(target)));
            if !instruction.is_some_and(Instruction::never_falls_through) {
                next.push(line + 1);
            }
        }
        reached
    }

    fn position(&self, label: &str) -> Option<usize> {
        self.lines.iter().position(|line| line.label() == Some(label))
    }
}

impl Counts {
    fn add(&mut self, instruction: &Instruction, stack: &[&str]) {
        if instruction.calls() {
            self.calls += 1;
            return;
        }
        if !instruction.is_vector() {
            self.scalar += 1;
            return;
        }
        match instruction.memory() {
            Some(memory) => {
                *self.of_memory(memory.place(stack), instruction.stores()) += 1;
                self.arithmetic += usize::from(!instruction.only_loads_or_stores());
            }
            None if instruction.moves() => self.copies += 1,
            None => self.arithmetic += 1,
        }
    }

    fn of_memory(&mut self, place: Place, is_store: bool) -> &mut usize {
        match place {
            Place::Stack => &mut self.spills,
            Place::Constant => &mut self.constants,
            Place::Row if is_store => &mut self.stores,
            Place::Row => &mut self.loads,
        }
    }
}

/// Whether a line is the label of function `name`; on some systems symbols start with an underscore.
fn is_label_of(name: &str, line: &str) -> bool {
    line.strip_suffix(':').is_some_and(|label| label == name || label.strip_prefix('_') == Some(name))
}

/// Whether a line is the label of a function inside another: mangled, and its path has that one as a component.
fn is_label_within(component: &str, line: &str) -> bool {
    line.strip_suffix(':').is_some_and(|label| label.starts_with("_") && label.contains(component))
}

/// Whether a line is what the compiler writes after a function.
fn is_end(line: &str) -> bool {
    line.trim_start_matches('.').starts_with("Lfunc_end") || line.trim_start() == ".seh_endproc"
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `f32_max__avx2_u16` in short: the loop over tiles, the loop over vectors, which is unrolled, and a tail.
    const FLAT: &str = "
\t.section\t.text.f32_max__avx2_u16,\"ax\",@progbits
\t.globl\tf32_max__avx2_u16
f32_max__avx2_u16:
\t.cfi_startproc
\tvbroadcastss\tymm0, dword ptr [rip + .LCPI0_0]
\tcmp\trsi, 16
\tjb\t.LBB0_2
\t.p2align\t4
.LBB0_1:
\tvmaxps\tymm0, ymm0, ymmword ptr [rdi + 4*rax] # a comment
\tvmovups\tymm1, ymmword ptr [rdi + 4*rax + 32]
\tvmaxps\tymm0, ymm1, ymm0
\tadd\trax, 16
\tcmp\trcx, 15
\tja\t.LBB0_1
.LBB0_2:
\tvmaxps\tymm0, ymm0, ymmword ptr [rdi + 4*rax - 32]
\tvmaxps\tymm0, ymm0, ymmword ptr [rdi + 4*rax]
\tadd\trax, 16
\tcmp\trax, rsi
\tjne\t.LBB0_2
\tjae\t.LBB0_4
.LBB0_3:
\tvzeroupper
\tret
.LBB0_4:
\tvmaxps\tymm0, ymm0, ymmword ptr [rdi]
\tvmaxps\tymm0, ymm0, ymmword ptr [rdi + 32]
\tvmaxps\tymm0, ymm0, ymmword ptr [rdi + 64]
\tvmaxps\tymm0, ymm0, ymmword ptr [rdi + 96]
\tjmp\t.LBB0_3
.Lfunc_end0:
\t.size\tf32_max__avx2_u16, .Lfunc_end0-f32_max__avx2_u16
another:
\tret
";

    /// `f32_store_exp__avx2_p5_u8` in short: a block, in it tiles that need more registers than there are.
    const NESTED: &str = "
f32_store_exp__avx2_p5_u8:
\tpush\trbp
\tmov\trbp, rsp
\tvxorps\txmm1, xmm1, xmm1
.LBB0_1:
\tvmovups\tymmword ptr [rsp + 64], ymm1
\tcmovae\trdx, rcx
.LBB0_2:
\tvmovups\tymm2, ymmword ptr [rdi + 4*rax]
\tvmovaps\tymm3, ymm9
\tvfmadd231ps\tymm3, ymm2, ymmword ptr [rbp - 32]
\tvbroadcastss\tymm4, dword ptr [rip + .LCPI0_1]
\tvmulps\tymm3, ymm4, dword ptr [rip + .LCPI0_2]{1to8}
\tvmovups\tymmword ptr [rsp + 64], ymm3
\tcall\texpf
\tvmovups\tymmword ptr [rsi + 4*rax], ymm3
\tje\t.LBB0_3
\tmov\tr8, qword ptr [rsp + 8]
\tjmp\t.LBB0_2
.LBB0_3:
\tvaddps\tymm1, ymm1, ymmword ptr [rsp + 64]
\tja\t.LBB0_1
\tret
.Lfunc_end0:
";

    fn listing<'a>(name: &str, assembly: &'a str) -> Listing<'a> {
        Code::of(assembly).listing(name).expect("the function is there")
    }

    #[test]
    fn operands_in_memory_count_beside_the_arithmetic() {
        let listing = listing("f32_max__avx2_u16", FLAT);
        let counts = Counts { arithmetic: 2, loads: 2, scalar: 3, ..Counts::default() };
        assert_eq!(listing.hot_loop(64), Some(HotLoop { label: ".LBB0_1", bytes: 64, counts }));
    }

    #[test]
    fn the_hot_loop_takes_whole_tiles() {
        let longer = FLAT.replace(
            "[rdi + 4*rax - 32]",
            "[rdi + 4*rax - 32]\n\tvaddps\tymm0, ymm0, ymmword ptr [rdi + 4*rax + 32]",
        );
        let listing = listing("f32_max__avx2_u16", &longer);
        assert_eq!(listing.hot_loop(64).map(|found| found.label), Some(".LBB0_1"));
        assert_eq!(listing.hot_loop(96).map(|found| found.label), Some(".LBB0_2"));
    }

    #[test]
    fn of_nested_loops_the_inner_one_is_hot_and_its_stack_traffic_counts() {
        let listing = listing("f32_store_exp__avx2_p5_u8", NESTED);
        let counts = Counts {
            arithmetic: 2,
            loads: 1,
            stores: 1,
            constants: 2,
            spills: 2,
            copies: 1,
            scalar: 3,
            calls: 1,
        };
        assert_eq!(listing.hot_loop(32), Some(HotLoop { label: ".LBB0_2", bytes: 32, counts }));
    }

    #[test]
    fn rbp_is_the_stack_only_where_it_is_the_frame() {
        let without_frame = NESTED.replace("mov\trbp, rsp", "mov\trbp, rdx");
        let counts =
            listing("f32_store_exp__avx2_p5_u8", &without_frame).hot_loop(32).map(|found| found.counts);
        assert_eq!(counts.map(|counts| (counts.spills, counts.loads)), Some((1, 2)));
    }

    #[test]
    fn functions_inside_follow() {
        let inner = "_ZN6kernel17f32_max__avx2_u165alone17h8e3dE:\n\tnop\n.Lfunc_end1:\n";
        let other = "_ZN6kernel19f32_max__avx2_u16_x5alone17h8e3dE:\n\tud2\n.Lfunc_end2:\n";
        let assembly = format!("{inner}{other}{FLAT}");
        let text = listing("f32_max__avx2_u16", &assembly).text();
        assert!(text.starts_with("f32_max__avx2_u16:\n"), "{text}");
        assert!(text.ends_with("alone17h8e3dE:\n    nop\n"), "{text}");
        assert!(!text.contains("ud2"), "{text}");
    }

    #[test]
    fn a_function_ends_where_the_next_begins_and_has_no_directives() {
        let text = listing("f32_max__avx2_u16", FLAT).text();
        assert!(text.starts_with("f32_max__avx2_u16:\n    vbroadcastss"), "{text}");
        assert!(text.ends_with("jmp            .LBB0_3\n"), "{text}");
        assert!(!text.contains("cfi") && !text.contains("comment"), "{text}");
        assert!(listing("f32_max", "_f32_max:\n\tret\n").text().contains("ret"));
        assert!(Code::of(FLAT).listing("f32_max__avx2_u8").is_none());
        assert_eq!(listing("another", FLAT).hot_loop(32), None);
    }
}
