//! Fingerprints of candidates' code, so that a kernel that has changed is measured again, and no other.

use softmax_bench::protocol::Candidate;
use softmax_spec::{PassVariant, Plan, fingerprint};
use std::collections::HashMap;

/// Fingerprints so far. Generating a kernel takes milliseconds.
#[derive(Debug, Clone, Default)]
pub struct Codes {
    known: HashMap<Candidate, String>,
}

impl Codes {
    /// Of a variant's Rust, or of all of a plan's. Of anything else the name: what it does is part of the header's
    /// `measuring`.
    pub fn of(&mut self, candidate: &Candidate) -> String {
        if let Some(code) = self.known.get(candidate) {
            return code.clone();
        }
        let text = match (candidate.parse::<PassVariant>(), candidate.parse::<Plan>()) {
            (Ok(variant), _) => variant_text(&variant),
            (_, Ok(plan)) => self.plan_text(&plan),
            _ => candidate.clone(),
        };
        let code = format!("{:016x}", fingerprint(text.into_bytes()));
        self.known.insert(candidate.clone(), code.clone());
        code
    }

    fn plan_text(&mut self, plan: &Plan) -> String {
        let passes: Vec<String> = plan.passes().iter().map(|pass| self.of(&pass.id())).collect();
        format!("{plan} {:?} {}", plan.largest_max(), passes.join(" "))
    }
}

/// The function with its imports, and the call that the library makes of it.
fn variant_text(variant: &PassVariant) -> String {
    format!("{} {:?}", softmax_codegen::emit_crate(variant), variant.call_elements())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_changes_with_each_of_its_passes() {
        let plan = "two_pass(f32_ext_sum__avx2_p5_u64, f32_ext_scale__avx2_p5_u64)".to_owned();
        let pass = "f32_ext_scale__avx2_p5_u64".to_owned();
        let mut codes = Codes::default();
        let before = codes.of(&plan);
        assert_eq!(Codes::default().of(&plan), before);
        let mut changed = Codes::default();
        changed.known.insert(pass, "another".to_owned());
        assert_ne!(changed.of(&plan), before);
    }

    #[test]
    fn variants_have_codes_of_their_own() {
        let mut codes = Codes::default();
        let ids = ["f32_max__avx2_u8", "f32_max__avx2_u16", "f32_max__sse2_u8", "ref:memcpy"];
        let all: std::collections::BTreeSet<String> = ids.map(|id| codes.of(&id.to_owned())).into();
        assert_eq!(all.len(), ids.len());
    }
}
