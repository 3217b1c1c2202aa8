//! One line of assembly in Intel syntax: a label, or an instruction and what it does to vectors and memory.

/// Moves of single elements; without the `v` of AVX, as below.
const MOVES: [&str; 4] = ["movss", "movsd", "movd", "movq"];
/// What moves of whole vectors start with, aligned or not.
const MOVES_OF_ALL_TYPES: [&str; 4] = ["movap", "movup", "movdqa", "movdqu"];
/// What other instructions start with that need no arithmetic where an operand is in memory.
const ONLY_LOADS_OR_STORES: [&str; 6] = ["movnt", "movlp", "maskmov", "broadcast", "pbroadcast", "lddqu"];

/// A line of a function.
pub enum Line<'a> {
    Label(&'a str),
    Instruction(Instruction<'a>),
}

impl<'a> Line<'a> {
    /// `None` for directives and empty lines.
    pub fn of(text: &'a str) -> Option<Line<'a>> {
        match text.strip_suffix(':') {
            Some(label) => Some(Line::Label(label)),
            None => Instruction::of(text.trim()).map(Line::Instruction),
        }
    }

    pub fn label(&self) -> Option<&'a str> {
        match self {
            Line::Label(label) => Some(label),
            Line::Instruction(_) => None,
        }
    }

    pub fn instruction(&self) -> Option<&Instruction<'a>> {
        match self {
            Line::Label(_) => None,
            Line::Instruction(instruction) => Some(instruction),
        }
    }

    pub fn text(&self) -> String {
        match self {
            Line::Label(label) => format!("{label}:"),
            Line::Instruction(Instruction { mnemonic, operands }) => {
                format!("    {mnemonic:<14} {}", operands.join(", ")).trim_end().to_owned()
            }
        }
    }
}

/// An instruction; its first operand is what it writes, with few exceptions.
pub struct Instruction<'a> {
    mnemonic: &'a str,
    operands: Vec<&'a str>,
}

impl<'a> Instruction<'a> {
    fn of(text: &'a str) -> Option<Instruction<'a>> {
        if text.is_empty() || text.starts_with('.') {
            return None;
        }
        let (mnemonic, operands) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let operands = operands.split(',').map(str::trim).filter(|operand| !operand.is_empty());
        Some(Instruction { mnemonic, operands: operands.collect() })
    }

    /// Whether it makes rbp point into the stack; otherwise rbp is a register like any other.
    pub fn sets_frame(&self) -> bool {
        matches!(self.operands[..], ["rbp", source] if source.contains("rsp"))
    }

    pub fn calls(&self) -> bool {
        self.mnemonic.starts_with("call")
    }

    #[cfg(test)]
    pub fn mnemonic(&self) -> &'a str {
        self.mnemonic
    }

    /// What it calls, if it calls.
    #[cfg(test)]
    pub fn call_target(&self) -> Option<&'a str> {
        self.operands.first().filter(|_| self.calls()).copied()
    }

    /// Where it jumps to, if it jumps.
    pub fn jump_target(&self) -> Option<&'a str> {
        self.operands.first().filter(|_| self.mnemonic.starts_with('j')).copied()
    }

    pub fn never_falls_through(&self) -> bool {
        matches!(self.mnemonic, "jmp" | "ret" | "ud2")
    }

    pub fn is_vector(&self) -> bool {
        self.operands.iter().any(|operand| is_vector_register(operand))
    }

    /// The mnemonic without the `v` of AVX.
    fn base(&self) -> &'a str {
        self.mnemonic.strip_prefix('v').unwrap_or(self.mnemonic)
    }

    /// Whether it moves a vector as it is, to or from memory or between registers.
    pub fn moves(&self) -> bool {
        let base = self.base();
        MOVES.contains(&base) || MOVES_OF_ALL_TYPES.iter().any(|prefix| base.starts_with(prefix))
    }

    /// Whether it leaves everything to the load and store units, given that an operand is in memory.
    pub fn only_loads_or_stores(&self) -> bool {
        self.moves() || ONLY_LOADS_OR_STORES.iter().any(|prefix| self.base().starts_with(prefix))
    }

    pub fn memory(&self) -> Option<Memory<'a>> {
        self.operands.iter().find_map(|operand| Memory::of(operand))
    }

    /// Whether its operand in memory is what it writes.
    pub fn stores(&self) -> bool {
        self.operands.first().is_some_and(|operand| operand.contains('['))
    }

    /// The bytes of the row that it reads, each by a name of its own.
    pub fn row_bytes_read(&self, stack: &[&str]) -> impl Iterator<Item = (&'a str, i64)> {
        let reads = self.is_vector() && !self.stores();
        let memory = self.memory().filter(|memory| reads && memory.place(stack) == Place::Row);
        memory.into_iter().flat_map(Memory::bytes)
    }
}

fn is_vector_register(operand: &str) -> bool {
    ["xmm", "ymm", "zmm"].iter().any(|name| operand.starts_with(name))
}

/// What lies at an address.
#[derive(Debug, PartialEq, Eq)]
pub enum Place {
    /// A row: everything that a pointer leads to.
    Row,
    /// Among the constants of the program.
    Constant,
    /// On the stack.
    Stack,
}

/// An operand such as `zmmword ptr [rdi + 4*rax + 64]`.
pub struct Memory<'a> {
    /// In bytes.
    width: i64,
    /// The address without its constant part.
    base: &'a str,
    offset: i64,
}

impl<'a> Memory<'a> {
    fn of(operand: &'a str) -> Option<Memory<'a>> {
        let (size, address) = operand.split_once('[')?;
        let (address, _) = address.split_once(']')?;
        let (base, offset) = without_offset(address);
        Some(Memory { width: width(size.split_whitespace().next()?), base, offset })
    }

    fn bytes(self) -> impl Iterator<Item = (&'a str, i64)> {
        (self.offset..self.offset + self.width).map(move |byte| (self.base, byte))
    }

    pub fn place(&self, stack: &[&str]) -> Place {
        let uses = |register: &str| self.base.split(['+', '*', '-', ' ']).any(|part| part == register);
        match () {
            () if uses("rip") => Place::Constant,
            () if stack.iter().any(|register| uses(register)) => Place::Stack,
            () => Place::Row,
        }
    }
}

/// An address as its registers and its constant part.
fn without_offset(address: &str) -> (&str, i64) {
    let split = |separator, sign: i64| {
        let (base, offset) = address.rsplit_once(separator)?;
        Some((base, sign * offset.parse::<i64>().ok()?))
    };
    split(" + ", 1).or_else(|| split(" - ", -1)).unwrap_or((address, 0))
}

fn width(size: &str) -> i64 {
    match size {
        "zmmword" => 64,
        "ymmword" => 32,
        "xmmword" => 16,
        "qword" => 8,
        "dword" => 4,
        "word" => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instruction(text: &str) -> Instruction<'_> {
        Instruction::of(text).expect("an instruction")
    }

    #[test]
    fn addresses_say_what_lies_there() {
        for (operand, place, base, offset, width) in [
            ("zmmword ptr [rdi + 4*rax - 64]", Place::Row, "rdi + 4*rax", -64, 64),
            ("ymmword ptr [rsi]", Place::Row, "rsi", 0, 32),
            ("dword ptr [rip + .LCPI0_3]{1to16}", Place::Constant, "rip + .LCPI0_3", 0, 4),
            ("xmmword ptr [rsp + 16]", Place::Stack, "rsp", 16, 16),
            ("qword ptr [rbp + 8]", Place::Row, "rbp", 8, 8),
        ] {
            let memory = Memory::of(operand).expect(operand);
            assert_eq!(memory.place(&["rsp"]), place, "{operand}");
            assert_eq!((memory.base, memory.offset, memory.width), (base, offset, width), "{operand}");
        }
        assert!(Memory::of("zmm3 {k1}").is_none());
    }

    #[test]
    fn moves_are_told_from_arithmetic() {
        for (text, moves, only_loads_or_stores) in [
            ("vmovups zmm3 {k1}, zmmword ptr [rdi]", true, true),
            ("movss dword ptr [rsi], xmm0", true, true),
            ("vbroadcastss ymm2, dword ptr [rip + .LCPI0_0]", false, true),
            ("vmaskmovps ymm2, ymm1, ymmword ptr [rdi]", false, true),
            ("vmovshdup xmm2, xmm1", false, false),
            ("movhlps xmm1, xmm0", false, false),
            ("vcvtps2pd zmm0, ymmword ptr [rdi]", false, false),
        ] {
            let instruction = instruction(text);
            assert_eq!(instruction.moves(), moves, "{text}");
            assert_eq!(instruction.only_loads_or_stores(), only_loads_or_stores, "{text}");
        }
    }

    #[test]
    fn directives_are_no_instructions() {
        assert!(Line::of("\t.p2align\t4").is_none() && Line::of("").is_none());
        assert_eq!(Line::of(".LBB0_1:").and_then(|line| line.label()), Some(".LBB0_1"));
        assert_eq!(instruction("jne\t.LBB0_1").jump_target(), Some(".LBB0_1"));
    }
}
